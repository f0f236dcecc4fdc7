"""The relay and its worker in this process, on real sockets and a real database, over a forge that answers at once."""

import asyncio
import dataclasses
import gc
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet
from sqlalchemy import func, select

from src.app import run, site_of
from src.config import Settings
from src.database import migrate
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Delivery, Hook, utc_now
from src.database.repositories import accounts, forges, hooks, projects, subscriptions, users
from src.events import DEFAULT_NAMES
from src.forge import Identity, RemoteProject
from tests.fake_forge import FakeForge

SECRET = "whsec_c2VjcmV0IG9mIHRoZSBmdXp6ZXJz"
PROJECTS = {"github": "501", "gitlab": "42"}  # those of the fixtures
NOBODY = "http://127.0.0.1:9"
_OVER = ("done", "ignored", "unknown", "quarantined")


class Errors(logging.Handler):
    """What the program logged as an error: with a traceback it is a finding, whatever the answer was."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it as text: a record would keep what it is about. Jobs ask a forge that is none, and may fail."""
        if record.name == "src.database.jobs":
            return
        self.records.append(logging.Formatter().format(record)[:4000])


@dataclass
class Stage:
    """Where to post, and how it stands behind that."""

    database: Database
    port: int
    paths: dict[str, str]  # of the hooks, by kind
    works: bool
    errors: Errors = field(default_factory=Errors)

    async def settled(self, seconds: float = 120) -> None:
        """Until the worker has dealt with all that came. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while await self._waiting():  # noqa: ASYNC110 - the worker tells nobody
                await asyncio.sleep(0.02)

    async def _waiting(self) -> int:
        async with self.database.read() as session:
            query = select(func.count()).select_from(Delivery).where(Delivery.state.not_in(_OVER))
            return await session.scalar(query) or 0

    async def states(self) -> dict[str, int]:
        """How many deliveries ended how."""
        async with self.database.read() as session:
            rows = await session.execute(select(Delivery.state, func.count().label("total")).group_by(Delivery.state))
            return {row.state: row.total for row in rows}


@asynccontextmanager
async def stage(folder: Path, *, works: bool) -> AsyncIterator[Stage]:
    """The program runs, with a hook of each forge, and two people and a group that follow everything.

    Unless it `works` it takes deliveries in and does no more.
    """
    key = Fernet.generate_key().decode()
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite+aiosqlite:///{folder / 'fuzz.db'}",
        secret_keys=(key,),
        github_api_url=NOBODY,
        gitlab_url=NOBODY,
        public_url="https://relay.example.org",
        port=0,
    )
    forge, site = FakeForge(), site_of(settings)
    types = {kind: dataclasses.replace(each, connector=lambda _: forge) for kind, each in site.types.items()}
    database = Database(settings.database_url)
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop, errors = asyncio.Event(), Errors()
    try:
        await migrate.upgrade(database)
        paths = {kind: await _fill(database, SecretBox([key]), kind) for kind in types}
        with _only(errors):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(
                    run(
                        settings,
                        frozenset({"webhook", "worker"} if works else {"webhook"}),
                        ready=listening.set_result,
                        site=dataclasses.replace(site, types=types),
                        stop=stop,
                        signals=False,
                    )
                )
                try:
                    yield Stage(database, await listening, paths, works, errors)
                finally:
                    stop.set()
    finally:
        await database.close()


async def _fill(database: Database, box: SecretBox, kind: str) -> str:
    now = utc_now()
    async with database.write() as session:
        forge = await forges.ensure(session, kind, NOBODY)
        remote = RemoteProject(
            external_id=PROJECTS[kind], path="acme/rocket", url=f"{NOBODY}/acme/rocket", private=False
        )
        project = await projects.ensure(session, forge.id, remote)
        hook = Hook(
            public_id=f"hook-{kind}",
            forge_id=forge.id,
            project_id=project.id,
            origin="managed",
            secret=box.seal(SECRET),
            events=[],
            created_at=now,
        )
        await hooks.add(session, hook)
        for number, (login, scope, type_) in enumerate(
            (("ann", "all", "private"), ("carl", "mine", "private"), ("bob", "all", "supergroup"))
        ):
            user = await users.ensure_user(session, 1000 + number, name=login, language="en", now=now)
            place = 1000 + number if type_ == "private" else -1000 - number
            chat = await users.ensure_chat(session, place, type_=type_, title=login, language="en")
            account = await accounts.put(
                session,
                user_id=user.id,
                forge_id=forge.id,
                identity=Identity(id=str(number), login=login),
                token=box.seal("token"),
                last4="oken",
                now=now,
            )
            await subscriptions.put(
                session,
                project_id=project.id,
                chat_id=chat.id,
                topic_id=0,
                owner_id=user.id,
                account_id=account.id,
                scope=scope,
                events=sorted(DEFAULT_NAMES),
                now=now,
            )
    return f"/webhook/{kind}/hook-{kind}"


@contextmanager
def _only(handler: logging.Handler) -> Iterator[None]:
    """The root logger hands errors to `handler` and nothing to anybody else: pytest would keep each for its report."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = [handler]
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)


def resident() -> float:
    """MiB that this process holds now, garbage collected."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("VmRSS is not told")
