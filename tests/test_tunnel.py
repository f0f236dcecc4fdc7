"""Tunnels: whose agent says what, how a change is noticed, and hooks that follow it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from src.database.models import Job
from src.database.repositories import jobs
from src.demo.ports import free_port
from src.webhook.manager import CHECK_JOB, HookOutcome, ManualReason
from src.webhook.tunnel import NoAddress, Tunnel, address, open_local
from src.webhook.tunnel.agents import cloudflared_address, ngrok_address
from src.webhook.tunnel.watch import Standing, after
from tests.hook_stage import ISSUE, PATH, Life, living
from tests.tunnel_stage import agent, far_end, watched


@pytest.fixture(params=["github", "gitlab"])
async def life(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Life]:
    async with living(tmp_path, request.param) as found:
        yield found


def ngrok(*tunnels: tuple[str, str]) -> dict[str, Any]:
    """What ngrok answers of tunnels, each with its address and what it leads to."""
    return {"tunnels": [{"public_url": url, "config": {"addr": addr}} for url, addr in tunnels]}


# What the answers mean


@pytest.mark.parametrize("target", ["http://localhost:8000", "https://127.0.0.1:8000", "relay:8000", "8000"])
def test_ngroks_tunnel_to_our_port_is_ours(target: str) -> None:
    answer = ngrok(("https://other.ngrok.app", "http://localhost:3000"), ("https://ours.ngrok.app/", target))
    assert ngrok_address(answer, 8000) == "https://ours.ngrok.app"


def test_https_goes_before_http() -> None:
    answer = ngrok(("http://a.ngrok.app", "http://localhost:80"), ("https://a.ngrok.app", "http://localhost"))
    assert ngrok_address(answer, 80) == "https://a.ngrok.app"
    assert ngrok_address(ngrok(("http://a.ngrok.app", "x")), None) == "http://a.ngrok.app"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (ngrok(), "no web tunnel yet"),
        (ngrok(("tcp://0.tcp.ngrok.io:1234", "localhost:8000")), "no web tunnel yet"),
        (ngrok(("https://a.ngrok.app", "http://localhost:3000")), "none of ngrok's tunnels leads to port 8000"),
        (ngrok(("https://a.ngrok.app", "http://localhost:x")), "none of ngrok's tunnels leads to port 8000"),
        (ngrok(("https://user:word@a.ngrok.app", "http://localhost:8000")), "no web tunnel yet"),
        (ngrok(("https://a.ngrok.app/?x=1", "http://localhost:8000")), "no web tunnel yet"),
        (ngrok(("https://a b", "8000")), "no web tunnel yet"),
        (ngrok(("https://a:99999", "8000")), "no web tunnel yet"),
        ({"tunnels": ["https://a.ngrok.app", {"public_url": 7}]}, "no web tunnel yet"),
        ({"tunnels": [{"public_url": "https://a.ngrok.app", "config": None}]}, "leads to port 8000"),
        ({"tunnels": "many"}, "no web tunnel yet"),
        ([], "no web tunnel yet"),
    ],
)
def test_what_ngrok_names_has_to_lead_to_us(answer: object, says: str) -> None:
    with pytest.raises(NoAddress, match=says):
        ngrok_address(answer, 8000)


def rules(*found: tuple[str, str]) -> dict[str, Any]:
    return {"version": 3, "config": {"ingress": [{"hostname": name, "service": service} for name, service in found]}}


def test_cloudflareds_quick_tunnel_has_a_name_of_its_own() -> None:
    assert cloudflared_address({"hostname": "calm-sea.trycloudflare.com"}, None, 8000) == (
        "https://calm-sea.trycloudflare.com"
    )


def test_cloudflareds_named_tunnel_has_the_names_of_its_rules() -> None:
    config = rules(
        ("www.example.org", "http://localhost:3000"), ("*.example.org", "http://localhost:8000"),
        ("bot.example.org", "http://localhost:8000"), ("", "http_status:404"),
    )  # fmt: skip
    assert cloudflared_address({"hostname": ""}, config, 8000) == "https://bot.example.org"


@pytest.mark.parametrize("config", [None, {}, {"config": {"ingress": None}}, rules(("", "http://localhost:8000"))])
@pytest.mark.parametrize("quick", [None, {}, {"hostname": ""}, {"hostname": 7}, {"hostname": "a/b"}, "text"])
def test_without_a_name_there_is_no_address(quick: object, config: object) -> None:
    with pytest.raises(NoAddress, match="port 8000"):
        cloudflared_address(quick, config, 8000)


# How it stands


def test_an_address_is_given_up_only_when_it_stays_away() -> None:
    away = NoAddress("ngrok has no web tunnel yet")
    there = after(Standing(), "https://a.example", 10)
    assert there == Standing(address="https://a.example")
    silent = after(there, away, 12, patience=60)
    assert (silent.address, silent.silent_since) == ("https://a.example", 12)
    assert after(silent, away, 71.9, patience=60).address == "https://a.example"
    assert after(silent, away, 72, patience=60).address is None
    assert after(after(silent, away, 72, patience=60), "https://b.example", 80) == Standing(address="https://b.example")
    assert after(silent, "https://b.example", 20) == Standing(address="https://b.example")


# Who is asked


@pytest.mark.parametrize("kind", ["ngrok", "cloudflared"])
async def test_the_local_agent_is_asked_for_its_address(kind: str) -> None:
    async with agent() as asked, open_local() as session:
        tunnel = Tunnel(kind=kind, port=8000, agent_url=asked.url)
        with pytest.raises(NoAddress):
            await address(session, tunnel)
        asked.address = "https://calm-sea.example.org"
        assert await address(session, tunnel) == "https://calm-sea.example.org"
        asked.is_connected = False
        if kind == "cloudflared":
            with pytest.raises(NoAddress, match="HTTP 503 to /ready"):
                await address(session, tunnel)
    async with open_local() as session:
        with pytest.raises(NoAddress, match="nobody answers at http://"):
            await address(session, tunnel)


async def test_cloudflared_is_looked_for_at_all_ports_that_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with agent() as idle, agent() as ours, open_local() as session:
        found = (f"http://127.0.0.1:{free_port()}", idle.url, ours.url)
        monkeypatch.setattr("src.webhook.tunnel.agents._CLOUDFLARED", found)
        tunnel = Tunnel(kind="cloudflared", port=8000)
        with pytest.raises(NoAddress, match="names no address"):
            await address(session, tunnel)
        ours.address = "https://calm-sea.example.org"
        assert await address(session, tunnel) == "https://calm-sea.example.org"
        monkeypatch.setattr("src.webhook.tunnel.agents._CLOUDFLARED", found[:1])
        with pytest.raises(NoAddress, match="no cloudflared answers"):
            await address(session, tunnel)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (web.Response(status=302, headers={"Location": "/"}), "answers HTTP 302"),
        (web.Response(text="<html>"), "answers no JSON"),
        (web.Response(body=b" " * (1 << 20) + b"{}"), "answers too much"),
    ],
    ids=["redirect", "page", "endless"],
)
async def test_a_stranger_at_the_agents_port_names_nothing(answer: web.Response, says: str) -> None:
    async def strange(_request: web.Request) -> web.Response:
        return answer

    app = web.Application()
    app.router.add_get("/api/tunnels", strange)
    async with TestServer(app) as server, open_local() as session:
        url = str(server.make_url("")).rstrip("/")
        with pytest.raises(NoAddress, match=says):
            await address(session, Tunnel(kind="ngrok", port=8000, agent_url=url))


async def test_for_ssh_the_operator_gives_the_address(tmp_path: Path) -> None:
    async with living(tmp_path, "github") as life, open_local() as session:
        async with far_end(life.url) as end:
            assert await address(session, Tunnel(kind="ssh", port=8000, given=end)) == end
        with pytest.raises(NoAddress, match="nobody answers"):
            await address(session, Tunnel(kind="ssh", port=8000, given=end))
        with pytest.raises(NoAddress, match="HTTP 404 to /healthz"):
            await address(session, Tunnel(kind="ssh", port=8000, given=life.forge.url))
        with pytest.raises(NoAddress, match="PUBLIC_URL"):
            await address(session, Tunnel(kind="ssh", port=8000))


# Hooks follow


async def test_a_hook_is_made_by_hand_until_there_is_an_address_and_then_by_us(life: Life) -> None:
    async with agent() as asked, far_end(life.url) as end:
        async with watched(life, Tunnel(kind="ngrok", port=8000, agent_url=asked.url)) as seen:
            state = await life.follow("ann", ISSUE)
            assert (state.outcome, state.why) == (HookOutcome.MANUAL, ManualReason.NO_PUBLIC_URL)
            assert state.address.startswith(f"/webhook/{life.kind}/")
            assert life.forge.hooks(PATH) == ()
            asked.address = end
            await seen.until(lambda: bool(life.forge.hooks(PATH)))
            assert life.there().url.startswith(f"{end}/webhook/{life.kind}/")
            assert (await life.follow("bob", ISSUE)).outcome is HookOutcome.SHARED
        assert seen.moves == [end]


async def test_the_tunnels_address_changes_and_hooks_are_repointed_within_seconds(life: Life) -> None:
    async with agent() as asked, far_end(life.url) as first, far_end(life.url) as second:
        asked.address, done = first, asyncio.Event()
        async with watched(life, Tunnel(kind="ngrok", port=8000, agent_url=asked.url)) as seen:
            await seen.until(lambda: seen.moves == [first])
            await life.follow("ann", ISSUE)
            before = life.there()

            async def traffic() -> None:
                number = 0
                while not done.is_set():
                    number += 1
                    await life.forge.open_issue(PATH, "ann", f"Issue {number}")
                    await asyncio.sleep(0.01)  # the watch has a share, too

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(traffic())
                asked.address = second
                await seen.until(lambda: life.there().url.startswith(second))
                arrived = len(life.forge.deliveries)
                await seen.until(lambda: len(life.forge.deliveries) > arrived + 3)
                done.set()
        assert (life.there().id, life.there().secret) == (before.id, before.secret)
        assert seen.moves == [first, second]
        told = [record for record in life.forge.deliveries if record.event != "ping"]
        assert {record.status for record in told} == {202}  # also on the way
        assert {record.url.partition("/webhook/")[0] for record in told} == {first, second}
        assert "moved" in await life.outcomes()
        assert life.told == []


async def test_the_tunnel_vanishes_and_returns_with_another_address(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with far_end(life.url) as first, far_end(life.url) as second:
        port = free_port()
        tunnel = Tunnel(kind="ngrok", port=8000, agent_url=f"http://127.0.0.1:{port}")
        async with watched(life, tunnel, patience=1) as seen:
            async with agent(port) as asked:
                asked.address = first
                await seen.until(lambda: seen.moves == [first])
                await life.follow("ann", ISSUE)
            await seen.until(lambda: seen.moves == [first, None])
            state = await life.follow("ann", ISSUE)  # nothing is pointed anywhere while we have no address
            assert state.outcome is HookOutcome.MANUAL
            assert life.there().url.startswith(first)
            async with agent(port) as asked:
                asked.address = second
                await seen.until(lambda: life.there().url.startswith(second))
                said = caplog.text.count("nobody answers")
        assert seen.moves == [first, None, second]
    assert "its address is lost" in caplog.text
    assert said <= 2  # once for each time, however often it is asked


async def test_an_agent_that_is_started_anew_loses_nothing(life: Life) -> None:
    async with far_end(life.url) as end:
        port = free_port()
        tunnel = Tunnel(kind="cloudflared", port=8000, agent_url=f"http://127.0.0.1:{port}")
        async with watched(life, tunnel) as seen:
            name = "https://calm-sea.example.org"
            async with agent(port) as asked:
                asked.address = name
                await seen.until(lambda: seen.moves == [name])
            await asyncio.sleep(0.2)
            async with agent(port) as asked:
                asked.address = name
                await seen.until(lambda: asked.asked > 2)
        assert seen.moves == [name]
        assert life.manager.ground.public_url == name != end


class Clock:
    """Stands still, and counts who looks at it."""

    def __init__(self) -> None:
        self.now, self.looks = 0.0, 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now


async def test_an_ssh_tunnel_keeps_its_address_and_hooks_are_looked_at_when_it_is_back(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    port, clock = free_port(), Clock()
    given = f"http://127.0.0.1:{port}"
    async with watched(life, Tunnel(kind="ssh", port=8000, given=given), clock=clock) as seen:
        async with far_end(life.url, port):
            await seen.until(lambda: seen.moves == [given])
            await life.follow("ann", ISSUE)
            life.forge.switch_off_hook(PATH, life.there().id)
            caplog.clear()
        await seen.until(lambda: "tunnel (ssh)" in caplog.text)
        clock.now += 31  # longer than it is waited for
        looks = clock.looks
        await seen.until(lambda: clock.looks > looks + 1)
        assert seen.moves == [given]
        assert life.manager.ground.public_url == given
        async with far_end(life.url, port):
            await seen.until(lambda: seen.moves == [given, given])
            await seen.until(lambda: (life.there().active, life.there().alert_status) == (True, "executable"))


async def test_a_look_that_was_asked_for_before_the_move_is_not_left_out(life: Life) -> None:
    """A check waits, another one is made meanwhile for the old address, and then the address changes."""
    await life.follow("ann", ISSUE)
    row = await life.row()
    later = life.clock()
    async with life.database.write() as session:
        await jobs.put(session, CHECK_JOB, str(row.id), now=later)
    await life.manager.check(row.id)
    new = "http://127.0.0.1:9"
    await life.manager.move(new)
    await life.work()
    assert life.there().url.startswith(new)


async def test_every_hook_is_asked_for_at_once_but_no_forge_is_flooded(tmp_path: Path) -> None:
    async with living(tmp_path, "github") as life:
        for number in range(12):
            life.forge.add_project(f"acme/part{number}", private=True, members={"ann": "admin"})
            await life.follow("ann", ISSUE, path=f"acme/part{number}")
        assert await life.manager.move("http://127.0.0.1:9") == 12
        async with life.database.read() as session:
            due = sorted([job.run_at for job in await session.scalars(select(Job).where(Job.kind == CHECK_JOB))])
        assert [round((moment - due[0]).total_seconds()) for moment in due] == [0] * 10 + [1] * 2
        await life.later(seconds=2)
        urls = [life.forge.hooks(f"acme/part{number}")[0].url for number in range(12)]
        assert all(url.startswith("http://127.0.0.1:9/webhook/") for url in urls)
