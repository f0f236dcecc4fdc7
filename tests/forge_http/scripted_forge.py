"""A forge that answers what a test tells it to, one reply after the other, and remembers what it was asked."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from src.forge import Connector, ForgeClient, HookSpec, ProjectRef, RemoteHook
from src.forge_http import Policy
from src.github_api.client import GitHubConnector
from src.gitlab_api.client import GitLabConnector

TOKEN = "tok-ann-0123456789"
SECRET = "hook-secret-0123456789"
REF = ProjectRef(external_id="7", path="acme/rocket")
SPEC = HookSpec(url="https://relay.example/webhook/x", events=frozenset({"push_events"}), secret=SECRET)

ROCKET = {
    "github": {"id": 7, "full_name": "acme/rocket", "html_url": "https://forge.example/acme/rocket", "private": True},
    "gitlab": {"id": 7, "path_with_namespace": "acme/rocket", "web_url": "https://forge.example/acme/rocket",
               "visibility": "private"},
}  # fmt: skip
HOOK = {
    "github": {"id": 3, "active": True, "events": ["push_events"], "config": {"url": SPEC.url}},
    "gitlab": {"id": 3, "url": SPEC.url, "push_events": True},
}
HTML = "<!doctype html><title>Sign in</title><p>Please sign in"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer. `json` before `text`; `hang` never answers, `drop` closes the connection instead."""

    status: int = 200
    json: Any = None
    text: str | bytes | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    drop: bool = False
    gzip: bool = False


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body, decoded."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def token(self) -> str:
        """What the request carried as its token."""
        return self.headers.get("Authorization", "").removeprefix("token ").removeprefix("Bearer ")


class ScriptedForge:
    """Plays `replies` in order; the last one again and again."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.replies: list[Reply] = []
        self.seen: list[Seen] = []
        self.slept: list[float] = []
        self._closing = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        await self._server.close()

    @property
    def url(self) -> str:
        """The base address without a slash at the end."""
        return str(self._server.make_url("")).rstrip("/")

    @property
    def api_path(self) -> str:
        """What every path of the API begins with."""
        return "/api/v4" if self.kind == "gitlab" else ""

    @property
    def project_path(self) -> str:
        """Where the project with the id 7 is."""
        return "/api/v4/projects/7" if self.kind == "gitlab" else "/repositories/7"

    @property
    def rocket(self) -> Reply:
        """The project acme/rocket."""
        return Reply(json=ROCKET[self.kind])

    @property
    def hook(self) -> Reply:
        """A hook that was made."""
        return Reply(status=201, json=HOOK[self.kind])

    def will(self, *replies: Reply) -> None:
        """Answer the next requests so."""
        self.replies = list(replies)

    def connector(self, session: aiohttp.ClientSession, policy: Policy | None = None) -> Connector:
        """A connector that does not wait but writes down how long it would."""

        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        kind = GitLabConnector if self.kind == "gitlab" else GitHubConnector
        return kind(session, policy=policy, sleep=sleep)

    async def post_hook(self, client: ForgeClient, *replies: Reply) -> RemoteHook:
        """Make a hook; `replies` are for the POST (GitHub's client asks for the project before it)."""
        self.will(*([self.rocket] if self.kind == "github" else []), *replies)
        return await client.create_hook(REF, SPEC)

    @property
    def posts(self) -> list[Seen]:
        """The POST requests alone."""
        return [seen for seen in self.seen if seen.method == "POST"]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.seen.append(Seen(method=request.method, path=request.path_qs, headers=request.headers, body=body))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.hang:
            await self._closing.wait()
        if reply.drop and request.transport is not None:
            request.transport.close()
        content: str | bytes | None = reply.text
        if reply.json is not None:
            return self._sent(reply, web.json_response(reply.json, status=reply.status))
        raw = content.encode() if isinstance(content, str) else content or b""
        response = web.Response(body=raw, status=reply.status)
        if raw:
            response.headers["Content-Type"] = reply.content_type
        return self._sent(reply, response)

    def _sent(self, reply: Reply, response: web.Response) -> web.Response:
        response.headers.update(reply.headers)
        if reply.gzip:
            response.enable_compression(web.ContentCoding.gzip)
        return response


def everything_said(error: BaseException) -> str:
    """The text and representation of an error and of all that hangs on it."""
    said, found = [], [error]
    while found:
        one = found.pop()
        said += [str(one), repr(one), repr(one.args), repr(vars(one))]
        found += [other for other in (one.__cause__, one.__context__) if other is not None]
    return "\n".join(said)
