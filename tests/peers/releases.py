"""Consecutive releases of five packages, as `setup` fetched them, and what git says was changed between two of them."""

import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

PINS = Path(__file__).with_name("releases.txt")


@dataclass(frozen=True)
class Change:
    """A Python file that two consecutive releases have and that differs between them."""

    package: str
    path: str
    old: bytes
    new: bytes


def changes() -> Iterator[Change]:
    """Every changed file of every pair of consecutive releases, in the order of the pins."""
    releases: dict[str, list[Mapping[str, bytes]]] = {}
    for pin in PINS.read_text().splitlines():
        if "==" in pin:
            package, version = pin.split(" ")[0].split("==")
            releases.setdefault(package, []).append(_files(package, version))
    for package, versions in releases.items():
        for before, after in pairwise(versions):
            for path in sorted(before.keys() & after.keys()):
                if before[path] != after[path]:
                    yield Change(package, path, before[path], after[path])


def git_patch(folder: Path, old: bytes, new: bytes, *, context: int = 3) -> str:
    """The diff from the first hunk on, as forges give it."""
    (folder / "old").write_bytes(old)
    (folder / "new").write_bytes(new)
    command = ["git", "diff", "--no-index", "--no-color", "--text", f"--unified={context}", "old", "new"]
    text = subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout.decode()
    at = text.find("\n@@ ")
    return text[at + 1 :] if at >= 0 else ""


def _files(package: str, version: str) -> Mapping[str, bytes]:
    """The Python files of an archive, by their path below its one folder. Links are not followed."""
    home = Path(os.environ.get("PEERS_HOME") or "build/peers") / "releases"
    wanted = f"{package}-{version}.tar.gz"
    (archive,) = (path for path in home.iterdir() if path.name.lower() == wanted)  # some names begin with a capital
    with tarfile.open(archive) as tar:
        members = [member for member in tar if member.isfile() and member.name.endswith(".py")]
        return {member.name.split("/", 1)[1]: _read(tar, member) for member in members}


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None
    return file.read()
