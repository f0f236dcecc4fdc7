"""A third forge, whole, in one file: its dialect of webhooks, its REST API with a client for it, its registration."""

import hmac
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from src.events import (
    CommentEvent,
    CommentOn,
    Event,
    IssueAction,
    IssueEvent,
    People,
    Person,
    Project,
    PullRequestAction,
    PullRequestEvent,
    Subject,
    SubjectKind,
    Team,
)
from src.forge import (
    BadSignature,
    FileDiff,
    ForgeType,
    HookPlace,
    HookSpec,
    Identity,
    MissingPermission,
    NotFound,
    Notified,
    Polled,
    ProjectPage,
    ProjectRef,
    RemoteDelivery,
    RemoteHook,
    RemoteIssue,
    RemotePipeline,
    RemoteProject,
    RemotePullRequest,
    Unauthorized,
    Unavailable,
    UnknownEvent,
    Unparsable,
    Unsupported,
)
from src.markdown import excerpt, mentions
from tests.no_reviews import NoReviews

_WORDS = {
    "pull_request.opened": "changes",
    "pull_request.merged": "changes",
    "issue.opened": "tickets",
    "comment.issue": "words",
}


class ToyCodec:
    """Deliveries carry the hook's secret as it is; the body says what, where, who and on which number."""

    names: frozenset[str] = frozenset(_WORDS)

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
        given = headers.get("X-Toy-Secret", "").encode("utf-8", "surrogatepass")
        if not any(hmac.compare_digest(given, secret.encode()) for secret in secrets if secret):
            raise BadSignature("X-Toy-Secret is another secret")

    def delivery_key(self, headers: Mapping[str, str], body: bytes) -> str:
        return headers["X-Toy-Delivery"][:128]

    def replay_key(self, headers: Mapping[str, str], body: bytes) -> str | None:
        return None

    def event_header(self, headers: Mapping[str, str]) -> str:
        return headers.get("X-Toy-What", headers.get("x-toy-what", ""))

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {"x-toy-what": self.event_header(headers)}

    def parse(self, headers: Mapping[str, str], body: bytes) -> tuple[Event, ...]:
        what = self.event_header(headers)
        try:
            document = json.loads(body)
            if what == "change.dusted":
                return ()
            return (_READERS[what](document),)
        except KeyError as error:
            if what not in _READERS:
                raise UnknownEvent(what) from None
            raise Unparsable(f"{error.args[0]}: missing") from None
        except ValueError:
            raise Unparsable("not JSON") from None

    def hook_events(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(_WORDS[name] for name in names if name in _WORDS)


def _person(document: Mapping[str, Any]) -> Person:
    return Person(id=document["id"], login=document["nick"])


def _shared(document: Mapping[str, Any], kind: SubjectKind, *, aspect: str | None = None) -> dict[str, Any]:
    where, number = document["where"], document["no"]
    return {
        "project": Project(forge="toy", external_id=where["id"], path=where["name"], private=where["secret"]),
        "subject": Subject(
            kind=kind, id=str(number), number=number, title=document["title"], url=f"{where['page']}/{number}"
        ),
        "happening": f"{kind}:{number}:{document.get('word')}:{document['when']}",
        "actor": _person(document["who"]),
        "people": People(author=_person(document["of"]), mentioned=mentions(document.get("text"))),
        "excerpt": excerpt(document.get("text")),
        "aspect": aspect,
        "object_updated_at": datetime.fromisoformat(document["when"]),
    }


def _change(action: PullRequestAction) -> Any:
    def read(document: Mapping[str, Any]) -> Event:
        return PullRequestEvent(**_shared(document, SubjectKind.PULL_REQUEST, aspect="state"), action=action)

    return read


def _ticket(document: Mapping[str, Any]) -> Event:
    return IssueEvent(**_shared(document, SubjectKind.ISSUE, aspect="state"), action=IssueAction.OPENED)


def _word(document: Mapping[str, Any]) -> Event:
    return CommentEvent(**_shared(document, SubjectKind.ISSUE), on=CommentOn.ISSUE, comment_id=str(document["word"]))


_READERS = {
    "change.made": _change(PullRequestAction.OPENED),
    "change.taken": _change(PullRequestAction.MERGED),
    "ticket.made": _ticket,
    "word.said": _word,
}


class ToyClient(NoReviews):
    """Reads ``/api/...`` with a token; toys are neither built nor shipped, so there is much that it never has."""

    def __init__(self, session: ClientSession, base_url: str, token: str | None) -> None:
        self._session = session
        self._base_url = base_url
        self._headers = {"X-Toy-Token": token or ""}

    async def _get(self, path: str) -> Any:
        async with self._session.get(f"{self._base_url}/api/{path}", headers=self._headers) as response:
            if response.status >= 500:
                raise Unavailable("the toy box is shut")
            if response.status == 401:
                raise Unauthorized("no such token")
            if response.status != 200:
                raise NotFound(path)
            return await response.json()

    async def whoami(self) -> Identity:
        me = await self._get("me")
        return Identity(id=me["id"], login=me["nick"])

    async def projects(self, *, search: str | None = None, page: int = 1, per_page: int = 20) -> ProjectPage:
        found = [_project(item) for item in await self._get("boxes") if (search or "") in item["name"]]
        first = (page - 1) * per_page
        return ProjectPage(
            projects=tuple(found[first : first + per_page]), page=page, has_next=len(found) > first + per_page
        )

    async def project(self, external_id: str) -> RemoteProject:
        return _project(await self._get(f"boxes/{external_id}"))

    async def project_by_path(self, path: str) -> RemoteProject:
        return next(item for item in (await self.projects(per_page=1000)).projects if item.path == path)

    async def hooks(self, place: HookPlace) -> tuple[RemoteHook, ...]:
        return ()

    async def create_hook(self, place: HookPlace, spec: HookSpec) -> RemoteHook:
        raise MissingPermission("hooks of toys are made by hand")

    async def update_hook(self, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
        raise MissingPermission("hooks of toys are made by hand")

    async def delete_hook(self, place: HookPlace, hook_id: str) -> None:
        raise MissingPermission("hooks of toys are made by hand")

    async def test_hook(self, place: HookPlace, hook_id: str) -> None:
        raise MissingPermission("hooks of toys are made by hand")

    async def deliveries(self, place: HookPlace, hook_id: str, since: str | None = None) -> tuple[RemoteDelivery, ...]:
        raise Unsupported("toys forget what they said")

    async def redeliver(self, place: HookPlace, hook_id: str, delivery_id: str) -> None:
        raise NotFound("toys forget what they said")

    async def poll(
        self,
        project: ProjectRef,
        names: Collection[str],
        state: Mapping[str, Any] | None,
        *,
        since: datetime | None = None,
    ) -> Polled:
        raise Unsupported("this forge has no lists of what happened")

    async def notified(self, mark: str | None) -> Notified:
        raise Unsupported("this forge has no notifications")

    async def pull_request(self, project: ProjectRef, number: int) -> RemotePullRequest:
        raise NotFound("toys show no changes")

    async def diff(self, project: ProjectRef, number: int) -> tuple[FileDiff, ...]:
        return ()

    async def issue(self, project: ProjectRef, number: int) -> RemoteIssue:
        raise NotFound("toys show no tickets")

    async def pipeline(self, project: ProjectRef, pipeline_id: str) -> RemotePipeline:
        raise NotFound("toys are not built")

    async def commit_authors(self, project: ProjectRef, sha: str) -> tuple[Person, ...]:
        return ()

    async def participants(self, project: ProjectRef, subject: Subject) -> tuple[Person, ...]:
        found = await self._get(f"boxes/{project.external_id}/talkers/{subject.id}")
        return tuple(_person(item) for item in found)

    async def team_members(self, team: Team) -> tuple[Person, ...]:
        raise NotFound("toys have no teams")

    async def can_read(
        self, project: ProjectRef, subject: Subject | None = None, comment_id: str | None = None
    ) -> bool:
        try:
            await self.project(project.external_id)
        except (NotFound, Unauthorized):
            return False
        return True

    async def hook_networks(self) -> tuple[str, ...]:
        return ()


def _project(item: Mapping[str, Any]) -> RemoteProject:
    return RemoteProject(external_id=item["id"], path=item["name"], url=item["page"], private=item["secret"])


class ToyConnector:
    """Opens toy clients over the session of all forges."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    def client(self, base_url: str, token: str | None) -> ToyClient:
        return ToyClient(self._session, base_url, token)


TOY = ForgeType(
    kind="toy",
    title="Toy Box",
    pull_request_word="CR",
    pull_request_mark="~",
    bare_group_names=False,
    token_page="tokens",
    token_needs=(),
    token_example="toy-...",
    web_url=str,
    codec=ToyCodec(),
    connector=ToyConnector,
)


class ToyBox:
    """The forge itself: who reads which of its boxes, who talked in which thread, and what it was asked."""

    def __init__(self, boxes: Sequence[Mapping[str, Any]], readers: Mapping[str, Collection[str]]) -> None:
        """`readers`: by token, the ids of the boxes that it opens."""
        self.boxes = {box["id"]: box for box in boxes}
        self.readers = readers
        self.talkers: dict[str, list[dict[str, str]]] = {}
        self.asked: list[tuple[str, str]] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Serves on a loopback port; gives the address."""
        app = web.Application()
        app.router.add_get("/api/boxes/{id}", self._box)
        app.router.add_get("/api/boxes/{id}/talkers/{no}", self._talkers)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")

    async def _box(self, request: web.Request) -> web.Response:
        return web.json_response(self._check(request))

    async def _talkers(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.json_response(self.talkers.get(request.match_info["no"], []))

    def _check(self, request: web.Request) -> Mapping[str, Any]:
        token, box = request.headers["X-Toy-Token"], request.match_info["id"]
        self.asked.append((token, request.path))
        if token not in self.readers:
            raise web.HTTPUnauthorized
        if box not in self.readers[token]:
            raise web.HTTPNotFound
        return self.boxes[box]
