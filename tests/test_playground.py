"""The playground: the guided list from first to last, restarts that lose nothing, an end that leaves nothing."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession

from src.cli.showing import Alone
from src.config import Settings
from src.database.repositories.guided import Standing
from src.demo.playground import Unusable, main
from src.demo.playground.ground import refuse_real_token
from src.demo.playground.guide import NAMES, done
from src.demo.ports import free_port
from src.web.guard import ApiError
from tests.playground_visitor import Visitor, playing

ROOT = Path(__file__).parent.parent
NOTHING = Standing(
    is_admitted=False, has_account=False, follows=False, reasons=frozenset(), was_mended=False, hears_less=False
)
pytestmark = pytest.mark.timeout(600)


# The guided list


async def test_the_guided_list_ticks_itself_from_first_to_last() -> None:
    async with playing() as page:
        await page.pair()
        await page.give_token()
        await page.subscribe()
        await page.happen("mention")
        await page.done("mention")
        await page.happen("pipeline_failed")
        await page.happen("pipeline_fixed")
        await page.done("pipeline")
        await page.press("ann", "Mute…")
        await page.press("ann", "Mute this pipeline")
        await page.done("mute")
        await page.send("ann", await page.fill("forget"))
        await page.press("ann", "Delete everything")
        await page.done("forget")
        assert [line["step"] for line in page.of("step")] == list(NAMES)
        view = await page.get("/api/guide")
        assert view["current"] is None
        assert all(step["done"] for step in view["steps"])
        assert [line for line in page.of("log") if line["level"] in ("ERROR", "CRITICAL")] == []
        assert [line for line in page.of("call") if not line["ok"]] == []


def test_nothing_is_done_while_the_bot_knows_nobody() -> None:
    assert done(None, frozenset()) == frozenset()
    assert done(NOTHING, frozenset()) == frozenset()


def test_what_was_done_stays_done_and_gone_is_who_was_there() -> None:
    before = done(replace(NOTHING, is_admitted=True), frozenset())
    assert before == {"pair"}
    assert done(NOTHING, before) == {"pair"}
    assert done(None, before) == {"pair", "forget"}


@pytest.mark.parametrize(
    ("shown", "step"),
    [
        (replace(NOTHING, is_admitted=True), "pair"),
        (replace(NOTHING, has_account=True), "token"),
        (replace(NOTHING, follows=True), "subscribe"),
        (replace(NOTHING, reasons=frozenset({"mentioned"})), "mention"),
        (replace(NOTHING, was_mended=True), "pipeline"),
        (replace(NOTHING, hears_less=True), "mute"),
    ],
)
def test_a_step_is_done_when_the_facts_say_so(shown: Standing, step: str) -> None:
    assert done(shown, frozenset()) == {step}


async def test_another_reason_than_a_mention_does_not_tick_the_mention() -> None:
    async with playing() as page:
        await page.pair()
        await page.give_token()
        await page.subscribe()
        await page.happen("issue_assigned")
        await page.told("ann", "assigned")
        await page.happen("pipeline_fixed")  # of itself it breaks it first
        await page.done("pipeline")
        assert "mention" not in {line["step"] for line in page.of("step")}
        assert (await page.get("/api/guide"))["current"] == "mention"


# Restart


async def test_a_restart_of_the_bot_loses_nothing() -> None:
    async with playing() as page:
        await page.pair()
        await page.give_token()
        await page.subscribe()
        before = page.lines[-1]["seq"]
        await page.post("/api/restart", {})
        await page.until(lambda: [line for line in page.of("log") if line["text"] == "stopped"], "the end in the log")
        await page.happen("mention")
        await page.told("ann", "which tank")
        await page.done("mention")
        assert page.lines[-1]["seq"] > before
        assert [line["seq"] for line in page.lines] == list(range(1, len(page.lines) + 1))
        assert not page.ended  # the page's connection is the same
        told = [message for message in page.messages("ann") if "which tank" in message["text"]]
        assert len(told) == 1


async def test_a_press_before_a_restart_goes_on_after_it() -> None:
    async with playing() as page:
        await page.pair()
        await page.give_token()
        await page.send("ann", "/subscribe")
        await page.press("ann", "GitHub")
        await page.post("/api/restart", {})
        for label in ("acme/rocket", "Continue ›", "Confirm"):
            await page.press("ann", label)
        await page.done("subscribe")


async def test_a_kept_folder_goes_on_counting_with_a_new_world(tmp_path: Path) -> None:
    async with playing(tmp_path) as page:
        await page.pair()
        first = page.of("world")[0]["world"]
        last = page.lines[-1]["seq"]
    async with playing(tmp_path) as page:
        await page.until(lambda: len(page.of("world")) == 2, "another world")
        assert page.of("world")[1]["world"] != first
        assert page.of("world")[1]["seq"] > last
        assert [line["seq"] for line in page.lines] == list(range(1, len(page.lines) + 1))
        assert not any(step["done"] for step in (await page.get("/api/guide"))["steps"])
        await page.until(lambda: sum("/start " in line["text"] for line in page.of("log")) == 2, "another code")


# What the page gets to know


async def test_everything_that_happens_is_a_line() -> None:
    async with playing() as page:
        await page.pair()
        await page.give_token()
        await page.subscribe()
        await page.happen("mention")
        await page.told("ann", "which tank")
        sent = await page.until(
            lambda: [line for line in page.of("delivery") if line["event"] == "issue_comment"], "it"
        )
        assert {"forge": "github", "project": "acme/rocket", "status": 202, "redelivery": False}.items() <= sent[
            0
        ].items()
        calls = page.of("call")
        assert {"setMyCommands", "sendMessage", "deleteMessage"} <= {call["method"] for call in calls}
        assert "getUpdates" not in {call["method"] for call in calls}
        assert all(len(value) <= 1000 for call in calls for value in call["form"].values())
        numbers = [call["number"] for call in calls]
        assert numbers == sorted(numbers)
        assert "bot" in {line["chat"] for line in page.of("chat")}  # the commands menu


async def test_the_page_is_served_with_its_facts_and_only_by_its_own_name() -> None:
    async with playing() as page:
        async with page.http.get(page.address + "/") as response:
            text = await response.text()
            assert response.status == 200
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        facts = json.loads(text.split('id="page">', 1)[1].split("</script>", 1)[0])
        assert [person["name"] for person in facts["people"]] == ["ann", "bob", "eve"]
        assert facts["people"][0]["token"].startswith("demo_token_")
        assert facts["people"][2]["token"] is None
        assert [forge["kind"] for forge in facts["forges"]] == ["github", "gitlab"]
        assert 'data-step="forget"' in text
        for name in ("evil.example", "127.0.0.1"):
            async with page.http.get(page.address + "/", headers={"Host": name}) as response:
                assert response.status == 403


async def test_the_page_speaks_russian() -> None:
    async with playing() as page, page.http.get(page.address + "/?lang=ru") as response:
        text = await response.text()
    assert 'lang="ru"' in text
    assert "Вставить код" in text
    assert "Fill in the code" not in text


async def test_subscribe_has_pages() -> None:
    async with playing() as page:
        await page.pair()
        await page.give_token()
        await page.send("ann", "/subscribe")
        await page.press("ann", "GitHub")
        await page.press("ann", "›")
        await page.until(lambda: any("‹" in b["text"] for b in buttons(page)), "a way back to the first page")


def buttons(page: Visitor) -> list[dict[str, str]]:
    return [button for row in page.messages("ann")[-1]["keyboard"] for button in row]


# Real tokens


@pytest.mark.parametrize(
    "text",
    [
        "/set_github_token ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "my token is github_pat_0123456789abcdefghijABCDEF",
        "glpat-0123456789abcdefghij",
        "123456789:AAF-abc_defghijklmnopqrstuvwxyz12345",
        "https://api.telegram.org/bot123456789:AAF-abc_defghijklmnopqrstuvwxyz12345/getMe",
    ],
)
async def test_a_real_token_is_refused_before_it_goes_anywhere(text: str) -> None:
    with pytest.raises(ApiError, match="real token"):
        refuse_real_token(text)
    with pytest.raises(ApiError, match="настоящий токен"):
        refuse_real_token(text, "ru")


@pytest.mark.parametrize(
    "text", ["/set_github_token demo_token_7101", "/start 7K2M-Q4XW-9TBA", "at 12:30 in acme/rocket"]
)
def test_the_demos_own_tokens_and_plain_words_pass(text: str) -> None:
    refuse_real_token(text)


async def test_a_real_token_in_the_chat_is_refused_and_stands_nowhere() -> None:
    token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    async with playing() as page:
        body = {"as": "ann", "chat": "bot", "text": f"/set_github_token {token}"}
        refusal = await page.post("/api/chat/send", body, 400)
        assert "real token" in refusal["error"]
        await page.pair()
        assert token not in json.dumps(page.lines)


# How it begins and ends


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Ours without any setting, with the folder for temporary files."""
    ours = {name.upper() for name in Settings.model_fields} | {"GITHUB_TOKEN", "GITLAB_TOKEN"}
    return {k: v for k, v in os.environ.items() if k not in ours} | {"TMPDIR": str(folder)} | more


