"""`.git-assistant.toml`: what a repository wants of its reviews. Read as data, from the base branch alone."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from src.agent import misspelt, toml_text
from src.agent.findings import Finding, Level
from src.agent.globs import fits, wrong
from src.i18n import DEFAULT, N_, languages

NAME = ".git-assistant.toml"
TABLE = "review"  # all that there is in the file
MAX_BYTES = 65_536
MAX_ITEMS = 200  # of one list or table
MAX_PATTERN = 200  # characters
_CODE = re.compile(r"[A-Z]{1,6}[0-9]{0,4}")
_OWN_RULE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
# An opinion is a model's whatever a repository calls it, so that nothing else is one.
_LEVELS = {level.value: level for level in Level if level is not Level.OPINION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What of the file does not hold, for whoever can mend it. The values of `params` are a stranger's text."""

    message: str  # a `N_` text with {names}
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoSettings:
    """What holds for the reviews of one repository. The keys of the file are these names with hyphens."""

    enabled: bool = True
    language: str = DEFAULT
    drafts: bool = False
    bots: bool = False
    suggestions: bool = True
    second_opinion: bool = True  # where the operator has set a model at all
    max_line_length: int = 120
    max_comments: int = 30
    ignore_paths: tuple[str, ...] = ()
    include_paths: tuple[str, ...] = ()  # looked at although they are left out by default
    ignore_rules: tuple[str, ...] = ()
    levels: Mapping[str, Level] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()

    @property
    def wants_opinion(self) -> bool:
        """Whether a language model may be shown the code: not where what it says is ignored anyway."""
        return self.second_opinion and not self.ignores_rule(Level.OPINION.value)

    def ignores_rule(self, rule: str) -> bool:
        """Whether the repository wants nothing said by this rule."""
        return any(answers(rule, name) for name in self.ignore_rules)

    def ignores_path(self, path: str) -> bool:
        """Whether the repository wants nothing said of this file."""
        return any(fits(path, pattern) for pattern in self.ignore_paths)

    def includes_path(self, path: str) -> bool:
        """Whether the repository wants this file looked at even where it looks like somebody else's work."""
        return any(fits(path, pattern) for pattern in self.include_paths)

    def applied(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The findings without the ignored rules, at the levels that the repository gives them.

        The longest name decides where several fit: `S101` before `S`.
        """
        return tuple(self._leveled(finding) for finding in findings if not self.ignores_rule(finding.rule))

    def _leveled(self, finding: Finding) -> Finding:
        named = [name for name in self.levels if answers(finding.rule, name)]
        return replace(finding, level=self.levels[max(named, key=len)]) if named else finding


def answers(rule: str, name: str) -> bool:
    """Whether a rule goes by this name: its own, or the beginning of the engine's code (`E7` is E711 and E722)."""
    if rule == name:
        return True
    if not _CODE.fullmatch(name) or not _CODE.fullmatch(rule):
        return False
    letters = name.rstrip("0123456789")
    return rule.startswith(name) and rule.rstrip("0123456789") == letters


def read(data: bytes | None, rules: Collection[str] = ()) -> RepoSettings:
    """The settings in the file's bytes; `None`: there is no such file. Never raises: what is wrong is in `mistakes`.

    `rules` are the names of our own rules, by which a misspelt one is told; without them any name may be one.
    """
    if data is None:
        return RepoSettings()
    found = _parsed(data)
    if isinstance(found, Mistake):
        return RepoSettings(mistakes=(found,))
    reader = _Reader(frozenset(rules) | {Level.OPINION.value} if rules else frozenset())
    table = reader.table(found)
    values = {name: value for key, written in reader.once(table) for name, value in reader.key(key, written)}
    return RepoSettings(**values, mistakes=tuple(reader.mistakes))


def _parsed(data: bytes) -> dict[str, Any] | Mistake:
    if len(data) > MAX_BYTES:
        return Mistake(message=N_("the file is larger than {limit} bytes"), params={"limit": str(MAX_BYTES)})
    try:
        return toml_text.parsed(data)
    except toml_text.Crowded:
        text = N_("a line of the file has more than {limit} dots")
        return Mistake(message=text, params={"limit": str(toml_text.MOST_DOTS)})
    except UnicodeDecodeError:
        return Mistake(message=N_("the file is not in UTF-8"))
    except RecursionError:
        return Mistake(message=N_("the file is nested too deeply"))
    except ValueError as error:  # TOMLDecodeError, and numbers that are too long to be any
        return Mistake(message=N_("the file is not TOML: {error}"), params={"error": str(error)[:200]})


def _name(key: str) -> str:
    """The setting that a key means."""
    return key.replace("-", "_")


class _Wrong(Exception):
    """A value does not hold."""

    def __init__(self, message: str, **params: str) -> None:
        super().__init__(message)
        self.mistake = Mistake(message=message, params=params)


class _Reader:
    """Reads values one by one and keeps what is wrong with them."""

    def __init__(self, rules: frozenset[str]) -> None:
        self.rules = rules
        self.mistakes: list[Mistake] = []

    def wrong(self, message: str, **params: str) -> None:
        self.mistakes.append(Mistake(message=message, params=params))

    def table(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """The one table that the file may have; what else there is in it is told."""
        for key, written in islice(found.items(), MAX_ITEMS):
            if key != TABLE:
                self.stray(key, written)
        table = found.get(TABLE, {})
        if isinstance(table, dict):
            return table
        self.wrong(N_("{key} has to be a table"), key=TABLE)
        return {}

    def stray(self, key: str, written: object) -> None:
        """Tell of what stands beside the table."""
        if _name(key) in _KEYS:
            self.wrong(N_("{key} belongs below {table}"), key=key, table=f"[{TABLE}]")
        elif not misspelt.are_tables(written):
            self.no_key(key)
        else:
            for names in islice(misspelt.tables((key,), written), MAX_ITEMS):
                table = misspelt.written(names)
                if near := misspelt.meant(names):
                    self.wrong(N_("there is no table {table}; did you mean {near}?"), table=table, near=near)
                else:
                    self.wrong(N_("there is no table {table}"), table=table)

    def no_key(self, key: str) -> None:
        """Tell of a key that nobody reads."""
        if near := misspelt.nearest(key, KEYS):
            self.wrong(N_("there is no key {key}; did you mean {near}?"), key=key[:MAX_PATTERN], near=near)
        else:
            self.wrong(N_("there is no key {key}"), key=key[:MAX_PATTERN])

    def once(self, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Each key and its value. A known one may be spelled with `-` and with `_`: the first spelling goes first."""
        used: dict[str, str] = {}
        for key in sorted(table, key=lambda key: "_" in key):
            holds = used.setdefault(_name(key), key)
            if holds != key and _name(key) in _KEYS:
                self.wrong(N_("{other} is the same key as {key}, and {key} is used"), key=holds, other=key)
            else:
                yield key, table[key]

    def key(self, key: str, written: object) -> list[tuple[str, Any]]:
        """The setting's name and value, or nothing where either is wrong."""
        name = _name(key)
        if name not in _KEYS:
            self.no_key(key)
            return []
        try:
            return [(name, _KEYS[name](self, name.replace("_", "-"), written))]
        except _Wrong as error:
            self.mistakes.append(error.mistake)
            return []

    def too_many(self, key: str) -> None:
        self.wrong(N_("{key} has more than {limit} entries; the first ones hold"), key=key, limit=str(MAX_ITEMS))

    def yes_or_no(self, key: str, written: object) -> bool:
        if not isinstance(written, bool):
            raise _Wrong(N_("{key} has to be true or false"), key=key)
        return written

    def language(self, key: str, written: object) -> str:
        if not isinstance(written, str) or written not in languages():
            raise _Wrong(N_("{key} has to be one of {values}"), key=key, values=", ".join(languages()))
        return written

    def between(self, least: int, most: int) -> Callable[[str, object], int]:
        def number(key: str, written: object) -> int:
            if isinstance(written, bool) or not isinstance(written, int) or not least <= written <= most:
                raise _Wrong(
                    N_("{key} has to be a whole number from {least} to {most}"),
                    key=key,
                    least=str(least),
                    most=str(most),
                )
            return written

        return number

    def items(self, key: str, written: object) -> list[str]:
        """The strings of a list; what else is in it is told, and the others hold."""
        if not isinstance(written, list):
            raise _Wrong(N_("{key} has to be a list of strings"), key=key)
        if len(written) > MAX_ITEMS:
            self.too_many(key)
        kept = written[:MAX_ITEMS]
        if not all(isinstance(item, str) for item in kept):
            self.wrong(N_("{key} has to be a list of strings"), key=key)
        return [item for item in kept if isinstance(item, str)]

    def patterns(self, key: str, written: object) -> tuple[str, ...]:
        found = []
        for item in self.items(key, written):
            pattern = item.strip()
            if len(pattern) > MAX_PATTERN:
                text = N_("{key}: {value} is longer than {limit} characters")
                self.wrong(text, key=key, value=pattern[:MAX_PATTERN], limit=str(MAX_PATTERN))
            elif why := wrong(pattern):
                self.wrong(why[0], key=key, value=pattern, **why[1])
            else:
                found.append(pattern)
        return tuple(found)

    def names(self, key: str, written: object) -> tuple[str, ...]:
        return tuple(name for name in self.items(key, written) if self._is_rule(key, name))

    def of_levels(self, key: str, written: object) -> dict[str, Level]:
        if not isinstance(written, dict):
            raise _Wrong(N_("{key} has to be a table"), key=key)
        if len(written) > MAX_ITEMS:
            self.too_many(key)
        found: dict[str, Level] = {}
        for name, level in islice(written.items(), MAX_ITEMS):
            if name == Level.OPINION.value:
                text = N_("{key}: a language model's opinion has no other level; {other} can silence it")
                self.wrong(text, key=f"{key}.{name}", other="ignore-rules")
            elif not self._is_rule(key, name):
                continue
            elif isinstance(level, str) and level in _LEVELS:
                found[name] = _LEVELS[level]
            else:
                self.wrong(N_("{key} has to be one of {values}"), key=f"{key}.{name}", values=", ".join(_LEVELS))
        return found

    def _is_rule(self, key: str, name: str) -> bool:
        own = _OWN_RULE.fullmatch(name) is not None and (not self.rules or name in self.rules)
        if own or _CODE.fullmatch(name):
            return True
        self.wrong(N_("{key}: there is no rule {value}"), key=key, value=name[:MAX_PATTERN])
        return False


_Read = Callable[[_Reader, str, object], Any]  # each gives what its setting is
_KEYS: Mapping[str, _Read] = {
    "enabled": _Reader.yes_or_no,
    "language": _Reader.language,
    "drafts": _Reader.yes_or_no,
    "bots": _Reader.yes_or_no,
    "suggestions": _Reader.yes_or_no,
    "second_opinion": _Reader.yes_or_no,
    "max_line_length": lambda reader, key, written: reader.between(40, 400)(key, written),
    "max_comments": lambda reader, key, written: reader.between(0, 50)(key, written),
    "ignore_paths": _Reader.patterns,
    "include_paths": _Reader.patterns,
    "ignore_rules": _Reader.names,
    "levels": _Reader.of_levels,
}
KEYS = tuple(name.replace("_", "-") for name in _KEYS)
