"""What people press to follow the projects: every walk goes through the bot's own buttons."""

from dataclasses import dataclass, replace

from src.demo.script.page import Page
from src.demo.script.stage import LANDER, ROCKET, Stage
from src.demo.script.waiting import is_answer
from src.demo.telegram import Chat, Message, Person
from src.forges import FORGE_TYPES
from src.i18n import translator
from src.webhook.render import describe_kind

_SECONDS = 60.0  # real ones


class WrongTurn(Exception):
    """The bot did not do what the walk expects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """One `/subscribe`: which project, and what is changed of the choice that the bot proposes."""

    forge: str
    project: str
    more: tuple[str, ...] = ()  # kinds of events that are added whole
    only: tuple[str, ...] = ()  # the only kinds that are followed, each with what is usual


_GITHUB, _GITLAB = Follow(forge="github", project=ROCKET), Follow(forge="gitlab", project=LANDER)
FOLLOWS: dict[str, tuple[Follow, Follow]] = {
    "ann": (Follow(forge="github", project=ROCKET, more=("wiki", "documentation")), _GITLAB),
    "bob": (_GITHUB, _GITLAB),
    "carl": (_GITHUB, _GITLAB),
}
REVIEWED = tuple(replace(follow, more=("code_review",)) for follow in (_GITHUB, _GITLAB))
TEAM = Follow(forge="github", project=ROCKET, only=("pipeline", "release"))


async def subscribe_everybody(stage: Stage, page: Page) -> None:
    """All walks: the first one screen by screen, of the others every press and the last screen."""
    stage.forget()
    for name, follows in FOLLOWS.items():
        person = stage.people[name]
        page.chat(person.private.title)
        walk = Walk(person, person.private, page)
        await walk.start()
        for follow in follows:
            await walk.give_token(follow.forge, stage.tokens[name])
            await walk.follow(follow, in_full=(name, follow.forge) == ("ann", "github"))
    page.chat(stage.topic.title)
    await Walk(stage.people["ann"], stage.topic, page).follow(TEAM)


async def turn_reviews_on(stage: Stage, page: Page) -> None:
    """Ann adds reviews to what she follows; on GitHub with the screen that says what that means."""
    ann = stage.people["ann"]
    page.part("Ann has pull requests reviewed")
    page.chat(ann.private.title)
    walk = Walk(ann, ann.private, page)
    for follow in REVIEWED:
        await walk.follow(follow, with_summary=follow.forge == "github")


class Walk:
    """A person in one chat, who reads the bot's words in their own language."""

    def __init__(self, person: Person, place: Chat, page: Page) -> None:
        """`place` is where the person writes and presses."""
        self._person = person
        self._place = place
        self._page = page
        self._language = person.language or "en"
        self._said = translator(self._language)  # not named t: these words are the bot's, found where it says them
        self._presses: list[str] = []  # since a screen was shown

    async def start(self) -> None:
        """`/start`."""
        self._page.messages([await self._send("/start")])

    async def give_token(self, forge: str, token: str) -> None:
        """The token behind the command, which the bot has to take out of the chat."""
        mark = self._place.mark()
        sent = await self._person.send(f"/set_{forge}_token {token}")
        answer = await self._place.wait_for(self._answers, _SECONDS, since=mark)
        await self._place.wait_deleted(sent, _SECONDS)
        if token in answer.text or not answer.text.startswith("✓"):
            raise WrongTurn(f"{self._person.name}'s token was answered so: {answer.text}")
        self._page.stage_direction(
            f"{self._person.name} sends /set_{forge}_token with a token, which the bot deletes at once"
        )
        self._page.messages([answer])

    async def follow(self, follow: Follow, *, in_full: bool = False, with_summary: bool = False) -> None:
        """`/subscribe` from its first screen to its last; `in_full` prints those between, or the last but one alone."""
        screen = await self._send("/subscribe")
        if in_full:
            self._show(screen)
        for label in (FORGE_TYPES[follow.forge].title, follow.project):
            screen = await self._press(label)
            if in_full:
                self._show(screen)
        await self._choose(follow)
        screen = await self._press(self._said("Continue ›"))
        if in_full or with_summary:
            self._show(screen)
        last = await self._press(self._said("Confirm"))
        self._show(last)
        if last.keyboard or follow.project not in last.text or not last.text.startswith("✓"):
            raise WrongTurn(f"{self._person.name} could not follow {follow.project}")

    async def _choose(self, follow: Follow) -> None:
        if follow.only:
            await self._press(self._said("None"))
        for kind, label in [*((kind, "All") for kind in follow.more), *((kind, "Usual") for kind in follow.only)]:
            await self._press(describe_kind(kind, self._language, FORGE_TYPES[follow.forge]))
            if sum(name.startswith(f"{kind}.") for name in FORGE_TYPES[follow.forge].codec.names) > 1:
                await self._press(self._said(label))  # else the first press was all
                await self._press(self._said("‹ Back"))

    async def _send(self, text: str) -> Message:
        """Write, and show it; the answer is returned."""
        mark = self._place.mark()
        sent = await self._person.send(text, in_=self._place)
        answer = await self._place.wait_for(self._answers, _SECONDS, since=mark)
        self._page.messages([sent])
        return answer

    async def _press(self, label: str) -> Message:
        """Press the button, return the screen that follows."""
        mark = self._place.mark()
        answer = await self._person.press(label, in_=self._place, timeout=_SECONDS)
        if answer.show_alert:
            raise WrongTurn(f"{self._person.name} pressed {label} and was told: {answer.text}")
        self._presses.append(label)
        return await self._place.wait_for(self._answers, _SECONDS, since=mark)

    def _answers(self, message: Message) -> bool:
        return is_answer(message, self._language)

    def _show(self, screen: Message) -> None:
        """What was pressed to get there, then the screen."""
        if self._presses:
            buttons = " ".join(f"[{label}]".replace(" ", "\N{NO-BREAK SPACE}") for label in self._presses)
            self._page.stage_direction(f"{self._person.name} presses {buttons}")
            self._presses.clear()
        self._page.messages([screen])
