"""Small words of GitLab: times, access levels, states."""

from datetime import datetime

from src.demo.forge.state import Thread

ACCESS_LEVELS = {"read": 10, "write": 30, "admin": 40}  # Guest, Developer, Maintainer
OWNER = 50
STATE_IDS = {"open": 1, "closed": 2, "merged": 3}
PIPELINE_STATUSES = frozenset({"running", "success", "failed", "canceled", "skipped"})
DEPLOYMENT_STATUSES = frozenset({"running", "success", "failed", "canceled"})
HIDDEN_EMAIL = "[REDACTED]"  # what webhooks say instead of an address that is not public
NOTEABLES = {"issue": "Issue", "pull_request": "MergeRequest", "review": "MergeRequest", "commit": "Commit",
             "snippet": "Snippet"}  # fmt: skip


def iso(at: datetime | None) -> str | None:
    """How the REST API writes a time, e.g. ``2026-01-31T12:00:00.000Z``."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z" if at else None


def spoken(at: datetime | None) -> str | None:
    """How webhooks write a time, e.g. ``2026-01-31 12:00:00 UTC``."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else None


def state(thread: Thread) -> str:
    """``opened``, ``closed`` or ``merged``."""
    return "opened" if thread.state == "open" else thread.state
