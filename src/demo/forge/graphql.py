"""What a GraphQL query asks for: a reader of as much of the language as clients of forges use.

GraphQL's specification, sections "Language" and "Validation". No directives, no named fragments, no subscriptions.
"""

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

_TOKEN = re.compile(
    r"""[\s,]+ | \#[^\n]* |
    (?P<text>"(?:[^"\\\n]|\\.)*") | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?) |
    (?P<spread>\.\.\.) | (?P<word>[A-Za-z_]\w*) | (?P<mark>[!$():=\[\]{}])""",
    re.VERBOSE,
)
_DEEPEST = 40  # selections in one another
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


class GraphQLError(Exception):
    """The query is none, or not for this schema. The text is what the forge would say."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable where a value is expected."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that is asked for. `on`: the type that an inline fragment around it names."""

    name: str
    alias: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple["Field", ...] = ()
    on: str | None = None

    @property
    def key(self) -> str:
        """What the answer calls it."""
        return self.alias or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A query or a mutation. `variables`: the type of each, e.g. ``[String!]!``, by its name without the dollar."""

    kind: str
    name: str | None
    variables: Mapping[str, str]
    defaults: Mapping[str, Any]
    fields: tuple[Field, ...]

    def filled(self, values: Mapping[str, Any]) -> tuple[Field, ...]:
        """The fields with values for variables. Raises `GraphQLError` for one that is missing or not declared."""
        known = dict(self.defaults)
        for name, kind in self.variables.items():
            if name in values:
                known[name] = values[name]
            if known.get(name) is None and kind.endswith("!"):
                raise GraphQLError(f"Variable ${name} of type {kind} was provided invalid value")
            known.setdefault(name, None)
        return tuple(_filled(one, known) for one in self.fields)


def _filled(one: Field, known: Mapping[str, Any]) -> Field:
    arguments = {name: _value(value, known) for name, value in one.arguments.items()}
    return replace(one, arguments=arguments, fields=tuple(_filled(below, known) for below in one.fields))


def _value(value: Any, known: Mapping[str, Any]) -> Any:
    match value:
        case Variable(name):
            if name not in known:
                raise GraphQLError(f"Variable ${name} is used but not declared")
            return known[name]
        case list():
            return [_value(item, known) for item in value]
        case dict():
            return {name: _value(item, known) for name, item in value.items()}
        case _:
            return value


def parse(text: str) -> Operation:
    """Read a query of one operation. Raises `GraphQLError` for what is none."""
    reader = _Reader(text)
    found = reader.operation()
    reader.end()
    return found


def answered(fields: Sequence[Field], source: Mapping[str, Any]) -> dict[str, Any]:
    """What these fields are of an object, whose type is its ``__typename``.

    A member that is a function is called with the field's arguments. Raises `GraphQLError` for fields and arguments
    that are not there: a forge refuses the whole query.
    """
    kind, found = str(source["__typename"]), dict[str, Any]()
    for one in fields:
        if one.on is not None and one.on != kind:
            continue
        if one.name not in source:
            raise GraphQLError(f"Field '{one.name}' doesn't exist on type '{kind}'")
        value = source[one.name]
        if callable(value):
            value = _called(value, one, kind)
        elif one.arguments:
            raise GraphQLError(f"Field '{one.name}' doesn't accept argument '{next(iter(one.arguments))}'")
        found[one.key] = _told(value, one)
    return found


def _called(member: Callable[..., Any], one: Field, kind: str) -> Any:
    try:
        inspect.signature(member).bind(**one.arguments)
    except TypeError as error:
        raise GraphQLError(f"Field '{one.name}' of type '{kind}': {error}") from None
    return member(**one.arguments)


def _told(value: Any, one: Field) -> Any:
    if isinstance(value, list):
        return [_told(item, one) for item in value]
    if isinstance(value, Mapping):
        if not one.fields:
            raise GraphQLError(f"Field must have selections (field '{one.name}' has no selections)")
        return answered(one.fields, value)
    if one.fields and value is not None:
        raise GraphQLError(f"Selections can't be made on scalars (field '{one.name}')")
    return value


class _Reader:
    """Goes through the tokens of a query."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        place = 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise GraphQLError(f"Parse error on {text[place]!r} at [{text.count(chr(10), 0, place) + 1}]")
            if found.lastgroup is not None:
                self._tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()

    def operation(self) -> Operation:
        kind, name = "query", None
        variables: dict[str, str] = {}
        defaults: dict[str, Any] = {}
        if not self._sees("{"):
            kind = self._word()
            if kind not in ("query", "mutation"):
                raise GraphQLError(f"Parse error on {kind!r}")
            name = None if self._sees("(") or self._sees("{") else self._word()
            if self._takes("("):
                while not self._takes(")"):
                    self._variable(variables, defaults)
        return Operation(kind=kind, name=name, variables=variables, defaults=defaults, fields=self._selection(0))

    def _variable(self, variables: dict[str, str], defaults: dict[str, Any]) -> None:
        self._must("$")
        name = self._word()
        self._must(":")
        variables[name] = self._type()
        if self._takes("="):
            defaults[name] = self._argument()

    def _type(self) -> str:
        if self._takes("["):
            name = f"[{self._type()}]"
            self._must("]")
        else:
            name = self._word()
        return name + "!" if self._takes("!") else name

    def _selection(self, depth: int, on: str | None = None) -> tuple[Field, ...]:
        if depth > _DEEPEST:
            raise GraphQLError("Query has depth that exceeds the limit")
        self._must("{")
        found: list[Field] = []
        while not self._takes("}"):
            if self._takes("..."):
                if self._word() != "on":
                    raise GraphQLError("Named fragments are not emulated")
                found += self._selection(depth + 1, self._word())
            else:
                found.append(self._field(depth, on))
        if not found:
            raise GraphQLError("Parse error on '}'")
        return tuple(found)

    def _field(self, depth: int, on: str | None) -> Field:
        name, alias = self._word(), None
        if self._takes(":"):
            name, alias = self._word(), name
        arguments: dict[str, Any] = {}
        if self._takes("("):
            while not self._takes(")"):
                argument = self._word()
                self._must(":")
                arguments[argument] = self._argument()
        below = self._selection(depth + 1) if self._sees("{") else ()
        return Field(name=name, alias=alias, arguments=arguments, fields=below, on=on)

    def _argument(self) -> Any:
        kind, text = self._next()
        match kind, text:
            case "text", _:
                return _unescaped(text)
            case "number", _:
                return int(text) if text.lstrip("-").isdigit() else float(text)
            case "word", _:
                return _WORDS.get(text, text)  # what is none of these is a value of an enumeration
            case _, "$":
                return Variable(self._word())
            case _, "[":
                items: list[Any] = []
                while not self._takes("]"):
                    items.append(self._argument())
                return items
            case _, "{":
                members: dict[str, Any] = {}
                while not self._takes("}"):
                    name = self._word()
                    self._must(":")
                    members[name] = self._argument()
                return members
        raise GraphQLError(f"Parse error on {text!r}")

    def end(self) -> None:
        if self._at != len(self._tokens):
            raise GraphQLError(f"Parse error on {self._tokens[self._at][1]!r}: one operation is expected")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise GraphQLError("Unexpected end of document")
        self._at += 1
        return self._tokens[self._at - 1]

    def _word(self) -> str:
        kind, text = self._next()
        if kind != "word":
            raise GraphQLError(f"Parse error on {text!r}: a name is expected")
        return text

    def _sees(self, mark: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][1] == mark

    def _takes(self, mark: str) -> bool:
        seen = self._sees(mark)
        self._at += seen
        return seen

    def _must(self, mark: str) -> None:
        _, text = self._next()
        if text != mark:
            raise GraphQLError(f"Parse error on {text!r}: {mark} is expected")


def _unescaped(text: str) -> str:
    r"""The characters that a quoted text means. GraphQL's escapes are JSON's, but for \u{...}."""
    try:
        found = json.loads(text, strict=False)
    except ValueError:
        raise GraphQLError(f"Parse error on {text[:40]}") from None
    return str(found)
