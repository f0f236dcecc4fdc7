"""The log and the stream: nothing is lost by a reload, a cut connection or a restart."""

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.demo import Demo
from tests.browser.page import Visitor
from tests.browser.windows import Windows
from tests.browser.wire import Wire

_GONE = r"net::ERR_(CONNECTION|INCOMPLETE_CHUNKED|NETWORK|EMPTY_RESPONSE|SOCKET|CONTENT_LENGTH)"  # Chromium's own words
_ENDING = "status of 503"  # of a stream that is asked for while the product is stopping


def numbers(visitor: Visitor) -> list[int]:
    """Of the lines that the log shows."""
    lines = visitor.page.locator("#log .log-line[data-seq]")
    return [int(seq) for seq in lines.evaluate_all("all => all.map((line) => line.dataset.seq)")]


def kept(visitor: Visitor) -> list[dict[str, Any]]:
    """All lines that the server has, of every kind."""
    found: list[dict[str, Any]] = []
    before = 10**9
    while page := visitor.page.request.get(f"{visitor.address}/api/lines?before={before}&limit=500").json():
        found = page + found
        before = page[0]["seq"]
    return found


def test_log_survives_reload_and_server_restart_without_a_gap(visit: Windows, demo: Demo) -> None:
    ann = visit("ann")
    ann.pair()
    log = ann.tab("log")
    expect(log.locator(".log-line")).not_to_have_count(0)
    at_first, newest = numbers(ann), ann.stream()[0]
    assert at_first == sorted(set(at_first))

    ann.reload()
    expect(log.locator(f'.log-line[data-seq="{at_first[0]}"]')).to_be_visible()
    assert numbers(ann)[: len(at_first)] == at_first

    with ann.provoking(_GONE, _ENDING):
        assert demo.stop() == 0
        ann.is_waiting()
        demo.start()
        ann.is_live()
    expect(log.locator(".log-line").filter(has_text="listening on")).to_have_count(2)  # of both starts
    assert numbers(ann)[: len(at_first)] == at_first
    assert numbers(ann)[-1] > newest
    everything = kept(ann)
    last = everything[-1]["seq"]
    assert [line["seq"] for line in everything] == list(range(1, last + 1))
    ann.page.wait_for_function("last => window.__feed.last >= last", arg=last)
    assert [seq for seq in numbers(ann) if seq <= last] == [line["seq"] for line in everything if line["kind"] == "log"]


def test_page_that_lives_through_a_restart_shows_the_new_world(visit: Windows, demo: Demo) -> None:
    ann = visit("ann")
    ann.pair()
    with ann.provoking(_GONE, _ENDING):
        demo.stop()
        ann.is_waiting()
        demo.start()
        ann.is_live()
    expect(ann.messages.filter(has_text="You run this bot now")).to_have_count(0)
    expect(ann.panel("guide").locator('[data-step="pair"]')).to_have_attribute("data-done", "false")
    ann.pair()


def test_restart_of_the_bot_alone_leaves_no_gap(visit: Windows) -> None:
    ann = visit("ann")
    log = ann.tab("log")
    starts = log.locator(".log-line").filter(has_text="listening on")
    expect(log.locator("[data-beginning]")).to_be_visible()  # all that was there before the page
    before = starts.count()
    ann.tab("guide")
    ann.page.locator("#restart").click()
    ann.toast("The bot is back")
    ann.tab("log")
    expect(starts).to_have_count(before + 1)
    everything = [line["seq"] for line in kept(ann)]
    assert everything == list(range(1, len(everything) + 1))


def test_stream_that_was_cut_is_resumed_where_it_was(visit: Windows, demo: Demo) -> None:
    bob = visit("bob")
    with Wire(demo.port) as wire:
        ann = visit("ann", address=wire.address)
        with ann.provoking(_GONE):
            wire.cut()
            ann.is_waiting()
            bob.write("/start while Ann hears nothing")
            bob.sees("/start while Ann hears nothing")
            wire.mend()
            ann.is_live()
        ann.look_as("bob")
        ann.sees("/start while Ann hears nothing")
        ann.page.wait_for_function("newest => window.__feed.last >= newest", arg=bob.stream()[0])


def test_log_is_searched_filtered_paused_and_saved(visit: Windows, tmp_path: Path) -> None:
    ann = visit("ann")
    log = ann.tab("log")
    lines = log.locator(".log-line")
    expect(log.locator("[data-beginning]")).to_be_visible()
    at_first = numbers(ann)

    log.locator("[data-search]").fill("listening on")
    expect(lines.filter(has_not_text="listening on")).to_have_count(0)
    expect(lines).not_to_have_count(0)
    log.locator("[data-search]").fill(r"/listening on http:\/\/127\.0\.0\.1:\d+/")
    expect(lines).not_to_have_count(0)
    with ann.page.expect_download() as download:
        log.locator("[data-download]").click()
    saved = tmp_path / "log.txt"
    download.value.save_as(saved)
    assert all("listening on" in line for line in saved.read_text(encoding="utf-8").splitlines())
    log.locator("[data-search]").fill("/[/")
    expect(log.locator("[data-search]")).to_have_attribute("aria-invalid", "true")
    log.locator("[data-search]").fill("")
    expect(lines.filter(has_text="listening on")).not_to_have_count(0)
    expect(lines.filter(has_not_text="listening on")).not_to_have_count(0)
    assert numbers(ann)[: len(at_first)] == at_first

    log.locator("[data-level-filter]").select_option("WARNING")
    expect(log.locator('.log-line[data-level="INFO"]')).to_have_count(0)
    log.locator("[data-level-filter]").select_option("DEBUG")

    log.locator("[data-pause]").click()
    newest = numbers(ann)[-1]
    ann.tab("guide")
    ann.page.locator("#restart").click()
    ann.toast("The bot is back")
    ann.tab("log")
    assert numbers(ann)[-1] == newest
    expect(log.locator("[data-newest]")).to_contain_text(re.compile(r"\d"))
    log.locator("[data-pause]").click()
    expect(lines.last).not_to_have_attribute("data-seq", str(newest))


def test_what_is_downloaded_is_the_whole_log(visit: Windows, tmp_path: Path) -> None:
    ann = visit("ann")
    log = ann.tab("log")
    everything = kept(ann)
    ann.page.wait_for_function("last => window.__feed.last >= last", arg=everything[-1]["seq"])
    with ann.page.expect_download() as download:
        log.locator("[data-download]").click()
    saved = tmp_path / "log.txt"
    download.value.save_as(saved)
    wanted = [line["text"].splitlines()[0] for line in everything if line["kind"] == "log"]
    text = saved.read_text(encoding="utf-8")
    assert [words for words in wanted if words not in text] == []


def test_calls_show_what_the_bot_asked_of_telegram(visit: Windows) -> None:
    ann = visit("ann")
    calls = ann.tab("calls")
    ann.page.locator("#calls-method").select_option("setMyCommands")
    call = calls.locator('[data-call][data-method="setMyCommands"]').first
    call.locator("summary").click()
    shown = call.locator("pre")
    expect(shown).to_contain_text("commands")
    assert json.loads(shown.inner_text())["commands"]
    ann.page.locator("#calls-refused").check()
    expect(calls.locator('[data-call][data-ok="true"]')).to_have_count(0)
