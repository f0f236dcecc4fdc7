"""The event stream: every line once and in order, whatever reloads, restarts or reads slowly."""

import asyncio
import json
import socket
import time
from pathlib import Path

import pytest
from aiohttp import ClientPayloadError

from src.web.feed import Chunk, Feed
from src.web.stream import FRAME_BYTES, EventStream
from tests.feed_stage import Event, eventually, files, running, tear


async def test_a_stream_sends_what_comes_after_its_place_and_what_comes_later(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        site.log(5)
        page = await site.open(f"?since=2&epoch={site.feed.epoch}")
        assert await page.until(5) == [3, 4, 5]
        assert page.retry == "1000"
        assert page.id == f"{site.feed.epoch}-5"
        site.log(2, "two\nlines")
        assert await page.until(7) == [3, 4, 5, 6, 7]
        assert page.lines[-1]["text"] == "two\nlines"
        headers = page.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["X-Accel-Buffering"] == "no"
        assert headers["Cache-Control"] == "no-cache"
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_stream_without_a_place_begins_now(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        site.log(5)
        page = await site.open()
        site.log(1)
        assert await page.until(6) == [6]


async def test_a_page_that_comes_back_is_sent_what_it_missed(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        site.log(3)
        page = await site.open("?since=0")
        await page.until(3)
        page.response.close()
        site.log(1_000)
        back = await site.open("?since=0", page.id)  # the browser keeps the address: the header wins
        assert await back.until(1_003) == list(range(4, 1_004))


async def test_a_reload_or_restart_loses_no_line(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        site.log(10)
        page = await site.open("?since=0")
        numbers = list(await page.until(10))
        site.log(7)  # added, and not yet shown to anybody
    async with running(tmp_path) as site:
        site.log(3)
        back = await site.open("?since=0", page.id)
        numbers += await back.until(20)
        assert numbers == list(range(1, 21))


async def test_a_restart_after_a_torn_last_line_loses_no_line(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        site.log(10)
        page = await site.open("?since=0")
        await page.until(10)
    tear(files(tmp_path)[-1])
    async with running(tmp_path) as site:
        site.log(5)
        assert await (await site.open("", page.id)).until(15) == [11, 12, 13, 14, 15]


async def test_a_restart_after_many_files_loses_no_line(tmp_path: Path) -> None:
    async with running(tmp_path, keep_bytes=400_000) as site:
        page = await site.open("?since=0")
        site.log(1)
        await page.until(1)
        site.log(2_000, "x" * 80)
        assert len(files(tmp_path)) > 3
        assert site.feed.first == 1
    async with running(tmp_path, keep_bytes=400_000) as site:
        site.log(10)
        assert await (await site.open("", page.id)).until(2_011) == list(range(2, 2_012))


@pytest.mark.parametrize("place", ["0123456789ab-3", "{epoch}-4"], ids=["another feed", "a number not yet there"])
async def test_a_page_of_another_feed_is_told_to_load_itself_anew(tmp_path: Path, place: str) -> None:
    async with running(tmp_path) as site:
        site.log(3)
        page = await site.open("", place.format(epoch=site.feed.epoch))
        event = await page.event()
        assert event is not None
        assert event.name == "reset"
        assert await page.event() is None  # and nothing else comes
        page = await site.open("?since=1&epoch=0123456789ab")
        event = await page.event()
        assert event is not None
        assert event.name == "reset"


async def test_lines_that_are_no_longer_kept_are_counted(tmp_path: Path) -> None:
    async with running(tmp_path, keep_bytes=64 * 1024) as site:
        site.log(3_000)
        page = await site.open("?since=10")
        lost = await page.event()
        assert lost == Event("lost", f"{site.feed.epoch}-{site.feed.first - 1}", {"lost": site.feed.first - 11})
        assert await page.until(3_000) == list(range(site.feed.first, 3_001))


async def test_a_quiet_stream_gives_signs_of_life(tmp_path: Path) -> None:
    async with running(tmp_path, heartbeat=0.02) as site:
        started = time.monotonic()
        page = await site.open("?since=0")
        while page.comments < 3:
            page.comments += (await page.response.content.readline()).startswith(b":")
        assert time.monotonic() - started >= 3 * 0.02
        site.log(1)
        assert await page.until(1) == [1]


async def test_a_stream_gets_at_most_ten_frames_a_second_whatever_comes(tmp_path: Path) -> None:
    async with running(tmp_path, interval=EventStream(Feed(tmp_path))._interval) as site:
        page = await site.open("?since=0")
        started = time.monotonic()
        for _ in range(11):
            site.log(20)
            event = await page.event()
            assert event is not None
            page.lines += event.data
        assert time.monotonic() - started >= 1
        assert page.numbers == list(range(1, len(page.lines) + 1))


async def test_streams_at_one_place_share_one_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as site:
        asked: list[int] = []
        read = site.feed.chunk

        def chunk(seq: int, most: int) -> Chunk | None:
            asked.append(seq)
            return read(seq, most)

        monkeypatch.setattr(site.feed, "chunk", chunk)
        pages = [await site.open("?since=0") for _ in range(10)]
        site.log(1)
        for page in pages:
            assert await page.until(1) == [1]
        assert len(asked) == 1


async def test_a_slow_reader_neither_grows_memory_nor_loses_lines(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        loop = asyncio.get_running_loop()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.setblocking(False)
            await loop.sock_connect(slow, ("127.0.0.1", site.server.port))
            await loop.sock_sendall(
                slow, b"GET /events?since=0 HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n\r\n" % (site.server.port or 0)
            )
            quick = await site.open("?since=0")
            total = 0
            for _ in range(20):
                site.log(500, "x" * 1_000)
                total += 500
                await quick.until(total)  # the others are not held up
            assert site.stream.behind == 1
            assert 0 < site.stream.unsent <= FRAME_BYTES + 128 * 1024
            received = bytearray()
            while not (b'"seq":%d,' % total in received[-2_000:] and received.endswith(b"]\n\n")):
                received += await loop.sock_recv(slow, 1 << 16)
        frames = [part for part in bytes(received).split(b"\n") if part.startswith(b"data: ")]
        numbers = [line["seq"] for frame in frames for line in json.loads(frame[6:])]
        assert numbers == quick.numbers == list(range(1, total + 1))
        assert max(map(len, frames)) <= FRAME_BYTES + 100


async def test_a_reader_that_takes_nothing_is_cut_off(tmp_path: Path) -> None:
    async with running(tmp_path, patience=0.05) as site:
        loop = asyncio.get_running_loop()
        with socket.socket() as dead:
            dead.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            dead.setblocking(False)
            await loop.sock_connect(dead, ("127.0.0.1", site.server.port))
            await loop.sock_sendall(
                dead, b"GET /events?since=0 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (site.server.port or 0)
            )
            site.log(8_000, "x" * 1_000)
            await eventually(lambda: bool(site.stream._readers))
            await eventually(lambda: not site.stream._readers)


async def test_a_feed_that_cannot_be_read_ends_the_stream_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as site:
        site.log(3)
        [file] = files(tmp_path)
        file.rename(tmp_path / "elsewhere")
        page = await site.open("?since=0")
        with pytest.raises(ClientPayloadError):
            await page.event()
        page.response.close()
        assert "FileNotFoundError" in caplog.text
        (tmp_path / "elsewhere").rename(file)
        assert await (await site.open("?since=0")).until(3) == [1, 2, 3]


async def test_a_page_that_was_closed_is_forgotten(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        page = await site.open("?since=0")
        assert len(site.stream._readers) == 1
        page.response.close()
        await eventually(lambda: not site.stream._readers)


async def test_streams_end_at_stop_the_slow_ones_too(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        page = await site.open("?since=0")
        site.log(1)
        await page.until(1)
        slow = await site.open("?since=0")  # never read
        site.log(9_000, "x" * 1_000)
        await eventually(lambda: all(reader.writing for reader in site.stream._readers))
        site.stop.set()
        started = time.monotonic()
        with pytest.raises(ClientPayloadError):
            await slow.until(10_000)
        await eventually(lambda: not site.stream._readers)
        assert time.monotonic() - started < 30
        response = await site.session.get(site.server.make_url("/events"))
        assert response.status == 503
        assert "error" in await response.json()


async def test_streams_are_bounded_in_number(tmp_path: Path) -> None:
    async with running(tmp_path) as site:
        pages = [await site.open() for _ in range(20)]
        response = await site.session.get(site.server.make_url("/events"))
        assert response.status == 503
        pages[0].response.close()


@pytest.mark.parametrize("query", ["?since=x", "?since=-1", "?since=1e3", "?since=" + "9" * 40, "?since=²"])
async def test_a_place_that_is_none_is_refused(tmp_path: Path, query: str) -> None:
    async with running(tmp_path) as site:
        response = await site.session.get(site.server.make_url("/events" + query))
        assert response.status == 400
        response = await site.session.get(site.server.make_url("/events"), headers={"Last-Event-ID": "nonsense"})
        assert response.status == 400


async def test_older_lines_are_there_for_scrolling_up(tmp_path: Path) -> None:
    async with running(tmp_path) as site:

        async def numbers(query: str) -> list[int]:
            response = await site.session.get(site.server.make_url("/api/lines" + query))
            assert response.status == 200, await response.text()
            assert response.content_type == "application/json"
            return [line["seq"] for line in await response.json()]

        assert await numbers("") == []
        for number in range(1, 31):
            site.feed.add("call" if number % 10 == 0 else "log")
        assert await numbers("?limit=3") == [28, 29, 30]
        assert await numbers("?before=28&limit=3&kinds=log") == [25, 26, 27]
        assert await numbers("?kinds=call,world&before=30") == [10, 20]
        assert await numbers("?limit=0") == [30]
        assert (await site.session.get(site.server.make_url("/api/lines?limit=x"))).status == 400
