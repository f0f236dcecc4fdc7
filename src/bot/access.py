"""Who may use the bot: the rule, the codes that let people in, and what is settled at each start."""

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from aiogram import Bot
from aiogram.exceptions import ClientDecodeError, TelegramAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.database import Database
from src.database.models import User
from src.database.repositories import event_log, invites, people

log = logging.getLogger(__name__)

INVITE_TERM = timedelta(days=1)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # 32 signs, none of which is taken for another
_SIGNS, _GROUP = 12, 4  # 60 bits, written in groups
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, "_": None, "–": None, "—": None})
_PATIENCE = 5  # seconds that Telegram has to tell the bot's name


@dataclass(frozen=True, slots=True)
class AccessRule:
    """`open` admits everybody, `list` those on the two lists, `pairing` these and whom a code let in.

    The lists hold Telegram's numbers.
    """

    mode: Literal["pairing", "open", "list"] = "pairing"
    admin_ids: frozenset[int] = frozenset()
    allowed_ids: frozenset[int] = frozenset()

    def admits(self, telegram_id: int, user: User | None = None) -> bool:
        """Whether this person may use the bot; `user` is their row, where there is one."""
        if self.mode == "open" or self.lists(telegram_id):
            return True
        return self.mode == "pairing" and user is not None and user.admitted_at is not None

    def lists(self, telegram_id: int) -> bool:
        """Whether the operator named this person: nobody can take them off in the chat."""
        return telegram_id in self.admin_ids or telegram_id in self.allowed_ids

    def is_admin(self, user: User) -> bool:
        """Whether this person, whom the rule admits, runs the bot."""
        return user.telegram_id in self.admin_ids or user.is_admin


def new_code() -> str:
    """A code as it is shown: ``7K2M-Q4XW-9TBA``."""
    signs = "".join(secrets.choice(_ALPHABET) for _ in range(_SIGNS))
    return "-".join(signs[start : start + _GROUP] for start in range(0, _SIGNS, _GROUP))


def plain(code: str) -> str:
    """A code as links have it, however somebody wrote it: case, spaces, dashes and look-alikes do not matter."""
    return "".join(code[:100].split()).upper().translate(_MISREAD)


def is_code(text: str) -> bool:
    """Whether this could be a code, good or not."""
    signs = plain(text)
    return len(signs) == _SIGNS and set(signs) <= set(_ALPHABET)


def code_hash(code: str) -> str:
    """What is kept of a code. It is random enough that a plain hash cannot be turned around."""
    return hashlib.sha256(plain(code).encode()).hexdigest()


def start_link(username: str, payload: str) -> str:
    """The address that opens the bot and sends it `/start PAYLOAD`."""
    return f"https://t.me/{username}?start={payload}"


async def settle_access(session: AsyncSession, access: AccessRule, now: datetime) -> None:
    """At the start: nothing more is told to those whom the rule no longer admits; it is again to those it does."""
    listed = None if access.mode == "open" else access.admin_ids | access.allowed_ids
    barred, back = await people.settle(session, listed=listed, by_code=access.mode == "pairing", now=now)
    await invites.sweep(session, now)
    if barred or back:
        said = f"ACCESS={access.mode}: {barred} may no longer use the bot, {back} may again"
        await event_log.add(session, kind="access", outcome="settled", message=said, now=now)
        log.info("%s", said)


async def first_code(database: Database, access: AccessRule, now: datetime) -> str | None:
    """A fresh code that makes its user an admin; `None` where there is one already, or no pairing.

    It is good until it is used or the next is made; one that an earlier start made is not good any more.
    """
    code = new_code()
    async with database.write() as session:
        await invites.drop_first(session)
        if access.mode != "pairing" or access.admin_ids or await people.has_admin(session):
            return None
        await invites.add(
            session, code_hash=code_hash(code), is_admin=True, created_by=None, now=now, expires_at=invites.UNTIL_USED
        )
    return code


async def announce_first_code(database: Database, access: AccessRule, bot: Bot, now: datetime) -> None:
    """Where nobody runs the bot yet, log the code that makes its sender the admin, and what to do with it."""
    code = await first_code(database, access, now)
    if code is None:
        return
    username = await _username(bot)
    link = f", or open {start_link(username, plain(code))}" if username else ""
    log.warning("Nobody runs this bot yet. To become its admin, send it once on Telegram: /start %s%s", code, link)


async def _username(bot: Bot) -> str | None:
    """The bot's name; `None` where Telegram does not tell it now, which the poller has more patience for."""
    try:
        return (await bot.get_me(request_timeout=_PATIENCE)).username
    except (TelegramAPIError, ClientDecodeError) as error:
        log.info("Telegram does not tell the bot's name: %s", type(error).__name__)
        return None
