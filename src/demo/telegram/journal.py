"""What was asked of the server, in order, and how it was answered."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from src.demo.telegram.signals import Signal


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `form` as it went over the wire, never the token.

    `status` is 0 as long as nothing was answered, and for ever when the connection was cut; `description` is what a
    refusal said; `at` is Unix time.
    """

    method: str
    form: dict[str, str]
    status: int
    ok: bool
    at: float
    description: str | None = None


class Journal:
    """Calls by arrival; an entry is replaced when its answer goes out."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self.listeners: list[Callable[[int, Call], None]] = []
        self._changed = Signal()

    def open(self, method: str, form: dict[str, str], at: float) -> int:
        """A call arrived; the number is for `close`."""
        self.calls.append(Call(method, form, 0, ok=False, at=at))
        self._changed.fire()
        return len(self.calls) - 1

    def close(self, number: int, status: int, description: str | None) -> None:
        """Its answer goes out."""
        self.calls[number] = replace(self.calls[number], status=status, ok=status == 200, description=description)
        self._changed.fire()
        for listener in self.listeners:
            listener(number, self.calls[number])

    def of(self, method: str) -> list[Call]:
        """The calls of one method, first come first."""
        return [call for call in self.calls if call.method.lower() == method.lower()]

    async def wait_for(self, method: str, count: int, seconds: float) -> Call:
        """The `count`-th call of a method as soon as it is answered or held; raises TimeoutError."""

        def look() -> Call | None:
            calls = self.of(method)
            return calls[count - 1] if len(calls) >= count else None

        try:
            return await self._changed.until(look, seconds)
        except TimeoutError:
            seen = ", ".join(sorted({call.method for call in self.calls})) or "nothing"
            raise TimeoutError(f"{len(self.of(method))} of {count} {method} in {seconds} s; called: {seen}") from None
