"""What a check found, and how findings are shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

from src.forge import ForgeType
from src.webhook.tunnel import Tunnel

Level = Literal["ok", "warn", "fail"]
_MARKS: dict[Level, str] = {"ok": "✓", "warn": "!", "fail": "✗"}
_IN_ADDRESS = re.compile(r"/bot[^/\s]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says, and how to mend it where it is not fine."""

    check: str
    level: Level
    says: str
    mend: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What is to be examined, as plain values. `forges` are pairs of kind and base address."""

    token: str | None = field(repr=False)
    telegram_api_url: str
    database_url: str = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    forges: tuple[tuple[str, str], ...]
    types: Mapping[str, ForgeType]
    public_url: str | None
    tunnel: Tunnel | None = None
    host: str
    port: int
    polls: bool = True  # whether projects without a webhook are looked at
    access: str = "pairing"  # as the setting
    has_admin_ids: bool = False
    poll_seconds: int = 4  # how long to poll for a rival; an evicted one comes back within a second or two


@dataclass(frozen=True, slots=True)
class Heard:
    """The clock of somebody else: what their `Date` header said, and when we read it (both aware UTC)."""

    whom: str
    theirs: datetime
    ours: datetime


def human(findings: Sequence[Finding]) -> str:
    """One line a finding, aligned; the mend stands behind an arrow."""
    width = max((len(finding.check) for finding in findings), default=0)
    return "\n".join(
        f"{_MARKS[finding.level]} {finding.check:<{width}}  {finding.says}"
        + (f" → {finding.mend}" if finding.mend else "")
        for finding in findings
    )


def machine(findings: Sequence[Finding]) -> dict[str, object]:
    """The same for programs: ``{"ok": bool, "findings": [{"check", "level", "says", "mend"}]}``."""
    return {
        "ok": all(finding.level != "fail" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }


def scrub(text: str, token: str | None) -> str:
    """The text without the bot's token, which is a part of every address of the Bot API."""
    without = text.replace(token, "<token>") if token else text
    return _IN_ADDRESS.sub("/bot<token>", without)
