"""Forgetting a person: their rows, what others' rows say of them, and projects that nobody else follows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import (
    Account,
    Chat,
    Delivery,
    DialogState,
    Hook,
    Job,
    LogEntry,
    Message,
    Poll,
    Project,
    Review,
    Sent,
    Speaker,
    StoredEvent,
    Subscription,
    User,
)
from src.database.repositories import accounts, invites, subscriptions

_PART = 500  # ids in one statement: SQLite binds some thirty thousand values at most
_GONE = "(deleted)"  # in place of a project's path


@dataclass(frozen=True, slots=True)
class LeftGroup:
    """A group, and the topic (0: none), that no longer follows these projects, for its sponsor is gone."""

    chat_id: int
    topic_id: int
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was deleted, item by item."""

    name: str = ""
    tokens: int = 0
    subscriptions: int = 0  # in the private chat
    messages: int = 0  # rows of what was told, or waited to be told, in the private chat
    left: tuple[LeftGroup, ...] = ()


async def forget_person(session: AsyncSession, user_id: int, now: datetime) -> Forgotten:
    """Delete all that is kept about a person; empty where there is nobody of this id.

    Hooks on the forges have to be seen to before, with the tokens that go here: `HookManager.release_for`. Tell the
    groups in `Forgotten.left`, and call `Database.checkpoint` after the transaction.
    """
    user = await session.get(User, user_id)
    if user is None:
        return Forgotten()
    number = user.telegram_id
    chat = await session.scalar(select(Chat).where(Chat.telegram_id == number))
    owned = await _owned(session, user_id, chat)
    others = select(Review.project_id).where(or_(Review.user_id.is_(None), Review.user_id != user_id))
    reviewed = select(Review.project_id).where(Review.user_id == user_id, Review.project_id.not_in(others)).distinct()
    asked_for = set(await session.scalars(reviewed))
    left = _by_place([item for item in owned if chat is None or item.subscription.chat_id != chat.id])
    for item in owned:
        await subscriptions.remove(session, item.subscription, now)
    tokens = await accounts.of_user(session, user_id)
    for account in tokens:
        await session.delete(account)
    await session.flush()
    told = 0 if chat is None else await _forget_chat(session, chat)
    await invites.drop_of(session, user_id)
    await _forget_dialogs(session, number)
    await session.delete(user)
    await session.flush()
    await forget_unfollowed(session, {item.project.id for item in owned} | asked_for)
    paths = sum(len(place.paths) for place in left)
    return Forgotten(user.name, len(tokens), len(owned) - paths, told, left)


async def end_subscriptions(session: AsyncSession, account: Account, now: datetime) -> Forgotten:
    """End what an account's token speaks for, as long as the token is there to see to the hooks.

    The account itself goes afterwards, with `accounts.remove`.
    """
    user = await session.get_one(User, account.user_id)
    chat = await session.scalar(select(Chat).where(Chat.telegram_id == user.telegram_id))
    found = await subscriptions.of_account(session, account.id)
    for item in found:
        await subscriptions.remove(session, item.subscription, now)
    left = _by_place([item for item in found if chat is None or item.subscription.chat_id != chat.id])
    return Forgotten(user.name, 1, len(found) - sum(len(place.paths) for place in left), 0, left)


