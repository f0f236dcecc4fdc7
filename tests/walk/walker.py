"""The walk: from every command, breadth first, every button of every screen; none is walked from twice."""

from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from aiogram import Dispatcher, Router
from aiogram.filters import Command

from src.bot.handlers import menu
from src.bot.states import TokenStates
from src.demo.forge.protocol import Outage
from src.demo.telegram import Chat, Person
from src.i18n import translator
from tests.walk.cast import Cast, Role, Spot
from tests.walk.checks import Kept, difference, kept, left_behind, trouble, ways_out
from tests.walk.screens import Key, Screen
from tests.walk.snapshot import Snapshot
from tests.walk.theatre import Happened, Theatre

_WORDS = ("rocket", "nothing of this name")  # typed where a dialog is open
_TOKENS = {TokenStates.waiting.state: ("tok_carl",)}  # typed where the dialog asks for it
_MOST = 4_000  # screens of one walk: more means that it does not end
_BAD_DAYS: tuple[Outage, ...] = ("down", "rate_limited", "refuse_hooks")


@dataclass(frozen=True, slots=True)
class Effort:
    """How far to go."""

    deepest: int = 1_000  # steps from a command to a screen that is still walked from, the command counted
    thorough: bool = True  # presses are also made while forges fail, and twice where they end a dialog


