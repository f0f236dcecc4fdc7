"""Somebody who walks through a dialog in one chat and language, and what that looks like."""

import re
from collections.abc import Callable

from src.demo.script.stage import Stage
from src.demo.telegram import Chat, Message, Person
from src.demo.telegram.transcript import transcript
from src.i18n import translator

WIDTH = 64
_SECONDS = 20.0  # real ones


class WrongTurn(Exception):
    """The bot did not do what the guide tells."""


class Player:
    """Writes and presses for a person; what is shown goes into the transcript."""

    def __init__(self, stage: Stage, language: str, hide: Callable[[str], str]) -> None:
        """`hide` replaces what differs from run to run, e.g. codes."""
        self.stage = stage
        self._language = language
        self._said = translator(language)  # not named t: these words are the bot's, found where it says them
        self._hide = hide
        self.person: Person = stage.people["ann"]
        self.place: Chat = self.person.private
        self.screen: Message | None = None  # what the bot said last
        self._blocks: list[str] = []
        self._presses: list[str] = []

    def as_(self, name: str, place: Chat | None = None) -> None:
        """From here on somebody else acts, in their private chat or in a group or topic."""
        self.person = self.stage.people[name]
        self.place = place or self.person.private

    def words(self, text: str) -> str:
        """A text of the bot in the guide's language."""
        return self._said(text)

    async def say(self, text: str, *, shown: bool = True, deleted: bool = False) -> Message:
        """Write, and take the bot's answer for the screen. `deleted`: the bot has to take the message away."""
        mark = self.place.mark()
        sent = await self.person.send(text, in_=self.place)
        self.screen = await self.place.wait_for(lambda message: message.from_bot, _SECONDS, since=mark)
        if deleted:
            await self.place.wait_deleted(sent, _SECONDS)
        elif shown:
            self._add(sent)
        return self.screen

    async def press(self, label: str, *, quietly: bool = False) -> Message | None:
        """Press a button by (a part of) its English label or, where that is no text of ours, by what stands on it.

        `quietly`: the press changes nothing on the screen. An alert is a wrong turn.
        """
        mark = self.place.mark()
        said = self._said(label)
        answer = await self.person.press(said, in_=self.place, timeout=_SECONDS)
        if answer.show_alert:
            raise WrongTurn(f"{said} was answered: {answer.text}")
        self._presses.append(said)
        if not quietly:
            self.screen = await self.place.wait_for(lambda message: message.from_bot, _SECONDS, since=mark)
        return self.screen

    async def wait(self, text: str) -> Message:
        """Until the bot's newest message holds this text of ours (its first words, without placeholders)."""
        wanted = re.split(r"\{\w+\}", self._said(text))[0]
        self.screen = await self.place.wait_for(lambda message: message.from_bot and wanted in message.text, _SECONDS)
        return self.screen

    def show(self) -> None:
        """The screen as it stands, below what was pressed to get there."""
        if self._presses:
            self._blocks.append(" ".join(f"▸ {label}" for label in self._presses))
            self._presses.clear()
        if self.screen is None:
            raise WrongTurn("nothing to show yet")
        self._add(self.screen)

    def text(self) -> str:
        """All that was shown, as a block for the guide."""
        return "\n\n".join(self._blocks)

    def _add(self, message: Message) -> None:
        _, bubble = transcript("", [message], WIDTH).split("\n\n", 1)
        self._blocks.append(self._hide("\n".join(line.rstrip() for line in bubble.splitlines())))
