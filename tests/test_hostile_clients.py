"""Hostile clients: slow, large, compressed, guessing, from anywhere. They get an answer or an end, and cost little."""

import asyncio
import contextlib
import gc
import logging
import os
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, web
from sqlalchemy import event, text

from src.database.models import Hook
from src.database.repositories import arrivals
from src.webhook import bodies, connections, handlers, inbox
from src.webhook.bodies import MAX_BODY, Budget
from src.webhook.connections import SLOWEST as SLOWEST_OF_ALL
from src.webhook.connections import Connection, SlowClients
from src.webhook.known_hooks import KnownHooks
from tests.payloads import load, sign_github
from tests.relay import SECRET, Relay, running_relay
from tests.served import Served, served

OPENED = "github/pull_request__opened"
SLOWEST = 0.8  # seconds; in the drill it is the real 15
LIMIT = 15.0  # seconds, as the promise is; a busy machine is no reason to fail, a connection that is held is


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path, work=False) as running:
        yield running


@pytest.fixture
async def hook(relay: Relay) -> str:
    return await relay.add_hook(await relay.add_project())


def head(path: str, *lines: str, length: int | None = None) -> bytes:
    """A request's head, in bytes."""
    declared = () if length is None else (f"Content-Length: {length}",)
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: x", "Connection: close", *declared, *lines, "", "")).encode(
        "latin-1"
    )


def signed_head(path: str, body: bytes) -> bytes:
    headers, _ = load(OPENED)
    lines = [f"{name}: {value}" for name, value in (headers | sign_github(body, SECRET)).items()]
    return head(path, *lines, length=len(body))


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


# ---------------------------------------------------------------------------------------------------
# Slow


async def trickle(at: Served, *beginning: bytes) -> tuple[float, bytes]:
    """Begin, then add a byte now and then until the connection is closed; how long that took, and what was said."""
    began = asyncio.get_running_loop().time()
    reader, writer = await at.connect()
    writer.writelines(beginning)
    said = b""
    try:
        while not reader.at_eof():
            try:
                async with asyncio.timeout(0.1):
                    said += await reader.read(1000)
            except TimeoutError:
                writer.write(b"x")
    except ConnectionError:
        pass  # that is an end, too
    finally:
        writer.close()
    return asyncio.get_running_loop().time() - began, said


@pytest.mark.parametrize(
    ("beginning", "says"),
    [
        ((b"POST /webhook/github/hook1 HTTP/1.1\r\nHost: x\r\nX-Slow: ",), b""),
        ((head("/webhook/github/hook1", length=1000),), b"408"),
        ((head("/webhook/github/hook1", "Transfer-Encoding: chunked"), b"fff\r\n"), b"408"),
        ((head("/webhook/github/nobody", length=1000),), b"404"),
        ((head("/elsewhere", length=1000),), b"404"),
        ((head("/webhook/github/hook1", "Content-Encoding: gzip", length=1000),), b"415"),
    ],
    ids=["head", "body", "chunk", "body for an unknown hook", "body for no route", "body that is refused"],
)
async def test_slow_headers_or_bodies_are_closed_in_time(
    relay: Relay, hook: str, beginning: tuple[bytes, ...], says: bytes
) -> None:
    async with served(relay, slowest=SLOWEST) as at:
        took = await asyncio.gather(*(trickle(at, *beginning) for _ in range(10)))
        assert all(seconds < LIMIT for seconds, _ in took)
        assert {said.split(b" ", 2)[1] if said else b"" for _, said in took} == {says}
        assert len(at.watch) == 0


