"""Checks a Bot API call against a machine-readable description of the Bot API (`TELEGRAM_SPEC`, version 10.1).

It cannot judge HTML, and calls what is newer than the description unknown.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PLAIN = {
    "Integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "Float": lambda value: isinstance(value, int | float),
    "String": lambda value: isinstance(value, str),
    "Boolean": lambda value: isinstance(value, bool),
    "True": lambda value: isinstance(value, bool),
    "InputFile": lambda value: isinstance(value, str),
}


class TelegramSpec:
    """The description, read once."""

    def __init__(self, path: Path) -> None:
        spec = json.loads(path.read_bytes())
        self._methods: dict[str, dict[str, Any]] = {name.lower(): method for name, method in spec["methods"].items()}
        self._types: dict[str, dict[str, Any]] = spec["types"]
        self.version: str = spec["version"]

    def name(self, method: str) -> str:
        """A method's name as the description spells it."""
        return str(self._methods.get(method.lower(), {"name": method})["name"])

    def validate(self, method: str, form: dict[str, str]) -> list[str]:
        """What is wrong with a call: `form` is as it goes over the wire, strings with JSON in them.

        Unknown methods and fields, wrong types, missing fields, and limits in characters (UTF-16 units) and bytes.
        """
        described = self._methods.get(method.lower())
        if described is None:
            return [f"unknown method {method}"]
        fields = _fields(described)
        found: list[str] = []
        for name, raw in form.items():
            if name not in fields:
                found.append(f"{name}: not a parameter of {method}")
                continue
            types = fields[name]["types"]
            found += self._best(_value(raw, types), types, name)
            found += _limit(raw, fields[name]["description"], name)
        return found + [f"{name}: required" for name, of in fields.items() if of["required"] and name not in form]

    def _best(self, value: object, types: Sequence[str], path: str) -> list[str]:
        """What is wrong by the type that comes closest."""
        results = [self._check(value, kind, path) for kind in types]
        return min(results, key=len)

    def _check(self, value: object, kind: str, path: str) -> list[str]:
        if kind.startswith("Array of "):
            return self._check_array(value, kind.removeprefix("Array of "), path)
        if kind in _PLAIN:
            return [] if _PLAIN[kind](value) else [f"{path}: not {kind}"]
        described = self._types.get(kind)
        if described is None:
            return [f"{path}: unknown type {kind}"]
        if described.get("subtypes"):
            return self._best(value, described["subtypes"], path)
        if not isinstance(value, dict):
            return [f"{path}: not {kind}"]
        return self._check_object(value, _fields(described), kind, path)

    def _check_array(self, value: object, inner: str, path: str) -> list[str]:
        if not isinstance(value, list):
            return [f"{path}: not an array"]
        kinds = [inner] if " or " not in inner else re.split(r", | and | or ", inner)
        return [error for i, item in enumerate(value) for error in self._best(item, kinds, f"{path}[{i}]")]

    def _check_object(
        self, value: dict[str, object], fields: dict[str, dict[str, Any]], kind: str, path: str
    ) -> list[str]:
        found: list[str] = []
        for name, item in value.items():
            if name not in fields:
                found.append(f"{path}.{name}: unknown field of {kind}")
                continue
            found += self._best(item, fields[name]["types"], f"{path}.{name}")
            found += _limit(item, fields[name]["description"], f"{path}.{name}")
        missing = [name for name, of in fields.items() if of["required"] and name not in value]
        return found + [f"{path}.{name}: required by {kind}" for name in missing]


def _fields(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {field["name"]: field for field in described.get("fields", [])}


def _value(raw: str, types: Sequence[str]) -> object:
    """What the form's string stands for."""
    if "String" not in types or any(kind.startswith("Array") for kind in types):
        try:
            return json.loads(raw)
        except ValueError:
            return raw
    return int(raw) if "Integer" in types and re.fullmatch(r"-?\d+", raw) else raw


def _limit(value: object, description: str, path: str) -> list[str]:
    match = re.search(r"(\d+)-(\d+) (characters|bytes)", description)
    if not (isinstance(value, str) and match):
        return []
    size = len(value.encode()) if match[3] == "bytes" else len(value.encode("utf-16-le")) // 2
    return [] if int(match[1]) <= size <= int(match[2]) else [f"{path}: {size} {match[3]}, limit {match[0]}"]
