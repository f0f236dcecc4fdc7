"""A running process says which key it seals with, so that a change of keys can wait until all know the new one."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from src.database.away import is_away
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import utc_now
from src.database.repositories import key_notices

log = logging.getLogger(__name__)

GOOD_FOR = timedelta(seconds=30)  # after which a process that says nothing is taken for dead
_EVERY = timedelta(seconds=10)
_LOOK = 1.0  # seconds: how soon a key that was changed on disk is known


class KeyNotice:
    """The notice of one process."""

    def __init__(
        self, database: Database, box: SecretBox, *, owner: str, clock: Callable[[], datetime] = utc_now
    ) -> None:
        """`owner` names the process; `clock` gives aware UTC."""
        self._database = database
        self._box = box
        self._owner = owner
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Say it until `stop`, and at once when the newest key is another. Where the database is away, later."""
        said, at = "", self._clock()
        while not stop.is_set():
            try:
                self._box.look_again()
                if self._box.mark != said or self._clock() - at >= _EVERY:
                    await self.say()
                    said, at = self._box.mark, self._clock()
            except Exception as error:
                if not is_away(error):
                    raise
                log.warning("could not say which key is used: %s", type(error).__name__)
            await _wait(stop, _LOOK)

    async def say(self) -> None:
        """Say it now."""
        async with self._database.write() as session:
            # Whatever this process sealed before it knew the key has been written by now, or is before us in the line
            # for the writer: nothing waits between sealing and writing.
            await key_notices.put(session, self._owner, self._box.mark, until=self._clock() + GOOD_FOR)

    async def end(self) -> None:
        """Nothing will be sealed any more; where that cannot be written, the notice runs out by itself."""
        try:
            async with self._database.write() as session:
                await key_notices.remove(session, self._owner)
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("could not say that no key is used any more: %s", type(error).__name__)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return  # time to look again
