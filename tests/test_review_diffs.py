"""Diffs are read as git means them, and findings stand only where a forge takes a comment."""

import io
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unidiff.patch import PatchSet

from src.agent.alignment import align
from src.agent.diffs import CutShort, Patch, Place, split
from src.agent.findings import Edit, Finding, Level
from src.agent.placing import Placement, place_findings
from src.forge import FileDiff

# Old and new contents whose diffs look like something else.
_NASTY = {
    "one line changed": (b"a\n", b"b\n"),
    "no newline at the end": (b"a\nb", b"a\nb\n"),
    "no newline on either side": (b"a\nb", b"a\nc"),
    "a form feed": (b"a\n\x0cb\nc\n", b"a\n\x0cb\nd\n"),
    "line ends of Unicode": ("a\u2028b\nc\n".encode(), "a\u2028b\nd\u0085e\n".encode()),
    "a lone carriage return": (b"a\rb\nc\n", b"a\rb\nc\rd\n"),
    "line ends of Windows": (b"a\r\n\r\nb\r\n", b"a\r\n\r\nc\r\n"),
    "an added line like a header": (b"a\n", b"a\n++ b/y.py\n"),
    "a removed line like a header": (b"-- x\na\n", b"a\n"),
    "an added line like a hunk": (b"a\n", b"a\n@@ -1,3 +1,3 @@\n"),
    "a line like a hunk as context": (b"@@ -1 +1 @@\na\n", b"@@ -1 +1 @@\nb\n"),
    "empty lines around": (b"\n\n\na\n\n\n\n", b"\n\n\nb\n\n\n\n"),
    "a new file": (b"", b"a\nb\n"),
    "an emptied file": (b"a\nb\n", b""),
    "two hunks": (b"".join(b"%d\n" % n for n in range(40)), b"".join(b"%d\n" % n for n in range(40) if n % 20)),
    "a line like the note on newlines": (b"a\n", b"a\n\\ No newline at end of file\n"),
}


def finding(line: int, *, end_line: int | None = None, whole_file: bool = False, edit: Edit | None = None) -> Finding:
    return Finding(
        path="a.py",
        line=line,
        rule="print",
        level=Level.STYLE,
        message="m",
        end_line=end_line,
        whole_file=whole_file,
        edit=edit,
    )


def git_diff(folder: Path, old: bytes, new: bytes) -> str:
    """What git says, without the lines before the first hunk, as the forges give it."""
    (folder / "old").write_bytes(old)
    (folder / "new").write_bytes(new)
    command = ["git", "diff", "--no-index", "--no-color", "--text", "old", "new"]
    text = subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout.decode()
    return text[text.index("\n@@ ") + 1 :]


def by_unidiff(patch: str) -> dict[int, Place]:
    """The same lines by a parser that nobody here wrote."""
    text = f"--- a/x\n+++ b/x\n{patch}"
    files = PatchSet(io.StringIO(text, newline="\n"))
    return {
        line.target_line_no: Place(number, line.source_line_no if line.is_context else None)
        for number, hunk in enumerate(files[0])
        for line in hunk
        if line.target_line_no is not None
    }


@pytest.mark.parametrize("case", _NASTY)
def test_a_diff_is_read_as_git_means_it_and_as_unidiff_reads_it(case: str, tmp_path: Path) -> None:
    old, new = _NASTY[case]
    text = git_diff(tmp_path, old, new)
    patch = Patch.parse(text)
    assert dict(patch.places) == by_unidiff(text)
    assert patch == Patch.parse(f"diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n{text}")
    assert Patch.parse(text.removesuffix("\n")) == patch  # GitHub's ends without a newline
    old_lines, new_lines = split(old), split(new)
    for line, place in patch.places.items():
        if place.old_line is not None:
            assert new_lines[line - 1].removesuffix(b"\r") == old_lines[place.old_line - 1].removesuffix(b"\r")


