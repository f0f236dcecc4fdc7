"""What a decided event becomes, inside the pipeline's transaction: its row, its messages, a sentence for the log."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Delivery, Project, StoredEvent
from src.database.repositories import events as event_rows
from src.database.repositories import messages, mutes, projects
from src.database.repositories.subscriptions import Follower
from src.events import Event, Person, SubjectKind
from src.webhook.personalized_handlers import Reader, Recipient, coalesce_key


@dataclass(frozen=True, slots=True)
class Plan:
    """What one event comes to: who is told now, how many are not, and of how many we do not know yet."""

    event: Event
    project: Project
    told: tuple[Recipient, ...]
    refused: int
    pending: int
    again_at: datetime | None


async def store(session: AsyncSession, plan: Plan, delivery: Delivery, now: datetime) -> tuple[int, str]:
    """Write one event and its messages. How many were queued, and a sentence for the log."""
    event, project = plan.event, plan.project
    name = f"{event.names[0]} {event.project.path} {event.subject.key}"[:200]
    if event.project.path != project.path or event.project.private not in (None, project.private):
        await projects.refresh(session, project.id, event.project)
    stored = await event_rows.put(session, event, project_id=project.id, delivery_id=delivery.id, now=now)
    if stored is None:
        return 0, f"{name}: told by another delivery"
    silenced = await mutes.places(session, project_id=project.id, subject_keys=subject_keys(event))
    queued = overtaken = muted = 0
    for recipient in plan.told:
        chat_id, topic_id = recipient.reader.chat_id, recipient.reader.topic_id
        if (chat_id, topic_id) in silenced:
            muted += 1
        elif await messages.is_overtaken(session, event, project_id=project.id, chat_id=chat_id, topic_id=topic_id):
            overtaken += 1
        else:
            queued += await _queue(session, stored, event, recipient, delivery.id, now)
    words = f"{name}: {queued} told"
    if overtaken:
        words += f", {overtaken} overtaken by something newer"
    if muted:
        words += f", {muted} muted"
    if plan.refused:
        words += f", {plan.refused} without access"
    if plan.pending:
        words += f", access of {plan.pending} could not be checked"
    return queued, words


def subject_keys(event: Event) -> tuple[str, ...]:
    """What mutes the event: its subject, and the pull request that a pipeline runs for. As stored, cut to length."""
    keys = [event.subject.key]
    if event.refs.pull_request is not None:
        keys.append(f"{SubjectKind.PULL_REQUEST}:{event.refs.pull_request}")
    return tuple(dict.fromkeys(key[:320] for key in keys))


async def _queue(
    session: AsyncSession, stored: StoredEvent, event: Event, recipient: Recipient, delivery_id: int, now: datetime
) -> bool:
    reader = recipient.reader
    key = coalesce_key(event, delivery_id)
    key = None if key is None else f"{stored.project_id}:{key}"[:400]
    reasons = [{"reason": str(item.reason), "via": item.via} for item in recipient.reasons]
    if key is not None:
        earlier = await messages.told(session, coalesce_key=key, chat_id=reader.chat_id, topic_id=reader.topic_id)
        known = {str(item["reason"]) for message in earlier for item in message.reasons}
        fresh = [item for item in reasons if item["reason"] not in known]
        if earlier and not fresh:
            return False
        if earlier and await messages.add_reasons(session, earlier[-1], fresh):
            return False
    return await messages.put(
        session,
        event_id=stored.id,
        chat_id=reader.chat_id,
        topic_id=reader.topic_id,
        subscription_id=reader.subscription_id,
        reasons=reasons,
        subject_key=event.subject.key[:320],
        coalesce_key=key,
        level=recipient.level,
        now=now,
    )


def reader_of(follower: Follower) -> Reader:
    """A subscription as the pure part sees it."""
    subscription, chat, account = follower.subscription, follower.chat, follower.account
    return Reader(
        subscription_id=subscription.id,
        chat_id=chat.id,
        topic_id=subscription.topic_id,
        is_private_chat=chat.type == "private",
        scope=subscription.scope,
        names=frozenset(subscription.events),
        levels=subscription.levels,
        account_id=None if account is None else account.id,
        person=None if account is None else Person(id=account.external_user_id, login=account.login),
        emails=frozenset() if account is None else frozenset(email.casefold() for email in account.emails),
    )