@dataclass(frozen=True, slots=True)
class Trail:
    """How somebody came to a screen: the command, then what was pressed and typed."""

    steps: tuple[str, ...]

    def then(self, step: str) -> "Trail":
        """One step further."""
        return Trail((*self.steps, step))

    def __str__(self) -> str:
        return " > ".join(self.steps)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong on the way."""

    spot: Spot
    role: Role
    trail: Trail
    what: str

    @property
    def kind(self) -> tuple[str, Role, Spot]:
        """What is the same fault met again on another way."""
        return self.what, self.role, self.spot

    def __str__(self) -> str:
        return f"{self.role} in {self.spot}: {self.trail}: {self.what}"


@dataclass
class Report:
    """What was walked."""

    screens: dict[Key, tuple[Screen, Trail]] = field(default_factory=dict)
    commands: set[str] = field(default_factory=set)
    presses: Counter[tuple[Spot, Role]] = field(default_factory=Counter)
    typed: int = 0
    outside: set[str] = field(default_factory=set)  # buttons that open or copy something
    faults: list[Fault] = field(default_factory=list)
    onwards: dict[Key, set[Key | None]] = field(default_factory=dict)  # None: the dialog is over

    def add(self, other: "Report") -> None:
        """What another walk saw, in another place."""
        self.screens.update(other.screens)
        self.commands |= other.commands
        self.presses += other.presses
        self.typed += other.typed
        self.outside |= other.outside
        self.faults += other.faults
        self.onwards.update(other.onwards)


@dataclass(frozen=True, slots=True)
class _Stop:
    """A screen that is to be walked from, and the moment to go back to for it."""

    screen: Screen
    trail: Trail
    at: Snapshot
    opened: Kept  # what there was when the dialog was opened


def commands_of(dispatcher: Dispatcher) -> set[str]:
    """Every command that a handler waits for."""
    return {str(command) for router in _routers(dispatcher) for command in _registered(router)}


def _routers(router: Router) -> Iterator[Router]:
    yield router
    for inner in router.sub_routers:
        yield from _routers(inner)


def _registered(router: Router) -> Iterator[str]:
    for handler in router.message.handlers:
        for item in handler.filters or []:
            if isinstance(item.callback, Command):
                yield from (str(command) for command in item.callback.commands)


class Walker:
    """Walks for one person in one place."""

    def __init__(
        self, theatre: Theatre, cast: Cast, report: Report, spot: Spot, role: Role, *, language: str, effort: Effort
    ) -> None:
        self._theatre = theatre
        self._report = report
        self._spot, self._role = spot, role
        self._person: Person = cast.people[role]
        self._other: Person = cast.people[Role.MEMBER if role is Role.ADMIN else Role.ADMIN]
        self._place: Chat = cast.place(spot, role)
        self._t = translator(language)
        self._effort = effort
        self._waiting: deque[_Stop] = deque()

    async def walk(self, start: Snapshot, commands: Collection[str]) -> None:
        """Each command from the same start, and all that can be pressed from there."""
        for command in commands:
            self._begin(start)
            happened = await self._theatre.say(self._person, f"/{command}", self._place)
            self._report.typed += 1
            if happened.changed:
                self._report.commands.add(command)
            await self._arrive(happened, Trail((f"/{command}",)), await kept(self._theatre), "")
            await self._walk_on()

    async def walk_what_is_there(self, start: Snapshot) -> None:
        """The buttons under what the bot said unasked: notifications."""
        self._begin(start)
        opened = await kept(self._theatre)
        for message in self._place.messages():
            screen = Screen(self._spot, self._role, None, message)
            if message.from_bot and screen.key not in self._report.screens:
                self._discover(screen, Trail(("a notification",)), opened)
        await self._walk_on()

    def _begin(self, start: Snapshot) -> None:
        self._theatre.go_back(start)
        self._theatre.restart()  # who was turned away a moment ago is told nothing: each command starts afresh

    async def _walk_on(self) -> None:
        while self._waiting:
            stop = self._waiting.popleft()
            await self._walk_from(stop)
            stop.at.close()

    async def _walk_from(self, stop: _Stop) -> None:
        for button in stop.screen.live:
            assert button.data is not None
            step = f"[{button.text}]"
            happened = await self._press(stop, button.data)
            led_to = await self._arrive(happened, stop.trail.then(step), stop.opened, button.text)
            self._report.onwards.setdefault(stop.screen.key, set()).update(led_to)
            if self._effort.thorough and led_to == {None}:
                await self._twice(stop, button.data, step)
            if self._effort.thorough and happened.asked:
                await self._on_bad_days(stop, button.data, step)
        if stop.screen.step is not None:
            await self._type(stop)
        if self._spot is not Spot.PRIVATE:
            await self._let_others_press(stop)
        self._note_outside(stop.screen)

    async def _press(self, stop: _Stop, data: str) -> Happened:
        self._theatre.go_back(stop.at)
        self._report.presses[self._spot, self._role] += 1
        return await self._theatre.press(self._person, stop.screen.message, data)

    async def _on_bad_days(self, stop: _Stop, data: str, step: str) -> None:
        """The same press while the forges fail in one way or another."""
        for outage in _BAD_DAYS:
            self._theatre.go_back(stop.at)
            for forge in self._theatre.forges:
                forge.outage(outage, seconds=600)
            self._report.presses[self._spot, self._role] += 1
            happened = await self._theatre.press(self._person, stop.screen.message, data)
            for forge in self._theatre.forges:
                forge.clear_outages()
            await self._arrive(happened, stop.trail.then(f"{step} while {outage}"), stop.opened, "")

    async def _twice(self, stop: _Stop, data: str, step: str) -> None:
        """The press that was made last, now twice before it is answered: it does what one does."""
        sizes = {name: len(rows) for name, rows in (await kept(self._theatre)).items()}
        self._theatre.go_back(stop.at)
        self._report.presses[self._spot, self._role] += 2
        happened = await self._theatre.press(self._person, stop.screen.message, data, times=2)
        again = {name: len(rows) for name, rows in (await kept(self._theatre)).items()}
        found = trouble(happened) + [f"{name} were changed twice" for name in sizes if sizes[name] != again[name]]
        self._note(stop.trail.then(f"{step} twice"), found + await left_behind(self._theatre))

    async def _type(self, stop: _Stop) -> None:
        """What people write instead of pressing; in groups as an answer to the dialog."""
        for text in ("/cancel", *_WORDS, *_TOKENS.get(stop.screen.step, ())):
            self._theatre.go_back(stop.at)
            self._report.typed += 1
            reply_to = None if self._spot is Spot.PRIVATE else stop.screen.message
            happened = await self._theatre.say(self._person, text, self._place, reply_to)
            # Where there is nothing to cancel, but a list to close, what was pressed before stands.
            is_cancel = text == "/cancel" and self._t("Cancel") in {b.text for b in stop.screen.message.buttons}
            pressed = self._t("Cancel") if is_cancel else ""
            await self._arrive(happened, stop.trail.then(f"“{text}”"), stop.opened, pressed)

    async def _let_others_press(self, stop: _Stop) -> None:
        """Somebody else's press is answered and does nothing."""
        if stop.screen.step is None or not stop.screen.live:
            return
        data = stop.screen.live[0].data
        assert data is not None
        self._theatre.go_back(stop.at)
        before = await kept(self._theatre)
        self._report.presses[self._spot, self._role] += 1
        happened = await self._theatre.press(self._other, stop.screen.message, data)
        trail = stop.trail.then(f"somebody else presses [{stop.screen.live[0].text}]")
        step = await self._theatre.state_of(self._person, self._place)
        found = trouble(happened) + difference(before, await kept(self._theatre))
        found += [] if step == stop.screen.step else [f"moved the dialog to {step}"]
        found += ["changed a message"] if happened.changed else []
        found += [] if happened.said else ["was not told why"]
        self._note(trail, found)

    async def _arrive(self, happened: Happened, trail: Trail, opened: Kept, pressed: str) -> set[Key | None]:
        """Look at what an act led to; new screens wait to be walked. Returns the screens, `None` for the end."""
        step = await self._theatre.state_of(self._person, self._place)
        found = trouble(happened)
        if step is None:
            found += await left_behind(self._theatre)
        else:
            found += self._without_way_out(happened)
        if pressed == self._t("Cancel"):
            found += [f"cancelled, but {what}" for what in difference(opened, await kept(self._theatre))]
            found += [] if step is None else [f"cancelled, but still in {step}"]
        self._note(trail, found)
        shown = [Screen(self._spot, self._role, step, message) for message in happened.changed]
        for screen in shown:
            if screen.key not in self._report.screens:
                self._discover(screen, trail, opened)
        return {None} if step is None else {screen.key for screen in shown if screen.live}

    def _without_way_out(self, happened: Happened) -> list[str]:
        """Each screen of an open dialog has a button that ends it."""
        return [
            f"no button ends the dialog on: {message.text.partition(chr(10))[0]}"
            for message in happened.changed
            if message.keyboard and ways_out(self._t).isdisjoint(button.text for button in message.buttons)
        ]

    def _discover(self, screen: Screen, trail: Trail, opened: Kept) -> None:
        self._report.screens[screen.key] = (screen, trail)
        if len(self._report.screens) > _MOST:
            raise RuntimeError(f"more than {_MOST} screens; the last one: {trail}")
        if screen.live and len(trail.steps) <= self._effort.deepest:
            self._waiting.append(_Stop(screen, trail, self._theatre.keep(), opened))

    def _note(self, trail: Trail, found: Collection[str]) -> None:
        self._report.faults += [Fault(self._spot, self._role, trail, what) for what in found]

    def _note_outside(self, screen: Screen) -> None:
        self._report.outside |= {button.text for button in screen.message.buttons if button.data is None}


def all_commands(theatre: Theatre) -> list[str]:
    """What the menus offer and what handlers wait for, in a steady order."""
    offered = [name for name, _ in menu(theatre.deps, translator("en"), private=True, admin=True)]
    return list(dict.fromkeys([*offered, *sorted(commands_of(theatre.dispatcher))]))
