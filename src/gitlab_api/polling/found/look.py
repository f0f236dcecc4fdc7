"""All that one look at a project found, and what of it is new."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from src.forge_http import OVERLAP, News, moment

Json = dict[str, Any]
Key = tuple[str, int]  # pulls or issues, and the number

# Which of the attributes of GitLab's hooks each list serves.
_ISSUES = frozenset({"issues_events", "confidential_issues_events"})
_NOTES = frozenset({"note_events", "confidential_note_events"})
SOURCES = {
    "pulls": frozenset({"merge_requests_events"}) | _NOTES,
    "issues": _ISSUES | _NOTES,
    "events": frozenset({"push_events", "tag_push_events", "wiki_page_events"}),
    "pipelines": frozenset({"pipeline_events"}),
    "releases": frozenset({"releases_events"}),
}
TOLD_PIPELINES = frozenset({"running", "success", "failed", "canceled", "skipped"})


@dataclass(frozen=True, slots=True)
class Act:
    """One delivery to be, with when it happened."""

    at: datetime
    event: str
    key: str
    payload: Json


@dataclass(kw_only=True)
class Look:
    """All that one look found, and what it comes to."""

    home: Json
    words: frozenset[str]
    lists: dict[str, list[Json] | None]
    news: News
    heads: dict[str, str] = field(default_factory=dict)  # the newest commits of merge requests, by number
    people: dict[str, Json] = field(default_factory=dict)  # those that were seen, by login: system notes tell no ids
    fresh: dict[str, list[Json]] = field(default_factory=dict)
    threads: dict[Key, Json] = field(default_factory=dict)
    to_read: set[Key] = field(default_factory=set)
    notes: dict[Key, list[Json]] = field(default_factory=dict)
    states: dict[Key, list[Json]] = field(default_factory=dict)
    pipelines: dict[int, Json] = field(default_factory=dict)
    commits: dict[str, Json] = field(default_factory=dict)
    compared: dict[str, Json] = field(default_factory=dict)

    def decide(self) -> None:
        """What of the lists is new, and which details it takes."""
        for source, items in self.lists.items():
            if items is None:
                self.news.skip(source)
                self.fresh[source] = []
            else:
                named = [(_name(source, item), moment_of(item, _time_of(source)), item) for item in items]
                self.fresh[source] = self.news.take(source, named)
        for kind in ("pulls", "issues"):
            listed = self.lists.get(kind)
            if listed is None:
                self.news.skip(f"{kind}_made")
                continue
            made = [(str(item["iid"]), moment_of(item, "created_at"), item) for item in listed]
            self.fresh[f"{kind}_made"] = self.news.take(f"{kind}_made", made)
            self.threads |= {(kind, item["iid"]): item for item in listed}
            newest = max((moment_of(item, "updated_at") for item in listed), default=None)
            late = [item for item in listed if newest and moment_of(item, "updated_at") > newest - OVERLAP]
            self.to_read |= {(kind, item["iid"]) for item in (*self.fresh[kind], *late)}

    @property
    def changed_pipelines(self) -> list[Json]:
        """Those of which there is something to tell."""
        return [item for item in self.fresh.get("pipelines", []) if item["status"] in TOLD_PIPELINES]

    @property
    def pushed(self) -> list[tuple[str, str]]:
        """What each new push to a branch went from and to, where it has commits to show."""
        pushes = [event["push_data"] for event in self.fresh.get("events", []) if event.get("push_data")]
        return [
            (push["commit_from"], push["commit_to"])
            for push in pushes
            if push["ref_type"] == "branch" and push.get("commit_from") and push.get("commit_to")
        ]

    def said(self, what: str, by_thread: dict[Key, list[Json]]) -> Iterator[tuple[str, int, Json]]:
        """What is new of `what` on the threads (notes or states): pulls or issues, the number, the entry.

        Each kind of thread has a cursor of its own: it may be looked at since another day. At the first look it
        begins at the newest moment of any thread of its kind.
        """
        for kind in ("pulls", "issues"):
            cursor = f"{what}:{kind}"
            if self.lists.get(kind) is None:
                self.news.skip(cursor)
                continue
            given = [
                (str(item["id"]), moment_of(item, "created_at"), (key, item))
                for key, items in by_thread.items()
                for item in items
                if key[0] == kind
            ]
            times = (moment_of(item, "updated_at") for key, item in self.threads.items() if key[0] == kind)
            begin = max(times, default=None) if self.news.is_first(cursor) else None
            for (_, number), item in self.news.take(cursor, given, begin=begin):
                yield kind, number, item


def user(person: Json | None) -> Json | None:
    """A person as the webhooks show one."""
    return None if person is None else {name: person.get(name) for name in ("id", "name", "username")}


def _name(source: str, item: Json) -> str:
    """What tells an entry of a list from another, and from itself in another state."""
    match source:
        case "pulls" | "issues":
            return f"{item['iid']}:{item['updated_at']}"
        case "pipelines":
            return f"{item['id']}:{item['status']}:{item['updated_at']}"
        case "releases":
            return str(item["tag_name"])
        case _:
            return str(item["id"])


def _time_of(source: str) -> str:
    return "created_at" if source in ("events", "releases") else "updated_at"


def moment_of(item: Json, key: str) -> datetime:
    """A moment of an entry; `ValueError` where it is none."""
    return moment_in(item[key])


def moment_in(text: str) -> datetime:
    """As `moment_of`."""
    found = moment(text)
    if found is None:
        raise ValueError("no time")
    return found
