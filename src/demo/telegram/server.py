"""The Bot API over HTTP on loopback: routes, bodies, answers, faults."""
# ruff: noqa: ASYNC109 - a wait that fails says what was there instead, which asyncio.timeout around it could not

import asyncio
import json
import re
from collections.abc import Callable
from typing import Self

from aiohttp import web

from src.demo.telegram.errors import Refusal, too_many_requests
from src.demo.telegram.faults import Fault, FaultKind, FaultPlan, Gate, Stage
from src.demo.telegram.journal import Call, Journal
from src.demo.telegram.methods import METHODS
from src.demo.telegram.params import Params
from src.demo.telegram.world import World

Validator = Callable[[str, dict[str, str]], list[str]]
_PATH = re.compile(r"/bot([^/]*)/([^/]+)/?")
TOKEN = re.compile(r"[1-9][0-9]*:[A-Za-z0-9_-]+")
# Files go up to 50 MB; the emulator takes no files, but bodies that carry one must not fail for their size alone.
_MAX_BODY = 50 * 1024 * 1024


class TelegramServer:
    """A Bot API server for one bot, as strict as Telegram.

    Attributes:
        calls: every request that arrived, in order (`Call`).
        violations: what `validate` found, as "method: finding".
        dropped: what Telegram would silently leave out of a text ("code inside text_link").
    """

    def __init__(self, world: World, token: str, *, validate: Validator | None = None, port: int = 0) -> None:
        self._world = world
        self._token = token
        self._validate = validate
        self._port = port
        self._journal = Journal()
        self._faults = FaultPlan()
        self._gate = Gate()
        self._runner: web.AppRunner | None = None

    async def start(self) -> Self:
        """Listens on 127.0.0.1."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # Cancellation ends the long poll of a bot that is gone, and the calls that are never answered.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def close(self) -> None:
        """Lets go of whoever waits and stops listening; a second time does nothing."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._gate.open()
            self._world.queue.close()
            await runner.cleanup()

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def calls(self) -> list[Call]:
        """Every request, by arrival."""
        return self._journal.calls

    def on_answer(self, listener: Callable[[int, Call], None]) -> None:
        """From now on `listener` gets each call when it is answered, with its place in `calls`."""
        self._journal.listeners.append(listener)

    @property
    def violations(self) -> list[str]:
        """What `validate` found; tests hold it empty."""
        return self._journal.violations

    @property
    def dropped(self) -> list[str]:
        """What would silently be lost of the texts sent."""
        return self._world.dropped

    def requests_for(self, method: str) -> list[Call]:
        """The calls of one method, first come first."""
        return self._journal.of(method)

    async def wait_for_call(self, method: str, count: int = 1, timeout: float = 30) -> Call:
        """The `count`-th call of a method, answered or not; raises TimeoutError that says what was called instead."""
        return await self._journal.wait_for(method, count, timeout)

    def fail_next(
        self,
        method: str | None = None,
        chat_id: int | None = None,
        kind: FaultKind = "500",
        times: int = 1,
        retry_after: int = 3,
    ) -> None:
        """Lets the next `times` calls that fit go wrong; see FaultKind for how."""
        self._faults.add(Fault(kind, method, chat_id, times, retry_after))

    def fail_some(self, share: float, method: str | None = None, kind: FaultKind = "500", seed: int = 0) -> None:
        """Lets this share of all calls of a method go wrong from now on, as the dice fall after `seed`."""
        self._faults.seed(seed)
        self._faults.add(Fault(kind, method, share=share))

    def hold(self, method: str | None = None, stage: Stage = "after") -> None:
        """Keeps calls waiting until `release`: "after" they took effect, or "before" anything happened."""
        self._gate.close(method, stage)

    def release(self) -> None:
        """Answers what waits."""
        self._gate.open()

    async def wait_for_held(self, count: int = 1, timeout: float = 30) -> None:
        """Until so many calls wait behind `hold`, or none any more for 0; raises TimeoutError."""
        await self._gate.wait_for_held(count, timeout)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        match = _PATH.fullmatch(request.path)
        if match is None:
            return _refused(Refusal(404, "Not Found"))
        method = match.group(2)
        try:
            form = await _form(request)
        except Refusal as refusal:
            return _refused(refusal)
        number = self._journal.open(method, form, self._world.now())
        response, description = await self._answer(request, match.group(1), method, form)
        self._journal.close(number, response.status, description)
        return response

    async def _answer(
        self, request: web.Request, token: str, method: str, form: dict[str, str]
    ) -> tuple[web.Response, str | None]:
        try:
            self._check(token, method, form)
            fault = self._faults.take(method, form)
            if fault is not None and fault.kind == "502":
                return web.Response(
                    status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html"
                ), None
            await _break(request, fault)
            await self._gate.wait(method, "before")
            result = await METHODS[method.lower()](self._world, Params(form))
            await self._gate.wait(method, "after")
            if fault is not None and fault.kind == "reset_after":
                await _cut(request)
        except Refusal as refusal:
            return _refused(refusal), refusal.description
        return web.json_response({"ok": True, "result": result}), None

    def _check(self, token: str, method: str, form: dict[str, str]) -> None:
        if not TOKEN.fullmatch(token):
            raise Refusal(401, "Unauthorized: invalid token specified")
        if token != self._token:
            raise Refusal(401, "Unauthorized")
        if self._validate is not None:
            self._journal.violations.extend(f"{method}: {finding}" for finding in self._validate(method, form))
        if method.lower() not in METHODS:
            raise Refusal(404, "Not Found: method not found")


def _refused(refusal: Refusal) -> web.Response:
    headers = {"Retry-After": str(refusal.parameters["retry_after"])} if "retry_after" in refusal.parameters else None
    return web.json_response(refusal.body(), status=refusal.code, headers=headers)


async def _break(request: web.Request, fault: Fault | None) -> None:
    """What a fault does before the method is run."""
    if fault is None:
        return
    match fault.kind:
        case "429":
            raise too_many_requests(fault.retry_after)
        case "500":
            raise Refusal(500, "Internal Server Error")
        case "reset_before":
            await _cut(request)
        case "timeout":
            await asyncio.Event().wait()
        case "reset_after" | "502":
            return


async def _cut(request: web.Request) -> None:
    """Ends the connection without an answer; this handler is cancelled with it."""
    if request.transport is not None:
        request.transport.abort()
    await asyncio.Event().wait()


async def _form(request: web.Request) -> dict[str, str]:
    """The parameters, from the query and from a form, multipart or JSON body; files by their names only."""
    form = dict(request.query)
    try:
        if request.content_type == "application/json":
            body = await request.json() if request.can_read_body else {}
            if not isinstance(body, dict):
                raise Refusal(400, "Bad Request: JSON object expected")
            form.update({name: _wire(value) for name, value in body.items() if value is not None})
        elif request.can_read_body:
            for name, value in (await request.post()).items():
                form[name] = value if isinstance(value, str) else f"<file {getattr(value, 'filename', name)}>"
    except UnicodeDecodeError as error:
        raise Refusal(400, "Bad Request: strings must be encoded in UTF-8") from error
    except ValueError as error:
        raise Refusal(400, "Bad Request: can't parse the request body") from error
    return form


def _wire(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
