"""Reviews from the forge's webhook to what stands on the pull request: a forge, the relay, the jobs, a clock."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from src.agent.review import Place, Reviewer
from src.database.jobs import JobRunner
from src.database.models import Account, Chat, Hook, LogEntry, Message, Project, Review, StoredEvent
from src.database.repositories import hooks, projects
from src.demo.forge.records import DeliveryRecord, Files
from src.events import CodeReviewEvent, load
from src.forge import HookSpec, ProjectRef, Remark
from src.webhook.enrich import Enricher
from src.webhook.metrics import Metrics
from src.webhook.pipeline import Pipeline
from src.webhook.planning import Planner
from src.webhook.reviewing.accounts import ForgeTokens, Voices
from src.webhook.reviewing.outcome import Told
from src.webhook.reviewing.trigger import Trigger
from src.webhook.reviewing.work import Reviewing
from tests.hook_stage import OPENED, PATH, Life, living
from tests.worker import work_off

ACCEPTED = 202
CHOSEN = ("code_review.done", "code_review.failed")
BAD = b'''"""A module."""

import os


def readAll(path):
    try:
        return open(path).read()
    except:
        return None


def wait(delay):
    if delay > 86400:
        print("too long")
'''
# The same with the bare except mended, and a line above that moves all others.
BETTER = BAD.replace(b"    except:\n", b"    except OSError:\n").replace(b"import os\n", b"import os\nimport sys\n")
GOOD = b'"""A module."""\n\n\ndef answer():\n    """Say it."""\n    return "yes"\n'


@dataclass(kw_only=True)
class Reviews:
    """What a test of reviews drives and looks at, on one of the two forges."""

    life: Life
    tokens: ForgeTokens = field(default_factory=dict)
    reviewer: Reviewer = field(default_factory=Reviewer)
    owner: str = "tests"
    deliveries: list[DeliveryRecord] = field(default_factory=list)  # as the forge sent them
    _numbers: int = 0

    def __post_init__(self) -> None:
        """Note what the forge sends."""
        self.life.forge.on_delivery(lambda _, sent: self.deliveries.append(sent))

    def reviewing(self) -> Reviewing:
        """As a process builds it."""
        life = self.life
        enricher = Enricher(life.database, life.credentials, clock=life.clock)
        planner = Planner(life.database, enricher, patience=timedelta(seconds=5))
        return Reviewing(
            life.database,
            Voices(life.database, life.credentials, self.tokens),
            self.reviewer,
            Told(life.database, planner, queued=lambda: None, clock=life.clock),
            clock=life.clock,
        )

    async def settle(self) -> None:
        """Work off the inbox, then the reviews that it asked for, until nothing is due."""
        for _ in range(5):
            await self.life.forge.delivered()
            await self._drain()
            if not await self.work():
                return

    async def work(self) -> int:
        """Do the reviews that are due; how many jobs that were."""
        runner = JobRunner(self.life.database, self.reviewing().jobs(), owner=self.owner, clock=self.life.clock)
        return await runner.run_due()

    async def _drain(self) -> None:
        life = self.life
        pipeline = Pipeline(
            life.database,
            Enricher(life.database, life.credentials, clock=life.clock),
            life.credentials.types,
            Metrics(),
            owner=self.owner,
            lease=timedelta(seconds=30),
            queued=lambda: None,
            clock=life.clock,
            checkpoint=_nothing,
            reviews=Trigger(tokens=self.tokens.keys()),
        )
        await work_off(pipeline, life.database)

    # What somebody does on the forge

    async def open(self, files: Files, *, by: str = "bob", title: str = "Wait for it", draft: bool = False) -> int:
        """Open a pull request; returns its number. Nothing is worked off yet."""
        return await self.life.forge.open_pull_request(PATH, by, title, files=files, draft=draft)

    async def push(self, number: int, files: Files, *, by: str = "bob") -> str:
        """Push to it."""
        return await self.life.forge.push_to_pull_request(PATH, by, number, files=files)

    async def hook_by_hand(self) -> None:
        """The hook that somebody made with the secret of the settings; nobody follows the project."""
        life, secret = self.life, "a secret of the settings"
        async with life.database.write() as session:
            hook = Hook(
                public_id="environment", forge_id=life.row_of_forge.id, origin="environment", events=[],
                secret=life.box.seal(secret), created_at=life.clock(),
            )  # fmt: skip
            await hooks.add(session, hook)
        spec = HookSpec(url=f"{life.url}/webhook/{life.kind}", secret=secret, events=life.words(OPENED))
        await life.client("ann").create_hook(await self.ref(), spec)

    async def post(self, body: bytes, *, like: DeliveryRecord) -> None:
        """A delivery that the forge might have sent as it sent that one."""
        hook = self.life.there()
        self._numbers += 1
        number = f"made-{self._numbers}"
        headers = {**like.headers, **self.life.forge.signatures(hook, number, body), "Idempotency-Key": number}
        headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        assert await self.life.post_again(replace(like, body=body, headers=headers)) == ACCEPTED

    # What stands there

    async def ref(self) -> ProjectRef:
        return (await self.life.client("ann").project_by_path(PATH)).ref

    def threads(self, number: int, *, is_open: bool | None = None) -> list[tuple[str | None, int | None, str]]:
        """Path, line and body of each thread's first comment, oldest first; open ones, closed ones, or all."""
        seen: dict[str, tuple[str | None, int | None, str]] = {}
        for note in self.life.forge.comments_on_lines(PATH, number):
            if is_open is None or is_open is (note.resolved_by is None):
                seen.setdefault(note.thread, (note.path, note.line, note.body))
        return list(seen.values())

    async def summaries(self, number: int) -> list[Remark]:
        """The summaries on the pull request itself."""
        found = await self.life.client("ann").remarks(await self.ref(), number)
        return [remark for remark in found if remark.body.rstrip().endswith("<!-- git-assistant:summary v1 -->")]

    async def head(self, number: int) -> str:
        """The newest commit."""
        sha = (await self.life.client("ann").pull_request(await self.ref(), number)).head_sha
        assert sha is not None
        return sha

    async def status(self, number: int) -> tuple[str, str] | None:
        """State and description of our status on the newest commit."""
        found = self.life.forge.statuses(PATH, await self.head(number)).get("git-assistant/review")
        return None if found is None else (found.state, found.description)

    async def place(self) -> Place:
        """Where the account of the settings speaks."""
        life = self.life
        async with life.database.write() as session:
            remote = await life.client("ann").project_by_path(PATH)
            project = await projects.ensure(session, life.row_of_forge.id, remote)
        voices = Voices(life.database, life.credentials, self.tokens)
        asked = Review(trigger="api", project_id=project.id, number=1)
        return voices.place(await voices.of(life.row_of_forge, project, [asked]), None)

    # What is known of them

    async def project_id(self, session: AsyncSession) -> int:
        """Our id of the project."""
        return (await session.scalars(select(Project.id).where(Project.path == PATH))).one()

    async def user(self, session: AsyncSession, login: str) -> int:
        """Our id of a person with an account."""
        return (await session.scalars(select(Account.user_id).where(Account.login == login))).one()

    async def private_chat(self, session: AsyncSession, login: str) -> int:
        """Our id of their private chat."""
        return (await session.scalars(select(Chat.id).where(Chat.title == login))).one()

    async def chats_told(self) -> list[str]:
        """Whom the news of reviews are told to, in order."""
        async with self.life.database.read() as session:
            query = (
                select(Chat.title)
                .join(Message, Message.chat_id == Chat.id)
                .join(StoredEvent, StoredEvent.id == Message.event_id)
                .where(StoredEvent.name.startswith("code_review."))
                .order_by(Message.id)
            )
            return list(await session.scalars(query))

    async def rows(self) -> Sequence[Review]:
        """All reviews, oldest first."""
        async with self.life.database.read() as session:
            return (await session.scalars(select(Review).order_by(Review.id))).all()

    async def states(self) -> list[tuple[str, str | None]]:
        """State and reason of each."""
        return [(review.state, review.error) for review in await self.rows()]

    async def told(self) -> list[CodeReviewEvent]:
        """The news of reviews that stand in the outbox, oldest first."""
        async with self.life.database.read() as session:
            query = (
                select(StoredEvent.body)
                .join(Message, Message.event_id == StoredEvent.id)
                .where(StoredEvent.name.startswith("code_review."))
                .order_by(Message.id)
            )
            events = [load(body) for body in await session.scalars(query)]
        return [event for event in events if isinstance(event, CodeReviewEvent)]

    async def names_told(self) -> list[str]:
        """The names of all news in the outbox but of the pull request itself, oldest first."""
        async with self.life.database.read() as session:
            query = (
                select(StoredEvent.name)
                .join(Message, Message.event_id == StoredEvent.id)
                .where(~StoredEvent.name.startswith("pull_request."))
                .order_by(Message.id)
            )
            return list(await session.scalars(query))

    async def logged(self) -> list[tuple[str, str]]:
        """Kind and outcome of what the log says of reviews, oldest first."""
        async with self.life.database.read() as session:
            query = select(LogEntry).where(LogEntry.outcome.startswith("review_")).order_by(LogEntry.id)
            return [(row.kind, row.outcome) for row in await session.scalars(query)]

    def asked(self, since: int = 0) -> list[str]:
        """Method and path of each request that the forge got, from the one with this number on."""
        return [f"{request.method} {request.path}" for request in self.life.forge.requests[since:]]


async def _nothing(_: str) -> None:
    return


@asynccontextmanager
async def reviewing(
    folder: Path, kind: str, *, own_token: bool = False, one_clock: bool = False
) -> AsyncIterator[Reviews]:
    """A forge whose project has the files of `main`, and reviews of it.

    With `own_token` the settings have a token, of the account `robot`, which may write.
    """
    async with living(folder, kind, one_clock=one_clock) as life:
        tokens = {}
        if own_token:
            life.forge.add_user("robot", name="Robot")
            life.forge.add_token("tok_robot", "robot")
            life.forge.set_member(PATH, "robot", "write")
            tokens[kind, life.row_of_forge.base_url] = "tok_robot"
        life.forge.add_files(PATH, {"src/app.py": GOOD, "README.md": b"# Rocket\n"})
        yield Reviews(life=life, tokens=tokens)
