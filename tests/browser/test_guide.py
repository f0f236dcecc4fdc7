"""The guided list, done as a newcomer would: read a step, press its button, click and type on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.browser.demo import Demo
from tests.browser.page import NARROW, WIDE, Visitor
from tests.browser.windows import Windows

STEPS = ("pair", "token", "subscribe", "mention", "pipeline", "mute", "forget")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A new world for each."""
    running = Demo(tmp_path)
    running.start()
    yield running
    assert running.stop() == 0


def step(ann: Visitor, name: str) -> Locator:
    """An entry of the list."""
    return ann.panel("guide").locator(f'[data-step="{name}"]')


def begin(ann: Visitor, name: str) -> None:
    """Go to the list, see that this step is the next one, and press its button."""
    ann.tab("guide")
    expect(step(ann, name)).to_have_attribute("aria-current", "step")
    expect(step(ann, name)).to_have_attribute("data-done", "false")
    step(ann, name).locator("[data-do]").click()


def ticked(ann: Visitor, name: str) -> None:
    """It ticked itself."""
    expect(step(ann, name)).to_have_attribute("data-done", "true")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_guided_list_from_first_to_last(visit: Windows, size: ViewportSize) -> None:
    ann = visit("ann", size=size)
    for name in STEPS:
        expect(step(ann, name)).to_have_attribute("data-done", "false")

    ann.code()
    begin(ann, "pair")
    ann.send()
    ann.sees("You run this bot now")
    ticked(ann, "pair")

    begin(ann, "token")
    ann.send()
    ann.sees("✓ You are ann on GitHub")
    ann.never_sees("/set_github_token demo_token")  # the bot deleted the message that held it
    ticked(ann, "token")

    begin(ann, "subscribe")
    ann.send()
    ann.sees("Where is the project?")
    ann.press("GitHub", "Which GitHub project?")
    ann.press("acme/rocket", "what shall I tell here?")
    ann.press("Continue", "Only what concerns you")
    ann.press("Confirm", "✓ acme/rocket is followed here now")
    ticked(ann, "subscribe")

    begin(ann, "mention")
    ann.panel("events").locator('[data-happening="mention"] [data-send]').click()
    expect(ann.sees("@ann which tank comes first")).to_contain_text("You: mentioned")
    ticked(ann, "mention")

    begin(ann, "pipeline")
    ann.panel("events").locator('[data-happening="pipeline_failed"] [data-send]').click()
    ann.sees("❌")
    ann.tab("events").locator('[data-happening="pipeline_fixed"] [data-send]').click()
    ann.sees("Fixed: passes again")
    ticked(ann, "pipeline")

    begin(ann, "mute")
    ann.press("Mute…", "Back")
    ann.press("Mute this")
    ann.toast("Muted")
    ticked(ann, "mute")

    begin(ann, "forget")
    ann.send()
    ann.sees("Delete all that I keep of you?")
    ann.press("Delete everything", "Deleted:")
    ticked(ann, "forget")
    expect(ann.tab("guide").locator("[data-all-done]")).to_be_visible()
