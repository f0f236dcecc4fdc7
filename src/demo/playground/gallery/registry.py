"""How a card gets into the gallery: one entry, and below it what it does."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from src.demo.forge import DeliveryRecord, Hook
from src.demo.forge.state import HookHome, Project
from src.demo.playground.traffic import Emulator
from src.i18n import N_

COLLEAGUE = "carl"  # does it all: nobody is told of what they did themselves
NOT_USUAL = N_("Not among the usual events: choose it in /subscribe.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a card acts on: a project of a forge, and the login whom it is about."""

    forge: Emulator
    project: Project
    hook: tuple[HookHome, Hook]  # one that hears of the project
    about: str

    @property
    def path(self) -> str:
        """The project's."""
        return self.project.path


# Does it. Returns what was sent past the forge, if anything: what the forge delivered is known anyway.
Act = Callable[[Deed], Awaitable[Sequence[DeliveryRecord] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One entry. `title`, `sentence` and `hint` are msgids; `only` a kind of forge, where the other has no such thing.

    `names`: of `src.events`; where nobody chose any of them, that is why nobody is told. `before`: what has to be there
    first; what it brings about is not counted.
    """

    name: str
    title: str
    sentence: str
    names: tuple[str, ...]
    hint: str | None
    only: str | None
    before: Callable[[Deed], Awaitable[object]] | None
    act: Act


class Gallery:
    """Cards by name, in the order in which they are shown."""

    def __init__(self) -> None:
        self.cards: dict[str, Card] = {}

    def card(
        self,
        name: str,
        *,
        title: str,
        sentence: str,
        names: tuple[str, ...] = (),
        hint: str | None = None,
        only: str | None = None,
        before: Callable[[Deed], Awaitable[object]] | None = None,
    ) -> Callable[[Act], Act]:
        """Put a card into the gallery: what it shows, and below it what it does."""

        def register(act: Act) -> Act:
            self.cards[name] = Card(
                name=name, title=title, sentence=sentence, names=names, hint=hint, only=only, before=before, act=act
            )
            return act

        return register
