"""People and chats on Telegram."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Chat, Message, Sent, User
from src.database.repositories import mutes, subscriptions


async def ensure_user(
    session: AsyncSession, telegram_id: int, *, name: str, language: str | None, now: datetime
) -> User:
    """The row of a person, made when absent, name kept up to date. `language` is what they chose: none, at first."""
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


async def get_user(session: AsyncSession, user_id: int) -> User:
    """One person by our id."""
    return await session.get_one(User, user_id)


async def get_chat(session: AsyncSession, chat_id: int) -> Chat:
    """One chat by our id."""
    return await session.get_one(Chat, chat_id)


async def find_chat(session: AsyncSession, chat_id: int) -> Chat | None:
    """As `get_chat`, of one that may be gone."""
    return await session.get(Chat, chat_id)


async def chat_by_number(session: AsyncSession, telegram_id: int) -> Chat | None:
    """The row of a chat by Telegram's number."""
    return await session.scalar(select(Chat).where(Chat.telegram_id == telegram_id))


async def private_chat(session: AsyncSession, user_id: int) -> Chat | None:
    """A person's private chat with us, where there is one and the person may (still) use us."""
    return await session.scalar(
        select(Chat)
        .join(User, User.telegram_id == Chat.telegram_id)
        .where(User.id == user_id, User.barred_at.is_(None))
    )


async def speak(session: AsyncSession, chat_id: int, language: str) -> None:
    """What is said in this chat is said in this language."""
    await session.execute(update(Chat).where(Chat.id == chat_id).values(language=language))


async def choose_language(session: AsyncSession, user_id: int, language: str | None) -> None:
    """A person's choice; `None`: whatever their Telegram speaks."""
    await session.execute(update(User).where(User.id == user_id).values(language=language))


async def switch_on(session: AsyncSession, chat_id: int) -> None:
    """We may speak in this chat again."""
    await session.execute(update(Chat).where(Chat.id == chat_id).values(off_at=None, off_reason=None))


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
            update(Chat)
            .where(Chat.id == chat_id)
            .values(telegram_id=new_telegram_id, type="supergroup", off_at=None, off_reason=None)
        )
        return
    old = await get_chat(session, chat_id)  # its language and time zone were chosen, the other's are a guess
    other.language, other.time_zone = old.language or other.language, old.time_zone or other.time_zone
    await subscriptions.move_all(session, chat_id, other.id)
    await mutes.move_all(session, chat_id, other.id)
    told = select(Message.event_id).where(Message.chat_id == other.id).scalar_subquery()
    await session.execute(
        update(Message).where(Message.chat_id == chat_id, Message.event_id.not_in(told)).values(chat_id=other.id)
    )
    await session.execute(update(Chat).where(Chat.id == chat_id).values(off_reason="became a supergroup"))
