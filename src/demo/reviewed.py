"""The pull request that the demo has reviewed: each problem that is looked for, and then half of them fixed."""

from src.demo.forge.records import Files

TITLE = "Read the fuel gauge"
TELEMETRY, CONSOLE = "engine/telemetry.py", "engine/console.py"

_TELEMETRY = b'''"""Reads the fuel gauge of the second tank."""

import logging

log = logging.getLogger(__name__)


def read_litres(path):
    """The last reading."""
    try:
        with open(path, encoding="ascii") as gauge:
            return float(gauge.read())
    except:
        log.warning("no reading")


def is_low(litres):
    """Whether there is too little left to start."""
    fuelLeft = litres * 0.93
    return fuelLeft < 38


def report(litres):
    """Tell whoever watches."""
    print("litres left:", litres)
    try:
        send(litres)
    except Exception:
        pass


def send(litres):
    """To the ground station."""
'''
_TOO_LONG = (
    b'    raise ConnectionError(f"the ground station did not take {litres} litres,'
    b' because there is no line to it: please try again")\n'
)
_CONSOLE = b'''"""What the pilot sees."""


def show(litres)
    """On the panel."""
    return f"{litres:.0f} l"
'''
_ALL = _TELEMETRY + _TOO_LONG
# What is left is swallowed, camelCase, the second number and the long line; an added line moves all of them.
_LEFT = (
    _ALL.replace(b"(__name__)\n", b"(__name__)\nUSABLE = 0.93\n")
    .replace(b"    except:\n", b"    except (OSError, ValueError):\n")
    .replace(b"litres * 0.93", b"litres * USABLE")
    .replace(b'    print("litres left:", litres)\n', b'    log.info("litres left: %s", litres)\n')
)

FILES: Files = {TELEMETRY: _ALL, CONSOLE: _CONSOLE}
HALF_FIXED: Files = {TELEMETRY: _LEFT, CONSOLE: _CONSOLE.replace(b"show(litres)\n", b"show(litres):\n")}
