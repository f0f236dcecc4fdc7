"""Tokens that die, lose rights and come back: tried now and then, owners told once, what rested woken by itself."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.credentials import Credentials
from src.database.database import Database
from src.database.jobs import Handler
from src.database.models import Account, Forge, Job, utc_now
from src.database.repositories import accounts, event_log, forges, users
from src.forge import ForgeError, Identity, RateLimited, Unauthorized, Unavailable
from src.webhook.notices import Notice, post, withdraw

log = logging.getLogger(__name__)

TOKEN_JOB = "tokens"  # noqa: S105 - the kind of a job
EVERY = timedelta(minutes=10)  # between two looks at what is due
DAILY = timedelta(days=1)
OFTEN = timedelta(hours=1)  # for tokens that died within the last day: it may have been the forge's mistake
_SOON = timedelta(minutes=1)  # there are more than one look takes
_AT_ONCE = 20  # tokens of one forge in one look: it is not to be asked a thousand times at once


async def refused(session: AsyncSession, account: Account, now: datetime) -> bool:
    """The forge refuses the token that `account` was read with: its owner is told once. Whether that is news."""
    if not await accounts.mark_dead(session, account, now):
        return False
    await _tell(session, account, Notice.TOKEN_DEAD, now)
    await _log(session, account, "dead", now)
    return True


async def works(session: AsyncSession, account: Account, identity: Identity, now: datetime) -> None:
    """The token that `account` was read with works; what it lacks, and that it works again, is told once."""
    if not await accounts.checked(session, account, identity, now):
        return
    if account.dead_at is not None:
        await _log(session, account, "works again", now)
        await _woken(session, account, now)
    if not set(identity.missing) <= set(account.missing):
        await _log(session, account, "lacks scopes", now)
        await _tell(session, account, Notice.TOKEN_POOR, now, missing=list(identity.missing))


def token_job(database: Database, credentials: Credentials, clock: Callable[[], datetime] = utc_now) -> Handler:
    """The handler of `TOKEN_JOB`, which recurs: tries the tokens whose turn it is.

    Each once a day, and those that died lately once an hour. A forge that is down or wants quiet is no reason to say
    anything: its tokens wait.
    """

    async def handle(_job: Job) -> datetime:
        async with database.read() as session:
            known = await forges.every(session)
        async with asyncio.TaskGroup() as group:
            looks = [group.create_task(_look(database, credentials, forge, clock)) for forge in known]
        return clock() + (_SOON if any(look.result() for look in looks) else EVERY)

    return handle


async def _look(database: Database, credentials: Credentials, forge: Forge, clock: Callable[[], datetime]) -> bool:
    """Try what is due on one forge, one after the other. Whether there is more."""
    if forge.kind not in credentials.types:
        return False  # of a version that knew more kinds
    now = clock()
    async with database.read() as session:
        due = await accounts.to_check(
            session,
            forge.id,
            alive_before=now - DAILY,
            dying_before=now - OFTEN,
            dead_since=now - DAILY,
            limit=_AT_ONCE,
        )
    for account in due:
        try:
            identity = await credentials.client(forge, account).whoami()
        except Unavailable as error:
            log.info("tokens of forge %d wait: %s", forge.id, type(error).__name__)
            return False
        except RateLimited:
            continue  # another token may have room left
        except ForgeError as error:
            await _failed(database, account, error, clock())
        else:
            async with database.write() as session:
                await works(session, account, identity, clock())
    return len(due) == _AT_ONCE


async def _failed(database: Database, account: Account, error: ForgeError, now: datetime) -> None:
    async with database.write() as session:
        if isinstance(error, Unauthorized):
            await refused(session, account, now)
        else:  # an answer that says nothing about the token: it is tried again with the others
            await _log(session, account, type(error).__name__, now)
        await accounts.looked_at(session, account, now)


async def _woken(session: AsyncSession, account: Account, now: datetime) -> None:
    """Say that nothing is to be done, but to those only who were told that something is."""
    chat = await users.private_chat(session, account.user_id)
    if chat is None or await withdraw(session, Notice.TOKEN_DEAD, chat_id=chat.id, key=str(account.id)):
        return
    await _tell(session, account, Notice.TOKEN_WELL, now)


async def _tell(session: AsyncSession, account: Account, notice: Notice, now: datetime, **params: object) -> None:
    """To the person in private; who closed that chat, or never opened one, sees it in `/status`."""
    chat = await users.private_chat(session, account.user_id)
    if chat is not None:
        values = {"account_id": account.id, **params}
        await post(session, notice, chat_id=chat.id, key=str(account.id), now=now, params=values)


async def _log(session: AsyncSession, account: Account, outcome: str, now: datetime) -> None:
    # Without the login: this row outlives the account.
    message = f"account {account.id}: {outcome}"
    await event_log.add(session, kind="token", outcome=outcome[:32], message=message, now=now)
