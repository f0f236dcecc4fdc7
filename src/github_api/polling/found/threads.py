"""Pull requests and issues: made, changed, reviewed, talked about."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from src.forge_http import moment
from src.github_api.polling.found.look import ACTIONS, Act, Json, Look, moment_of, number_in

_OF_ISSUES = frozenset({"closed", "reopened", "assigned"})
_WITH_THE_MAKING = timedelta(seconds=60)
_AT_ONCE = timedelta(seconds=2)
_HEADS = 500  # pull requests whose newest commit is remembered


def thread_acts(look: Look) -> Iterator[Act]:
    """What happened on the threads. Moves the heads on."""
    yield from _opened_pulls(look)
    yield from _opened_issues(look)
    for event in look.fresh.get("issue_events", []):
        yield from _issue_event(look, event)
    yield from _reviews(look)
    yield from _comments(look)
    yield from _new_commits(look)


def _opened_pulls(look: Look) -> Iterator[Act]:
    for pull in look.fresh.get("pulls_made", []):
        at, number = moment_of(pull, "created_at"), pull["number"]
        later = _added_later(look, number, at)
        then = {
            **pull,
            "updated_at": pull["created_at"],
            "assignees": [one for one in pull.get("assignees") or [] if ("assigned", one["id"]) not in later],
            "requested_reviewers": [
                one for one in pull.get("requested_reviewers") or [] if ("review_requested", one["id"]) not in later
            ],
            "requested_teams": [
                one for one in pull.get("requested_teams") or [] if ("review_requested", one["id"]) not in later
            ],
        }
        payload = {"action": "opened", "number": number, "pull_request": then}
        yield Act(at, "pull_request", f"pull_request:{number}:opened", payload, pull.get("user"))


def _added_later(look: Look, number: int, made: datetime) -> set[tuple[str, int]]:
    """Who was asked or assigned by itself, and not along with the making: that is told by itself."""
    found: set[tuple[str, int]] = set()
    for event in look.fresh.get("issue_events", []):
        if (event.get("issue") or {}).get("number") == number and moment_of(
            event, "created_at"
        ) > made + _WITH_THE_MAKING:
            who = event.get("assignee") or event.get("requested_reviewer") or event.get("requested_team") or {}
            found.add((event["event"], who.get("id", 0)))
    return found


def _opened_issues(look: Look) -> Iterator[Act]:
    for issue in look.fresh.get("issues_made", []):
        if issue.get("pull_request") is None:
            at, number = moment_of(issue, "created_at"), issue["number"]
            later = _added_later(look, number, at)
            people = [one for one in issue.get("assignees") or [] if ("assigned", one["id"]) not in later]
            then = {**issue, "updated_at": issue["created_at"], "assignees": people}
            payload = {"action": "opened", "issue": then}
            yield Act(at, "issues", f"issue:{number}:opened", payload, issue.get("user"))


def _issue_event(look: Look, event: Json) -> Iterator[Act]:
    """One entry of the list of issue events; those about pull requests are among them."""
    issue, word, at = event.get("issue"), event["event"], moment_of(event, "created_at")
    if issue is None:
        return
    key = f"issue_event:{event['id']}"
    if issue.get("pull_request") is None:
        if word in _OF_ISSUES:
            then = {**issue, "updated_at": event["created_at"], "closed_at": event["created_at"]}
            payload = {"action": word, "issue": then, "assignee": event.get("assignee")}
            yield Act(at, "issues", key, payload, _doer(event))
        return
    pull = look.pulls.get(issue["number"])
    if pull is None:
        return
    then = _as_of(pull, event["created_at"], at)
    if word == "review_dismissed":
        yield from _dismissal(look, event, then, at)
    elif word in ACTIONS:
        payload = {
            "action": ACTIONS[word],
            "number": pull["number"],
            "pull_request": then,
            "assignee": event.get("assignee"),
            "requested_reviewer": event.get("requested_reviewer"),
            "requested_team": event.get("requested_team"),
        }
        yield Act(at, "pull_request", key, payload, _doer(event))


def _doer(event: Json) -> Json | None:
    """Who asked or assigned: `actor` of an assignment is whom it is about, on older servers."""
    return event.get("review_requester") or event.get("assigner") or event.get("actor")


def _as_of(pull: Json, text: str, at: datetime) -> Json:
    """A pull request at the time of an act: what was merged only later was merely closed then."""
    then = {**pull, "updated_at": text, "closed_at": text}
    merged = moment(pull.get("merged_at"))
    if merged is not None and at < merged - _AT_ONCE:
        then |= {"merged_at": None, "merged": False}
    return then


def _dismissal(look: Look, event: Json, pull: Json, at: datetime) -> Iterator[Act]:
    number = (event.get("dismissed_review") or {}).get("review_id")
    review = next((one for one in look.reviews.get(pull["number"], []) if one["id"] == number), None)
    if review is not None:
        payload = {"action": "dismissed", "number": pull["number"], "pull_request": pull, "review": review}
        yield Act(at, "pull_request_review", f"review:{number}:dismissed", payload, event.get("actor"))


def _reviews(look: Look) -> Iterator[Act]:
    if "pull_request_review" not in look.words:
        return
    if look.lists.get("pulls") is None:
        look.news.skip("reviews")
        return
    given = [
        (str(review["id"]), moment_of(review, "submitted_at"), (number, review))
        for number, reviews in look.reviews.items()
        for review in reviews
        if review.get("submitted_at")
    ]
    begin = max((moment_of(pull, "updated_at") for pull in look.pulls.values()), default=None)
    for number, review in look.news.take("reviews", given, begin=begin if look.news.is_first("reviews") else None):
        if review["state"] != "DISMISSED":
            at, pull = moment_of(review, "submitted_at"), look.pulls[number]
            payload = {"action": "submitted", "number": number, "pull_request": pull, "review": review}
            yield Act(at, "pull_request_review", f"review:{review['id']}:submitted", payload, review.get("user"))


def _comments(look: Look) -> Iterator[Act]:
    for comment in look.fresh.get("issue_comments", []):
        issue = look.issues.get(number_in(comment["issue_url"]))
        if issue is not None:
            payload = {"action": "created", "issue": issue, "comment": comment}
            at = moment_of(comment, "created_at")
            yield Act(at, "issue_comment", f"comment:{comment['id']}", payload, comment.get("user"))
    for comment in look.fresh.get("review_comments", []):
        pull = look.pulls.get(number_in(comment["pull_request_url"]))
        if pull is not None:
            payload = {"action": "created", "number": pull["number"], "pull_request": pull, "comment": comment}
            at, key = moment_of(comment, "created_at"), f"review_comment:{comment['id']}"
            yield Act(at, "pull_request_review_comment", key, payload, comment.get("user"))


def _new_commits(look: Look) -> Iterator[Act]:
    """A pull request whose newest commit is another. Who pushed is in the list of activities, or was the author."""
    if "pull_request" not in look.words:
        look.heads = {}  # what is pushed while nobody wants to know is not told later
        return
    if look.lists.get("pulls") is None:
        return
    actors = {act["after"]: act.get("actor") for act in look.lists.get("activity") or []}
    changed = look.lists["pulls"] or []
    for pull in changed:
        number, head = str(pull["number"]), (pull.get("head") or {}).get("sha")
        before = look.heads.get(number)
        is_old = look.news.is_over(moment_of(pull, "updated_at"))
        if before is not None and head not in (None, before) and pull["state"] == "open" and not is_old:
            payload = {"action": "synchronize", "number": pull["number"], "pull_request": pull, "before": before}
            by = actors.get(head) or pull.get("user")
            at = moment_of(pull, "updated_at")
            yield Act(at, "pull_request", f"pull_request:{number}:head:{before[:20]}:{head[:20]}", payload, by)
    heads = {str(p["number"]): p["head"]["sha"] for p in reversed(changed) if p["state"] == "open" and p.get("head")}
    gone = {str(p["number"]) for p in changed if p["state"] != "open"}
    kept = {number: sha for number, sha in look.heads.items() if number not in gone} | heads
    look.heads = dict(list(kept.items())[-_HEADS:])
