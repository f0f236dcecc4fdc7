"""Whether JSON, YAML and TOML files can be read: their parsers' word, line by line."""

import json
import re
import tomllib
from pathlib import PurePosixPath

import yaml

from src.agent.registry import Hit

# Files that are JSON with comments by habit, whatever their ending says.
_WITH_COMMENTS = re.compile(
    r"(^|/)(tsconfig[^/]*|jsconfig[^/]*|devcontainer|\.[^/]*rc|\.devcontainer/[^/]*|\.vscode/[^/]*)\.json$"
)
# Templates are not yet what they will be.
_TEMPLATE = re.compile(r"\{\{|\{%|<%")
_DEEPEST = 500  # nested collections of YAML
_TOML_LINE = re.compile(r"\(at line (\d+), column (\d+)\)")


def look_at_data(path: str, text: str) -> list[Hit]:
    """The first syntax error of a data file, if there is one.

    Raises `RecursionError` for what is nested deeper than the parser goes.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if _TEMPLATE.search(text) or (suffix == ".json" and _WITH_COMMENTS.search(path)):
        return []
    found = {".json": _json, ".toml": _toml}.get(suffix, _yaml)(text)
    return [found] if found is not None else []


def _hit(line: int, column: int, reason: str) -> Hit:
    return Hit(line=max(line, 1), column=max(column, 1), params={"reason": reason})


def _json(text: str) -> Hit | None:
    try:
        json.loads(text, parse_int=str, parse_float=str)  # what a number is worth is not asked, and may be 5,000 digits
    except json.JSONDecodeError as error:
        return _hit(error.lineno, error.colno, error.msg)
    return None


def _toml(text: str) -> Hit | None:
    try:
        tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_LINE.search(str(error))
        line, column = (int(place[1]), int(place[2])) if place else (text.count("\n") + 1, 1)
        return _hit(line, column, _TOML_LINE.sub("", str(error)).strip())
    except ValueError:
        return None  # a number with more digits than Python reads: valid TOML
    return None


def _yaml(text: str) -> Hit | None:
    """Events only: nothing is built, so that aliases of aliases and tags cost nothing and do nothing."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:  # the parser's time grows with the square of the depth
                raise RecursionError
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _hit(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, error.problem or "invalid YAML")
    except yaml.YAMLError as error:
        position = getattr(error, "position", 0)  # in bytes: libyaml's way to count
        return _hit(text.encode()[:position].count(b"\n") + 1, 1, "a character that YAML does not allow")
    return None
