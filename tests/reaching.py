"""Which functions a test may call: what it and its fixtures name, and what that names, within tests/."""

from collections.abc import Callable, Iterator
from functools import cache
from inspect import unwrap
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import pytest

_OURS = ("tests.", "test_", "conftest")  # pytest imports the files of tests by their bare names


def reaches(item: pytest.Item, wanted: frozenset[Callable[..., Any]]) -> bool:
    """Whether a test, or a fixture that it gets, may come to call one of these functions.

    Names are followed, not values: a class stands for all its methods, and a fixture for all that it may make.
    """
    if not isinstance(item, pytest.Function):
        return False
    fixtures = [one.func for several in item._fixtureinfo.name2fixturedefs.values() for one in several]
    seen: set[object] = set()
    waiting: list[object] = [item.function, *fixtures]
    while waiting:
        one = waiting.pop()
        if one in wanted:
            return True
        if one not in seen:
            seen.add(one)
            waiting.extend(_named(one))
    return False


@cache
def _named(one: object) -> tuple[object, ...]:
    """What a function or a class of ours names of ours."""
    if isinstance(one, MethodType):
        return (one.__func__,)
    if isinstance(one, type):
        return tuple(found for value in vars(one).values() for found in _ours(value)) + tuple(
            base for base in one.__bases__ if _is_ours(base.__module__)
        )
    if not isinstance(one, FunctionType):
        return ()
    names = {name for code in _codes(one.__code__) for name in code.co_names}
    found = [one.__globals__[name] for name in names if name in one.__globals__]
    for module in [value for value in found if isinstance(value, ModuleType)]:
        found += [vars(module)[name] for name in names if name in vars(module)]
    found += [cell.cell_contents for cell in one.__closure__ or () if cell != type(cell)()]
    return tuple(each for value in found for each in _ours(value))


def _ours(value: object) -> Iterator[object]:
    """The function or class behind a name, where it is of tests/."""
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, (FunctionType, MethodType)):
        value = unwrap(value)
    if isinstance(value, (FunctionType, MethodType, type)) and _is_ours(value.__module__):
        yield value


def _is_ours(module: str | None) -> bool:
    return module is not None and module.startswith(_OURS)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
