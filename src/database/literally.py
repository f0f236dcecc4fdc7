"""Conditions said in so many words, so that an index of a part of the rows is used.

A planner uses an index of the rows ``WHERE state = 'new'`` only for a query in which it reads those very words. A bound
parameter might be anything.
"""

from typing import Any

from sqlalchemy import ColumnElement, String, literal_column
from sqlalchemy.orm import InstrumentedAttribute


def stands(state: InstrumentedAttribute[Any], *words: str) -> ColumnElement[bool]:
    """The state is (one of) these, in the index's order. Our own words only: nothing is quoted."""
    first, *others = [_word(word) for word in words]
    return state.in_([first, *others]) if others else state == first


def stands_not(state: InstrumentedAttribute[Any], word: str) -> ColumnElement[bool]:
    """The state is any but this."""
    return state != _word(word)


def _word(word: str) -> ColumnElement[str]:
    return literal_column(f"'{word}'", String)