def test_hunks_that_touch_are_two() -> None:
    patch = Patch.parse("@@ -1,2 +1,2 @@\n a\n-b\n+c\n@@ -3,2 +3,2 @@\n-d\n+e\n f\n")
    assert patch.added == {2, 3}
    assert patch.same_hunk(1, 2)
    assert patch.same_hunk(3, 4)
    assert not patch.same_hunk(2, 3)
    assert not patch.same_hunk(4, 5)
    assert patch.place(4) == Place(hunk=1, old_line=4)
    assert patch.place(5) is None


@pytest.mark.parametrize(
    "text",
    [
        "@@ -1,3 +1,3 @@\n a\n-b\n+c\n",  # a context line is missing
        "@@ -1,3 +1,3 @@\n a\n-b",
        "@@ -1 +1 @@",
        "@@ -1 +1 @@\n-a\n",
        "@@ -1,2 +1,1 @@\n a\n a\n",  # more new lines than promised
        "@@ -1 +1 @@\n-a\n+b\n+c\n",
        "@@ -1 +1 @@\n-a\n+b\ndiff --git a/y b/y\n",  # of another file
        "@@ -1 +1 @@\n-a\n@@ -9 +9 @@\n-c\n+d\n",
        "@@ -1,99999999999999999999 +1 @@\n",
        "@@@ -1 -1 +1 @@@\n++a\n",
        "Binary files differ",
        "…",
    ],
)
def test_a_diff_that_is_cut_short_is_not_taken_for_a_whole_one(text: str) -> None:
    with pytest.raises(CutShort):
        Patch.parse(text)


def test_every_beginning_of_a_diff_is_cut_short_or_has_whole_hunks(tmp_path: Path) -> None:
    text = git_diff(tmp_path, *_NASTY["two hunks"])
    whole = Patch.parse(text)
    lines = text.split("\n")
    first = next(index for index, line in enumerate(lines) if index and line.startswith("@@"))
    for end in range(1, len(lines) - 1):
        if end == first:  # nothing in the text says that there was a second hunk
            assert Patch.parse("\n".join(lines[:end])).places.items() < whole.places.items()
            continue
        with pytest.raises(CutShort):
            Patch.parse("\n".join(lines[:end]))


def test_a_file_that_is_only_renamed_brings_nothing() -> None:
    assert Patch.parse("") == Patch()
    assert Patch().added == frozenset()


def test_a_long_diff_is_read_in_a_blink() -> None:
    text = "@@ -0,0 +1,200000 @@\n" + "+x = 1\n" * 200_000
    assert len(Patch.parse(text).added) == 200_000


lines_of_files = st.lists(st.sampled_from([b"a", b"b", b"", b"c\r", b"\x0c", b"dd"]), max_size=30)


@settings(max_examples=300, deadline=None)
@given(lines_of_files, lines_of_files)
def test_an_alignment_pairs_equal_lines_in_rising_order_and_leaves_no_pair_lying(
    old: list[bytes], new: list[bytes]
) -> None:
    partners = align(old, new)
    pairs = [(partner, index) for index, partner in enumerate(partners) if partner is not None]
    assert all(old[partner] == new[index] for partner, index in pairs)
    assert [partner for partner, _ in pairs] == sorted({partner for partner, _ in pairs})
    gaps = [(-1, -1), *pairs, (len(old), len(new))]
    for (old_start, new_start), (old_end, new_end) in pairwise(gaps):
        assert not set(old[old_start + 1 : old_end]) & set(new[new_start + 1 : new_end])


@pytest.mark.parametrize("case", _NASTY)
def test_a_diff_made_here_says_what_gits_does_and_takes_no_comments(case: str, tmp_path: Path) -> None:
    old, new = _NASTY[case]
    made = Patch.between(old, new)
    gits = Patch.parse(git_diff(tmp_path, old, new))
    # git tells a last line without its newline from one with it; who only adds the newline adds no words
    assert made.added <= gits.added
    if new.endswith(b"\n") == old.endswith(b"\n"):
        assert made.places == gits.places
    assert not made.shown


