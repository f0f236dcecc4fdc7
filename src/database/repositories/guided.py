"""How far somebody has come with the bot: for the demo, whose guided list ticks itself."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Chat, Message, Mute, StoredEvent, Subscription, User
from src.events import PipelineEvent, load

# What is being sent counts: Telegram may have it before its answer is written down.
_TOLD = ("sending", "sent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one person has done, and was told in their private chat."""

    is_admitted: bool  # by a code
    has_account: bool
    follows: bool
    reasons: frozenset[str]  # all for which they were told anything
    was_mended: bool  # told that a pipeline failed and then that it is fixed
    hears_less: bool  # muted a subject, paused a subscription or chose a quieter level


async def standing(session: AsyncSession, telegram_id: int) -> Standing | None:
    """Of a person by Telegram's number; `None`: the bot does not know them."""
    user = await session.scalar(select(User).where(User.telegram_id == telegram_id))
    if user is None:
        return None
    chat_id = await session.scalar(select(Chat.id).where(Chat.telegram_id == telegram_id))
    account = await session.scalar(select(Account.id).where(Account.user_id == user.id).limit(1))
    followed = (await session.scalars(select(Subscription).where(Subscription.chat_id == chat_id))).all()
    mute = await session.scalar(select(Mute.id).where(Mute.chat_id == chat_id).limit(1))
    reasons = await session.scalars(select(Message.reasons).where(Message.chat_id == chat_id, Message.state.in_(_TOLD)))
    return Standing(
        is_admitted=user.admitted_at is not None,
        has_account=account is not None,
        follows=bool(followed),
        reasons=frozenset(str(item["reason"]) for items in reasons for item in items),
        was_mended=await _was_mended(session, chat_id),
        hears_less=mute is not None or any(_is_quieter(item) for item in followed),
    )


def _is_quieter(subscription: Subscription) -> bool:
    """Whether it was paused, or anything of it is silent or off: what was chosen loud is stored, too."""
    return subscription.paused_until is not None or any(level != "on" for level in subscription.levels.values())


async def _was_mended(session: AsyncSession, chat_id: int | None) -> bool:
    """Whether the chat was told of a failure and later of its repair, in the same row of pipelines."""
    rows = await session.execute(
        select(StoredEvent.project_id, StoredEvent.series, StoredEvent.body)
        .join(Message, Message.event_id == StoredEvent.id)
        .where(Message.chat_id == chat_id, Message.state.in_(_TOLD), StoredEvent.series.is_not(None))
        .order_by(Message.id)
    )
    broken: set[tuple[int, str | None]] = set()
    for project_id, series, body in rows:
        event = load(body)
        if isinstance(event, PipelineEvent) and event.status.is_bad:
            broken.add((project_id, series))
        elif isinstance(event, PipelineEvent) and event.fixed and (project_id, series) in broken:
            return True
    return False