class Line(asyncio.Transport):
    """One that tells whether it was cut."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = False

    def abort(self) -> None:
        self.cut = True


async def test_who_is_slow_is_cut_before_the_15_s_are_over(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock of the watch, whatever the machine does: at the second look that finds it late, unless it came."""
    assert SLOWEST_OF_ALL == 15
    watch, stop = SlowClients(relay.metrics), asyncio.Event()
    every, watch._every = watch._every, 0.01  # so fast it looks here; `every` is what its clock shows
    seen: list[tuple[bool, bool]] = []

    def look() -> float:
        """What the clock shows: the first look just misses that they are late, which is the worst that may be."""
        seen.append((slow.cut, in_time.cut))
        if len(seen) == 3:
            spared.arrived()
        if len(seen) == 5:
            stop.set()
        return watch.patience - 0.001 + (len(seen) - 1) * every

    with monkeypatch.context() as patch:
        patch.setattr(connections, "time", SimpleNamespace(monotonic=lambda: 0.0))
        slow, in_time = Line(), Line()
        Connection(asyncio.Protocol(), watch).connection_made(slow)
        spared = Connection(asyncio.Protocol(), watch)
        spared.connection_made(in_time)
        patch.setattr(connections, "time", SimpleNamespace(monotonic=look))
        async with asyncio.timeout(30):
            await watch.run(stop)
    assert seen == [(False, False)] * 3 + [(True, False)] * 2
    assert watch.patience + 2 * every < SLOWEST_OF_ALL - every / 2  # the third look, and some room


async def test_300_slow_clients_at_once_are_closed_in_time(relay: Relay, hook: str) -> None:
    """With a fifth of the time; `tests/drills/test_hostile.py` takes the real program and all of it."""
    headers, body = load(OPENED)
    slow = (b"POST /webhook/github/hook1 HTTP/1.1\r\nX-Slow: ", head("/webhook/github/hook1", length=10_000))
    async with served(relay, slowest=3) as at, ClientSession(at.url) as client:

        async def honest() -> int:
            await asyncio.sleep(0.3)
            async with client.post(hook, data=body, headers=headers | sign_github(body, SECRET)) as response:
                return response.status

        took = asyncio.gather(*(trickle(at, slow[number % 2]) for number in range(300)))
        assert await honest() == 202
        assert max(seconds for seconds, _ in await took) < LIMIT
        assert len(at.watch) <= 1  # the good one's is kept alive


async def test_who_connects_and_says_nothing_is_closed_and_counted(relay: Relay) -> None:
    async with served(relay, slowest=0.2) as at:
        reader, writer = await at.connect()
        async with asyncio.timeout(LIMIT):
            assert await reader.read() == b""
        writer.close()
    assert "git_assistant_slow_requests_total 1.0" in relay.metrics.render().decode()


async def test_idle_keep_alive_connections_are_left_alone(relay: Relay, hook: str) -> None:
    headers, body = load(OPENED)
    async with served(relay, slowest=1) as at, ClientSession(at.url) as client:
        for number in range(3):
            signed = headers | sign_github(body, SECRET) | {"X-GitHub-Delivery": f"d{number}"}
            async with client.post(hook, data=body, headers=signed) as response:
                assert response.status == 202
            assert len(at.watch) == 1
            await asyncio.sleep(1.5)
            assert len(at.watch) == 1
        async with client.get("/healthz") as response:
            assert response.status == 200
        assert len(at.watch) == 1  # the same all the time


async def test_a_slow_second_request_on_a_connection_is_closed_too(relay: Relay) -> None:
    async with served(relay, slowest=0.3) as at:
        reader, writer = await at.connect()
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await reader.readuntil(b"}")
        writer.write(b"GET /healthz HTTP/1.1\r\nHo")
        async with asyncio.timeout(LIMIT):
            assert await reader.read() == b""
        writer.close()


async def test_an_answer_that_takes_long_is_not_cut(relay: Relay) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(5):
            await asyncio.sleep(0.4)
            await response.write(b"data: x\n\n")
        return response

    def add(app: web.Application) -> None:
        app.router.add_get("/stream", stream)

    async with (
        served(relay, slowest=1, add=add) as at,
        ClientSession(at.url) as client,
        client.get("/stream") as response,
    ):
        assert (await response.text()).count("data") == 5


async def test_slow_clients_do_not_hold_up_a_stop(relay: Relay) -> None:
    async with asyncio.timeout(LIMIT):  # aiohttp itself would wait for twenty seconds
        async with served(relay, slowest=0.5) as at:
            connections = [await at.connect() for _ in range(20)]
            for _, writer in connections[::2]:
                writer.write(b"GET / HTTP/1.1\r\nX: ")
            await asyncio.sleep(0.05)
        for reader, writer in connections:
            assert await reader.read() == b""
            writer.close()


