"""Bad days of a forge, ordered by a test or a demo."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from src.demo.forge.protocol import Outage

_GATEWAY = "<html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"
_SIGN_IN = "<!DOCTYPE html><html><body>Please sign in</body></html>"


@dataclass(slots=True)
class _Trouble:
    kind: Outage
    times: int | None
    seconds: float


class Outages:
    """The outages that were ordered and are not over; the oldest that fits a request is the one it meets."""

    def __init__(
        self,
        closing: asyncio.Event,
        rate_limited: Callable[[float], Exception],
        hooks_refused: Callable[[], Exception],
    ) -> None:
        self._closing = closing
        self._rate_limited = rate_limited
        self._hooks_refused = hooks_refused
        self._troubles: list[_Trouble] = []

    def order(self, kind: Outage, times: int | None, seconds: float) -> None:
        """See `ForgeEmulator.outage`."""
        self._troubles.append(_Trouble(kind, times, seconds))

    @property
    def present(self) -> Outage | None:
        """The oldest one that is not over."""
        return self._troubles[0].kind if self._troubles else None

    def clear(self) -> None:
        """Be well again."""
        self._troubles.clear()

    def _next(self, request: web.Request) -> _Trouble | None:
        about_hooks = request.method != "GET" and "/hooks" in request.path
        trouble = next((t for t in self._troubles if t.kind != "refuse_hooks" or about_hooks), None)
        if trouble is not None and trouble.times is not None:
            trouble.times -= 1
            if trouble.times <= 0:
                self._troubles.remove(trouble)
        return trouble

    async def meet(self, request: web.Request) -> web.Response | None:
        """The page that the request gets instead of an answer, or `None`; raises the forge's error; may wait."""
        trouble = self._next(request)
        if trouble is None:
            return None
        if trouble.kind == "down":
            return web.Response(status=502, text=_GATEWAY, content_type="text/html")
        if trouble.kind == "html":
            return web.Response(text=_SIGN_IN, content_type="text/html")
        if trouble.kind == "rate_limited":
            raise self._rate_limited(trouble.seconds)
        if trouble.kind == "refuse_hooks":
            raise self._hooks_refused()
        try:
            await asyncio.wait_for(self._closing.wait(), trouble.seconds)
        except TimeoutError:
            return None  # slow, but well
        return web.Response(status=503)
