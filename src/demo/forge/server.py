"""The HTTP side of an emulator: one server with outages, entity tags and a record, one sender of webhooks."""

import hashlib
import json
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

from src.demo.forge.deliveries import Deliveries, answering
from src.demo.forge.outages import Outages
from src.demo.forge.protocol import Outage
from src.demo.forge.records import RequestRecord
from src.demo.forge.state import Token, User

Json = dict[str, Any]


@dataclass(slots=True)
class ApiError(Exception):
    """An answer that is not the wished one, in the forge's words."""

    status: int
    body: Json | str  # a text is sent as plain text
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer. `body` `None`: no content."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One API request with whom it comes from; anonymous where `token` is `None`."""

    request: web.Request
    token: Token | None
    user: User | None
    body: Json

    @property
    def login(self) -> str | None:
        """Whose token it carries."""
        return self.user.login if self.user else None

    def part(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    def query(self, name: str, default: str = "") -> str:
        """A query parameter."""
        return self.request.query.get(name, default)


Handler = Callable[[Call], Answer | Awaitable[Answer]]


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


class Server(Deliveries):
    """Serves `routes`, sends what `announce` was given. Subclasses say what the forge says."""

    api_prefix = ""  # between the address in the settings and the paths of the API

    def __init__(
        self, *, now: Callable[[], datetime] = utc_now, port: int = 0, base_path: str = "", shared_numbers: bool
    ) -> None:
        super().__init__(now, shared_numbers=shared_numbers)
        self.requests: list[RequestRecord] = []
        self._port = port
        self._base_path = "/" + base_path.strip("/") if base_path.strip("/") else ""
        self._outages = Outages(self.closing, self.rate_limited, self.hooks_refused)
        self._stack = AsyncExitStack()

    # What a forge says

    @abstractmethod
    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path pattern below `api_prefix`, handler."""

    def beside_routes(self) -> list[tuple[str, str, Handler]]:
        """As `routes`, but for patterns of the whole path: what is not below `api_prefix`."""
        return []

    @abstractmethod
    def authenticate(self, request: web.Request) -> Token | None:
        """The token that a request carries; raises `ApiError` for a bad one."""

    @abstractmethod
    def headers(self, token: Token | None, *, counted: bool) -> dict[str, str]:
        """What every answer carries: limits, scopes, request ids. `counted`: it costs one of the limit."""

    @abstractmethod
    def unknown_path(self) -> ApiError:
        """The answer to a path that the API does not have."""

    @abstractmethod
    def rate_limited(self, seconds: float) -> ApiError:
        """The answer to one request too many; the limit ends after `seconds`."""

    @abstractmethod
    def hooks_refused(self) -> ApiError:
        """The answer to someone who may not manage hooks although they are an admin."""

    # Opening and closing

    @property
    def url(self) -> str:
        """What belongs into the settings."""
        return f"http://127.0.0.1:{self._port}{self._base_path}"

    @property
    def web_url(self) -> str:
        """Where the pages of this forge would be."""
        return self.url

    @property
    def api_url(self) -> str:
        """What the paths of the API are appended to."""
        return self.url + self.api_prefix

    async def __aenter__(self) -> Self:
        """Bind a port and listen."""
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _open(self) -> None:
        app = web.Application(client_max_size=2**22)
        for method, pattern, handler in self.routes():
            app.router.add_route(method, self._base_path + self.api_prefix + pattern, self._endpoint(handler))
        for method, pattern, handler in self.beside_routes():
            app.router.add_route(method, pattern, self._endpoint(handler))
        app.router.add_route("*", "/{rest:.*}", self._endpoint(self._no_such_path))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        self._port = int(runner.addresses[0][1])
        session = ClientSession(timeout=ClientTimeout(total=10), connector=TCPConnector(force_close=True))
        self.session = await self._stack.enter_async_context(session)

    async def __aexit__(self, *_: object) -> None:
        """Close the port and all connections; what was not yet sent is dropped."""
        self.closing.set()
        self.drop()
        await self._stack.aclose()

    # Requests

    def _no_such_path(self, _: Call) -> Answer:
        raise self.unknown_path()

    def _endpoint(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            token: Token | None = None
            try:
                page = await self._outages.meet(request)
                if page is not None:
                    return self._record(request, None, page)
                token = self.authenticate(request)
                user = self.world.user(token.login) if token else None
                answer = await self._answer(handler, Call(request, token, user, await self._body(request)))
                response = self._respond(request, token, answer)
            except ApiError as error:
                headers = self.headers(token, counted=True) | error.headers
                text = error.body if isinstance(error.body, str) else json.dumps(error.body)
                kind = "text/plain" if isinstance(error.body, str) else "application/json"
                response = web.Response(text=text, content_type=kind, status=error.status, headers=headers)
            self._record(request, token, response)
            if self.waits:
                # The forge answers before it delivers: a hook's maker must not wait for its own ping.
                response.force_close()
                try:
                    await response.prepare(request)
                    await response.write_eof()
                finally:
                    await self.delivered()
            return response

        return serve

    async def _answer(self, handler: Handler, call: Call) -> Answer:
        mark = answering.set(True)
        try:
            result = handler(call)
            return result if isinstance(result, Answer) else await result
        finally:
            answering.reset(mark)

    def _respond(self, request: web.Request, token: Token | None, answer: Answer) -> web.Response:
        if answer.body is None:
            status = 204 if answer.status == 200 else answer.status
            return web.Response(status=status, headers=self.headers(token, counted=True) | answer.headers)
        body = json.dumps(answer.body, ensure_ascii=False).encode()
        tag = f'W/"{hashlib.sha256(body).hexdigest()[:40]}"'
        unchanged = request.method == "GET" and request.headers.get("If-None-Match") == tag
        headers = self.headers(token, counted=not unchanged) | answer.headers | {"ETag": tag}
        if unchanged:
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=body, status=answer.status, headers=headers, content_type="application/json", charset="utf-8"
        )

    def _record(self, request: web.Request, token: Token | None, response: web.Response) -> web.Response:
        path = request.rel_url.raw_path.removeprefix(self._base_path)
        login, query = token.login if token else None, request.query_string
        self.requests.append(
            RequestRecord(method=request.method, path=path, status=response.status, login=login, query=query)
        )
        return response

    async def _body(self, request: web.Request) -> Json:
        raw = await request.read()
        if not raw:
            return {}
        if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
            return dict(await request.post())
        try:
            body = json.loads(raw)
        except ValueError:
            raise ApiError(400, {"message": "Problems parsing JSON"}) from None
        return body if isinstance(body, dict) else {"items": body}

    # Outages

    def outage(self, kind: Outage, *, times: int | None = None, seconds: float = 30.0) -> None:
        """From now on answer the next `times` requests (`None`: until `clear_outages`) badly."""
        self._outages.order(kind, times, seconds)

    @property
    def present_outage(self) -> Outage | None:
        """The oldest outage that is not over; `None`: the forge is well."""
        return self._outages.present

    def clear_outages(self) -> None:
        """Be well again."""
        self._outages.clear()
