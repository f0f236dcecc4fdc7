"""What changed between releases, opened as pull requests of an emulator and reviewed as the product does it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from src.agent.diffs import Patch
from src.agent.findings import Edit, Finding, Source
from src.agent.fingerprints import identify, marker
from src.agent.placing import Placed, Placement, place_findings
from src.agent.threads import Files, Poster, Settled, settle
from src.forge import FileDiff, ForgeClient, RefusedComment, RemotePullRequest
from tests.conformance.cast import Forge
from tests.peers.identities import findings_of
from tests.peers.releases import Change

COMMENTS = 30  # of one review
FILES = 10  # of one pull request
SMALL = 20_000  # bytes


@dataclass(frozen=True)
class Replayed:
    """What came of one pull request."""

    diffs: int
    hidden: frozenset[str]  # paths whose diff the forge does not show
    placement: Placement
    refused: Sequence[RefusedComment]
    threads: Sequence[tuple[str | None, str]]  # path and first remark, as the forge shows them afterwards
    again: Settled  # what a second review of the same head would do


def lots(changes: Sequence[Change]) -> Iterator[Mapping[str, Change]]:
    """The changes by a path of their own, so many at a time."""
    for start in range(0, len(changes), FILES):
        lot = changes[start : start + FILES]
        yield {f"f{number}/{change.path}": change for number, change in enumerate(lot, start)}


def with_wide_edits(findings: Sequence[Finding]) -> list[Finding]:
    """The same findings, two of three without an edit with one that reaches further: across context, hunks and ends."""
    return [
        replace(finding, edit=Edit(start=max(finding.line - n % 3 - 1, 1), end=finding.line + n % 5, lines=("pass",)))
        if finding.edit is None and n % 3
        else finding
        for n, finding in enumerate(findings)
    ]


async def replay(forge: Forge, lot: Mapping[str, Change]) -> Replayed:
    """Open one pull request, review it, read back what stands there.

    Every fifth file is renamed on the way, every seventh new if it is small.
    """
    head: dict[str, bytes | None] = {}
    base: dict[str, bytes] = {}
    for n, (path, change) in enumerate(lot.items()):
        old_path = f"old/{path}" if n % 5 == 1 else path
        if n % 7 != 3 or len(change.new) > SMALL:
            base[old_path] = change.old
            head[old_path] = None
        head[path] = change.new
    forge.emulator.add_files("acme/rocket", base)
    opened = await forge.emulator.open_pull_request("acme/rocket", "bob", "The next release", files=head)
    client = forge.client()
    pull = await client.pull_request(forge.rocket, opened)
    files = {file.path: file for file in await client.diff(forge.rocket, opened) if file.status != "removed"}
    patches = {
        path: Patch.parse(file.patch)
        if file.patch is not None
        else Patch.between(base.get(file.old_path, b""), lot[path].new)  # GitLab collapses what is large
        for path, file in files.items()
    }
    findings = await findings_of({path: change.new for path, change in lot.items()})
    found = with_wide_edits([each for path in lot for each in findings.get(path, ())])
    placement = place_findings(found, patches, at_first_line=forge.kind == "gitlab")
    sources = [Source(path=path, data=change.new) for path, change in lot.items()]
    refused = await _post(forge, client, pull, placement.inline, files, sources)
    threads = await client.threads(forge.rocket, opened)
    me = await client.whoami()
    again = settle(
        identify([placed.finding for placed in placement.inline], sources),
        threads,
        Poster(ids=frozenset({me.id})),
        Files(paths=frozenset(files)),
        present=identify(placement.outside, sources),
        at_most=len(found),
    )
    said = [(thread.path, thread.remarks[0].body) for thread in threads]
    hidden = frozenset(path for path, file in files.items() if file.patch is None)
    return Replayed(len(files), hidden, placement, refused, said, again)


async def _post(
    forge: Forge,
    client: ForgeClient,
    pull: RemotePullRequest,
    inline: Sequence[Placed],
    files: Mapping[str, FileDiff],
    sources: Sequence[Source],
) -> Sequence[RefusedComment]:
    known = identify([placed.finding for placed in inline], sources)
    comments = [
        placed.comment(files[placed.finding.path], f"{placed.finding.rule}\n\n{marker(each.fingerprint)}")
        for placed, each in zip(inline, known, strict=True)
    ]
    refused: list[RefusedComment] = []
    for start in range(0, len(comments), COMMENTS):
        refused += await client.comment_on_lines(forge.rocket, pull, comments[start : start + COMMENTS], "Found.")
    return refused
