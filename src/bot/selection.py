"""Which events are chosen, of which there are. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from src.events import ALL_NAMES, CATALOGUE, DEFAULT_NAMES

# Whoever chooses these has us act under their name: they are not chosen together with everything else.
ACTING_NAMES = frozenset(name for name in ALL_NAMES if name.startswith("code_review."))


@dataclass(frozen=True, slots=True)
class KindOfEvents:
    """One kind with the names of it that the forge has, in the order of the catalogue."""

    kind: str
    names: tuple[str, ...]

    def chosen(self, names: Collection[str]) -> int:
        """How many of its names are chosen."""
        return sum(name in names for name in self.names)


def offered_kinds(available: Collection[str]) -> tuple[KindOfEvents, ...]:
    """What a forge with these names offers: kinds without a name are left out."""
    kinds = (
        KindOfEvents(kind, tuple(name for state in states if (name := f"{kind}.{state}") in available))
        for kind, states in CATALOGUE.items()
    )
    return tuple(kind for kind in kinds if kind.names)


def first_choice(available: Collection[str]) -> tuple[str, ...]:
    """What a new subscription starts with."""
    return ordered(DEFAULT_NAMES, available)


def everything(chosen: Collection[str]) -> frozenset[str]:
    """All that only tells; what acts stays as it was chosen."""
    return (ALL_NAMES - ACTING_NAMES) | ACTING_NAMES.intersection(chosen)


def ordered(names: Collection[str], available: Collection[str]) -> tuple[str, ...]:
    """The names that there are, in the order of the catalogue."""
    return tuple(name for kind in offered_kinds(available) for name in kind.names if name in names)


def toggled(chosen: Collection[str], name: str, available: Collection[str]) -> tuple[str, ...]:
    """The choice with one name put in or taken out."""
    return ordered(set(chosen) ^ {name}, available)


def with_kind(
    chosen: Collection[str], kind: KindOfEvents, wanted: Collection[str], available: Collection[str]
) -> tuple[str, ...]:
    """The choice with just the wanted names of a kind; other kinds stay as they are."""
    return ordered((set(chosen) - set(kind.names)) | (set(kind.names) & set(wanted)), available)
