"""What becomes of a hook, in words that the bot can tell."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class HookOutcome(StrEnum):
    """What became of a hook."""

    CREATED = "created"
    WIDENED = "widened"
    NARROWED = "narrowed"
    REPAIRED = "repaired"
    SHARED = "shared"  # it was there and right
    MANUAL = "manual"
    REMOVED = "removed"
    LOST = "lost"  # nobody of us may look after it
    NOTHING = "nothing"  # there is nothing to be done, or nothing that we could


class ManualReason(StrEnum):
    """Why a hook has to be made, or changed, by hand."""

    NO_RIGHT = "no_right"
    NO_PUBLIC_URL = "no_public_url"
    REJECTED = "rejected"
    LACKS_EVENTS = "lacks_events"  # there is one, and nobody of us may change it
    UNCHECKED = "unchecked"  # there was one, and nobody of us may look
    BY_HAND = "by_hand"  # it was made by hand and delivers; which events, we cannot know


@dataclass(frozen=True, slots=True, kw_only=True)
class HookState:
    """How a project's hook stands after `HookManager.ensure`. Never holds a token.

    `address` is the whole address, or its path alone where we do not know our own (no PUBLIC_URL). `secret` is given
    where a hook has to be made by hand; `None` in a manual state means that there is one already, which lacks events.
    """

    outcome: HookOutcome
    address: str
    secret: str | None = field(default=None, repr=False)
    events: tuple[str, ...] = ()  # what to tick, as the forge's website calls it
    why: ManualReason | None = None
    message: str | None = None  # what the forge said when it rejected the hook


@dataclass(frozen=True, slots=True, kw_only=True)
class TestProgress:
    """How far a test delivery came: each leg in turn."""

    __test__ = False  # no test case, whatever its name begins with

    accepted: bool  # the forge took the order
    arrived: bool  # a delivery came in by this hook since then
    told: bool  # it was understood and, where somebody has to be told, is on its way to them
    arrived_at: datetime | None = None
    error: str | None = None  # what is wrong with the hook or the delivery, for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreleased:
    """A hook of a project that nobody follows any more, which we could not remove: somebody has to by hand."""

    path: str  # of the project
    page: str | None  # where its webhooks are listed
    reason: str  # what the forge said, in a few words for a log
