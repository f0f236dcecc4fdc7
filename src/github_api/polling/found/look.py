"""All that one look at a repository found, and what of it is new."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from src.forge_http import OVERLAP, News, moment

Json = dict[str, Any]

# Which of the words of GitHub's hooks each list serves.
SOURCES = {
    "pulls": frozenset({"pull_request", "pull_request_review", "pull_request_review_comment"}),
    "issues": frozenset({"issues", "issue_comment"}),
    "issue_events": frozenset({"pull_request", "pull_request_review", "issues"}),
    "issue_comments": frozenset({"issue_comment"}),
    "review_comments": frozenset({"pull_request_review_comment"}),
    "runs": frozenset({"workflow_run"}),
    "activity": frozenset({"push"}),
    "events": frozenset({"gollum", "create", "delete", "commit_comment"}),
    "releases": frozenset({"release"}),
}

# The words of the list of issue events, and the actions of the hooks of pull requests.
ACTIONS = {
    "closed": "closed", "reopened": "reopened", "assigned": "assigned", "unassigned": "unassigned",
    "review_requested": "review_requested", "review_request_removed": "review_request_removed",
    "ready_for_review": "ready_for_review", "convert_to_draft": "converted_to_draft",
}  # fmt: skip

_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class Act:
    """One delivery to be, with when it happened."""

    at: datetime
    event: str
    key: str
    payload: Json
    by: Json | None


@dataclass(kw_only=True)
class Look:
    """All that one look found, and what it comes to."""

    repository: Json
    words: frozenset[str]
    names: frozenset[str]
    lists: dict[str, list[Json] | None]
    news: News
    heads: dict[str, str] = field(default_factory=dict)  # the newest commits of pull requests, by number
    pulls: dict[int, Json] = field(default_factory=dict)
    issues: dict[int, Json] = field(default_factory=dict)
    reviews: dict[int, list[Json]] = field(default_factory=dict)
    compared: dict[str, Json] = field(default_factory=dict)  # by the commit after the push
    to_review: set[int] = field(default_factory=set)
    fresh: dict[str, list[Json]] = field(default_factory=dict)

    def decide(self) -> None:
        """What of the lists is new, and which details it takes."""
        for source, items in self.lists.items():
            if items is None:
                self.news.skip(source)
                self.fresh[source] = []
                continue
            self.fresh[source] = self.news.take(
                source, [(_name(source, i), moment_of(i, _time_of(source)), i) for i in items]
            )
        for kind in ("pulls", "issues"):
            listed = self.lists.get(kind)
            if listed is None:
                self.news.skip(f"{kind}_made")
            else:
                made = [(str(i["number"]), moment_of(i, "created_at"), i) for i in listed]
                self.fresh[f"{kind}_made"] = self.news.take(f"{kind}_made", made)
        self.pulls = {item["number"]: item for item in self.lists.get("pulls") or []}
        self.issues = {item["number"]: item for item in self.lists.get("issues") or []}
        if "pull_request_review" in self.words and self.lists.get("pulls"):
            newest = max(moment_of(item, "updated_at") for item in self.pulls.values())
            late = {n for n, item in self.pulls.items() if moment_of(item, "updated_at") > newest - OVERLAP}
            self.to_review = {item["number"] for item in self.fresh["pulls"]} | late | self._dismissed()

    def _dismissed(self) -> set[int]:
        dismissed = [event for event in self.fresh.get("issue_events", []) if event["event"] == "review_dismissed"]
        return {event["issue"]["number"] for event in dismissed}

    def missing_pulls(self) -> set[int]:
        """Pull requests that something new is about and that are not in the list."""
        events = [e for e in self.fresh.get("issue_events", []) if (e.get("issue") or {}).get("pull_request")]
        told = {e["issue"]["number"] for e in events if e["event"] in ACTIONS or e["event"] == "review_dismissed"}
        told |= {number_in(c["pull_request_url"]) for c in self.fresh.get("review_comments", [])}
        return told - self.pulls.keys() if self.words & SOURCES["pulls"] else set()

    def missing_issues(self) -> set[int]:
        """Threads that a new comment is on and that are not in the list."""
        return {number_in(c["issue_url"]) for c in self.fresh.get("issue_comments", [])} - self.issues.keys()

    def add_pull(self, number: int, pull: Json) -> None:
        """One that was asked for by itself."""
        if pull["number"] == number:
            self.pulls[number] = pull

    def add_issue(self, number: int, issue: Json) -> None:
        """As `add_pull`. For one that was transferred GitHub shows what it became in another repository: not ours."""
        if issue["number"] == number and issue["html_url"].startswith(f"{self.repository['html_url']}/"):
            self.issues[number] = issue

    @property
    def pushed(self) -> list[tuple[str, str]]:
        """What each new push went from and to, where it has commits to show."""
        moves = [a for a in self.fresh.get("activity", []) if not (is_nothing(a["before"]) or is_nothing(a["after"]))]
        return [(a["before"], a["after"]) for a in moves]


def _name(source: str, item: Json) -> str:
    """What tells an entry of a list from another, and from itself in another state."""
    match source:
        case "pulls" | "issues":
            return f"{item['number']}:{item['updated_at']}"
        case "runs":
            return f"{item['id']}:{item.get('run_attempt') or 1}:{item.get('status')}:{item.get('conclusion')}"
        case "releases":
            return f"{item['id']}:{bool(item.get('draft'))}"
        case _:
            return str(item["id"])


def _time_of(source: str) -> str:
    times = {"pulls": "updated_at", "issues": "updated_at", "runs": "updated_at", "activity": "timestamp"}
    return times.get(source, "published_at" if source == "releases" else "created_at")


def moment_of(item: Json, key: str) -> datetime:
    """A moment of an entry; a draft of a release has not been published: it counts from its making."""
    found = moment(item.get(key) or item.get("created_at"))
    if found is None:
        raise ValueError(f"{key}: no time")
    return found


def number_in(url: str) -> int:
    """The number at the end of an address of an issue or a pull request."""
    last = url.rstrip("/").rpartition("/")[2]
    if not last or not set(last) <= set(_DIGITS):
        raise ValueError("an address without a number")
    return int(last)


def is_nothing(sha: str) -> bool:
    """Whether there is no commit, before a branch was made or after it is gone."""
    return not set(sha) - {"0"}
