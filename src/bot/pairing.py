"""`/start CODE`: the one thing that a stranger may do."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiogram.types import User as Sender
from sqlalchemy.ext.asyncio import AsyncSession

from src.bot.access import code_hash
from src.bot.deps import BotDeps
from src.bot.guesses import Guesses
from src.database.models import Invite
from src.database.repositories import event_log, invites, people, users
from src.webhook.notices import Notice, post
from src.webhook.render.content import clean

log = logging.getLogger(__name__)

_TOLD_AGAIN = timedelta(days=1)  # so long the admins know that somebody guesses


@dataclass(frozen=True, slots=True)
class Opened:
    """The code was good, and is used up."""


@dataclass(frozen=True, slots=True)
class InAlready:
    """The code is good, and its sender needs none: it stays good."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """There is no such code, or not any more. `wait`: seconds until the next one is looked at."""

    wait: int
    is_in: bool = False  # its sender needs none: a second tap on the link that let them in, say


@dataclass(frozen=True, slots=True)
class Slowed:
    """The code was not looked at. `wait`: seconds; `quiet`: they heard so before."""

    wait: int
    quiet: bool


Outcome = Opened | InAlready | Wrong | Slowed


class Door:
    """Takes codes. One for the process: it remembers who was wrong how often."""

    def __init__(self, deps: BotDeps) -> None:
        self._deps = deps
        self._guesses = Guesses()
        self._silent_until: datetime | None = None

    async def knock(self, sender: Sender, code: str) -> Outcome:
        """Look at a code, unless its sender has to wait."""
        now = self._deps.clock()
        wait = self._guesses.wait(sender.id, now)
        if wait:
            outcome: Outcome = Slowed(wait, quiet=not self._guesses.remind(sender.id))
        else:
            outcome = await self._try(sender, code, now)
        if self._guesses.are_many(now) and (self._silent_until is None or now >= self._silent_until):
            self._silent_until = now + _TOLD_AGAIN
            await self._tell(sender, now)
        return outcome

    async def _try(self, sender: Sender, code: str, now: datetime) -> Outcome:
        async with self._deps.database.write() as session:
            invite = await invites.find(session, code_hash(code), now)
            if invite is None or not await self._stands(session, invite):
                is_in = self._deps.access.admits(sender.id, await people.find(session, sender.id))
                return Wrong(self._guesses.wrong(sender.id, now), is_in)
            self._guesses.right(sender.id)
            return await self._use(session, invite, sender, now)

    async def _stands(self, session: AsyncSession, invite: Invite) -> bool:
        """Whether whoever made the code still may; that of the first start is nobody's."""
        if invite.created_by is None:
            return invite.is_admin
        maker = await people.get(session, invite.created_by)
        access = self._deps.access
        return maker is not None and access.admits(maker.telegram_id, maker) and access.is_admin(maker)

    async def _use(self, session: AsyncSession, invite: Invite, sender: Sender, now: datetime) -> Outcome:
        access = self._deps.access
        found = await people.find(session, sender.id)
        if access.admits(sender.id, found) and not invite.is_admin:
            return InAlready()
        user = await users.ensure_user(session, sender.id, name=sender.full_name, language=None, now=now)
        await people.admit(session, user, as_admin=invite.is_admin, now=now)
        await invites.use(session, invite, user.id, now)
        outcome = "admin" if invite.is_admin else "admitted"
        said = f"person {user.id} came in by a code"  # not Telegram's number: this row outlives them
        await event_log.add(session, kind="access", outcome=outcome, message=said, now=now)
        return Opened()

    async def _tell(self, sender: Sender, now: datetime) -> None:
        """Tell the admins, once a day at most, over restarts too."""
        async with self._deps.database.write() as session:
            before = await event_log.last_at(session, kind="access", outcome="guessing")
            if before is not None and now - before < _TOLD_AGAIN:
                return
            await event_log.add(session, kind="access", outcome="guessing", message="many wrong codes", now=now)
            params = {"name": clean(sender.full_name), "telegram_id": sender.id}
            for chat_id in await people.admin_chats(session, self._deps.access.admin_ids):
                await post(session, Notice.GUESSING, chat_id=chat_id, key="codes", now=now, params=params)
        log.warning("many wrong codes, the last from Telegram number %d", sender.id)
