"""Notifications and subscriptions for the tests of dialogs, put where the relay would put them."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from src.bot.bot import create_bot
from src.database.models import Account, Message, StoredEvent, utc_now
from src.database.models import Subscription as SubscriptionRow
from src.database.repositories import projects, subscriptions, users
from src.demo.telegram import Chat, Person
from src.demo.telegram import Message as Seen
from src.events import SCHEMA_VERSION, Event, dump
from src.forge import RemoteProject
from src.forges import FORGE_TYPES
from src.webhook.metrics import Metrics
from src.webhook.notifier import Notifier
from tests.bot_stage import Stage, Unpaced
from tests.outbox import NoPacer, until

_NUMBERS = itertools.count(1)


async def follow(stage: Stage, person: Person, path: str, in_: Chat | None = None) -> SubscriptionRow:
    """The person's chat, or a group, follows a project of GitHub that only the database knows."""
    place = in_ or person.private
    now = utc_now()
    async with stage.database.write() as session:
        user = await users.ensure_user(session, person.id, name=person.name, language="en", now=now)
        type_ = "private" if in_ is None else "supergroup"
        chat = await users.ensure_chat(session, place.id, type_=type_, title="chat", language=None)
        account = (await session.scalars(select(Account).where(Account.user_id == user.id))).first()
        remote = RemoteProject(external_id=path, path=path, url=f"https://github.com/{path}", private=False)
        project = await projects.ensure(session, stage.deps.forges[0].id, remote)
        return await subscriptions.put(
            session,
            project_id=project.id,
            chat_id=chat.id,
            topic_id=place.topic_id or 0,
            owner_id=user.id,
            account_id=account.id if account else 0,
            scope="all",
            events=["comment.issue", "issue.opened"],
            now=now,
        )


async def notify(stage: Stage, row: SubscriptionRow, place: Chat, event: Event, reasons: Sequence[str] = ()) -> Seen:
    """The notifier tells the subscription's chat of an event; the message as it stands there."""
    mark = place.mark()
    async with stage.database.write() as session:
        await queue(session, row, event, reasons)
    await drain(stage)
    return await place.wait_for(since=mark)


async def queue(session: AsyncSession, row: SubscriptionRow, event: Event, reasons: Sequence[str] = ()) -> None:
    """A message on its way to the subscription's chat, as the relay leaves it in the outbox."""
    now = utc_now()
    stored = StoredEvent(
        project_id=row.project_id,
        happening_key=f"h{next(_NUMBERS)}",
        name=event.names[0],
        subject_key=event.subject.key,
        schema_version=SCHEMA_VERSION,
        body=dump(event),
        created_at=now,
    )
    session.add(stored)
    await session.flush()
    session.add(
        Message(
            event_id=stored.id,
            chat_id=row.chat_id,
            topic_id=row.topic_id,
            subscription_id=row.id,
            op="send",
            reasons=[{"reason": reason, "via": None} for reason in reasons],
            subject_key=event.subject.key,
            level="on",
            state="new",
            not_before=now,
            created_at=now,
        )
    )


async def drain(stage: Stage) -> None:
    """A sender works until nothing waits."""
    bot, stop = create_bot(stage.tg.token, stage.tg.url, Unpaced()), asyncio.Event()
    notifier = Notifier(
        stage.database,
        bot,
        NoPacer(),
        owner="tests",
        lease=timedelta(seconds=30),
        words=FORGE_TYPES,
        metrics=Metrics(),
        clock=utc_now,
        poll=timedelta(milliseconds=10),
        jitter=lambda: 0.5,
    )

    async def is_empty() -> bool:
        async with stage.database.read() as session:
            return (await session.scalars(select(Message).where(Message.state.in_(("new", "sending"))))).first() is None

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(notifier.run(stop))
            try:
                await until(is_empty)
            finally:
                stop.set()
    finally:
        await bot.session.close()


async def row_of(stage: Stage, subscription_id: int) -> SubscriptionRow:
    """A subscription as it is now."""
    async with stage.database.read() as session:
        found = await subscriptions.get(session, subscription_id)
    assert found is not None
    return found.subscription