# ---------------------------------------------------------------------------------------------------
# Large, compressed, malformed


async def test_25_mib_are_accepted_and_one_byte_more_is_refused(relay: Relay, hook: str) -> None:
    body = b" " * MAX_BODY
    async with served(relay) as at:
        assert status_of(await at.send(signed_head(hook, body), body)) == 202
        declared = await at.ask(head(hook, length=MAX_BODY + 1))
        chunks = (b"100000\r\n" + b" " * 0x100000 + b"\r\n" for _ in range(25))
        undeclared = await at.send(head(hook, "Transfer-Encoding: chunked"), *chunks, b"1\r\n \r\n")
    assert (status_of(declared), status_of(undeclared)) == (413, 413)
    assert len(await relay.deliveries()) == 1


@pytest.mark.parametrize(
    "line",
    [
        "Content-Encoding: gzip",
        "Content-Encoding: GZIP",
        "Content-Encoding: identity, gzip",
        "Content-Encoding: br",
        "Content-Encoding: identity\r\nContent-Encoding: deflate",
    ],
)
async def test_compressed_bodies_are_refused_however_it_is_said(relay: Relay, hook: str, line: str) -> None:
    async with served(relay) as at:
        assert status_of(await at.send(head(hook, line, length=10), b"x" * 10)) == 415


async def test_a_body_that_says_it_is_as_it_is_is_taken(relay: Relay, hook: str) -> None:
    headers, body = load(OPENED)
    signed = headers | sign_github(body, SECRET) | {"Content-Encoding": "identity"}
    assert await relay.post(hook, signed, body) == 202