def test_no_two_files_keep_the_alignment_busy_for_long() -> None:
    many = 60_000
    same = b"x\n" * many
    for old, new in (
        (same, same[: many // 2] + b"y\n" + same),
        (b"".join(b"%d\n" % n for n in range(many)), b"".join(b"%d\n" % n for n in range(many, 0, -1))),
        (
            b"".join(b"%d\n" % (n * n % 101) for n in range(many)),
            b"".join(b"%d\n" % (n * n % 103) for n in range(many)),
        ),
    ):
        patch = Patch.between(old, new)
        assert patch.added <= set(range(1, len(split(new)) + 1))
        assert patch.added


def place(patch: Patch, *findings: Finding, at_first_line: bool = False) -> Placement:
    return place_findings(findings, {"a.py": patch}, at_first_line=at_first_line)


PATCH = Patch.parse("@@ -10,3 +10,5 @@\n a\n-b\n+B\n+C\n+D\n c\n@@ -40,2 +42,3 @@ def x():\n d\n+E\n e\n")


def test_a_finding_on_an_added_line_is_told_there_and_one_on_an_old_line_nowhere() -> None:
    new, context, far = finding(12), finding(10), finding(30)
    placement = place(PATCH, new, context, far)
    assert [(placed.finding, placed.line, placed.old_line) for placed in placement.inline] == [(new, 12, None)]
    assert placement.outside == (context, far)
    assert placement.folded == ()


def test_a_finding_that_reaches_an_added_line_is_told_on_that_line() -> None:
    placement = place(PATCH, finding(8, end_line=12))
    assert [placed.line for placed in placement.inline] == [11]


def test_a_finding_of_the_whole_file_is_told_on_its_line_or_in_the_summary() -> None:
    near, far = finding(14, whole_file=True), finding(30, whole_file=True)
    placement = place(PATCH, near, far)
    assert [(placed.line, placed.old_line) for placed in placement.inline] == [(14, 12)]
    assert placement.folded == (far,)


def test_a_suggestion_stands_on_the_lines_that_it_replaces() -> None:
    edit = Edit(start=10, end=12, lines=("x",))
    (placed,) = place(PATCH, finding(13, edit=edit)).inline
    assert (placed.start_line, placed.start_old_line, placed.line, placed.old_line) == (10, 10, 12, None)
    assert placed.finding.edit == edit


def test_a_suggestion_that_says_itself_how_far_it_reaches_stands_on_its_first_line() -> None:
    (placed,) = place(PATCH, finding(13, edit=Edit(start=10, end=12, lines=("x",))), at_first_line=True).inline
    assert (placed.start_line, placed.line, placed.old_line) == (None, 10, 10)


def test_a_suggestion_for_one_line_has_no_first_line() -> None:
    (placed,) = place(PATCH, finding(12, edit=Edit(start=12, end=12, lines=()))).inline
    assert (placed.start_line, placed.start_old_line, placed.line) == (None, None, 12)


@pytest.mark.parametrize("edit", [Edit(start=12, end=43, lines=()), Edit(start=13, end=15, lines=())])
def test_a_suggestion_that_is_not_in_one_hunk_is_not_offered(edit: Edit) -> None:
    (placed,) = place(PATCH, finding(12, edit=edit)).inline
    assert (placed.finding.edit, placed.line, placed.start_line) == (None, 12, None)


def test_where_the_forge_shows_no_diff_the_summary_tells() -> None:
    hidden = Patch.between(b"a\n", b"a\nb\n")
    new, old = finding(2), finding(1)
    placement = place(hidden, new, old)
    assert placement == Placement(inline=(), folded=(new,), outside=(old,))


def test_a_file_without_a_diff_has_no_new_line() -> None:
    assert place_findings([finding(1)], {}) == Placement(inline=(), folded=(), outside=(finding(1),))


def test_a_comment_knows_both_sides_of_its_file() -> None:
    (placed,) = place(PATCH, finding(13, edit=Edit(start=10, end=14, lines=("x",)))).inline
    file = FileDiff(path="a.py", old_path="b.py", status="renamed", patch="")
    comment = placed.comment(file, "text")
    assert (comment.path, comment.old_path, comment.is_new_file, comment.body) == ("a.py", "b.py", False, "text")
    assert (comment.start_line, comment.start_old_line, comment.line, comment.old_line) == (10, 10, 14, 12)
