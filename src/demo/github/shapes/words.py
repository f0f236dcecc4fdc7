"""Small words of GitHub: times, ids, states."""

import base64
from datetime import datetime

PERMISSIONS = ("pull", "triage", "push", "maintain", "admin")
HELD = {"read": 1, "write": 3, "admin": 5}  # how many of them a role has
CONCLUSIONS = {"success": "success", "failed": "failure", "canceled": "cancelled"}
DEPLOYMENT_STATES = {"running": "in_progress", "success": "success", "failed": "failure"}


def stamp(at: datetime | None) -> str | None:
    """GitHub's way to write a time, e.g. ``2026-01-31T12:00:00Z``."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def node_id(kind: str, number: int) -> str:
    """The id that GraphQL would use."""
    return base64.b64encode(f"{len(kind):02}:{kind}{number}".encode()).decode()


def run_state(status: str) -> tuple[str, str | None]:
    """Status and conclusion of a run or job, from the neutral word."""
    if status == "running":
        return "in_progress", None
    return "completed", CONCLUSIONS.get(status, status)


def reactions(url: str) -> dict[str, object]:
    """The reactions to something at this address of the API: none."""
    words = ("+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")
    return {"url": f"{url}/reactions", "total_count": 0} | dict.fromkeys(words, 0)
