"""Why a person is told of an event."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """One way in which an event concerns a recipient, in the order in which a message lists them."""

    MENTIONED = "mentioned"
    REVIEW_REQUESTED = "review_requested"
    REVIEW_REQUEST_REMOVED = "review_request_removed"
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    AUTHOR = "author"  # of the pull request or the issue
    PARTICIPANT = "participant"  # takes part in the thread
    STARTED = "started"  # set off the pipeline
    COMMITTED = "committed"  # wrote the commit that the pipeline ran on
    HOOK_OWNER = "hook_owner"  # made the hook that was tried
    CHOSEN = "chosen"  # no more than chose the event: not personal, and not said


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonVia:
    """A reason, and the path of the team or group ("acme/core") that it came through; `None`: it came directly.

    Stored as ``{"reason": "review_requested", "via": "acme/core"}``.
    """

    reason: Reason
    via: str | None = None
