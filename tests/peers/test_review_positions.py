"""Diffs between releases replayed as pull requests: no position is refused, and no finding is lost."""

from collections import Counter
from pathlib import Path

import pytest
from unidiff.patch import PatchedFile, PatchSet

from src.agent.diffs import Patch
from src.agent.placing import Placed, place_findings
from tests.conformance.cast import opened
from tests.peers.identities import findings_of
from tests.peers.releases import changes, git_patch
from tests.peers.replay import lots, replay, with_wide_edits

pytestmark = pytest.mark.timeout(900)
DIFFS = 200


def _refusal(file: PatchedFile, placed: Placed) -> str | None:
    """Why a forge would not take this position, by unidiff's reading of the diff and both forges' rules."""
    ends = [(placed.line, placed.old_line)]
    if placed.start_line is not None:
        ends.insert(0, (placed.start_line, placed.start_old_line))
        if placed.start_line >= placed.line:
            return "the start does not precede the end"
    hunks = set()
    for line, old_line in ends:
        shown = [(number, each) for number, hunk in enumerate(file) for each in hunk if each.target_line_no == line]
        if not shown:
            return f"line {line} is not in the diff"
        if old_line != (shown[0][1].source_line_no if shown[0][1].is_context else None):
            return f"{old_line} is not the old number of line {line}"
        hunks.add(shown[0][0])
    return None if len(hunks) == 1 else "the lines are in two hunks"


async def test_every_position_in_diffs_between_releases_is_one_that_a_forge_takes(tmp_path: Path) -> None:
    found = {f"{n}/{change.path}": change for n, change in enumerate(changes())}
    findings = await findings_of({path: change.new for path, change in found.items()})
    told = suggested = 0
    for path, change in found.items():
        text = git_patch(tmp_path, change.old, change.new)
        (file,) = PatchSet(f"--- a/x\n+++ b/x\n{text}")
        placement = place_findings(with_wide_edits(findings.get(path, ())), {path: Patch.parse(text)})
        assert [refusal for placed in placement.inline if (refusal := _refusal(file, placed))] == []
        added = {line.target_line_no for hunk in file for line in hunk if line.is_added}
        assert not [finding for finding in placement.outside if finding.line in added]
        assert placement.folded == ()
        assert len(placement.inline) + len(placement.outside) == len(findings.get(path, ()))
        told += len(placement.inline)
        suggested += sum(placed.start_line is not None for placed in placement.inline)
    print(f"\n{len(found)} diffs: {told} findings on their lines, {suggested} of them on several")
    assert len(found) >= DIFFS
    assert told >= 500
    assert suggested >= 100


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_diffs_between_releases_are_reviewed_without_a_refusal_or_a_loss(kind: str) -> None:
    diffs = told = folded = 0
    for lot in lots(list(changes())):
        async with opened(kind) as forge:
            replayed = await replay(forge, lot)
        inline = replayed.placement.inline
        assert replayed.refused == []
        assert {each.path for each in replayed.placement.folded} <= replayed.hidden
        assert Counter(path for path, _ in replayed.threads) == Counter(each.finding.path for each in inline)
        assert (replayed.again.post, replayed.again.folded, replayed.again.resolve) == ((), (), ())
        assert len(replayed.again.kept) == len(inline)
        diffs += replayed.diffs
        told += len(inline)
        folded += len(replayed.placement.folded)
    print(f"\n{kind}: {diffs} diffs, {told} comments posted, none refused, {folded} in files that it shows no diff of")
    assert diffs >= DIFFS
    assert told >= 200
    assert told + folded >= 750
