"""What a decided event becomes, inside the pipeline's transaction: its row, its messages, a sentence for the log."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Delivery, Project
from src.database.repositories import events as event_rows
from src.database.repositories import messages, mutes, projects
from src.database.repositories.messages import Earlier, NewMessage, Reasons
from src.database.repositories.subscriptions import Follower
from src.events import Event, Person, SubjectKind
from src.webhook.personalized_handlers import Reader, Recipient, coalesce_key
from src.webhook.reasons import ReasonVia

Place = tuple[int, int]  # our ids of a chat and a topic


@dataclass(frozen=True, slots=True)
class Plan:
    """What one event comes to: who is told now, how many are not, and of how many we do not know yet."""

    event: Event
    project: Project
    told: tuple[Recipient, ...]
    refused: int
    pending: int
    again_at: datetime | None
    twins: bool = False  # whether the same may come another way, under another key: see `polling.twins`


@dataclass(frozen=True, slots=True)
class Addition:
    """A message that waits, and all that it had better say."""

    place: Place
    message_id: int
    reasons: Reasons


async def store(session: AsyncSession, plan: Plan, delivery: Delivery | None, now: datetime) -> tuple[int, str]:
    """Write one event and its messages, in as many statements for one recipient as for thousands.

    News of our own come without a delivery.
    Returns how many were queued, and a sentence for the log.
    """
    event, project = plan.event, plan.project
    name = f"{event.names[0]} {event.project.path} {event.subject.key}"[:200]
    if event.project.path != project.path or event.project.private not in (None, project.private):
        await projects.refresh(session, project.id, event.project)
    delivery_id = None if delivery is None else delivery.id
    event_id = await event_rows.put(session, event, project_id=project.id, delivery_id=delivery_id, now=now)
    if event_id is None:
        return 0, f"{name}: told by another delivery"
    queued = overtaken = muted = 0
    if plan.told:
        silenced = await mutes.places(session, project_id=project.id, subject_keys=subject_keys(event))
        heard = _without(silenced, plan.told)
        newer = await messages.overtaken(session, event, project_id=project.id)
        current = _without(newer, heard)
        queued = await _queue(session, event_id, plan, current, delivery_id, now)
        muted, overtaken = len(plan.told) - len(heard), len(heard) - len(current)
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
    session: AsyncSession,
    event_id: int,
    plan: Plan,
    told: Sequence[Recipient],
    delivery_id: int | None,
    now: datetime,
) -> int:
    """Queue a message for each, but where one under the same key says as much, or can be made to say it. How many."""
    key = coalesce_key(plan.event, delivery_id)
    key = None if key is None else f"{plan.project.id}:{key}"[:400]
    earlier = await messages.told(session, coalesce_key=key) if key is not None and told else ()
    untold, additions = sort_out(told, earlier)
    untold |= await _add(session, additions)
    news = [
        NewMessage(*place, recipient.reader.subscription_id, _rows(recipient.reasons), recipient.level)
        for recipient in told
        if (place := _place(recipient)) in untold
    ]
    return await messages.put(
        session, news, event_id=event_id, subject_key=plan.event.subject.key[:320], coalesce_key=key, now=now
    )


def sort_out(told: Sequence[Recipient], earlier: Sequence[Earlier]) -> tuple[set[Place], list[Addition]]:
    """Where a message of its own is needed, and what messages that were put earlier had better say besides.

    `earlier`: those under the same key, oldest first. Where they give every reason already, neither is.
    """
    before: dict[Place, list[Earlier]] = {}
    for message in earlier:
        before.setdefault((message.chat_id, message.topic_id), []).append(message)
    untold: set[Place] = set()
    additions: list[Addition] = []
    for recipient in told:
        place = _place(recipient)
        if place not in before:
            untold.add(place)
            continue
        known = {item["reason"] for message in before[place] for item in message.reasons}
        fresh = tuple(row for row in _rows(recipient.reasons) if row["reason"] not in known)
        if fresh:
            last = before[place][-1]
            additions.append(Addition(place, last.id, last.reasons + fresh))
    return untold, additions


async def _add(session: AsyncSession, additions: Sequence[Addition]) -> set[Place]:
    """Make messages say more, those that are to say the same at once. Where it was too late: they have left."""
    alike: dict[str, list[Addition]] = {}
    for addition in additions:
        alike.setdefault(repr(addition.reasons), []).append(addition)
    late: set[Place] = set()
    for group in alike.values():
        changed = await messages.change_reasons(session, [item.message_id for item in group], group[0].reasons)
        late |= {item.place for item in group if item.message_id not in changed}
    return late


def _without(places: Collection[Place], told: Sequence[Recipient]) -> Sequence[Recipient]:
    return [recipient for recipient in told if _place(recipient) not in places] if places else told


def _place(recipient: Recipient) -> Place:
    return recipient.reader.chat_id, recipient.reader.topic_id


@lru_cache(1024)
def _rows(reasons: tuple[ReasonVia, ...]) -> Reasons:
    """As they are stored. Of the thousands that one event is told to most have the same."""
    return tuple({"reason": str(item.reason), "via": item.via} for item in reasons)


def reader_of(follower: Follower) -> Reader:
    """A subscription as the pure part sees it."""
    has_account = follower.account_id is not None
    return Reader(
        subscription_id=follower.subscription_id,
        chat_id=follower.chat_id,
        topic_id=follower.topic_id,
        is_private_chat=follower.chat_type == "private",
        scope=follower.scope,
        names=follower.events,
        levels=follower.levels,
        account_id=follower.account_id,
        person=Person(id=follower.external_user_id, login=follower.login) if has_account else None,
        emails=follower.emails,
    )
