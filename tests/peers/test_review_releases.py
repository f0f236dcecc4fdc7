"""Code that nobody here wrote, as it went from release to release: a finding that nobody touched stays the same one."""

import ast
import warnings
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
from unidiff.patch import PatchSet

from src.agent.diffs import split
from tests.peers.identities import Table, Version, Where, findings_of
from tests.peers.releases import Change, changes, git_patch

pytestmark = pytest.mark.timeout(600)
KEPT = 0.95  # of the findings whose lines nobody touched, in each package


def _unchanged(folder: Path, change: Change) -> Where:
    """The lines that git takes for the same ones."""
    patch = git_patch(folder, change.old, change.new, context=1_000_000)
    (file,) = PatchSet(f"--- a/x\n+++ b/x\n{patch}")
    numbers = ((line.source_line_no, line.target_line_no) for line in chain.from_iterable(file))
    return {old: new for old, new in numbers if old is not None and new is not None}


async def test_findings_on_lines_that_stayed_keep_their_identity_from_release_to_release(tmp_path: Path) -> None:
    found = list(changes())
    assert len(found) >= 100
    before = await findings_of({f"{n}/{change.path}": change.old for n, change in enumerate(found)})
    after = await findings_of({f"{n}/{change.path}": change.new for n, change in enumerate(found)})
    table = Table()
    for n, change in enumerate(found):
        path = f"{n}/{change.path}"
        versions = Version(path, change.old, before[path]), Version(path, change.new, after[path])
        table.add(change.package, *versions, _unchanged(tmp_path, change))
    table.show(f"{len(found)} files changed between releases")
    assert table.unchanged >= 5_000
    assert table.kept >= KEPT


def _as_it_is(code: bytes) -> tuple[bytes, Where]:
    return code, {n: n for n in range(1, len(split(code)) + 1)}


def _below_a_licence(code: bytes) -> tuple[bytes, Where]:
    return b"# A licence\n# of three\n# lines.\n" + code, {n: n + 3 for n in range(1, len(split(code)) + 1)}


def _last_first(code: bytes) -> tuple[bytes, Where]:
    """The last function or class of the module, with its decorators, before the first one."""
    lines = split(code)
    with warnings.catch_warnings(action="ignore"):  # what CPython thinks of the escapes in it is no matter here
        body = ast.parse(code).body
    nodes = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    starts = [min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1 for node in nodes]
    if len(starts) < 2:
        return _as_it_is(code)
    to, start, end = starts[0], starts[-1], nodes[-1].end_lineno or 0
    order = [*range(to), *range(start, end), *range(to, start), *range(end, len(lines))]
    return b"\n".join(lines[n] for n in order) + b"\n", {old + 1: new + 1 for new, old in enumerate(order)}


@pytest.mark.parametrize(
    ("edit", "folder", "says"),
    [
        (_below_a_licence, "", "lines inserted above"),
        (_last_first, "", "the last definition moved before the first"),
        (_as_it_is, "renamed/", "renamed"),
        (_last_first, "renamed/", "renamed, and the last definition moved"),
    ],
)
async def test_edits_of_these_files_leave_their_findings_what_they_are(
    edit: Callable[[bytes], tuple[bytes, Where]], folder: str, says: str
) -> None:
    newest = {(change.package, change.path): change for change in changes()}
    found = {f"{package}/{path}": change for (package, path), change in newest.items()}
    edited = {path: edit(change.new) for path, change in found.items()}
    before = await findings_of({path: change.new for path, change in found.items()})
    after = await findings_of({f"{folder}{path}": code for path, (code, _) in edited.items()})
    table = Table()
    for path, change in found.items():
        code, where = edited[path]
        new_path = f"{folder}{path}"
        versions = Version(path, change.new, before[path]), Version(new_path, code, after[new_path])
        table.add(change.package, *versions, where)
    table.show(f"{len(found)} files, {says}")
    assert table.unchanged >= 1_000
    assert table.kept >= KEPT
