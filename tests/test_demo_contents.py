"""What the emulators say of changed files is what git says."""

import os
import random
import re
import subprocess
from pathlib import Path

import pytest
from unidiff.patch import PatchSet

from src.demo.forge.contents import Blob, Tree, blob_id, changed, patch_between, with_files
from src.demo.forge.hunks import hunks

_WORDS = ("x", "y = 1", "def f():", "    pass", "", "\r", "a\x0cb", "\u2028", "-- x", "++ y")


def tree(**files: bytes) -> Tree:
    """Files by their names without the ending."""
    return {f"{name}.py": Blob(data) for name, data in files.items()}


def told(old: Tree, new: Tree) -> list[tuple[str, str | None, str, int, int]]:
    """Path, old path, status, lines that came, lines that went."""
    return [(c.path, c.old_path, c.status, c.additions, c.deletions) for c in changed(old, new)]


def test_files_are_added_removed_modified_and_left_alone() -> None:
    old, new = tree(a=b"1\n", b=b"2\n", c=b"3\n"), tree(a=b"1\n", b=b"2\n4\n", d=b"5\n6\n")
    assert told(old, new) == [
        ("b.py", None, "modified", 1, 0), ("c.py", None, "removed", 0, 1), ("d.py", None, "added", 2, 0),
    ]  # fmt: skip


def test_a_file_that_moved_is_renamed_with_what_changed_in_it() -> None:
    text = b"".join(b"line %d\n" % n for n in range(30))
    other = text.replace(b"line 3\n", b"line three\n")
    assert told(tree(a=text), tree(b=text)) == [("b.py", "a.py", "renamed", 0, 0)]
    assert told(tree(a=text), tree(b=other)) == [("b.py", "a.py", "renamed", 1, 1)]
    assert changed(tree(a=text), tree(b=text))[0].patch is None
    assert [one[2] for one in told(tree(a=text), tree(b=b"nothing of it\n" * 30))] == ["removed", "added"]


def test_each_file_is_renamed_once_and_into_what_is_most_like_it() -> None:
    text = b"".join(b"line %d\n" % n for n in range(30))
    found = told(tree(a=text), tree(b=text.replace(b"line 3\n", b"x\n"), c=text))
    assert found == [("b.py", None, "added", 30, 0), ("c.py", "a.py", "renamed", 0, 0)]


def test_binary_files_have_no_patch_and_links_show_where_they_point() -> None:
    (image,) = changed({}, {"logo.png": Blob(b"\x89PNG\0\0")})
    assert (image.patch, image.is_binary, image.additions) == (None, True, 0)
    (link,) = changed({}, {"link": Blob(b"/etc/passwd", "120000")})
    assert link.patch == "@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"
    (module,) = changed({}, {"lib": Blob(b"f" * 40, "160000")})
    assert module.patch == f"@@ -0,0 +1 @@\n+Subproject commit {'f' * 40}\n"


def test_a_file_is_known_by_gits_name_of_its_content() -> None:
    assert blob_id(Blob(b"hello\n")) == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert blob_id(Blob(b"f" * 40, "160000")) == "f" * 40


def test_files_are_written_and_removed() -> None:
    assert with_files(tree(a=b"1", b=b"2"), {"a.py": None, "c.py": b"3", "gone.py": None}) == tree(b=b"2", c=b"3")


def _texts(seed: int) -> tuple[bytes, bytes]:
    """A file, and the same with a few lines changed."""
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    lines = [dice.choice(_WORDS) + str(dice.randrange(4)) for _ in range(dice.randrange(40))]
    other = [line for line in lines if dice.random() > 0.1]
    for _ in range(dice.randrange(4)):
        other.insert(dice.randrange(len(other) + 1), f"new {dice.randrange(3)}")
    ends = ["\n".join(part) + dice.choice(("", "\n")) for part in (lines, other)]
    return ends[0].encode(), ends[1].encode()


@pytest.mark.parametrize("seed", range(60))
def test_git_applies_what_it_is_given(seed: int, tmp_path: Path) -> None:
    old, new = _texts(seed)
    patch = patch_between(old, new)
    if old == new:
        assert patch == ""
        return
    file = tmp_path / "f"
    file.write_bytes(old)
    head = "--- a/f\n+++ b/f\n" if old else "diff --git a/f b/f\nnew file mode 100644\n--- /dev/null\n+++ b/f\n"
    if not old:
        file.unlink()
    if not new:
        head = "diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n"
    (tmp_path / "patch").write_bytes((head + patch).encode())
    # Within a repository git would look for the files at its top.
    alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    subprocess.run(["git", "apply", "--whitespace=nowarn", "patch"], cwd=tmp_path, env=alone, check=True)
    assert (file.read_bytes() if file.exists() else b"") == new


@pytest.mark.parametrize("seed", range(60))
def test_the_lines_that_comments_may_stand_on_are_those_that_unidiff_sees(seed: int) -> None:
    patch = patch_between(*_texts(seed))
    seen = PatchSet("--- a/f\n+++ b/f\n" + patch)
    wanted = [
        {line.target_line_no: line.source_line_no for line in hunk if line.target_line_no is not None}
        for file in seen for hunk in file
    ]  # fmt: skip
    assert [hunk.new for hunk in hunks(patch)] == wanted
    assert "".join(hunk.text + "\n" for hunk in hunks(patch)) == patch


def test_changes_that_are_near_share_a_hunk_with_three_lines_around() -> None:
    old = b"".join(b"%d\n" % n for n in range(1, 41))
    near = patch_between(old, old.replace(b"10\n", b"ten\n").replace(b"17\n", b"seventeen\n"))
    far = patch_between(old, old.replace(b"10\n", b"ten\n").replace(b"18\n", b"eighteen\n"))
    assert re.findall(r"@@.*@@", near) == ["@@ -7,14 +7,14 @@"]
    assert re.findall(r"@@.*@@", far) == ["@@ -7,7 +7,7 @@", "@@ -15,7 +15,7 @@"]