async def forget_unfollowed(session: AsyncSession, project_ids: Collection[int]) -> None:
    """Of these projects, empty those that nobody follows: what came in from them, and what they are called.

    A removed hook stays, for what comes late, and the keys of deliveries, for what comes twice.
    """
    followed = select(Subscription.id).where(Subscription.project_id == Project.id).exists()
    for project in (await session.scalars(select(Project).where(Project.id.in_(project_ids), ~followed))).all():
        project_id = project.id
        hooks = (await session.scalars(select(Hook.id).where(Hook.project_id == project_id))).all()
        of_project = or_(LogEntry.project_id == project_id, LogEntry.hook_id.in_(hooks))
        events = select(StoredEvent.id).where(StoredEvent.project_id == project_id).scalar_subquery()
        for delivered in (
            select(StoredEvent.delivery_id).where(StoredEvent.project_id == project_id),
            select(LogEntry.delivery_id).where(of_project),
            select(Delivery.id).where(Delivery.hook_id.in_(hooks)),
        ):
            ids = [number for number in await session.scalars(delivered.distinct()) if number is not None]
            await _empty(session, ids)
        await _run(session, delete(LogEntry).where(of_project))
        await _run(session, delete(Message).where(Message.event_id.in_(events)))
        await _run(session, delete(StoredEvent).where(StoredEvent.project_id == project_id))
        await _run(session, delete(Sent).where(Sent.project_id == project_id))
        await _run(session, delete(Review).where(Review.project_id == project_id))
        await _run(session, delete(Speaker).where(Speaker.project_id == project_id))
        await _run(session, update(Poll).where(Poll.project_id == project_id).values(state=None, error=None))
        project.path, project.url, project.default_branch = _GONE, None, None
    await session.flush()


async def _owned(session: AsyncSession, user_id: int, chat: Chat | None) -> list[subscriptions.Followed]:
    """The person's subscriptions, and whatever their private chat follows."""
    theirs = Subscription.owner_id == user_id
    rows = await session.execute(
        select(Subscription, Project)
        .join(Project, Project.id == Subscription.project_id)
        .where(theirs if chat is None else or_(theirs, Subscription.chat_id == chat.id))
        .order_by(Project.path, Subscription.id)
    )
    return [subscriptions.Followed(subscription, project) for subscription, project in rows]


def _by_place(items: Sequence[subscriptions.Followed]) -> tuple[LeftGroup, ...]:
    places: dict[tuple[int, int], list[str]] = {}
    for item in items:
        place = (item.subscription.chat_id, item.subscription.topic_id)
        places.setdefault(place, []).append(item.project.path)
    return tuple(LeftGroup(chat_id, topic_id, tuple(paths)) for (chat_id, topic_id), paths in places.items())


async def _forget_chat(session: AsyncSession, chat: Chat) -> int:
    """The chat with all that was, or waits to be, said in it; how many messages about projects that were."""
    count = await session.scalar(select(func.count()).select_from(Message).where(Message.chat_id == chat.id))
    waits = cast(Job.payload["chat_id"].as_string(), String) == str(chat.id)
    await _run(session, delete(Job).where(Job.kind == "notice", waits))
    for table in (Message, Sent):
        await _run(session, delete(table).where(table.chat_id == chat.id))
    await session.delete(chat)
    await session.flush()
    return count or 0


async def _forget_dialogs(session: AsyncSession, number: int) -> None:
    """Dialogs anywhere, the notes in groups of whose dialog one is, and what admins are about to be told of."""
    by_key = DialogState.key.like(f"%:{number}:%")  # bot:chat:topic:person:...
    by_note = cast(DialogState.data["id"].as_string(), String) == str(number)
    await _run(session, delete(DialogState).where(or_(by_key, by_note)))
    named = cast(Job.payload["params"]["telegram_id"].as_string(), String) == str(number)
    await _run(session, delete(Job).where(Job.kind == "notice", named))


async def _empty(session: AsyncSession, delivery_ids: Sequence[int]) -> None:
    """Only what tells them apart is left of these deliveries."""
    waiting: ColumnElement[bool] = Delivery.state.in_(("new", "taken"))
    for start in range(0, len(delivery_ids), _PART):
        chosen = Delivery.id.in_(delivery_ids[start : start + _PART])
        await _run(session, update(Delivery).where(chosen, waiting).values(state="ignored", fence=Delivery.fence + 1))
        await _run(session, update(Delivery).where(chosen).values(body=None, headers={}, error=None))


async def _run(session: AsyncSession, statement: Any) -> None:
    await session.execute(statement.execution_options(synchronize_session=False))
