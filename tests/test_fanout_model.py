"""Fan-out in a few statements tells what a plain loop over the recipients would: every story ends the same in both."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.database import Database
from src.database.models import Base, Delivery, Message, Project
from src.database.repositories import mutes, projects
from src.events import CommentEvent, CommentOn, Event, IssueAction, IssueEvent, Subject, SubjectKind
from src.webhook.fanout import Plan, store
from src.webhook.personalized_handlers import Reader, Recipient, coalesce_key
from src.webhook.reasons import Reason, ReasonVia
from tests.crowd import Crowd, claimed, gather, post
from tests.databases import sqlite_url
from tests.postgres import fresh
from tests.postgres import shared as shared_server
from tests.rendering import shared

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DELIVERIES = 3
REASONS = (Reason.MENTIONED, Reason.ASSIGNED, Reason.PARTICIPANT, Reason.AUTHOR)
Place = tuple[int, int]


@dataclass(frozen=True)
class Step:
    """An event, who is to be told and why, and what became of the messages in these chats before."""

    event: Event
    delivery: int
    told: tuple[tuple[Place, tuple[Reason, ...]], ...]
    fates: tuple[tuple[int, str], ...]
    muted: frozenset[Place]


@dataclass
class Row:
    """A message, as the plain model has it."""

    event: int
    place: Place
    reasons: list[str]
    key: str | None
    state: str = "new"


@dataclass
class Model:
    """What the messages come to where each recipient is dealt with by itself."""

    rows: list[Row] = field(default_factory=list)
    events: list[tuple[Event, int]] = field(default_factory=list)

    def store(self, step: Step, project_id: int) -> str:
        number = self._event(step)
        if number is None:
            return "told by another delivery"
        queued = overtaken = muted = 0
        for place, reasons in step.told:
            if place in step.muted:
                muted += 1
            elif self._newer(step.event, place):
                overtaken += 1
            else:
                queued += self._queue(step, number, place, [str(reason) for reason in reasons], project_id)
        words = f"{queued} told"
        words += f", {overtaken} overtaken by something newer" if overtaken else ""
        return words + (f", {muted} muted" if muted else "")

    def _event(self, step: Step) -> int | None:
        for number, (event, delivery) in enumerate(self.events):
            if event.happening == step.event.happening:
                return number if delivery == step.delivery else None
        self.events.append((step.event, step.delivery))
        return len(self.events) - 1

    def _newer(self, event: Event, place: Place) -> bool:
        at = event.object_updated_at
        if event.aspect is None or at is None:
            return False
        for row in self.rows:
            other = self.events[row.event][0]
            if row.place == place and row.state != "dead" and other.subject.key == event.subject.key:
                newer = other.object_updated_at is not None and other.object_updated_at > at
                if other.aspect == event.aspect and newer:
                    return True
        return False

    def _queue(self, step: Step, number: int, place: Place, reasons: list[str], project_id: int) -> bool:
        key = coalesce_key(step.event, step.delivery)
        key = None if key is None else f"{project_id}:{key}"
        if key is not None:
            earlier = [row for row in self.rows if (row.key, row.place) == (key, place) and row.state != "dead"]
            known = {reason for row in earlier for reason in row.reasons}
            fresh = [reason for reason in reasons if reason not in known]
            if earlier and not fresh:
                return False
            if earlier and earlier[-1].state == "new":
                earlier[-1].reasons += fresh
                return False
        if any((row.event, row.place) == (number, place) for row in self.rows):
            return False
        self.rows.append(Row(number, place, list(reasons), key))
        return True


def subject(number: int) -> Subject:
    return Subject(kind=SubjectKind.ISSUE, id=str(number), number=number, title="t", url="https://x.example.org")


@st.composite
def events(draw: st.DrawFn) -> Event:
    about = shared(subject(draw(st.integers(1, 2))))
    about |= {"happening": str(draw(st.integers(1, 6)))}
    about |= {"object_updated_at": draw(st.none() | st.integers(0, 4).map(lambda n: NOW + timedelta(minutes=n)))}
    if draw(st.booleans()):
        return CommentEvent(**about, on=CommentOn.ISSUE, comment_id=str(draw(st.integers(1, 2))))
    return IssueEvent(**about, action=draw(st.sampled_from(IssueAction)))


PLACES = st.tuples(st.integers(0, 2), st.integers(0, 1))
REASONS_GIVEN = st.lists(st.sampled_from(REASONS), min_size=1, unique=True).map(tuple)
STEPS = st.builds(
    Step,
    event=events(),
    delivery=st.integers(0, DELIVERIES - 1),
    told=st.dictionaries(PLACES, REASONS_GIVEN, max_size=6).map(lambda found: tuple(found.items())),
    fates=st.dictionaries(st.integers(0, 30), st.sampled_from(("sent", "dead", "sending")), max_size=3).map(
        lambda found: tuple(found.items())
    ),
    muted=st.frozensets(PLACES, max_size=2),
)


async def tell(session: AsyncSession, crowd: Crowd, project: Project, deliveries: list[Delivery], step: Step) -> str:
    """The step through the product."""
    for chat, topic in step.muted:
        place = {"chat_id": crowd.chat_ids[chat], "topic_id": topic}
        await mutes.put(session, project_id=project.id, subject_key=step.event.subject.key, now=NOW, **place)
    told = tuple(
        Recipient(
            reader=Reader(
                subscription_id=crowd.subscription_ids[chat], chat_id=crowd.chat_ids[chat], topic_id=topic,
                is_private_chat=True, scope="all", names=frozenset(), levels={}, account_id=None, person=None,
            ),
            reasons=tuple(ReasonVia(reason=reason) for reason in reasons),
            level="on",
        )
        for (chat, topic), reasons in step.told
    )  # fmt: skip
    plan = Plan(step.event, project, told, 0, 0, None)
    _, words = await store(session, plan, deliveries[step.delivery], NOW)
    for chat, topic in step.muted:
        place = {"chat_id": crowd.chat_ids[chat], "topic_id": topic}
        await mutes.remove(session, project_id=project.id, subject_key=step.event.subject.key, **place)
    return words.partition(f"{step.event.subject.key}: ")[2]


async def compare(database: Database, crowd: Crowd, deliveries: list[Delivery], story: list[Step]) -> None:
    async with database.write() as session:
        model, project = Model(), await projects.get(session, crowd.project_id)
        for step in story:
            for number, state in step.fates:
                if number < len(model.rows):
                    model.rows[number].state = state
                    ids = (await session.scalars(select(Message.id).order_by(Message.id))).all()
                    await session.execute(update(Message).where(Message.id == ids[number]).values(state=state))
            assert await tell(session, crowd, project, deliveries, step) == model.store(step, project.id)
        query = select(Message.chat_id, Message.topic_id, Message.reasons, Message.coalesce_key, Message.state)
        found = [
            ((crowd.chat_ids.index(chat), topic), [item["reason"] for item in reasons], key, state)
            for chat, topic, reasons, key, state in await session.execute(query.order_by(Message.id))
        ]
        assert found == [(row.place, row.reasons, row.key, row.state) for row in model.rows]
        await session.rollback()  # the next story finds nothing of it


async def ready(url: str) -> tuple[Database, Crowd, list[Delivery]]:
    database = Database(url)
    if database.is_sqlite:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
    crowd = await gather(database, 3)
    await post(database, crowd.hook_ids, 1, DELIVERIES)
    return database, crowd, list(await claimed(database, limit=DELIVERIES))


def check(url: str, examples: int) -> None:
    with asyncio.Runner() as runner:
        database, crowd, deliveries = runner.run(ready(url))

        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(STEPS, min_size=1, max_size=8))
        def stories(story: list[Step]) -> None:
            runner.run(compare(database, crowd, deliveries, story))

        try:
            stories()
        finally:
            runner.run(database.close())


def test_what_is_told_at_once_is_what_would_be_told_one_by_one(tmp_path: Path) -> None:
    check(sqlite_url(tmp_path), 150)


def test_what_is_told_at_once_is_what_would_be_told_one_by_one_on_postgresql() -> None:
    check(fresh(shared_server()), 40)
