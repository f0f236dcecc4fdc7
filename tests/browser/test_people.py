"""Whose Telegram it is: the viewer, the languages, and who may press what."""

import pytest
from playwright.sync_api import expect

from tests.browser.page import Visitor
from tests.browser.windows import Windows


def test_one_window_looks_through_three_peoples_eyes(visit: Windows, team: None) -> None:
    page = visit("ann")
    for person, chats in (("bob", 4), ("eve", 1), ("ann", 4)):
        page.look_as(person)
        expect(page.page.locator("#chat-list [data-chat]")).to_have_count(chats)
        assert len(page.chats()) == chats
    page.sees("✓ acme/rocket is followed here now")
    page.reload()
    expect(page.page.locator('[data-viewer="ann"]')).to_have_attribute("aria-checked", "true")


def test_telegrams_language_is_the_persons_and_changes_what_the_bot_says(visit: Windows, team: None) -> None:
    bob = visit("bob")
    for language, word in (("ru", "Команды"), ("en", "Commands")):
        before = bob.messages.filter(has_text=word).count()
        with bob.page.expect_response(lambda answer: "/api/chat/language" in answer.url):
            bob.page.locator("#telegram-language").select_option(language)
        bob.write("/help")
        expect(bob.messages.filter(has_text=word)).to_have_count(before + 1)


def test_who_opened_a_dialog_in_the_group_alone_may_press_its_buttons(visit: Windows, team: None) -> None:
    ann, bob = visit("ann"), visit("bob")
    for visitor in (ann, bob):
        visitor.go("ci")
    ann.say("/subscribe", "Where is the project?")
    bob.sees("Where is the project?")
    bob.press("GitHub")
    bob.dismiss("This is Ann's dialog")
    ann.press("Cancel")
    for visitor in (ann, bob):
        visitor.never_sees("Where is the project?")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_speaks_the_readers_language(visit: Windows, language: str) -> None:
    page: Visitor = visit("ann", language=language)
    expect(page.page.locator("html")).to_have_attribute("lang", language)
    words = {"en": ("event", "Log"), "ru": ("событие", "Журнал")}[language]
    for tab, word in zip(("events", "log"), words, strict=True):
        expect(page.page.locator(f"#tab-{tab}")).to_contain_text(word)
    expect(page.page.locator("[data-demo]")).to_be_visible()
