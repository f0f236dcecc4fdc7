"""Somebody who walks through a dialog in one chat and language, and what that looks like."""

import asyncio
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace

from src.demo.script.stage import Stage
from src.demo.script.waiting import is_answer
from src.demo.telegram import Chat, Message, Person
from src.demo.telegram.transcript import transcript
from src.i18n import translator

WIDTH = 64
_SECONDS = 60.0  # real ones
_TOGETHER = "\N{NO-BREAK SPACE}"  # within a label


class WrongTurn(Exception):
    """The bot did not do what the guide tells."""


class Player:
    """Writes and presses for a person; what is shown goes into the transcript."""

    def __init__(self, stage: Stage, language: str, hide: Callable[[str], str]) -> None:
        """`hide` replaces what differs from run to run, e.g. codes."""
        self.stage = stage
        self.language = language
        self._said = translator(language)  # not named t: these words are the bot's, found where it says them
        self._hide = hide
        self.person: Person = stage.people["ann"]
        self.place: Chat = self.person.private
        self.screen: Message | None = None  # what the bot said last
        self._blocks: list[str] = []
        self._presses: list[list[str]] = []  # since a screen was shown: each with what the bot said for a moment

    def as_(self, name: str, place: Chat | None = None) -> None:
        """From here on somebody else acts, in their private chat or in a group or topic."""
        self.person = self.stage.people[name]
        self.place = place or self.person.private

    async def say(self, text: str, *, until: str = "", shown_as: str | None = None, deleted: bool = False) -> Message:
        """Write, and take the bot's answer for the screen.

        Args:
            text: what is written.
            until: a text of the bot that its answer holds; by default the first one that is no word of waiting.
            shown_as: what the person's own client shows of it, if something else.
            deleted: whether the bot has to take the message away.
        """
        mark = self.place.mark()
        sent = await self.person.send(text, in_=self.place)
        self.screen = await self._changed(until, mark)
        if deleted:
            await self.place.wait_deleted(sent, _SECONDS)
        else:
            self._add(replace(sent, text=shown_as or text))
        return self.screen

    async def press(self, label: str, *, until: str = "", told: bool = False) -> Message:
        """Press the button that bears a text of ours, or whatever else; its placeholders stand for anything.

        Args:
            label: the text, in English where it is one of ours.
            until: a text of the bot that the screen then holds; by default its first change that is no word of waiting.
            told: whether the guide shows what the bot says for a moment.
        """
        before = self._newest_with_buttons()
        said = self._button(before, label)
        mark = self.place.mark()
        answer = await self.person.press(said, on=before, timeout=_SECONDS)
        if answer.show_alert:
            raise WrongTurn(f"{said} was answered: {answer.text}")
        self._presses.append([f"▸ {said}".replace(" ", _TOGETHER)])
        if told:
            self._presses[-1].append(f"({answer.text})")
        self.screen = await self._changed(until, mark)
        return self.screen

    async def told(self, text: str) -> Message:
        """Until the bot has told something that holds these words, unasked."""
        self.screen = await self.place.wait_for(lambda message: message.from_bot and text in message.text, _SECONDS)
        return self.screen

    async def logged(self, pattern: str) -> str:
        """The first group of the pattern, once it is in the log."""
        async with asyncio.timeout(_SECONDS):
            while True:
                for _, line in self.stage.log.lines:
                    if found := re.search(pattern, line):
                        return found[1]
                await asyncio.sleep(0.01)

    def show(self, *, expand: bool = False) -> None:
        """The screen as it stands, below what was pressed to get there; `expand` opens what is folded."""
        if self._presses:
            self._blocks.append(self._hide(_in_lines(self._presses)))
            self._presses.clear()
        if self.screen is None:
            raise WrongTurn("nothing to show yet")
        self._add(self.place.current(self.screen), expand=expand)

    def text(self) -> str:
        """All that was shown, as a block for the guide."""
        return "\n\n".join(self._blocks)

    async def _changed(self, until: str, mark: int) -> Message:
        wanted = self._pieces(until)

        def fits(message: Message) -> bool:
            return is_answer(message, self.language) and all(piece in message.text for piece in wanted)

        return await self.place.wait_for(fits, _SECONDS, since=mark)

    def _newest_with_buttons(self) -> Message:
        return next(message for message in reversed(self.place.messages()) if message.keyboard)

    def _button(self, message: Message, label: str) -> str:
        pattern = re.compile(".*".join(map(re.escape, self._pieces(label))))
        labels = [button.text for button in message.buttons]
        found = [text for text in labels if text == self._said(label)] or list(filter(pattern.search, labels))
        if len(found) != 1:
            raise WrongTurn(f"{len(found)} buttons fit {label!r}; there are: {' | '.join(labels)}")
        return found[0]

    def _pieces(self, text: str) -> list[str]:
        """A text of ours in the guide's language, without its placeholders."""
        return [piece for piece in re.split(r"\{\w+\}", self._said(text)) if piece] if text else []

    def _add(self, message: Message, *, expand: bool = False) -> None:
        _, bubble = transcript("", [message], WIDTH, expand=expand).split("\n\n", 1)
        self._blocks.append(self._hide("\n".join(line.rstrip() for line in bubble.splitlines())))


def _in_lines(presses: Sequence[Sequence[str]]) -> str:
    """Presses beside one another as far as they go, what was said for a moment below its press."""
    lines, row = [], ""
    for press, *said in presses:
        row = f"{row} {press}".lstrip()
        if said:
            lines += [*textwrap.wrap(row, WIDTH), *textwrap.wrap(said[0], WIDTH, break_on_hyphens=False)]
            row = ""
    return "\n".join([*lines, *textwrap.wrap(row, WIDTH)]).replace(_TOGETHER, " ")
