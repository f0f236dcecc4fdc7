"""The emulator answers as Telegram does: every named call, with where Telegram's answer is known from."""

import re
from collections import Counter
from collections.abc import AsyncIterator

import aiogram.methods
import aiogram.types
import pytest
from aiohttp import ClientSession

from src.demo.telegram.methods import METHODS
from tests.peers.honest_answers import answer
from tests.peers.honest_calls import CALLS
from tests.peers.honest_calls.named import Named
from tests.peers.honest_stage import answered, ours


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.mark.parametrize("named", CALLS, ids=lambda named: named.name)
async def test_telegrams_answer(http: ClientSession, named: Named) -> None:
    async with ours(http, paced=named.paced) as scene:
        assert await answered(scene, named) == named.telegram


def test_calls_are_many_and_of_both_kinds_and_each_says_where_its_answer_is_known_from() -> None:
    assert [name for name, count in Counter(named.name for named in CALLS).items() if count > 1] == []
    refused = [named for named in CALLS if named.telegram.startswith("refused")]
    assert min(len(refused), len(CALLS) - len(refused)) >= 40
    assert [named.name for named in CALLS if len(named.rule) < 20] == []
    assert {named.method.lower() for named in CALLS} & set(METHODS) >= {
        "sendmessage", "editmessagetext", "editmessagereplymarkup", "deletemessage", "deletemessages",
        "answercallbackquery", "setmessagereaction", "setmycommands", "getupdates", "setwebhook",
    }  # fmt: skip


# Chapters of core.telegram.org/bots/api, and what is said where it is silent.
_CHAPTERS = (
    "HTML style", "Formatting options", "Making requests", "Authorizing your bot", "Getting updates", "bots/faq",
    "not documented: ", "the words of the server's ",
)  # fmt: skip
_CITED = re.compile(r"(?P<of>\w+)(?:, (?P<field>\w+))?[:;] ")


@pytest.mark.parametrize("rule", sorted({named.rule for named in CALLS}))
def test_what_is_cited_is_there(rule: str) -> None:
    """Each rule begins with a chapter, or with a method or type of the Bot API and one of its fields."""
    if rule.startswith(_CHAPTERS):
        return
    cited = _CITED.match(rule)
    assert cited is not None
    name = cited["of"][0].upper() + cited["of"][1:]
    described = getattr(aiogram.methods, name, None) or getattr(aiogram.types, name)
    fields = {field.alias or own for own, field in described.model_fields.items()}
    assert cited["field"] is None or cited["field"] in fields


@pytest.mark.parametrize(
    ("status", "body", "line"),
    [
        (200, {"ok": True, "result": True}, "true"),
        (200, {"ok": True, "result": None}, "null"),
        (200, {"ok": True, "result": [{}, {}]}, "list of 2"),
        (200, {"ok": True, "result": {"message_id": 1, "text": "Hi"}}, 'message "Hi"'),
        (400, {"ok": False, "error_code": 400, "description": "Bad Request: x"}, "refused 400: Bad Request: x"),
        (200, {"ok": False, "error_code": 400, "description": "x"}, "refused 400, HTTP 200: x"),
        (500, {"message": "Something broke. SyntaxError: at 1"}, "broken 500: Something broke"),
    ],
)
def test_an_answer_in_a_line(status: int, body: dict[str, object], line: str) -> None:
    assert answer(status, body) == line
