"""What a check is, and the decorators that make a function one."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from src.agent.module import Module
from src.agent.rules import SYNTAX, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Where a check found something. `symbol`: what it is about, part of the finding's identity.

    `params` are put into the rule's message and advice. Lines and columns count from 1.
    """

    line: int
    column: int = 1
    end_line: int | None = None
    symbol: str = ""
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """A function that looks at every node of some types."""

    rule: Rule
    on: tuple[type[ast.AST], ...]
    look: Callable[..., Iterator[Hit]]
    near: re.Pattern[str] | None
    in_tests: bool


@dataclass(frozen=True, slots=True)
class Spare:
    """A function that knows where the engine's finding of these codes is none."""

    codes: tuple[str, ...]
    on: tuple[type[ast.AST], ...]
    look: Callable[..., Iterator[int]]
    near: re.Pattern[str] | None


CHECKS: list[Check] = []
SPARES: list[Spare] = []

CheckFunction = Callable[..., Iterator[Hit]]
SpareFunction = Callable[..., Iterator[int]]


def check(
    rule: Rule, *on: type[ast.AST], near: str | None = None, in_tests: bool = True
) -> Callable[[CheckFunction], CheckFunction]:
    """Make `look(node, module)` a check: it is called for every node of the types `on` and yields hits.

    Args:
        rule: what is told of its hits.
        on: types of Python's `ast`.
        near: a pattern that is found in every function in which the check has something to say. Where no check has,
            functions need not be parsed, which is most of the work; without a pattern all of them are.
        in_tests: whether it looks at tests, too.
    """

    def register(look: CheckFunction) -> CheckFunction:
        CHECKS.append(Check(rule, on, look, _pattern(near), in_tests))
        return look

    return register


def spare(
    codes: tuple[str, ...], *on: type[ast.AST], near: str | None = None
) -> Callable[[SpareFunction], SpareFunction]:
    """Make `look(node, module)` yield the lines on which the engine's findings of `codes` are dropped."""

    def register(look: SpareFunction) -> SpareFunction:
        SPARES.append(Spare(codes, on, look, _pattern(near)))
        return look

    return register


def _pattern(near: str | None) -> re.Pattern[str] | None:
    return None if near is None else re.compile(near)


def nears(*, is_test: bool) -> list[re.Pattern[str]] | None:
    """Patterns without which no check has anything to say of a function; `None` where one of them has none."""
    patterns = [each.near for each in CHECKS if each.in_tests or not is_test]
    patterns += [each.near for each in SPARES]
    known = [each for each in patterns if each is not None]
    return known if len(known) == len(patterns) else None


def rules_by_name() -> dict[str, Rule]:
    """The rules of all checks, and the one that the parsers speak for."""
    return {SYNTAX.name: SYNTAX} | {each.rule.name: each.rule for each in CHECKS}


def hits(module: Module) -> Iterator[tuple[Rule, Hit]]:
    """What all checks find in a file, check by check."""
    for each in CHECKS:
        if module.is_test and not each.in_tests:
            continue
        for kind in each.on:
            for node in module.nodes.get(kind, ()):
                for hit in each.look(node, module):
                    yield each.rule, hit


def spared(module: Module) -> Iterator[tuple[str, int]]:
    """The codes and lines of the engine's findings that are none."""
    for each in SPARES:
        for kind in each.on:
            for node in module.nodes.get(kind, ()):
                for line in each.look(node, module):
                    yield from ((code, line) for code in each.codes)
