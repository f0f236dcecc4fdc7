"""Who works by keyboard stays where they are: what is pressed keeps the focus, or hands it on to what is near."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.page import NARROW
from tests.browser.windows import Windows

pytestmark = pytest.mark.usefixtures("ready")


def test_send_keeps_the_focus(visit: Windows) -> None:
    ann = visit("ann")
    card = ann.tab("events").locator('[data-happening="mention"]')
    card.locator("[data-send]").press("Enter")
    expect(card.locator("[data-result]")).to_have_attribute("data-tone", "told")
    expect(card.locator("[data-send]")).to_be_focused()


def test_restart_keeps_the_focus(visit: Windows) -> None:
    ann = visit("ann")
    ann.page.locator("#restart").press("Enter")
    ann.toast("The bot is back")
    expect(ann.page.locator("#restart")).to_be_focused()


def test_mute_step_leads_to_the_mute_button(visit: Windows) -> None:
    ann = visit("ann")
    ann.send_event("mention")
    ann.sees("You: mentioned")
    ann.say("/status", "Accounts")
    ann.tab("guide").locator('[data-step="mute"] [data-do]').press("Enter")
    expect(ann.messages.locator("button:focus")).to_contain_text("Mute…")


def test_project_is_shown_from_its_top(visit: Windows) -> None:
    ann = visit("ann", size=NARROW)
    ann.send_event("pr_opened")
    forge = ann.tab("forge")
    forge.locator('[data-forge="gitlab"] [data-project="acme/website"] [data-open]').click()
    forge.locator("[data-back]").click()
    forge.evaluate("element => element.scrollTo(0, element.scrollHeight)")
    forge.locator('[data-forge="github"] [data-project="acme/rocket"] [data-open]').evaluate("button => button.click()")
    expect(forge.locator('#forge-page > div [data-field="path"]')).to_be_in_viewport(ratio=1)


def test_merged_and_deleted_hand_the_focus_on(visit: Windows) -> None:
    ann = visit("ann")
    ann.send_event("pr_opened")
    forge = ann.tab("forge")
    forge.locator('[data-project="acme/rocket"] [data-open]').first.click()
    ann.page.locator("#forge-by").select_option("bob")
    thread = forge.locator('[data-list="pulls"] [data-thread]').first
    thread.locator("summary").press("Enter")
    thread.locator('[data-act="merge"]').press("Enter")
    expect(thread.locator('[data-field="state"]')).to_have_text("merged")
    expect(thread.locator("summary")).to_be_focused()

    forge.locator("[data-hook] [data-delete]").first.press("Enter")
    ann.page.locator("dialog[open]").get_by_role("button", name="Delete webhook").press("Enter")
    expect(forge.locator("[data-hook]")).to_have_count(0)
    expect(forge.locator('#forge-page > div [data-field="path"]')).to_be_focused()

    card = ann.tab("events").locator('[data-happening="mention"]')
    card.locator("[data-send]").click()
    expect(card.locator("[data-result]")).to_contain_text(re.compile("its webhook is gone: /status"))
