"""What a named call is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_FACT = re.compile(r"<([a-z]+)>")


@dataclass(frozen=True, kw_only=True)
class Named:
    """One Bot API call in the scene of `honest_stage`, and how it is answered.

    Attributes:
        name: what is tried, in words.
        form: the parameters; `<ann>`, `<one>` and the like stand for the scene's facts.
        telegram: Telegram's answer, as `honest_answers.answer` writes it; ours is held to it.
        rule: where that is known from: a method or type of core.telegram.org/bots/api, a field and what is said of it,
            or, where the documentation is silent, who knows it.
        theirs: telegram-test-api's answer, where it is another one; with `<facts>` as in the form.
        before: calls that are made first and whose answers do not matter.
        later: seconds that pass before it.
        token: another one than the bot's.
        paced: whether the emulator keeps Telegram's limits on how fast a bot may send.
        how: `form` in the body, `json` or `query`.
    """

    name: str
    method: str
    form: Mapping[str, str] = field(default_factory=dict)
    telegram: str
    rule: str
    theirs: str | None = None
    before: tuple[tuple[str, Mapping[str, str]], ...] = ()
    later: float = 0
    token: str | None = None
    paced: bool = False
    how: str = "form"


def unsupported(method: str) -> str:
    """What they say of a method that they lack."""
    return f"broken 500: API method '{method}' is not supported"


def filled(text: str, facts: Mapping[str, str]) -> str:
    """The text with the scene's facts in it; what is none of them stays (`<b>`)."""
    return _FACT.sub(lambda hit: facts.get(hit[1], hit[0]), text)