@asynccontextmanager
async def child(folder: Path, *arguments: str, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python main.py demo` in a session of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "main.py"), "demo", "--pace", "20", *arguments, cwd=folder,
        env=environment(folder, **more), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def left_in(folder: Path) -> list[str]:
    return [left.name for left in folder.iterdir()]


async def opened(process: asyncio.subprocess.Process) -> str:
    """The address that it prints."""
    assert process.stdout is not None
    printed = await process.stdout.readuntil(b"/\n")
    return printed.decode().rsplit("Open ", 1)[1].strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_and_nothing_is_left_behind(tmp_path: Path, number: signal.Signals) -> None:
    async with child(tmp_path, "--port", "0") as process, ClientSession() as http:
        address = await opened(process)
        assert len(left_in(tmp_path)) == 1
        async with http.get(address + "events?since=0") as stream:
            await stream.content.readany()
            process.send_signal(number)
            async with asyncio.timeout(60):
                await stream.content.read()  # the stream ends by itself
                out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert out.decode().splitlines()[-1] == "Stopped; nothing is left behind."
        assert left_in(tmp_path) == []
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        with pytest.raises(ClientConnectionError):
            await http.get(address)


async def test_it_says_what_to_do_and_keeps_the_folder_it_is_given(tmp_path: Path) -> None:
    async with child(tmp_path, "--port", "0", "--folder", "kept") as process:
        await opened(process)
        assert process.stdout is not None
        hint = (await process.stdout.readline()).decode()
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert "Ctrl-C stops" in hint
    assert (process.returncode, err) == (0, b"")
    assert out.decode() == "Stopped. The files are kept in kept.\n"
    assert (tmp_path / "kept" / "feed").is_dir()


async def test_where_the_usual_port_is_taken_a_free_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr("src.demo.playground.server.PORT", taken.getsockname()[1])
        stop, printed = asyncio.Event(), list[str]()

        def out(line: str) -> None:
            printed.append(line)
            if line.startswith("Open "):
                stop.set()

        assert await main(Alone, pace=20, stop=stop, out=out) == 0
        assert f":{taken.getsockname()[1]}/" not in printed[1]


async def test_a_port_that_is_taken_is_2_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with child(tmp_path, "--port", port) as process:
            out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    (line,) = err.decode().splitlines()
    assert line.startswith(f"--port {port}: cannot listen on 127.0.0.1:{port} (")
    assert left_in(tmp_path) == []


async def test_a_missing_stylesheet_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("src.demo.playground.site.STYLESHEET", tmp_path / "app.css")
    with pytest.raises(Unusable, match="make setup"):
        await main(Alone, port=free_port(), stop=asyncio.Event())


async def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unusable, match=r"--folder .*: cannot be used"):
        await main(Alone, port=free_port(), folder=tmp_path / "file", stop=asyncio.Event())


async def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    async with playing(tmp_path):
        with pytest.raises(Unusable, match="another demo runs in it"):
            await main(Alone, port=free_port(), folder=tmp_path, stop=asyncio.Event())


async def test_it_opens_the_browser_where_that_is_wished(monkeypatch: pytest.MonkeyPatch) -> None:
    opened_pages: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened_pages.append)
    stop, printed, port = asyncio.Event(), list[str](), free_port()

    def out(line: str) -> None:
        printed.append(line)
        if "Ctrl-C" in line:
            asyncio.get_running_loop().call_soon(stop.set)

    assert await main(Alone, port=port, pace=20, opens=True, stop=stop, out=out) == 0
    assert opened_pages == [f"http://127.0.0.1:{port}/"]


async def test_a_failure_of_the_product_ends_the_demo_with_its_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(**values: Any) -> Settings:
        return Alone(**(values | {"host": "192.0.2.1"}))

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    async with asyncio.timeout(90):
        assert await main(unreachable, port=free_port(), pace=20) == 1
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("The bot or the relay failed, so the demo ended: OSError: ")
    assert left_in(tmp_path) == []


# Nothing off loopback

_AUDIT = """
import sys

sys.modules["uvloop"] = None  # connects without telling the interpreter
_FILE = open({file!r}, "a", buffering=1)

def _heard(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        _FILE.write(repr(arguments[1]) + "\\n")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        _FILE.write(repr((arguments[0], None)) + "\\n")

sys.addaudithook(_heard)
"""


async def test_nothing_but_this_machine_is_ever_contacted(tmp_path: Path) -> None:
    hook, asked, work = tmp_path / "hook", tmp_path / "asked", tmp_path / "work"
    hook.mkdir()
    work.mkdir()
    (hook / "sitecustomize.py").write_text(_AUDIT.format(file=str(asked)))
    async with child(work, "--port", "0", PYTHONPATH=str(hook)) as process, ClientSession() as http:
        page = Visitor(http, await opened(process))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(page.read())
            await page.pair()
            await page.give_token()
            await page.subscribe()
            await page.happen("mention")
            await page.told("ann", "which tank")
            process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    contacted = set(asked.read_text().splitlines())
    assert len(contacted) >= 3  # Telegram, the forge, and the relay
    assert {line for line in contacted if not line.startswith("('127.0.0.1', ")} == set()
