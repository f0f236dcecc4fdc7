"""Names in `.git-assistant.toml` that nobody knows, and those that were meant."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches

_LONGEST = 200  # characters of a name that are looked at
_DEEPEST = 4  # tables in tables that are looked through
# What somebody may have called a table, and what they meant.
_MEANT = {
    "review": "[review]",
    "git-assistant": "[review]",
    "levels": "[review.levels]",
    "review.levels": "[review.levels]",
}
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that is most like this one, if any is. Known names are lower case, with hyphens."""
    near = get_close_matches(name[:_LONGEST].lower().replace("_", "-"), known, n=1)
    return near[0] if near else None


def meant(names: Sequence[str]) -> str | None:
    """The table that somebody meant who called theirs so. The last of the names says most."""
    near = (nearest(name, _MEANT) for name in reversed(names))
    return next((_MEANT[name] for name in near if name), None)


def written(names: Iterable[str]) -> str:
    """A table's name as it stands in the file, cut where it is long."""
    dotted = ".".join(name if _BARE.fullmatch(name) else f'"{name}"' for name in names)
    return f"[{dotted[:_LONGEST]}]"


def are_tables(value: object) -> bool:
    """Whether a value is a table, or several (`[[name]]`)."""
    items = value if isinstance(value, list) and value else [value]
    return all(isinstance(item, dict) for item in items)


def tables(names: tuple[str, ...], value: object) -> Iterator[tuple[str, ...]]:
    """The names of tables in a table that has nothing else, down to one whose name tells what is meant."""
    below = value.items() if isinstance(value, dict) else ()
    has_only_tables = bool(below) and all(isinstance(item, dict) for _, item in below)
    if not has_only_tables or len(names) == _DEEPEST or nearest(names[-1], ("review", "levels")):
        yield names
        return
    for name, table in below:
        yield from tables((*names, name), table)
