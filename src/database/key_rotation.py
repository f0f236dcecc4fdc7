"""Everything that is encrypted, brought under the newest key, a small batch at a time while others work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import utc_now
from src.database.repositories import key_notices, sealed

_BATCH = 50  # rows in one transaction: some ten milliseconds in which the writer is not free
_PASSES = 20

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Survey:
    """How many values are under which key."""

    newest: int = 0
    older: int = 0
    lost: int = 0  # no key that is known opens them

    @property
    def total(self) -> int:
        """All of them."""
        return self.newest + self.older + self.lost


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a rotation did; `lost` are values that no known key opens, left as they are."""

    tokens: int = 0
    hook_secrets: int = 0
    lost: int = 0

    @property
    def total(self) -> int:
        """All that was encrypted anew."""
        return self.tokens + self.hook_secrets


class StillWritten(Exception):
    """However often all is brought under the newest key, somebody goes on writing with another."""


async def survey(database: Database, box: SecretBox) -> Survey:
    """Look at all that is encrypted; nothing is changed."""
    newest = older = lost = 0
    for column in sealed.COLUMNS:
        after = 0
        while True:
            async with database.read() as session:
                rows = await sealed.after(session, column, after, limit=_BATCH, for_update=False)
            if not rows:
                break
            after = rows[-1][0]
            for _, value in rows:
                if box.is_newest(value):
                    newest += 1
                elif box.opens(value):
                    older += 1
                else:
                    lost += 1
    return Survey(newest, older, lost)


async def strangers(
    database: Database,
    mark: str,
    *,
    patience: float,
    clock: Callable[[], datetime] = utc_now,
    sleep: Sleep = asyncio.sleep,
) -> Mapping[str, str]:
    """Wait until every running process seals with the key of this mark. Those that do not after `patience` seconds.

    A process that died is waited for until its notice has run out.
    """
    waited = 0.0
    while True:
        async with database.read() as session:
            living = await key_notices.living(session, clock())
        others = {process: other for process, other in living.items() if other != mark}
        if not others or waited >= patience:
            return others
        await sleep(0.5)
        waited += 0.5


async def renew(database: Database, box: SecretBox) -> Renewed:
    """Bring all under the newest key, until a whole pass finds nothing more; it may be stopped and begun again.

    Raises `StillWritten`.
    """
    tokens = hook_secrets = 0
    for _ in range(_PASSES):
        again = lost = 0
        for column in sealed.COLUMNS:
            changed, unopened = await _renew(database, box, column)
            again, lost = again + changed, lost + unopened
            if column in sealed.TOKENS:
                tokens += changed
            else:
                hook_secrets += changed
        if not again:
            return Renewed(tokens, hook_secrets, lost)
    raise StillWritten(f"{_PASSES} times all was encrypted anew, and each time something was written with an older key")


async def _renew(database: Database, box: SecretBox, column: sealed.Column) -> tuple[int, int]:
    """One pass over one column: how many were changed, how many nothing opens."""
    after = changed = lost = 0
    while True:
        async with database.write() as session:
            rows = await sealed.after(session, column, after, limit=_BATCH)
            for number, value in rows:
                if box.is_newest(value):
                    continue
                if not box.opens(value):
                    lost += 1
                elif await sealed.replace(session, column, number, old=value, new=box.renewed(value)):
                    changed += 1
        if not rows:
            return changed, lost
        after = rows[-1][0]
