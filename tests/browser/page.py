"""A window of the playground and what a person does in it: look, click, type."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, Request, ViewportSize, expect

WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 380, "height": 760}
TABS = ("guide", "events", "forge", "calls", "log")
_CHATS = ("bot", "general", "releases", "ci")
_LOCAL = ("data", "blob")
PATIENCE = 60_000  # ms that something on the page may take on a busy machine


@dataclass
class Watch:
    """What a window said on its console and asked of the network; `tolerated` are patterns of what a test provokes."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    tolerated: list[re.Pattern[str]] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        """Listen to everything from now on."""
        page.on("console", self._said)
        page.on("pageerror", self._raised)
        page.on("request", self._asked)

    def errors(self) -> list[str]:
        """What nobody provoked."""
        return [line for line in self.console if not any(pattern.search(line) for pattern in self.tolerated)]

    def strangers(self) -> list[str]:
        """The requests to anywhere but this machine."""
        parts = [(url, urlsplit(url)) for url in self.requests]
        return [url for url, at in parts if at.scheme not in _LOCAL and at.hostname != "127.0.0.1"]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _raised(self, error: Error) -> None:
        self.console.append(f"exception: {error}")

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)


class Visitor:
    """One browser context with one window, which sees the chats as one person (until `look_as`)."""

    def __init__(self, context: BrowserContext, address: str, name: str) -> None:
        self.context = context
        self.address = address
        self.name = name
        self.watch = Watch()
        self.page = context.new_page()
        self.watch.follow(self.page)

    # -- the page -------------------------------------------------------------------------------

    def open(self, *, language: str = "en", tab: str = "") -> "Visitor":
        """Go to the page as this person and wait until it is live."""
        self.page.goto(f"{self.address}/?as={self.name}&lang={language}{'#tab-' + tab if tab else ''}")
        self.is_live()
        return self

    def reload(self) -> None:
        """As with F5."""
        self.page.reload()
        self.is_live()

    def is_live(self) -> None:
        """The stream is there, and so are the chats as they stood when the page was loaded."""
        expect(self.page.locator("#state")).to_have_attribute("data-state", "live", timeout=30_000)
        expect(self.page.locator('[data-chat="bot"]')).to_be_attached(timeout=30_000)

    def is_waiting(self) -> None:
        """The stream is gone, and the page says so."""
        expect(self.page.locator("#state")).to_have_attribute("data-state", "waiting", timeout=30_000)

    def stream(self) -> tuple[int, int]:
        """The number of the last line that came, and how many were missed."""
        last, gaps = self.page.evaluate("[window.__feed.last, window.__feed.gaps]")
        return int(last), int(gaps)

    def tab(self, name: str) -> Locator:
        """Open a tab by a click; its panel."""
        self.page.locator(f"#tab-{name}").click()
        return self.panel(name)

    def panel(self, name: str) -> Locator:
        """The panel of a tab, open or not."""
        return self.page.locator(f"#panel-{name}")

    @contextmanager
    def provoking(self, *patterns: str) -> Iterator[None]:
        """In here the console may say what these regular expressions find."""
        self.watch.tolerated += [re.compile(pattern) for pattern in patterns]
        yield

    # -- whose eyes, which chat -----------------------------------------------------------------

    def look_as(self, person: str) -> None:
        """Switch the viewer."""
        radio = self.page.locator(f'[data-viewer="{person}"]')
        radio.click()
        expect(radio).to_have_attribute("aria-checked", "true")
        self.name = person

    def to_chat(self) -> None:
        """On a narrow page the chat is a tab."""
        tab = self.page.locator("#tab-chat")
        if tab.is_visible():
            tab.click()

    def go(self, chat: str) -> None:
        """Open a chat of the list."""
        self.to_chat()
        entry = self.page.locator(f'[data-chat="{chat}"]')
        entry.click()
        expect(entry).to_have_attribute("aria-current", re.compile("true|page"))

    def in_group(self) -> bool:
        """Whether the open chat is one of the group."""
        return bool(self.page.locator('[data-chat="bot"][aria-current]:not([aria-current="false"])').count() == 0)

    def chats(self) -> list[str]:
        """The chats that this person sees."""
        return [name for name in _CHATS if self.page.locator(f'[data-chat="{name}"]').is_visible()]

    def badge(self, chat: str) -> Locator:
        """The counter of unread messages of a chat; none while there are none."""
        return self.page.locator(f'[data-chat="{chat}"] [data-unread]')

    def all_unread(self, person: str) -> Locator:
        """The counter of unread messages of all of a person's chats, beside their name."""
        return self.page.locator(f'[data-viewer="{person}"] [data-unread]')

    # -- the chat ------------------------------------------------------------------------------

    @property
    def messages(self) -> Locator:
        """All of the open chat, oldest first."""
        return self.page.locator("#messages article[data-message]")

    def message(self, text: str | re.Pattern[str]) -> Locator:
        """The newest message with this text."""
        return self.messages.filter(has_text=text).last

    def sees(self, text: str | re.Pattern[str]) -> Locator:
        """Wait for a message with this text; that message."""
        self.to_chat()
        found = self.message(text)
        expect(found).to_be_visible()
        return found

    def never_sees(self, text: str | re.Pattern[str]) -> None:
        """No message with this text stands here."""
        expect(self.messages.filter(has_text=text)).to_have_count(0)

    def write(self, text: str) -> None:
        """Type and send."""
        self.to_chat()
        self.page.locator("#composer").fill(text)
        self.send()

    def send(self) -> None:
        """Send what stands in the composer, once it is there: some buttons ask the server for the words first."""
        expect(self.page.locator("#composer")).not_to_have_value("")
        self.page.locator("#send").click()
        expect(self.page.locator("#composer")).to_have_value("")

    def say(self, text: str, answer: str | re.Pattern[str]) -> Locator:
        """Type, send and wait for an answer with this text; the answer."""
        self.write(text)
        return self.sees(answer)

    def press(self, label: str, answer: str | re.Pattern[str] = "") -> Locator:
        """Press the newest button that bears this label; the newest message, with the answer's text if one is due."""
        self.to_chat()
        self.messages.locator("button[data-press]").filter(has_text=label).last.click()
        return self.sees(answer) if answer else self.messages.last

    def toast(self, text: str | re.Pattern[str]) -> None:
        """Wait for words that show for a moment."""
        expect(self.page.locator(".toast").filter(has_text=text).last).to_be_visible()

    def dismiss(self, text: str | re.Pattern[str]) -> None:
        """Wait for an alert with these words, and close it."""
        alert = self.page.locator("dialog[open]").filter(has_text=text)
        expect(alert).to_be_visible()
        alert.get_by_role("button").last.click()
        expect(alert).to_be_hidden()

    # -- getting ready -------------------------------------------------------------------------

    def code(self, *, but: str = "") -> str:
        """The words with the bot's first code, once it has made one, or another one than `but`."""
        give_up_at = time.monotonic() + PATIENCE / 1_000
        while True:  # asked from Python: `wait_for_function` takes a promise for true
            steps = self.page.request.get(f"{self.address}/api/guide").json()["steps"]
            fill = next(step["fill"] for step in steps if step["name"] == "pair")
            if fill and fill != but:
                return str(fill)
            assert time.monotonic() < give_up_at, "the bot made no code"
            self.page.wait_for_timeout(100)

    def pair(self) -> None:
        """With the code that the guided list fills in."""
        self.code()
        self.tab("guide").locator('[data-step="pair"] [data-do]').click()
        expect(self.page.locator("#composer")).to_have_value(re.compile("^/start "))
        self.send()
        self.sees("You run this bot now")

    def invite(self) -> str:
        """`/invite` and close the dialog; the link that lets one person in."""
        self.go("bot")
        found = re.search(r"https://t\.me/\S+\?start=\w+", self.say("/invite", "This link lets").inner_text())
        assert found is not None
        self.press("Done")
        return found[0]

    def hand_on(self, link: str) -> None:
        """Write it where the team can read it."""
        self.go("general")
        self.write(link)
        self.go("bot")

    def enter(self) -> None:
        """Press the bot's link in the group, as whoever was invited."""
        self.go("general")
        self.messages.locator('a[data-to="start"]').last.click()
        self.sees("Welcome, you are in")

    def token(self, name: str = "") -> str:
        """This person's token of the demo, or somebody else's."""
        people = json.loads(self.page.locator("#page").text_content() or "")["people"]
        return str(next(person["token"] for person in people if person["name"] == (name or self.name)))

    def give_token(self, forge: str = "github") -> None:
        """`/set_..._token` in the private chat, in one line."""
        self.go("bot")
        self.say(f"/set_{forge}_token {self.token()}", f"✓ You are {self.name} on")

    def subscribe(self, project: str = "acme/rocket", forge: str = "GitHub") -> None:
        """The dialog with what it offers, in the chat that is open."""
        self.say("/subscribe", "Where is the project?")
        self.press(forge, "Which")
        self.press(project, "what shall I tell")
        self.press("Continue", "Everything" if self.in_group() else "Only what concerns you")
        self.press("Confirm", f"✓ {project} is followed here now")

    # -- the gallery ---------------------------------------------------------------------------

    def send_event(self, name: str, *, forge: str = "github", about: str = "") -> Locator:
        """Send from the gallery and wait until the relay answered; the place where it is said what became of it."""
        self.tab("events")
        self.page.locator("#event-forge").select_option(forge)
        if about:
            self.page.locator("#event-about").select_option(about)
        card = self.page.locator(f'[data-happening="{name}"]')
        card.locator("[data-send]").click()
        result = card.locator("[data-result]")
        expect(result.locator('[data-field="deliveries"]')).not_to_be_empty()
        return result
