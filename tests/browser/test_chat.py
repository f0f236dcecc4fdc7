"""The chat looks and behaves like Telegram: what the bot does is seen at once, and as Telegram would show it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.windows import Windows

pytestmark = pytest.mark.usefixtures("team")


def test_keyboard_changes_in_place_and_is_marked_as_edited(visit: Windows) -> None:
    ann = visit("ann")
    dialog = ann.say("/subscribe", "Where is the project?")
    number = dialog.get_attribute("data-message")
    ann.press("GitHub", "Which GitHub project?")
    changed = ann.page.locator(f'#messages [data-message="{number}"]')
    expect(changed).to_contain_text("Which GitHub project?")
    expect(changed).to_have_attribute("data-edited", re.compile("true|^$"))
    expect(changed).to_contain_text("edited")
    ann.press("Cancel")
    expect(changed.locator("[data-press]")).to_have_count(0)


def test_callback_toast(visit: Windows) -> None:
    ann = visit("ann")
    ann.say("/list_subscriptions", "Followed here")
    ann.press("acme/rocket", "only what concerns you")
    ann.press("1 hour")
    ann.toast("Paused till")
    ann.press("Resume")
    ann.toast("told again from now on")
    # Close stands on the screen before, too, and there it is pressed in vain.
    expect(ann.messages.last).to_contain_text("1 hour")
    ann.press("Close")


# The newest message when "Loading…" came, and when it went: it shows for a moment.
_NOTE_WHAT_STANDS_THERE = """() => {
  window.stoodThere = [];
  const newest = () => [...document.querySelectorAll("#messages article[data-message]")].at(-1).innerText;
  new MutationObserver((_, observer) => {
    const shows = [...document.querySelectorAll(".toast")].some((toast) => toast.textContent.includes("Loading…"));
    if (shows === (window.stoodThere.length === 0)) window.stoodThere.push(newest());
    if (window.stoodThere.length === 2) observer.disconnect();
  }).observe(document.body, { subtree: true, childList: true });
}"""


def test_that_something_is_loading_is_said_until_it_is_there_and_for_a_moment_at_most(visit: Windows) -> None:
    ann = visit("ann")
    loading = ann.page.locator(".toast").filter(has_text="Loading…")
    ann.say("/subscribe", "Where is the project?")
    ann.press("GitHub", "Which GitHub project?")
    expect(loading).to_have_count(0)
    ann.press("‹ Back", "Where is the project?")
    forge = ann.tab("forge").locator("#forge-outage-github")
    forge.select_option("slow")
    ann.page.evaluate(_NOTE_WHAT_STANDS_THERE)
    ann.press("GitHub")
    ann.page.wait_for_function("() => window.stoodThere?.length === 2")
    assert not any("Which GitHub project?" in text for text in ann.page.evaluate("window.stoodThere"))
    expect(loading).to_have_count(0)
    forge.select_option("well")
    ann.sees("Which GitHub project?")
    ann.press("Cancel")


def test_callback_alert_has_to_be_closed(visit: Windows) -> None:
    ann = visit("ann")
    ann.say("/subscribe", "Where is the project?")
    ann.press("GitLab")
    ann.dismiss("token")
    ann.press("Cancel")


def test_deleted_message_disappears(visit: Windows) -> None:
    ann = visit("ann")
    ann.say("/set_github_token", "Send me a GitHub token")
    token = ann.token()
    ann.write(token)
    ann.sees("✓ You are ann on GitHub")
    ann.never_sees(token)
    ann.reload()
    ann.never_sees(token)


def test_unread_counters_and_silent_against_loud(visit: Windows) -> None:
    ann, bob = visit("ann"), visit("bob")
    ann.go("releases")
    ann.subscribe()
    bob.go("releases")
    bob.go("bot")
    ann.go("bot")
    ann.say("/notifications", "Loud, silent or off")
    ann.press("acme/rocket", "Comments: on")
    ann.press("Comments: on", "Comments: silent")
    ann.press("Mentions: on", "Mentions: silent")
    ann.press("Save", "✓ Stored")
    expect(ann.send_event("mention", about="ann")).to_have_attribute("data-tone", "told")  # there is a PR from now on
    ann.sees("@ann which tank")
    for visitor in (ann, bob):
        visitor.go("releases")
        visitor.sees("@ann which tank")
    expect(ann.badge("bot")).to_have_count(0)
    for visitor in (ann, bob):
        expect(visitor.badge("releases")).to_have_count(0)
    bob.go("bot")
    ann.go("ci")  # so that neither chat is looked at

    ann.send_event("mention", about="ann")
    expect(ann.badge("bot")).to_have_attribute("data-unread", "1")
    expect(ann.badge("bot")).to_have_attribute("data-loud", "false")
    expect(ann.badge("releases")).to_have_attribute("data-loud", "true")
    expect(bob.badge("releases")).to_have_attribute("data-unread", "1")
    expect(bob.all_unread("ann")).to_have_attribute("data-unread", "2")
    ann.go("bot")
    expect(ann.sees("@ann which tank")).to_have_attribute("data-silent", "true")
    expect(ann.badge("bot")).to_have_count(0)
    ann.go("releases")
    expect(ann.sees("@ann which tank")).to_have_attribute("data-silent", "false")
    ann.reload()
    expect(ann.badge("releases")).to_have_count(0)
    expect(bob.all_unread("ann")).to_have_count(0)


def test_reply_shows_what_it_answers_and_the_nod_under_a_command(visit: Windows) -> None:
    ann = visit("ann")
    ann.go("ci")
    ann.say("/subscribe", "Where is the project?")
    ann.press("GitHub", "Which GitHub project?")
    dialog = ann.press("acme/website", "what shall I tell")
    expect(dialog.locator("[data-reply]")).to_contain_text("/subscribe")
    ann.press("Continue", "Everything")
    ann.press("Confirm", "✓ acme/website is followed here now")
    command = ann.page.locator('#messages [data-from="ann"]').filter(has_text="/subscribe").last
    expect(command.locator("[data-reactions]")).to_have_text("👌")


def test_long_quote_unfolds(visit: Windows) -> None:
    ann = visit("ann")
    privacy = ann.say("/privacy", "What I keep of you")
    toggle = privacy.locator("[data-expand]")
    quote = privacy.locator("blockquote")
    expect(toggle).to_have_attribute("aria-expanded", "false")
    folded = quote.bounding_box()
    toggle.click()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    unfolded = quote.bounding_box()
    assert folded is not None
    assert unfolded is not None
    assert unfolded["height"] > folded["height"] * 2


def test_commands_menu_writes_the_command(visit: Windows) -> None:
    ann = visit("ann")
    ann.page.locator("#commands").click()
    expect(ann.page.locator("[data-command]")).not_to_have_count(0)
    before = ann.messages.filter(has_text="acme/rocket").count()
    ann.page.locator('[data-command="/status"]').click()
    if ann.page.locator("#composer").input_value():  # it may be filled in or sent at once, as clients differ
        ann.send()
    expect(ann.messages.filter(has_text="acme/rocket")).not_to_have_count(before)


@pytest.mark.parametrize("token", ["ghp_" + "a1B2" * 9, "glpat-" + "a1B2" * 5, "1234567890:AA" + "a1B2" * 8 + "c"])
def test_real_token_is_refused_before_it_goes_anywhere(visit: Windows, token: str) -> None:
    ann = visit("ann")
    before = ann.messages.count()
    with ann.provoking("status of 400"):
        ann.page.locator("#composer").fill(f"/set_github_token {token}")
        ann.page.locator("#send").click()
        expect(ann.page.get_by_text("This looks like a real token").first).to_be_visible()
    assert ann.messages.count() == before
    expect(ann.page.locator("#messages")).not_to_contain_text(token)
    ann.tab("log")
    expect(ann.panel("log")).not_to_contain_text(token)


def test_link_of_a_notification_leads_to_the_forge_tab(visit: Windows) -> None:
    ann = visit("ann")
    ann.send_event("pr_opened", about="ann")
    ann.sees("this is the change we talked about").get_by_role("button", name=re.compile("Open PR")).click()
    expect(ann.panel("forge")).to_be_visible()
    expect(ann.panel("forge")).to_contain_text("this is the change we talked about")
