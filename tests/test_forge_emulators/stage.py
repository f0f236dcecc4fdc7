"""A forge with four people, a project whose hook listens for everything, a receiver that trusts signatures alone."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from src.demo.forge import Change, ForgeEmulator
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.demo.gitlab.hooks import ALL_SWITCHES
from src.events import Event
from src.forge import WebhookCodec
from src.github_api.webhooks import GitHubCodec
from src.gitlab_api.webhooks import GitLabCodec

SECRET = "hook-secret-0123456789"
ROCKET = "acme/rocket"
SECRET_PLAN = "acme/plan"
CODECS: dict[str, WebhookCodec] = {"github": GitHubCodec(), "gitlab": GitLabCodec()}
CHANGE = Change(path="engine.py", status="added", patch="@@ -0,0 +1 @@\n+x = 1\n")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 5, 4, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time now."""
        return self.time

    def move(self, **by: float) -> None:
        """Let time pass."""
        self.time += timedelta(**by)


@dataclass(kw_only=True)
class Reply:
    """An answer of the API."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(kw_only=True)
class Stage:
    """The emulator, someone who asks its API, and what the hook got."""

    forge: ForgeEmulator
    clock: Clock
    session: ClientSession
    answer: int = 202  # what the receiver says
    secret: str = SECRET  # what the receiver verifies with
    hook_url: str = ""
    events: list[Event] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The neutral names of all that arrived, in order."""
        return [event.names[0] for event in self.events]

    async def ask(
        self,
        method: str,
        path: str,
        who: str | None = "ann",
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request with someone's token; `path` is below the API's root."""
        url = path if path.startswith("http") else self.forge.url + self.api_prefix + path
        sent = dict(headers or {}) | ({"Authorization": f"Bearer tok_{who}"} if who else {})
        async with self.session.request(method, url, json=body, headers=sent, allow_redirects=False) as response:
            answer = await response.json() if response.content_type == "application/json" else await response.text()
            return Reply(status=response.status, headers=response.headers.copy(), body=answer)

    @property
    def api_prefix(self) -> str:
        """GitLab's API is below its address, GitHub's is its address."""
        return "/api/v4" if self.forge.kind == "gitlab" else ""

    @property
    def project_path(self) -> str:
        """Where the API has the project."""
        return "/projects/acme%2Frocket" if self.forge.kind == "gitlab" else "/repos/acme/rocket"

    async def listen(self, *events: str) -> int:
        """Make the hook, for everything unless told else, and forget its ping. Returns its id."""
        if self.forge.kind == "github":
            config = {"url": self.hook_url, "content_type": "json", "secret": SECRET}
            body: dict[str, object] = {"name": "web", "events": list(events or ["*"]), "config": config}
        else:
            switches = {switch: switch in (events or ALL_SWITCHES) for switch in ALL_SWITCHES}
            body = {"url": self.hook_url, "token": SECRET, **switches}
        reply = await self.ask("POST", f"{self.project_path}/hooks", body=body)
        assert reply.status == 201, reply.body
        await self.forge.delivered()
        self.forget()
        return int(reply.body["id"])

    def forget(self) -> None:
        """Begin to count anew."""
        self.events.clear()
        self.bodies.clear()
        self.forge.deliveries.clear()

    async def receive(self, request: web.Request) -> web.Response:
        """What the relay does: verify the bytes, then parse."""
        codec, body = CODECS[self.forge.kind], await request.read()
        codec.verify(request.headers, body, [self.secret], self.clock())
        if self.answer == 202:
            self.bodies.append(await request.json())
            self.events.extend(codec.parse(codec.kept_headers(request.headers), body))
        return web.Response(status=self.answer)


@asynccontextmanager
async def staged(kind: str, base_path: str = "") -> AsyncIterator[Stage]:
    """A forge with its cast and a receiver."""
    clock = Clock()
    made = GitHubEmulator if kind == "github" else GitLabEmulator
    async with AsyncExitStack() as stack:
        forge: ForgeEmulator = await stack.enter_async_context(made(now=clock, base_path=base_path))
        stage = Stage(forge=forge, clock=clock, session=await stack.enter_async_context(ClientSession()))
        app = web.Application()
        app.router.add_post("/hook", stage.receive)
        server = TestServer(app)
        await server.start_server()
        stack.push_async_callback(server.close)
        stage.hook_url = str(server.make_url("/hook"))
        for login in ("ann", "bob", "carl", "dora"):
            forge.add_user(login, name=login.title(), emails=[f"{login}@example.org"])
            forge.add_token(f"tok_{login}", login)
        forge.add_project(ROCKET, members={"ann": "admin", "bob": "write", "carl": "read"})
        forge.add_project(SECRET_PLAN, private=True, members={"ann": "admin", "bob": "write", "carl": "read"})
        forge.add_team("acme/core", ["bob", "carl"])
        yield stage
