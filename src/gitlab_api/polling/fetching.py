"""Asking GitLab's lists, the newest first, back to what is known.

GitLab's documentation: "Merge requests API", "Issues API", "Notes API", "Resource state events API", "Events API",
"Pipelines API", "Releases API", "Repositories API" (compare), "Rate limits".
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from src.forge import (
    ForgeError,
    MissingPermission,
    NotFound,
    Polled,
    ProjectRef,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from src.forge_http import News, limit_from_headers, moment, read, segment, share
from src.gitlab_api.api import PER_PAGE, GitLabApi
from src.gitlab_api.polled_names import POLLED_NAMES
from src.gitlab_api.polling.found import SOURCES, Look, synthesise
from src.gitlab_api.projects import below
from src.gitlab_api.resources import Project
from src.gitlab_api.webhooks import GitLabCodec

Json = dict[str, Any]

_CODEC = GitLabCodec()
_PAGES = 10  # of a hundred, of one list
_DETAILS = 50  # merge requests, issues, pipelines that are asked for one by one in one look
_LISTS: dict[str, tuple[str, dict[str, str]]] = {
    "pulls": ("merge_requests", {"scope": "all", "state": "all", "order_by": "updated_at", "sort": "desc"}),
    "issues": ("issues", {"scope": "all", "state": "all", "order_by": "updated_at", "sort": "desc"}),
    "events": ("events", {"sort": "desc"}),
    "pipelines": ("pipelines", {"order_by": "updated_at", "sort": "desc"}),
    "releases": ("releases", {"order_by": "created_at", "sort": "desc"}),
}
_TIMES = {"events": "created_at", "releases": "created_at"}


class _Reader:
    """One look: its cursors, and what the headers said on the way."""

    def __init__(self, api: GitLabApi, project: ProjectRef, news: News) -> None:
        self._api = api
        self._project = project
        self._news = news
        self.headers: Mapping[str, str] = {}
        self.asked = 0

    async def item(self, rest: str, params: Mapping[str, str] | None = None) -> Any:
        self.asked += 1
        found, _, self.headers = await self._api.page_with_headers(below(self._project, rest), params)
        return found

    async def project(self) -> Any:
        self.asked += 1
        found, _, self.headers = await self._api.page_with_headers(f"projects/{segment(self._project.external_id)}")
        return found

    async def listed(self, source: str) -> list[Json] | None:
        """A list back to what is known; `None`: there is none, or not for this token."""
        rest, params = _LISTS[source]
        try:
            return await self.pages(rest, params, cursor=source, time=_TIMES.get(source, "updated_at"))
        except (NotFound, MissingPermission):
            return None

    async def pages(self, rest: str, params: Mapping[str, str], *, cursor: str, time: str) -> list[Json]:
        following, given = below(self._project, rest), {**params, "per_page": PER_PAGE}
        found: list[Json] = []
        for _ in range(_PAGES):
            self.asked += 1
            page, more, self.headers = await self._api.page_with_headers(following, given)
            if not isinstance(page, list):
                raise Unavailable("GitLab's answer is not what its API promises: a list.")
            found += page
            times = [at for item in page if (at := moment(item.get(time))) is not None]
            if more is None or (params.get("sort") == "desc" and self._news.reaches(cursor, times)):
                break
            following, given = more, {}
        return found


async def poll(
    api: GitLabApi,
    project: ProjectRef,
    names: Collection[str],
    state: Mapping[str, Any] | None,
    since: datetime | None = None,
) -> Polled:
    """As `ForgeClient.poll`. A project is addressed by its id, which follows renames."""
    words = _CODEC.hook_events(POLLED_NAMES.intersection(names))
    before = state or {}
    news = News(before.get("cursors"), since=since)
    reader = _Reader(api, project, news)
    home = await reader.project()
    remote = read(Project, home).project()
    lists = {source: await reader.listed(source) for source in _LISTS if SOURCES[source] & words}
    try:
        look = Look(home=home, words=words, lists=lists, news=news)
        look.heads, look.people = dict(before.get("heads", {})), dict(before.get("people", {}))
        look.decide()
        await _details(reader, look)
        deliveries = synthesise(look)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # Without the error's own text, which may hold a piece of the answer.
        name = type(error).__name__
    else:
        room = share(reader.headers, "ratelimit-limit", "ratelimit-remaining")
        new = {"cursors": news.after, "heads": look.heads, "people": look.people}
        resets = limit_from_headers(reader.headers, "ratelimit-reset", datetime.now(UTC))
        return Polled(project=remote, deliveries=deliveries, state=new, room=room, resets=resets, asked=reader.asked)
    raise Unavailable(f"GitLab's lists are not what its API promises ({name}).")


async def _details(reader: _Reader, look: Look) -> None:
    """What was said and done on each thread that changed, each pipeline's end, and what a push brought."""
    for key in sorted(look.to_read)[-_DETAILS:]:
        kind, number = key
        address = f"{'merge_requests' if kind == 'pulls' else 'issues'}/{number}"
        notes = {"sort": "desc", "order_by": "created_at"}
        await _kept(
            reader.pages(f"{address}/notes", notes, cursor=f"notes:{kind}", time="created_at"),
            partial(look.notes.__setitem__, key),
        )
        await _kept(
            reader.pages(f"{address}/resource_state_events", {}, cursor=f"states:{kind}", time="created_at"),
            partial(look.states.__setitem__, key),
        )
    for pipeline in look.changed_pipelines[:_DETAILS]:
        number, sha = pipeline["id"], pipeline["sha"]
        await _kept(reader.item(f"pipelines/{number}"), partial(look.pipelines.__setitem__, number))
        if sha not in look.commits:
            await _kept(reader.item(f"repository/commits/{segment(sha)}"), partial(look.commits.__setitem__, sha))
    for start, end in look.pushed[:_DETAILS]:
        params = {"from": start, "to": end}
        await _kept(reader.item("repository/compare", params), partial(look.compared.__setitem__, end))


async def _kept(question: Any, keep: Callable[[Any], object]) -> None:
    """One more question; what is not there, or not for this token, is left out."""
    try:
        keep(await question)
    except (Unauthorized, RateLimited, Unavailable):
        raise
    except ForgeError:
        return  # a comparison of what was forced away, say: the rest is told without it