async def test_nonsense_is_answered_400_and_does_not_fill_the_log(
    relay: Relay, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(relay) as at:
        for nonsense in (b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
            assert status_of(await at.send(nonsense)) == 400
        many = [f"X-{number}: y" for number in range(100)]
        assert status_of(await at.send(head(hook, *many))) == 400
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


# ---------------------------------------------------------------------------------------------------
# Guessing


@pytest.mark.parametrize("value", [b"sha256=\xff\xfe", b"\xc3\xbf" * 10, b"sha256=" + b"\xed\xa0\x80", b"v1,\xff", b""])
async def test_signatures_are_compared_as_bytes(relay: Relay, hook: str, value: bytes) -> None:
    gitlab = await relay.add_hook(await relay.add_project("gitlab"), "gitlab")
    async with served(relay) as at:
        for path in (hook, gitlab):
            lines = b"".join(
                name + b": " + value + b"\r\n"
                for name in (b"X-Hub-Signature-256", b"X-Gitlab-Token", b"webhook-signature", b"webhook-id")
            )
            start = head(path, length=2)[:-2]
            assert status_of(await at.send(start + lines + b"\r\n{}")) == 401
    assert await relay.deliveries() == []


async def test_unknown_hooks_cost_nothing(relay: Relay, hook: str) -> None:
    """The body is not waited for, nothing is stored, logged or counted by name, and the database is asked in bulk."""
    queries = 0

    def count(*_: Any) -> None:
        nonlocal queries
        queries += 1

    async with served(relay) as at:
        assert status_of(await at.send(signed_head(hook, b"{}"), b"{}")) == 202
        reader = relay.database._reader.sync_engine
        event.listen(reader, "before_cursor_execute", count)
        answers = await asyncio.gather(*(at.ask(head(f"/webhook/github/made-up-{n}", length=9)) for n in range(300)))
        in_bulk, queries = queries, 0
        for path in ("/webhook/github/made-up-1", "/webhook/github/" + "x" * 33, "/webhook/github/%00%ff"):
            answers.append(await at.ask(head(path, length=9)))
        event.remove(reader, "before_cursor_execute", count)
    assert {status_of(answer) for answer in answers} == {404}
    assert in_bulk <= 30
    assert queries == 0  # it is remembered that there is none, and what cannot be an id is not looked up
    assert len(await relay.deliveries()) == 1
    assert await relay.log() == []
    assert "made-up" not in relay.metrics.render().decode()


async def test_a_hook_that_was_looked_up_too_early_is_found_soon(relay: Relay) -> None:
    """What asks while a query runs is asked with the next one: an answer is never older than the question."""
    known = handlers.known_hooks(0)

    async def late() -> Hook | None:
        await relay.add_hook(await relay.add_project())
        return await known.find(relay.database, "github", "hook1")

    early = (known.find(relay.database, "github", "hook1") for _ in range(5))
    *_, found = await asyncio.gather(*early, late())
    assert found is not None
    assert await known.find(relay.database, "gitlab", "hook1") is None


async def test_a_refused_body_is_gone_with_its_answer(relay: Relay, hook: str) -> None:
    """An exception's traceback would hold it until the next collection of garbage."""
    size = 8 * 1024 * 1024
    async with served(relay) as at:
        await at.send(head(hook, length=2), b"{}")  # what is made once is made
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for _ in range(3):
                answer = await at.send(head(hook, length=size), b"x" * size)
                assert status_of(answer) == 401
            async with asyncio.timeout(30):
                while tracemalloc.get_traced_memory()[0] >= size / 2:  # noqa: ASYNC110 - memory tells nobody
                    await asyncio.sleep(0.05)
        finally:
            tracemalloc.stop()
            gc.enable()


async def test_a_body_that_comes_while_its_hook_is_looked_up_has_come_in(
    relay: Relay, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, put = KnownHooks.look_up, arrivals.put

    async def slow_look(*given: Any) -> Any:
        await asyncio.sleep(0.2)
        return await look_up(*given)

    async def slow_put(*given: Any) -> None:
        await asyncio.sleep(7)
        await put(*given)

    monkeypatch.setattr(KnownHooks, "look_up", slow_look)
    monkeypatch.setattr(inbox, "_LONGEST_WAIT", 60)
    monkeypatch.setattr(arrivals, "put", slow_put)
    _, body = load(OPENED)
    async with served(relay, slowest=6) as at:
        reader, writer = await at.connect()
        writer.write(signed_head(hook, body))
        await asyncio.sleep(0.05)
        writer.write(body)
        async with asyncio.timeout(30):
            assert (await reader.readline()).startswith(b"HTTP/1.1 202")
        writer.close()


# ---------------------------------------------------------------------------------------------------
# Overload: wait, then 503 with Retry-After


async def test_large_bodies_that_grow_side_by_side_get_on_one_by_one() -> None:
    budget = Budget(large=100, small=0, reserve=1000)
    done: list[int] = []

    async def grow(number: int) -> None:
        async with budget.share(None) as share:
            for _ in range(10):
                await share.charge(50)
                await asyncio.sleep(0)
        done.append(number)

    await asyncio.gather(*(grow(number) for number in range(5)))
    assert sorted(done) == [0, 1, 2, 3, 4]
    async with budget.share(None) as share:  # and all of it is free again
        for _ in range(10):
            await share.charge(100)


async def test_who_waits_for_memory_until_the_end_hears_503_and_not_408(
    relay: Relay, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_PATIENCE", 30)
    budget = Budget(large=0, small=0, reserve=0)
    async with asyncio.timeout(20):
        async with served(relay, slowest=3) as at:
            object.__setattr__(at.receiver, "budget", budget)
            answer = await at.send(head(hook, length=100_000), b" " * 100_000)  # more than a connection's buffer
    assert status_of(answer) == 503
    assert b"Retry-After: 10" in answer


async def test_a_disk_that_does_not_answer_is_waited_for_and_then_a_503(
    relay: Relay, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "_LONGEST_WAIT", 0.2)
    headers, body = load(OPENED)
    signed = headers | sign_github(body, SECRET) | {"X-GitHub-Delivery": "d1"}
    async with served(relay) as at, ClientSession(at.url) as client:
        async with relay.database.write() as session:
            held = "SELECT 1" if relay.database.is_sqlite else "LOCK TABLE deliveries IN SHARE MODE"
            await session.execute(text(held))  # now the one writer is taken
            async with client.post(hook, data=body, headers=signed) as response:
                assert response.status == 503
                assert response.headers["Retry-After"] == "10"
        monkeypatch.setattr(inbox, "_LONGEST_WAIT", 30)
        async with client.post(hook, data=body, headers=signed) as response:  # sent again, it is there once
            assert response.status == 202
    assert [delivery.key for delivery in await relay.deliveries()] == ["d1"]


@pytest.mark.sqlite_file
async def test_a_full_disk_is_a_503_with_retry_after_and_what_comes_again_is_stored(
    relay: Relay, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers, body = load(OPENED)
    signed = headers | sign_github(body, SECRET) | {"X-GitHub-Delivery": "d1"}
    large = os.urandom(100_000)  # cannot be compressed
    async with served(relay) as at, ClientSession(at.url) as client:
        await relay.database._direct.run(lambda connection: connection.execute("PRAGMA max_page_count=1"))
        async with client.post(hook, data=large, headers=signed | sign_github(large, SECRET)) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "10")
        assert await relay.deliveries() == []
        await relay.database._direct.run(lambda connection: connection.execute("PRAGMA max_page_count=1000000"))
        async with client.post(hook, data=body, headers=signed) as response:
            assert response.status == 202
    assert [delivery.key for delivery in await relay.deliveries()] == ["d1"]
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert said == "deliveries of hooks [1] were not stored: database or disk is full"
    caplog.clear()


# ---------------------------------------------------------------------------------------------------
# Too many connections


async def test_beyond_the_most_the_connection_that_idled_longest_is_closed(relay: Relay, hook: str) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    async with served(relay, most=3) as at:
        kept = [await at.connect() for _ in range(3)]
        for reader, writer in kept:
            writer.write(request)
            assert b"200" in await reader.readuntil(b"}")
        kept[0][1].write(request)  # now the second one has idled longest
        await kept[0][0].readuntil(b"}")
        late, writing = await at.connect()
        writing.write(request)
        assert b"200" in await late.readuntil(b"}")
        assert await kept[1][0].read() == b""
        for reader, writer in (kept[0], kept[2]):
            writer.write(request)
            assert b"200" in await reader.readuntil(b"}")
        assert len(at.watch) == 3
        for _, writer in (*kept, (late, writing)):
            writer.close()
    assert "git_assistant_surplus_connections_total 1.0" in relay.metrics.render().decode()


async def test_where_none_idles_one_too_many_is_refused(relay: Relay, hook: str) -> None:
    """What is being sent or worked on is never cut for another's sake."""
    async with served(relay, most=2) as at:
        first = [await at.connect() for _ in range(2)]
        for _, writer in first:
            writer.write(head(hook, length=10))
        async with asyncio.timeout(30):
            while len(at.watch) < 2 or at.watch._idle:  # noqa: ASYNC110 - the listener tells nobody
                await asyncio.sleep(0.01)
        reader, writer = await at.connect()
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        assert len(at.watch) == 2
        for _, each in (*first, (reader, writer)):
            each.close()


# ---------------------------------------------------------------------------------------------------
# The short way of a delivery does what the long one does


async def test_a_client_that_asks_whether_to_go_on_is_told_so(relay: Relay, hook: str) -> None:
    headers, body = load(OPENED)
    signed = headers | sign_github(body, SECRET)
    async with served(relay) as at:
        reader, writer = await at.connect()
        lines = [f"{name}: {value}" for name, value in signed.items()]
        writer.write(head(hook, "Expect: 100-continue", *lines, length=len(body)))
        assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
        writer.write(body)
        assert status_of(await reader.readuntil(b"}")) == 202
        writer.close()
    assert len(await relay.deliveries()) == 1


@pytest.mark.parametrize("path", ["", "?x=1", "/"])
async def test_addresses_mean_the_same_to_the_listener_and_to_the_application(
    relay: Relay, hook: str, path: str
) -> None:
    headers, body = load(OPENED)
    signed = headers | sign_github(body, SECRET)
    async with (
        served(relay) as at,
        ClientSession(at.url) as client,
        client.post(hook + path, data=body, headers=signed) as response,
    ):
        assert response.status == await relay.post(hook + path, signed, body)
