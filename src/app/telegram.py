"""Bot and sender: of each bot token one process at a time runs them, for as long as it holds the token's lease."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiogram import Bot
from sqlalchemy.ext.asyncio import AsyncSession

from src.app.parts import Parts, guard, until
from src.bot.access import AccessRule, announce_first_code, settle_access
from src.bot.bot import BotDeps, create_bot, create_dispatcher, poll
from src.bot.fsm_storage import DIALOGS_JOB, DatabaseStorage, sweep_job
from src.bot.limiter import Limiter, Past, scaled
from src.bot.notices import notice_job
from src.bot.profile import publish
from src.bot.review_news import review_news_job
from src.config import Poll
from src.database.away import insist
from src.database.jobs import JobRunner
from src.database.lease import LeaseLost, while_held
from src.database.models import utc_now
from src.database.repositories import leases, outgoing
from src.webhook.notices import NOTICE_JOB, REVIEW_NEWS_JOB
from src.webhook.notifier import Digests, Notifier

log = logging.getLogger(__name__)


async def run_telegram(parts: Parts, roles: frozenset[str]) -> None:
    """Wait for the lease and work until the stop. Where it is lost, let go and wait again: the other parts go on.

    Raises ValueError without a token, and what the work raises, but for `LeaseLost`.
    """
    token = parts.settings.telegram_bot_token
    if token is None:
        raise ValueError("TELEGRAM_BOT_TOKEN is not set")
    while not parts.stop.is_set():
        parts.waits["telegram"] = "another process holds the bot"
        # Each time anew: what the limiter remembers is of a time before another process may have sent.
        clock, wait = scaled(parts.site.pace)
        limiter = Limiter(clock=clock, wait=wait)
        bot = create_bot(token.get_secret_value(), parts.settings.telegram_api_url, limiter)
        try:
            await _Work(parts, roles, bot, limiter).run()
        except LeaseLost as error:
            log.warning("%s: bot and sender stand by until it is ours again (LeaseLost)", error)
        finally:
            await bot.session.close()


@dataclass(frozen=True, slots=True)
class _Work:
    """What is done with the lease once it is held."""

    parts: Parts
    roles: frozenset[str]
    bot: Bot
    limiter: Limiter

    @property
    def lease(self) -> str:
        """Its name."""
        return f"telegram:{self.bot.id}"

    async def run(self) -> None:
        """Until the stop. Raises LeaseLost."""
        parts = self.parts
        await while_held(
            parts.database, self.lease, owner=parts.owner, term=parts.lease, stop=parts.stop, work=self._begin
        )

    async def _begin(self, fence: int) -> None:
        parts = self.parts
        if fence > 1:  # another process may have sent until a moment ago
            self.limiter.take_over(await insist(self._sent_lately, seconds=parts.lease.total_seconds()))
        parts.waits["telegram"] = None
        async with asyncio.TaskGroup() as tasks:
            if "sender" in self.roles:
                tasks.create_task(guard("sender", lambda: self._send(fence), parts.stop), name="sender")
                tasks.create_task(guard("notices", self._tell_notices, parts.stop), name="notices")
            if "bot" in self.roles:
                tasks.create_task(self._listen(), name="bot")

    async def _send(self, fence: int) -> None:
        parts = self.parts

        async def holds(session: AsyncSession, now: datetime) -> bool:
            return await leases.is_held(session, self.lease, owner=parts.owner, fence=fence, now=now)

        notifier = Notifier(
            parts.database,
            self.bot,
            self.limiter,
            owner=parts.owner,
            lease=parts.lease,
            words=parts.site.types,
            metrics=parts.metrics,
            clock=utc_now,
            checkpoint=parts.site.checkpoint,
            holds=holds,
            digests=Digests(waited=Digests().waited / parts.site.pace),
        )
        with _among(parts.queued, notifier.wake):
            await notifier.run(parts.stop)

    async def _tell_notices(self) -> None:
        parts = self.parts
        handlers = {
            NOTICE_JOB: notice_job(self.bot, parts.database, parts.site.types, utc_now),
            REVIEW_NEWS_JOB: review_news_job(self.bot, parts.database, parts.site.types, utc_now),
            DIALOGS_JOB: sweep_job(parts.database, utc_now),
        }
        runner = JobRunner(
            parts.database, handlers, recurring=(DIALOGS_JOB,), owner=parts.owner, lease=parts.lease, clock=utc_now
        )
        with _among(parts.asked, runner.wake):
            await runner.run(parts.stop)

    async def _listen(self) -> None:
        parts, access = self.parts, self._access()

        async def settle() -> None:
            async with parts.database.write() as session:
                await settle_access(session, access, utc_now())
            await announce_first_code(parts.database, access, self.bot, utc_now())

        await insist(settle, seconds=parts.lease.total_seconds())
        deps = BotDeps(
            database=parts.database,
            credentials=parts.credentials,
            forges=parts.forges,
            hooks=parts.hooks,
            access=access,
            clock=utc_now,
            polls=parts.settings.poll is not Poll.OFF,
        )
        dispatcher = create_dispatcher(deps, DatabaseStorage(parts.database, utc_now))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(until(parts.stop, publish(self.bot, deps)), name="profile")
            await guard("bot", lambda: poll(self.bot, dispatcher, parts.stop), parts.stop)

    def _access(self) -> AccessRule:
        settings = self.parts.settings
        return AccessRule(
            mode=settings.access.value,
            admin_ids=frozenset(settings.admin_ids),
            allowed_ids=frozenset(settings.allowed_ids),
        )

    async def _sent_lately(self) -> list[Past]:
        now, pace = utc_now(), self.parts.site.pace
        async with self.parts.database.read() as session:
            found = await outgoing.sent_since(session, now - timedelta(minutes=1))
        ago = [(now - one.at).total_seconds() * pace if one.at else 0.0 for one in found]
        return [Past(one.telegram_id, one.is_group, past) for one, past in zip(found, ago, strict=True)]


@contextmanager
def _among(woken: list[Callable[[], None]], wake: Callable[[], None]) -> Iterator[None]:
    """One of those that are woken, for as long as it works."""
    woken.append(wake)
    try:
        yield
    finally:
        woken.remove(wake)
