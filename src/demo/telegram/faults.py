"""Trouble on demand: refusals, cut connections, silence, and answers that wait."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Literal

from src.demo.telegram.signals import Signal

# 429 and 500 answer so without doing anything; 502 answers with a proxy's HTML page; reset_before and timeout neither
# do nor answer; reset_after does what was asked and cuts the connection in place of the answer.
FaultKind = Literal["429", "500", "502", "reset_before", "reset_after", "timeout"]


@dataclass(slots=True)
class Fault:
    """A fault for the next `times` calls that fit; `None` fits all.

    `share`: of the calls that fit it meets so many, by the dice, for as long as the server runs.
    """

    kind: FaultKind
    method: str | None = None
    chat_id: int | None = None
    times: int = 1
    retry_after: int = 3
    share: float = 1.0

    def fits(self, method: str, form: dict[str, str]) -> bool:
        """Whether it is meant for this call."""
        named = self.method is None or self.method.lower() == method.lower()
        return named and (self.chat_id is None or form.get("chat_id") == str(self.chat_id))


class FaultPlan:
    """Faults to come, each used up in turn."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._dice = Random()  # noqa: S311 - no secret hangs on it

    def seed(self, number: int) -> None:
        """The same faults again in the next run."""
        self._dice.seed(number)

    def add(self, fault: Fault) -> None:
        """One more, behind those that are there."""
        self._faults.append(fault)

    def take(self, method: str, form: dict[str, str]) -> Fault | None:
        """The first fault that fits this call, if there is one."""
        for fault in self._faults:
            if fault.fits(method, form) and (fault.share == 1 or self._dice.random() < fault.share):
                if fault.share < 1:
                    return fault
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
                return fault
        return None


Stage = Literal["before", "after"]


class Gate:
    """Holds calls until it is opened: before they are processed, or after, so that only the answer waits."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._method: str | None = None
        self._stage: Stage = "after"
        self._changed = Signal()
        self.held = 0

    def close(self, method: str | None, stage: Stage) -> None:
        """Holds every call of the method (`None`: all but getUpdates) from now on."""
        self._method, self._stage = method, stage
        self._open.clear()

    def open(self) -> None:
        """Lets go what waits and holds nothing more."""
        self._open.set()

    async def wait(self, method: str, stage: Stage) -> None:
        """Passes when nothing holds this call at this stage."""
        if self._open.is_set() or stage != self._stage or not self._holds(method):
            return
        self.held += 1
        self._changed.fire()
        try:
            await self._open.wait()
        finally:
            self.held -= 1
            self._changed.fire()

    def _holds(self, method: str) -> bool:
        if self._method is None:
            return method.lower() != "getupdates"
        return method.lower() == self._method.lower()

    async def wait_for_held(self, count: int, seconds: float) -> None:
        """Until so many calls wait, or none for 0; raises TimeoutError."""
        await self._changed.until(lambda: True if self._reached(count) else None, seconds)

    def _reached(self, count: int) -> bool:
        return self.held >= count if count else not self.held
