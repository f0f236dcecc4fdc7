"""Asking GitHub's lists, each by the same address every time, so that a 304 answers what has not changed.

GitHub's documentation: "REST API endpoints for issue events", "... repositories" (activities), "... pull requests",
"... issues", "... workflow runs", "... releases", "... events", "... notifications", "Best practices for using the
REST API" (conditional requests do not count against the rate limit).
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from src.forge import (
    ForgeError,
    MissingPermission,
    NotFound,
    Notified,
    Polled,
    ProjectRef,
    RateLimited,
    Unauthorized,
    Unavailable,
    Unsupported,
)
from src.forge_http import News, limit_from_headers, moment, read, share
from src.github_api.api import PER_PAGE, GitHubApi, Variable
from src.github_api.polled_names import POLLED_NAMES
from src.github_api.polling.found import SOURCES, Look, synthesise
from src.github_api.projects import parts
from src.github_api.resources import Repository
from src.github_api.webhooks.codec import GitHubCodec

Json = dict[str, Any]

_CODEC = GitHubCodec()
_PAGES = 10  # of a hundred, of one list
_DETAILS = 50  # pull requests, comparisons and the like that are asked for one by one in one look
_REPO = "/repos/{owner}/{repo}"
_LISTS = {
    "pulls": "/pulls?state=all&sort=updated&direction=desc{&per_page}",
    "issues": "/issues?state=all&sort=updated&direction=desc{&per_page}",
    "issue_events": "/issues/events{?per_page}",
    "issue_comments": "/issues/comments?sort=created&direction=desc{&per_page}",
    "review_comments": "/pulls/comments?sort=created&direction=desc{&per_page}",
    "runs": "/actions/runs{?per_page}",
    "activity": "/activity{?per_page}",
    "events": "/events{?per_page}",
    "releases": "/releases{?per_page}",
}
_TIMES = {"pulls": "updated_at", "issues": "updated_at", "runs": "created_at", "activity": "timestamp"}
_ONE_PAGE = frozenset({"runs", "releases"})  # in order of their making: what changed is among the newest


class _Reader:
    """One look: its repository, its cursors, and what the headers said on the way."""

    def __init__(self, api: GitHubApi, news: News) -> None:
        self._api = api
        self._news = news
        self.where: dict[str, str] = {}
        self.headers: Mapping[str, str] = {}
        self.asked = 0
        self.pause: int | None = None

    async def item(self, address: str, **variables: str | int) -> Any:
        self.asked += 1
        found, _, self.headers = await self._api.page_with_headers(address, **self.where, **variables)
        return found

    async def listed(self, source: str) -> list[Json] | None:
        """A list, the newest first, back to what is known; `None`: there is none, or not for this token."""
        following = _REPO + _LISTS[source]
        given: dict[str, Variable] = {**self.where, "per_page": PER_PAGE}
        found: list[Json] = []
        for _ in range(1 if source in _ONE_PAGE else _PAGES):
            self.asked += 1
            try:
                data, more, self.headers = await self._api.page_with_headers(following, **given)
            except (NotFound, MissingPermission):
                return None
            page = data.get("workflow_runs") if isinstance(data, dict) else data
            if not isinstance(page, list):
                raise Unavailable("GitHub's answer is not what its API promises: a list.")
            found += page
            if source == "events" and self.headers.get("x-poll-interval", "").isdecimal():
                self.pause = int(self.headers["x-poll-interval"])
            times = [at for item in page if (at := moment(item.get(_TIMES.get(source, "created_at"))))]
            if more is None or self._news.reaches(source, times):
                break
            following, given = more, {}
        return found


async def poll(
    api: GitHubApi,
    project: ProjectRef,
    names: Collection[str],
    state: Mapping[str, Any] | None,
    since: datetime | None = None,
) -> Polled:
    """As `ForgeClient.poll`. A repository is asked for by its id first, which follows renames."""
    chosen = POLLED_NAMES.intersection(names)
    words = _CODEC.hook_events(chosen) if chosen else frozenset[str]()
    before = state or {}
    news = News(before.get("cursors"), since=since)
    reader = _Reader(api, news)
    repository = await reader.item("/repositories/{id}", id=project.external_id)
    remote = read(Repository, repository).project()
    reader.where = parts(remote.path)
    lists = {source: await reader.listed(source) for source in _LISTS if SOURCES[source] & words}
    try:
        look = Look(repository=repository, words=words, names=frozenset(names), lists=lists, news=news)
        look.heads = dict(before.get("heads", {}))
        await _details(reader, look)
        deliveries = synthesise(look)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # Without the error's own text, which may hold a piece of the answer.
        name = type(error).__name__
    else:
        room = share(reader.headers, "x-ratelimit-limit", "x-ratelimit-remaining")
        new = {"cursors": news.after, "heads": look.heads}
        resets = limit_from_headers(reader.headers, "x-ratelimit-reset", datetime.now(UTC))
        return Polled(
            project=remote, deliveries=deliveries, state=new, pause=reader.pause, room=room, resets=resets,
            asked=reader.asked,
        )  # fmt: skip
    raise Unavailable(f"GitHub's lists are not what its API promises ({name}).")


async def _details(reader: _Reader, look: Look) -> None:
    """What only single questions tell: pull requests and issues beside the lists, reviews, what a push brought."""
    look.decide()
    for number in _some(look.missing_pulls()):
        await _kept(reader, f"{_REPO}/pulls/{{number}}", partial(look.add_pull, number), number=number)
    for number in _some(look.missing_issues()):
        await _kept(reader, f"{_REPO}/issues/{{number}}", partial(look.add_issue, number), number=number)
    for number in _some(look.to_review):
        address = f"{_REPO}/pulls/{{number}}/reviews?per_page=100"
        await _kept(reader, address, partial(look.reviews.__setitem__, number), number=number)
    for before, after in look.pushed[:_DETAILS]:
        address = f"{_REPO}/compare/{{before}}...{{after}}"
        await _kept(reader, address, partial(look.compared.__setitem__, after), before=before, after=after)


async def _kept(reader: _Reader, address: str, keep: Callable[[Any], object], **variables: str | int) -> None:
    """One more question; what is not there, or not for this token, is left out."""
    try:
        keep(await reader.item(address, **variables))
    except (Unauthorized, RateLimited, Unavailable):
        raise
    except ForgeError:
        return  # a comparison of what was forced away, say: the rest is told without it


def _some(numbers: Collection[int]) -> list[int]:
    return sorted(numbers)[-_DETAILS:]


async def notified(api: GitHubApi, mark: str | None) -> Notified:
    """``GET /notifications``: it tells *that* something happened, and where. Takes a classic token."""
    try:
        found, _, headers = await api.page_with_headers("/notifications?all=true&per_page=50")
    except (MissingPermission, NotFound) as error:
        raise Unsupported(f"This token may not see notifications: {error}") from None
    if not isinstance(found, list):
        raise Unavailable("GitHub's answer is not what its API promises: a list of notifications.")
    told = [(item["updated_at"], item["repository"]["id"]) for item in found if _is_notification(item)]
    newest = max([*(at for at, _ in told), *([mark] if mark else [])], default=None)
    fresh = {str(where) for at, where in told if mark is not None and at > mark}
    pause = headers.get("x-poll-interval", "")
    return Notified(projects=frozenset(fresh), mark=newest or "0", pause=int(pause) if pause.isdecimal() else None)


def _is_notification(item: Any) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("repository"), dict):
        return False
    return moment(item.get("updated_at")) is not None and "id" in item["repository"]
