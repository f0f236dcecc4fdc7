"""The parameters of one call, read from strings as the Bot API server reads them."""

import json
from collections.abc import Mapping

from src.demo.telegram.errors import bad_request


class Params:
    """A call's form: strings by name, JSON within as text. Reading raises Refusal where Telegram answers 400."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self.form = form

    def text(self, name: str) -> str:
        """The string, `""` when it is not there."""
        return self.form.get(name, "")

    def has(self, name: str) -> bool:
        """Whether it was sent with something in it."""
        return bool(self.form.get(name))

    def integer(self, name: str, default: int = 0) -> int:
        """A number; what is none counts as the default, as on the server."""
        try:
            return int(self.form.get(name, ""))
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        """true, yes and 1 in any case."""
        return self.form.get(name, "").strip().lower() in ("true", "yes", "1")

    def json(self, name: str, what: str) -> object:
        """The JSON in it, `None` when it is not there."""
        raw = self.form.get(name, "")
        if not raw:
            return None
        try:
            value: object = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise bad_request(f"can't parse {what} JSON object") from error
        return value

    def json_object(self, name: str, what: str) -> dict[str, object] | None:
        """A JSON object."""
        value = self.json(name, what)
        if value is not None and not isinstance(value, dict):
            raise bad_request(f"object expected as {what}")
        return value

    def numbers(self, name: str) -> list[int] | None:
        """A JSON list of integers."""
        value = self.json(name, name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(n, int) and not isinstance(n, bool) for n in value):
            raise bad_request(f"{name} must be an Array of Integer")
        return value

    def words(self, name: str) -> list[str] | None:
        """A JSON list of strings."""
        value = self.json(name, name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise bad_request(f"{name} must be an Array of String")
        return value
