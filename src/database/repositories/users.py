"""People and chats on Telegram."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Chat, Message, Sent, Subscription, User


async def ensure_user(
    session: AsyncSession, telegram_id: int, *, name: str, language: str | None, now: datetime
) -> User:
    """The row of a person, made when absent, name kept up to date. A language once set is not overwritten."""
    found = await session.scalar(select(User).where(User.telegram_id == telegram_id))
    if found is None:
        found = User(telegram_id=telegram_id, name=name, language=language, created_at=now)
        session.add(found)
    found.name = name
    await session.flush()
    return found


async def ensure_chat(session: AsyncSession, telegram_id: int, *, type_: str, title: str, language: str | None) -> Chat:
    """The row of a chat, made when absent; a chat that we were shut out of is open again."""
    found = await session.scalar(select(Chat).where(Chat.telegram_id == telegram_id))
    if found is None:
        found = Chat(telegram_id=telegram_id, type=type_, title=title, language=language)
        session.add(found)
    found.type, found.title = type_, title
    found.off_at = found.off_reason = None
    await session.flush()
    return found


async def get_chat(session: AsyncSession, chat_id: int) -> Chat:
    """One chat by our id."""
    return await session.get_one(Chat, chat_id)


async def switch_off(session: AsyncSession, chat_id: int, *, reason: str, now: datetime) -> None:
    """Telegram refuses us in this chat: send nothing there until somebody speaks to us again."""
    await session.execute(update(Chat).where(Chat.id == chat_id).values(off_at=now, off_reason=reason))


async def wait(session: AsyncSession, chat_id: int, until: datetime) -> None:
    """Telegram asked us to be quiet in this chat."""
    await session.execute(update(Chat).where(Chat.id == chat_id).values(wait_until=until))


async def migrate(session: AsyncSession, chat_id: int, new_telegram_id: int) -> None:
    """A group became a supergroup: the row gets the new number, and what hangs on it comes along.

    Where the new number has a row already (somebody spoke there first), that row takes over the subscriptions
    that it does not have itself and all waiting messages.
    """
    other = await session.scalar(select(Chat).where(Chat.telegram_id == new_telegram_id))
    # A supergroup counts its messages anew: the old numbers would be taken for new ones.
    await session.execute(delete(Sent).where(Sent.chat_id == chat_id))
    if other is None or other.id == chat_id:
        await session.execute(
            update(Chat).where(Chat.id == chat_id).values(telegram_id=new_telegram_id, type="supergroup")
        )
        return
    taken = select(Subscription.project_id).where(Subscription.chat_id == other.id).scalar_subquery()
    await session.execute(
        update(Subscription)
        .where(Subscription.chat_id == chat_id, Subscription.project_id.not_in(taken))
        .values(chat_id=other.id)
    )
    told = select(Message.event_id).where(Message.chat_id == other.id).scalar_subquery()
    await session.execute(
        update(Message).where(Message.chat_id == chat_id, Message.event_id.not_in(told)).values(chat_id=other.id)
    )
    await session.execute(update(Chat).where(Chat.id == chat_id).values(off_reason="became a supergroup"))
