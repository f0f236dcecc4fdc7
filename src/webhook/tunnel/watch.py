"""Watches a tunnel's address, and says where it went."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from src.webhook.tunnel.agents import NoAddress, Tunnel, address, open_local

log = logging.getLogger(__name__)

_EVERY = 2.0  # seconds; the agent is on this machine, or near
_PATIENCE = 60.0  # seconds: agents are started anew, and come back with the same address or another


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with the address. Times are of a monotonic clock, in seconds."""

    address: str | None = None  # that the agent named; `None`: not yet, or it is lost
    silent_since: float | None = None  # since when the agent has none to name
    why: str | None = None  # what was said of that


def after(before: Standing, found: str | NoAddress, now: float, patience: float = _PATIENCE) -> Standing:
    """How it stands after an answer. What was there is given up only when it stays away."""
    if isinstance(found, str):
        return Standing(address=found)
    since = now if before.silent_since is None else before.silent_since
    is_lost = now - since >= patience
    return replace(before, address=None if is_lost else before.address, silent_since=since, why=str(found))


class Watch:
    """Asks the agent again and again.

    Args:
        tunnel: whose agent.
        moved: told of the first address, of each other one and of one that returns after it was lost; `None` when it
            is lost, unless the operator gave it.
        every: seconds between two questions.
        patience: seconds after which an address that is no longer named is lost.
        clock: monotonic, in seconds.
    """

    def __init__(
        self,
        tunnel: Tunnel,
        moved: Callable[[str | None], Awaitable[object]],
        *,
        every: float = _EVERY,
        patience: float = _PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tunnel = tunnel
        self._moved = moved
        self._every = every
        self._patience = patience
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`."""
        standing = Standing()
        async with open_local() as session:
            while not stop.is_set():
                try:
                    found: str | NoAddress = await address(session, self._tunnel)
                except NoAddress as error:
                    found = error
                standing = await self._went(standing, after(standing, found, self._clock(), self._patience))
                await _pause(stop, self._every)

    async def _went(self, before: Standing, now: Standing) -> Standing:
        if now.why is not None and now.why != before.why:
            log.warning("tunnel (%s): %s", self._tunnel.kind, now.why)
        if now.address == before.address:
            return now
        if now.address is not None:
            log.info("tunnel (%s): we are reached at %s", self._tunnel.kind, now.address)
            await self._moved(now.address)
        elif self._tunnel.given is None:  # what the operator gave stays: it comes back as it was
            log.warning("tunnel (%s): its address is lost; hooks are neither made nor changed", self._tunnel.kind)
            await self._moved(None)
        return now


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return  # time to ask again
