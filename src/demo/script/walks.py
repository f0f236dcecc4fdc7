"""What people press to follow the projects: every walk goes through the bot's own buttons."""

from dataclasses import dataclass

from src.demo.script.page import Page
from src.demo.script.stage import LANDER, ROCKET, Stage
from src.demo.telegram import Chat, Message, Person
from src.forges import FORGE_TYPES
from src.i18n import translator
from src.webhook.render import describe_kind

_SECONDS = 20.0  # real ones


class WrongTurn(Exception):
    """The bot did not do what the walk expects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """One `/subscribe`: which project, and what is changed of the choice that the bot proposes."""

    forge: str
    project: str
    more: tuple[str, ...] = ()  # kinds of events that are added whole
    without: tuple[str, ...] = ()  # kinds that are taken out


_GITHUB, _GITLAB = Follow(forge="github", project=ROCKET), Follow(forge="gitlab", project=LANDER)
FOLLOWS: dict[str, tuple[Follow, Follow]] = {
    "ann": (Follow(forge="github", project=ROCKET, more=("wiki", "documentation")), _GITLAB),
    "bob": (_GITHUB, _GITLAB),
    "carl": (_GITHUB, _GITLAB),
}
TEAM = Follow(
    forge="github",
    project=ROCKET,
    without=("pull_request", "review", "comment", "issue", "pipeline", "deployment"),
)


async def subscribe_everybody(stage: Stage, page: Page) -> list[str]:
    """All walks, the first screen by screen, of the others what remains. Returns what was wrong."""
    findings: list[str] = []
    for number, (name, follows) in enumerate(FOLLOWS.items()):
        person = stage.people[name]
        page.chat(person.private.title)
        walk = Walk(person, person.private, page, in_full=number == 0)
        await walk.start()
        for follow in follows:
            await walk.give_token(follow.forge, f"tok_{name}")
            await walk.follow(follow)
        if number:
            page.messages([message for message in person.private.messages() if message.from_bot])
    page.chat(stage.topic.title)
    walk = Walk(stage.people["ann"], stage.topic, page, in_full=False)
    await walk.follow(TEAM)
    page.messages(stage.topic.messages()[1:])  # behind the one that opened the topic
    for forge, project in ((stage.github, ROCKET), (stage.gitlab, LANDER)):
        hooks = forge.hooks(project)
        page.line(f"{project}: {len(hooks)} webhook on the forge, made by the bot, shared by all who follow")
        if len(hooks) != 1:
            findings.append(f"{project} has {len(hooks)} hooks, one is expected")
    return findings


class Walk:
    """A person in one chat, who reads the bot's words in their own language."""

    def __init__(self, person: Person, place: Chat, page: Page, *, in_full: bool) -> None:
        """`in_full`: every screen and press is printed."""
        self._person = person
        self._place = place
        self._page = page
        self._in_full = in_full
        self._language = person.language or "en"
        self._said = translator(self._language)  # not named t: these words are the bot's, found where it says them

    async def start(self) -> None:
        """`/start`."""
        await self._send("/start")

    async def give_token(self, forge: str, token: str) -> None:
        """The token behind the command, which the bot has to take out of the chat."""
        mark = self._place.mark()
        sent = await self._person.send(f"/set_{forge}_token {token}")
        answer = await self._place.wait_for(lambda message: message.from_bot, _SECONDS, since=mark)
        await self._place.wait_deleted(sent, _SECONDS)
        if token in answer.text:
            raise WrongTurn(f"the bot repeats {self._person.name}'s token")
        self._show_press(f"sends /set_{forge}_token with a token; the bot deletes the message at once")
        self._show(answer)

    async def follow(self, follow: Follow) -> None:
        """`/subscribe` from its first screen to its last."""
        await self._send("/subscribe")
        await self._press(FORGE_TYPES[follow.forge].title)
        await self._press(follow.project)
        for kind, label in [*((kind, "All") for kind in follow.more), *((kind, "None") for kind in follow.without)]:
            screen = await self._press(describe_kind(kind, self._language, FORGE_TYPES[follow.forge]))
            if any(button.text == self._said(label) for button in screen.buttons):
                await self._press(self._said(label))
                await self._press(self._said("‹ Back"))
        await self._press(self._said("Continue ›"))
        last = await self._press(self._said("Confirm"))
        if last.keyboard or follow.project not in last.text or not last.text.startswith("✓"):
            raise WrongTurn(f"{self._person.name} could not follow {follow.project}:\n{last.text}")

    async def _send(self, text: str) -> None:
        mark = self._place.mark()
        sent = await self._person.send(text, in_=self._place)
        answer = await self._place.wait_for(lambda message: message.from_bot, _SECONDS, since=mark)
        self._show(sent)
        self._show(answer)

    async def _press(self, label: str) -> Message:
        """Press the button, return the screen that follows."""
        mark = self._place.mark()
        answer = await self._person.press(label, in_=self._place, timeout=_SECONDS)
        if answer.show_alert:
            raise WrongTurn(f"{self._person.name} pressed {label} and was told: {answer.text}")
        screen = await self._place.wait_for(lambda message: message.from_bot, _SECONDS, since=mark)
        self._show_press(f"presses [ {label} ]")
        self._show(screen)
        return screen

    def _show(self, message: Message) -> None:
        if self._in_full:
            self._page.messages([message])

    def _show_press(self, what: str) -> None:
        if self._in_full:
            self._page.stage_direction(f"{self._person.name} {what}")
