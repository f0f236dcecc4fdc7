"""Merge requests and issues: made, changed, reviewed, talked about."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from src.gitlab_api.polling.found.look import Act, Json, Look, moment_in, moment_of, user

_STATES = {"closed": "close", "reopened": "reopen", "merged": "merge"}
_WITH_THE_MAKING = timedelta(seconds=10)
_PEOPLE = 300  # whose ids are remembered
_HEADS = 500  # merge requests whose newest commit is remembered

_LOGIN = re.compile(r"@([\w.-]*\w)")
# The whole of a note, and in GitLab's own words (English, whatever its language): other notes repeat what people wrote.
_SOME = rf"{_LOGIN.pattern.replace('(', '(?:')}(?:(?:,|,? and) {_LOGIN.pattern.replace('(', '(?:')})*"
_ASKED = re.compile(
    rf"(?:(?:requested review from|assigned to) (?P<added>{_SOME}))?"
    rf"(?:(?:^| and )(?:removed review request for|unassigned) (?P<removed>{_SOME}))?"
)
_DRAFT = re.compile(r"marked this merge request as \*\*(draft|ready)\*\*(?: from [^\s]+)?")
_REVIEWS = {"approved this merge request": "approved", "unapproved this merge request": "unapproved"}


def thread_acts(look: Look) -> Iterator[Act]:
    """What happened on the threads. Moves the heads on, and who is known."""
    _get_to_know(look)
    for kind in ("pulls", "issues"):
        for thread in look.fresh.get(f"{kind}_made", []):
            people = _made_with(look, kind, thread)
            yield _thread_act(look, kind, thread, thread["created_at"], "open", thread.get("author"), "open", people)
    yield from _talk(look)
    yield from _changes_of_state(look)
    yield from _new_commits(look)


def _thread_act(
    look: Look, kind: str, thread: Json, at: str, action: str, by: Json | None, key: str, more: Json | None = None
) -> Act:
    """A webhook of a merge request or an issue, as of that time."""
    given = more or {}
    as_of: Json = {"assignees": [], "reviewers": [], **thread, "updated_at": at, **given}
    attributes = _attributes(look, kind, as_of) | {"action": action}
    attributes |= given.get("attributes", {})
    payload: Json = {
        "object_kind": "merge_request" if kind == "pulls" else "issue",
        "user": user(by),
        "object_attributes": attributes,
        "labels": attributes["labels"],
        "assignees": [user(one) for one in as_of["assignees"]],
        "changes": given.get("changes", {}),
    }
    if kind == "pulls":
        payload["reviewers"] = [user(one) for one in as_of["reviewers"]]
        event = "Merge Request Hook"
    else:
        event = "Confidential Issue Hook" if thread.get("confidential") else "Issue Hook"
    return Act(moment_in(at), event, f"{kind}:{thread['iid']}:{key}", payload)


def _attributes(look: Look, kind: str, thread: Json) -> Json:
    shared = {
        "iid": thread["iid"], "title": thread.get("title"), "description": thread.get("description"),
        "url": thread.get("web_url"), "author_id": (thread.get("author") or {}).get("id"),
        "assignee_ids": [one["id"] for one in thread.get("assignees") or []],
        "labels": [{"title": label} for label in thread.get("labels") or [] if isinstance(label, str)],
        "created_at": thread.get("created_at"), "updated_at": thread.get("updated_at"),
    }  # fmt: skip
    if kind == "issues":
        return shared | {"project_id": look.home["id"], "confidential": bool(thread.get("confidential"))}
    return shared | {
        "source_branch": thread.get("source_branch"), "target_branch": thread.get("target_branch"),
        "target_project_id": look.home["id"], "last_commit": {"id": thread.get("sha")} if thread.get("sha") else None,
        "reviewer_ids": [one["id"] for one in thread.get("reviewers") or []], "draft": bool(thread.get("draft")),
    }  # fmt: skip


def _made_with(look: Look, kind: str, thread: Json) -> Json:
    """Who was asked and assigned along with the making; who came later is told of by themselves."""
    later: set[str] = set()
    for note in look.notes.get((kind, thread["iid"]), []):
        if note.get("system") and moment_of(note, "created_at") > moment_of(thread, "created_at") + _WITH_THE_MAKING:
            later |= set(asked(note["body"], "added"))
    kept = [one for one in thread.get("assignees") or [] if one["username"] not in later]
    reviewers = [one for one in thread.get("reviewers") or [] if one["username"] not in later]
    return {"assignees": kept, "reviewers": reviewers}


def _talk(look: Look) -> Iterator[Act]:
    """Notes: what people wrote, and what GitLab notes by itself of what they did."""
    for kind, number, note in look.said("notes", look.notes):
        thread = look.threads[kind, number]
        if note.get("system"):
            if moment_of(note, "created_at") > moment_of(thread, "created_at") + _WITH_THE_MAKING:
                yield from system_note(look, kind, thread, note)
        else:
            yield _note(look, kind, thread, note)


def _note(look: Look, kind: str, thread: Json, note: Json) -> Act:
    confidential = bool(note.get("internal") or note.get("confidential") or thread.get("confidential"))
    attributes = {name: note.get(name) for name in ("id", "noteable_type", "type", "created_at", "updated_at")}
    attributes |= {
        "note": note.get("body"), "action": "create", "system": False, "project_id": look.home["id"],
        "internal": bool(note.get("internal") or note.get("confidential")), "position": note.get("position"),
        "url": f"{thread['web_url']}#note_{note['id']}",
    }  # fmt: skip
    assignees = thread.get("assignees") or []
    on = _attributes(look, kind, thread) | ({"assignee": user(assignees[0])} if assignees else {})
    payload = {
        "object_kind": "note", "user": user(note.get("author")), "object_attributes": attributes,
        "merge_request" if kind == "pulls" else "issue": on,
    }  # fmt: skip
    event = "Confidential Note Hook" if confidential else "Note Hook"
    return Act(moment_of(note, "created_at"), event, f"note:{note['id']}", payload)


def system_note(look: Look, kind: str, thread: Json, note: Json) -> Iterator[Act]:
    """What GitLab noted by itself of what somebody did to a thread."""
    body, at, by, key = note["body"].strip(), note["created_at"], note.get("author"), f"system_note:{note['id']}"
    if body in _REVIEWS and kind == "pulls":
        yield _thread_act(look, kind, thread, at, _REVIEWS[body], by, key)
        return
    draft = _DRAFT.fullmatch(body)
    if draft:
        now = draft[1] == "draft"
        changes = {"draft": {"previous": not now, "current": now}}
        yield _thread_act(look, kind, thread, at, "update", by, key, {"changes": changes, "attributes": {"draft": now}})
        return
    added, removed = (_known(look, asked(body, who)) for who in ("added", "removed"))
    if added or removed:
        what = "reviewers" if "review" in body else "assignees"
        changes = {what: {"previous": removed, "current": added}}
        yield _thread_act(look, kind, thread, at, "update", by, key, {"changes": changes})


def _get_to_know(look: Look) -> None:
    """The people of all threads, those that were seen last kept longest."""
    found = dict(look.people)
    for item in look.threads.values():
        for one in (item.get("author"), *(item.get("assignees") or []), *(item.get("reviewers") or [])):
            if one:
                found.pop(one["username"], None)
                found[one["username"]] = {name: one.get(name) for name in ("id", "name", "username")}
    look.people = dict(list(found.items())[-_PEOPLE:])


def _known(look: Look, logins: Iterable[str]) -> list[Json]:
    """The people of a system note, with their ids where they were seen."""
    found = (user(look.people.get(login, {"username": login})) for login in logins)
    return [one for one in found if one is not None]


def _changes_of_state(look: Look) -> Iterator[Act]:
    for kind, number, event in look.said("states", look.states):
        action = _STATES.get(event["state"])
        if action is not None:
            thread = look.threads[kind, number]
            yield _thread_act(
                look, kind, thread, event["created_at"], action, event.get("user"), f"state:{event['id']}"
            )


def _new_commits(look: Look) -> Iterator[Act]:
    """A merge request whose newest commit is another; its author counts as who pushed."""
    listed = look.lists.get("pulls")
    if "merge_requests_events" not in look.words:
        look.heads = {}  # what is pushed while nobody wants to know is not told later
        return
    if listed is None:
        return
    for pull in listed:
        before, head = look.heads.get(str(pull["iid"])), pull.get("sha")
        is_old = look.news.is_over(moment_of(pull, "updated_at"))
        if before is not None and head not in (None, before) and pull["state"] == "opened" and not is_old:
            more = {"attributes": {"oldrev": before}}
            key = f"head:{before[:20]}:{head[:20]}"
            yield _thread_act(look, "pulls", pull, pull["updated_at"], "update", pull.get("author"), key, more)
    heads = {str(p["iid"]): p["sha"] for p in reversed(listed) if p["state"] == "opened" and p.get("sha")}
    gone = {str(pull["iid"]) for pull in listed if pull["state"] != "opened"}
    kept = {number: sha for number, sha in look.heads.items() if number not in gone} | heads
    look.heads = dict(list(kept.items())[-_HEADS:])


def asked(body: str, who: str) -> list[str]:
    """The logins of those who were asked or assigned (`added`), or no longer are (`removed`), by a system note."""
    found = _ASKED.fullmatch(body.strip())
    return _LOGIN.findall(found[who] or "") if found else []
