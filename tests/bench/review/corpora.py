"""Corpora that others wrote, fetched into ``build/review`` by apt and pip. Nothing of them is run."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).parents[3] / "build" / "review"
_PINS = Path(__file__).parent
_PACKAGES = ("libpython3.11-minimal", "libpython3.11-stdlib", "libpython3.11-testsuite")
_QUIET = ("--quiet", "--disable-pip-version-check")


class Missing(Exception):
    """A corpus that could not be fetched; the text says what to do."""


@dataclass(frozen=True)
class Library:
    """Python's standard library and its tests, of Debian.

    Attributes:
        root: the folder that modules are named from.
        version: Debian's, of the tests' package.
    """

    root: Path
    version: str

    def file(self, module: str) -> Path | None:
        """The source of a module; `None` where this version has none."""
        path = self.root.joinpath(*module.split("."))
        found = (path.with_name(f"{path.name}.py"), path / "__init__.py")
        return next((each for each in found if each.is_file()), None)


def library() -> Library:
    """Debian's Python 3.11 in the version that it offers today, unpacked without being installed.

    A version that was fetched before is taken where nothing newer can be asked for.
    """
    if shutil.which("apt-get") is None:
        raise Missing("Debian's Python 3.11 is needed: run this where apt-get is, say in a debian:12 container.")
    folder = HOME / "debian"
    folder.mkdir(parents=True, exist_ok=True)
    asked = _run(["apt-get", "download", "--quiet", *_PACKAGES], folder)
    packages = [_newest(folder, name) for name in _PACKAGES]
    if None in packages:
        raise Missing(
            f"apt-get download {' '.join(_PACKAGES)}: {asked.stderr.strip() or 'nothing came'} (apt-get update?)"
        )
    version = _field(packages[-1], "Version")
    root = folder / version.replace(":", "_")
    if not (root / "complete").exists():
        for package in packages:
            _must(["dpkg-deb", "--extract", str(package), str(root)])
        (root / "complete").touch()
    return Library(root / "usr" / "lib" / "python3.11", version)


def sdists() -> dict[str, Path]:
    """The unpacked sources of the packages that `sdists.txt` pins, by ``name-version``."""
    pins = [line for line in (_PINS / "sdists.txt").read_text("utf-8").split() if "==" in line]
    folder = HOME / "sdists"
    names = {pin.replace("==", "-") for pin in pins}
    if not all((folder / name).is_dir() for name in names):
        folder.mkdir(parents=True, exist_ok=True)
        wanted = ["--no-deps", "--no-binary", ":all:", "--dest", str(folder), "-r", str(_PINS / "sdists.txt")]
        _must([sys.executable, "-m", "pip", "download", *_QUIET, *wanted])
        for archive in folder.glob("*.tar.gz"):
            with tarfile.open(archive) as opened:
                opened.extractall(folder, filter="data")
            top = folder / archive.name.removesuffix(".tar.gz")
            plain = folder / archive.name.removesuffix(".tar.gz").replace("_", "-")
            if top != plain and not plain.exists():
                top.rename(plain)
    return {name: folder / name for name in sorted(names)}


def flake8() -> Path:
    """The flake8 of an environment of its own, with the plugins that `flake8.txt` pins."""
    pins = _PINS / "flake8.txt"
    folder = HOME / "flake8"
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text("utf-8") != pins.read_text("utf-8"):
        _must([sys.executable, "-m", "venv", "--clear", str(folder)])
        _must([str(folder / "bin" / "python"), "-m", "pip", "install", *_QUIET, "-r", str(pins)])
        stamp.write_text(pins.read_text("utf-8"), "utf-8")
    return folder / "bin" / "flake8"


def _newest(folder: Path, package: str) -> Path | None:
    """The file that came last: apt gives the one that it offers a fresh date of change only when it fetches it."""
    found = sorted(folder.glob(f"{package}_*.deb"), key=lambda file: file.stat().st_ctime_ns)
    return found[-1] if found else None


def _field(package: Path | None, name: str) -> str:
    return _must(["dpkg-deb", "--field", str(package), name]).stdout.strip()


def _run(command: Sequence[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _must(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    done = _run(command)
    if done.returncode:
        raise Missing(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return done
