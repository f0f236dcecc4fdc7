"""What becomes of a chat that shut us out, let us in again, moved to another number or lost a topic."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.repositories import messages, mutes, subscriptions, users
from src.webhook.notices import Notice, post


async def shut_out(session: AsyncSession, chat_id: int, *, reason: str, now: datetime) -> int:
    """Telegram refuses us there: nothing is sent any more, and what waits is given up. How much that was."""
    await users.switch_off(session, chat_id, reason=reason, now=now)
    return await messages.drop_waiting(session, chat_id, error="blocked")


async def moved(session: AsyncSession, chat_id: int, telegram_id: int, *, now: datetime) -> None:
    """The group became a supergroup with this number. Told again, as both chats tell it, it changes nothing."""
    await users.migrate(session, chat_id, telegram_id)
    row = await users.get_chat(session, chat_id)
    await session.refresh(row)
    if row.telegram_id != telegram_id:
        # The supergroup had a row already, which took over. What stayed here was told there.
        await users.switch_off(session, chat_id, reason="became a supergroup", now=now)
        await messages.drop_waiting(session, chat_id, error="told in the supergroup")


async def left_topic(session: AsyncSession, chat_id: int, topic_id: int, *, for_good: bool, now: datetime) -> None:
    """The topic cannot be written to: what waits for it is told in the chat itself.

    `for_good`: it is gone, so what it followed is told there from now on, which is said once.
    """
    await messages.leave_topic(session, chat_id, topic_id)
    if not for_good:
        return
    paths = await subscriptions.leave_topic(session, chat_id, topic_id, now)
    await mutes.leave_topic(session, chat_id, topic_id)
    if paths:
        params = {"paths": paths}
        await post(session, Notice.TOPIC_GONE, chat_id=chat_id, key=str(topic_id), now=now, params=params)
