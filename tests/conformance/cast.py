"""A forge with its people and projects, and the words in which the forges differ."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web
from aiohttp.test_utils import TestServer

from src.demo.forge import ForgeEmulator, Role
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.events import Person, Subject, SubjectKind
from src.forge import Connector, ForgeClient, HookSpec, ProjectRef
from src.forge_http import Policy, open_session
from src.github_api.client import GitHubConnector
from src.gitlab_api.client import GitLabConnector

SECRET = "hook-secret-0123456789"
PEOPLE = ("ann", "bob", "carl", "dora")


@dataclass(kw_only=True)
class Forge:
    """An emulator, a connector to it, and the words in which the forges differ."""

    emulator: ForgeEmulator
    connector: Connector
    impatient: Connector  # gives up after a quarter of a second
    slept: list[float] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)  # of the projects, by the path they were made with

    @property
    def kind(self) -> str:
        """``github`` or ``gitlab``."""
        return self.emulator.kind

    @property
    def hook_events(self) -> tuple[str, str, str]:
        """Three events that a hook may have, in the forge's words."""
        if self.kind == "github":
            return ("pull_request", "issues", "push")
        return ("merge_requests_events", "issues_events", "push_events")

    def client(self, login: str = "ann") -> ForgeClient:
        """A client with this person's token."""
        return self.connector.client(self.emulator.url, token_of(login))

    def stranger(self) -> ForgeClient:
        """A client without a token."""
        return self.connector.client(self.emulator.url, None)

    def ref(self, path: str) -> ProjectRef:
        """The address of a project of the cast."""
        return ProjectRef(external_id=self.ids[path], path=path)

    @property
    def rocket(self) -> ProjectRef:
        """The private project that ann administers, bob may write to and carl may read."""
        return self.ref("acme/rocket")

    def spec(self, url: str = "https://relay.example/webhook/1", *events: str, secret: str | None = SECRET) -> HookSpec:
        """What a hook should be."""
        return HookSpec(url=url, events=frozenset(events or self.hook_events[:2]), secret=secret)

    def add_project(self, path: str, *, private: bool = True) -> ProjectRef:
        """A further project of ann's."""
        self.ids[path] = self.emulator.add_project(path, private=private, members={"ann": "admin"})
        return self.ref(path)


def token_of(login: str) -> str:
    """What the cast's tokens look like."""
    return f"tok_{login}"


def subject(kind: SubjectKind, number: int) -> Subject:
    """A pull request or an issue."""
    return Subject(kind=kind, id=str(number), number=number, title="")


def logins(people: tuple[Person, ...]) -> list[str]:
    """Who they are, in alphabetical order."""
    return sorted(person.login or "?" for person in people)


@asynccontextmanager
async def opened(address: str) -> AsyncIterator[Forge]:
    """A forge with its cast; `address` is its kind and its sub-path, e.g. ``gitlab /gitlab``."""
    kind, _, base_path = address.partition(" ")
    made: ForgeEmulator = (
        GitHubEmulator(base_path=base_path) if kind == "github" else GitLabEmulator(base_path=base_path)
    )
    connect = GitHubConnector if kind == "github" else GitLabConnector
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with made as emulator, open_session() as session:
        hurried = Policy(timeout=0.25, retry_window=0.2)
        forge = Forge(
            emulator=emulator,
            connector=connect(session, sleep=sleep),
            impatient=connect(session, policy=hurried, sleep=sleep),
            slept=slept,
        )
        for login in PEOPLE:
            emulator.add_user(login, name=login.title(), emails=[f"{login}@example.org"])
            emulator.add_token(token_of(login), login)
        roles: dict[str, Role] = {"ann": "admin", "bob": "write", "carl": "read"}
        forge.ids["acme/rocket"] = emulator.add_project("acme/rocket", private=True, members=roles)
        yield forge


class Receiver:
    """Something on loopback that accepts deliveries, as long as its `status` is 202."""

    def __init__(self) -> None:
        self.status = 202
        self._events: asyncio.Queue[str] = asyncio.Queue()
        app = web.Application()
        app.router.add_post("/webhook", self._accept)
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        """Where deliveries go."""
        return str(self._server.make_url("/webhook"))

    async def next(self) -> str:
        """The event of the next delivery, in the forge's words."""
        async with asyncio.timeout(30):
            return await self._events.get()

    async def _accept(self, request: web.Request) -> web.Response:
        self._events.put_nowait(request.headers.get("X-GitHub-Event") or request.headers.get("X-Gitlab-Event") or "")
        return web.Response(status=self.status)
