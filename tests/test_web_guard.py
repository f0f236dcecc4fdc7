"""The guard: who may ask, and what an answer always bears."""

import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestServer, make_mocked_request

from src.demo.ports import free_port
from src.web.guard import BODY_BYTES, SECURITY_HEADERS, ApiError, guard


async def echo(request: web.Request) -> web.Response:
    return web.json_response(await request.json() if request.can_read_body else {})


async def refuse(_: web.Request) -> web.Response:
    raise ApiError("Write something first.", 409)


async def fail(_: web.Request) -> web.Response:
    raise RuntimeError("a detail that is nobody's business")


async def move(_: web.Request) -> web.Response:
    raise web.HTTPFound("/elsewhere")


class Asker:
    """Asks the guarded server with whatever headers."""

    def __init__(self, session: ClientSession, port: int) -> None:
        self.session = session
        self.port = port

    async def __call__(
        self, method: str, path: str = "/", data: bytes | AsyncIterator[bytes] | None = None, **headers: str
    ) -> ClientResponse:
        response = await self.session.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            data=data,
            headers={name.replace("_", "-"): value.format(port=self.port) for name, value in headers.items()},
            allow_redirects=False,
        )
        await response.read()
        return response


@pytest.fixture
async def ask() -> AsyncIterator[Asker]:
    port = free_port()
    app = web.Application(middlewares=[guard(port)])
    app.add_routes([web.get("/", echo), web.post("/", echo), web.put("/", echo)])
    app.add_routes([web.get("/refuse", refuse), web.get("/fail", fail), web.get("/move", move)])
    async with TestServer(app, port=port), ClientSession() as session:
        yield Asker(session, port)


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LocalHost:{port}"])
async def test_the_page_answers_by_the_names_of_this_machine(ask: Asker, host: str) -> None:
    assert (await ask("GET", Host=host)).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example.org:{port}", "127.0.0.1", "127.0.0.1:1", "localhost", "127.0.0.1.evil.org:{port}", ""]
)
async def test_another_name_for_this_machine_is_refused(ask: Asker, host: str) -> None:
    response = await ask("GET", Host=host)
    assert response.status == 403
    assert "127.0.0.1" in (await response.json())["error"]


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example.org",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:{port}@evil.org",
        "http://[",
        "null",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_another_page_may_not_ask(ask: Asker, method: str, origin: str) -> None:
    response = await ask(method, data=b"{}", Origin=origin, Content_Type="application/json")
    assert response.status == 403


async def test_a_page_on_the_usual_port_is_asked_for_without_its_number() -> None:
    for host, status in (("127.0.0.1", 200), ("localhost", 200), ("localhost:80", 200), ("evil.example.org", 403)):
        request = make_mocked_request("GET", "/", headers={"Host": host, "Origin": f"http://{host}"})
        assert (await guard(80)(request, echo)).status == status


async def test_the_page_itself_may_post_json(ask: Asker) -> None:
    for origin in ("http://127.0.0.1:{port}", "http://localhost:{port}"):
        response = await ask("POST", data=b'{"a": 1}', Origin=origin, Content_Type="application/json; charset=utf-8")
        assert (response.status, await response.json()) == (200, {"a": 1})
    assert (await ask("POST", data=b"{}", Content_Type="application/json")).status == 200


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"]
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_what_a_form_can_send_is_refused(ask: Asker, method: str, content_type: str) -> None:
    assert (await ask(method, data=b"{}", Content_Type=content_type)).status == 415


async def test_bodies_are_bounded(ask: Asker) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    def text(size: int) -> bytes:
        return b'"' + b"x" * (size - 2) + b'"'

    assert (await ask("POST", data=text(BODY_BYTES), Content_Type="application/json")).status == 200
    assert (await ask("POST", data=text(BODY_BYTES + 1), Content_Type="application/json")).status == 413
    assert (await ask("POST", data=pieces(), Content_Type="application/json")).status == 411


@pytest.mark.parametrize(
    ("path", "status"), [("/", 200), ("/refuse", 409), ("/fail", 500), ("/nowhere", 404), ("/move", 302)]
)
async def test_every_answer_bears_the_security_headers(ask: Asker, path: str, status: int) -> None:
    response = await ask("GET", path)
    assert response.status == status
    for name, value in SECURITY_HEADERS.items():
        assert response.headers[name] == value
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "no-store"


async def test_a_refusal_is_told_as_its_sentence(ask: Asker) -> None:
    assert await (await ask("GET", "/refuse")).json() == {"error": "Write something first."}
    russian = await ask("GET", "/nowhere", Accept_Language="ru-RU,ru;q=0.9")
    assert any("а" <= letter <= "я" for letter in (await russian.json())["error"])
    response = await ask("PUT", "/refuse", data=b"{}", Content_Type="application/json")
    assert (response.status, response.headers["Allow"]) == (405, "GET,HEAD")
    assert (await ask("GET", "/move")).headers["Location"] == "/elsewhere"


async def test_what_nobody_expected_is_logged_and_told_without_details(
    ask: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "src.web.guard"):
        response = await ask("GET", "/fail?secret=1")
    assert response.status == 500
    assert await response.json() == {"error": "Something went wrong here. The log says what."}
    [record] = caplog.records
    assert record.getMessage() == "GET /fail failed"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)
