"""Hooks known by heart, found or not, so that bursts cost the database next to nothing."""

import asyncio
import re
from itertools import islice

from src.database.database import Database
from src.database.models import Hook
from src.database.repositories import hooks
from src.webhook.fresh import Fresh

Address = tuple[str, str | None]  # the kind of forge; the id in the path, none for the hook of the environment

_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_AT_ONCE = 200  # addresses in one query


class KnownHooks:
    """What was looked up lately. Who asks while a query runs shares the next one with all others who do.

    Made-up addresses so cost one query at a time, however many there are, and push no real hook out of memory.
    """

    def __init__(self, seconds: float) -> None:
        """An answer is good for so many seconds."""
        self._found: Fresh[Address, Hook] = Fresh(1_000, seconds)
        self._missing: Fresh[Address, bool] = Fresh(5_000, seconds)
        self._asked: dict[Address, asyncio.Future[Hook | None]] = {}
        self._turn = asyncio.Lock()

    def remembered(self, kind: str, public_id: str | None) -> Hook | None:
        """A hook that was found a moment ago; `None` says nothing."""
        return self._found.get((kind, public_id))

    async def find(self, database: Database, kind: str, public_id: str | None) -> Hook | None:
        """A hook, removed ones included, as it was a moment ago."""
        address = (kind, public_id)
        hook = self._found.get(address)
        if hook is not None:
            return hook
        if self._missing.get(address) or (public_id is not None and _ID.fullmatch(public_id) is None):
            return None
        return await self.look_up(database, kind, public_id)

    def clear(self) -> None:
        """Know nothing by heart."""
        self._found.clear()
        self._missing.clear()

    async def look_up(self, database: Database, kind: str, public_id: str | None) -> Hook | None:
        """A hook as it is now."""
        address = (kind, public_id)
        answer = self._asked.get(address)
        if answer is None:
            answer = self._asked[address] = asyncio.get_running_loop().create_future()
        async with self._turn:
            while not answer.done():
                await self._ask(database)
        hook = answer.result()
        self._remember(address, hook)
        return hook

    async def _ask(self, database: Database) -> None:
        """One query for those who wait; a failure is told to all of them."""
        asked = dict(islice(self._asked.items(), _AT_ONCE))
        for address in asked:
            del self._asked[address]
        try:
            async with database.read() as session:
                found = await hooks.at_addresses(session, asked)
        except BaseException as error:
            for answer in asked.values():
                answer.set_exception(error)
                answer.exception()  # somebody may have gone: nobody need hear it
            raise
        for address, answer in asked.items():
            answer.set_result(found.get(address))

    def _remember(self, address: Address, hook: Hook | None) -> None:
        self._found.forget(address)
        self._missing.forget(address)
        if hook is None:
            self._missing.put(address, True)
        elif hook.removed_at is None:  # a removed one may be wanted again, and then at once
            self._found.put(address, hook)
