"""A model's second opinion: what is sent, what of the answer is taken, and that nothing of it is in the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from src.agent.findings import Level, Source
from src.agent.opinion import MOST_FINDINGS, Opinion, SecondOpinion, listed, read, shown

SOURCE = Source(path="app.py", data=b"a = 1\nb = 2\nc = 3\nd = 4\ne = a / (b - 2)\nf = 6\n")
ADDED = {"app.py": frozenset({5})}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(*findings: object) -> str:
    return json.dumps({"findings": list(findings)})


def chat(content: object) -> web.Response:
    return web.json_response({"choices": [{"message": {"role": "assistant", "content": content}}]})


GOOD = {"path": "app.py", "line": 5, "message": "It divides by zero.", "advice": "Check b."}


@asynccontextmanager
async def model(
    handler: Handler, *, models: tuple[str, ...] = ("m1",), seconds: float = 5
) -> AsyncIterator[SecondOpinion]:
    """A second opinion over a real socket."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield SecondOpinion(session, str(server.make_url("/v1/")), "key-1", models, seconds=seconds)


async def test_the_added_lines_are_sent_and_the_answer_is_an_opinion() -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append((request.headers["Authorization"], await request.json()))
        return chat(says(GOOD))

    async with model(handler) as second:
        opinion = await second.of([SOURCE], ADDED, "ru")
    ((key, body),) = asked
    assert key == "Bearer key-1"
    assert body["model"] == "m1"
    assert "Русский" in body["messages"][0]["content"]
    assert body["messages"][1]["content"] == (
        "File app.py\n     2 b = 2\n     3 c = 3\n     4 d = 4\n+    5 e = a / (b - 2)\n     6 f = 6\n"
    )
    assert (opinion.model, opinion.trouble) == ("m1", None)
    (found,) = opinion.findings
    assert (found.path, found.line, found.level, found.rule) == ("app.py", 5, Level.OPINION, "opinion")
    assert (found.message, found.advice, found.edit) == ("It divides by zero.", "Check b.", None)


async def test_the_next_model_is_asked_where_one_fails() -> None:
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append((await request.json())["model"])
        return web.Response(status=503) if asked[-1] == "m1" else chat(says())

    async with model(handler, models=("m1", "m2", "m3")) as second:
        assert await second.of([SOURCE], ADDED, "en") == Opinion(model="m2", heard=frozenset({"app.py"}))
    assert asked == ["m1", "m2"]


async def answer_503(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


async def answer_elsewhere(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "/v1/chat/completions"})


async def answer_nonsense(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>")


async def answer_nothing(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"choices": []})


async def answer_no_text(_request: web.Request) -> web.StreamResponse:
    return chat(None)


async def answer_prose(_request: web.Request) -> web.StreamResponse:
    return chat("Looks good to me!")


async def answer_nested(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="[" * 100_000)


async def answer_without_end(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(20):
        await response.write(b" " * 65_536)
    return response


async def answer_never(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    raise AssertionError


@pytest.mark.parametrize(
    ("handler", "trouble"),
    [
        (answer_503, "status 503"),
        (answer_elsewhere, "status 307"),
        (answer_nonsense, "not the answer of a chat"),
        (answer_nothing, "not the answer of a chat"),
        (answer_no_text, "not the answer of a chat"),
        (answer_prose, "no JSON"),
        (answer_nested, "not the answer of a chat"),
        (answer_without_end, "an answer without end"),
        (answer_never, "no answer within 0.5 seconds"),
    ],
)
async def test_a_model_that_is_no_use_is_done_without(handler: Handler, trouble: str) -> None:
    async with model(handler, seconds=0.5 if handler is answer_never else 30) as second:
        assert await second.of([SOURCE], ADDED, "en") == Opinion(trouble=trouble)


async def test_nobody_there_is_no_error() -> None:
    async with aiohttp.ClientSession() as session:
        second = SecondOpinion(session, "http://127.0.0.1:1/v1", None, ["m1"])
        opinion = await second.of([SOURCE], ADDED, "en")
    assert opinion == Opinion(trouble="ClientConnectorError")


async def test_without_added_lines_nobody_is_asked() -> None:
    async with model(answer_503) as second:
        assert await second.of([SOURCE], {"other.py": {1}}, "en") == Opinion()


@pytest.mark.parametrize(
    "item",
    [
        GOOD | {"line": 4},  # not added
        GOOD | {"line": 999},
        GOOD | {"line": "5"},
        GOOD | {"line": True},
        GOOD | {"path": "other.py"},
        GOOD | {"path": 5},
        GOOD | {"message": ""},
        GOOD | {"message": "\u202e\n"},
        GOOD | {"message": None},
        "It divides by zero.",
        None,
    ],
)
def test_what_does_not_fit_is_not_taken(item: object) -> None:
    assert [found.message for found in read(listed(says(item, GOOD)), ADDED)] == ["It divides by zero."]


def test_a_long_answer_is_cut() -> None:
    items = [GOOD | {"message": f"{number} " + "word " * 1_000, "advice": 5} for number in range(50)]
    found = read(listed(says(*items)), ADDED)
    assert len(found) == MOST_FINDINGS
    assert all(len(one.message) <= 300 and one.advice == "" for one in found)


def test_the_same_is_taken_once() -> None:
    assert len(read(listed(says(GOOD, GOOD)), ADDED)) == 1


def test_an_answer_in_a_fence_is_read() -> None:
    assert len(read(listed(f"```json\n{says(GOOD)}\n```"), ADDED)) == 1


def test_only_as_many_files_are_shown_as_there_is_room_for() -> None:
    huge = Source(path="huge.py", data=b"x = 1\n" * 20_000)
    files = shown([huge, SOURCE], {"huge.py": range(1, 20_001), "app.py": {5}})
    assert list(files) == ["app.py"]
    assert "huge.py" not in files["app.py"]


async def test_of_a_file_that_there_was_no_room_for_no_opinion_is_heard() -> None:
    huge = Source(path="huge.py", data=b"x = 1\n" * 20_000)

    async def handler(_request: web.Request) -> web.Response:
        return chat(says(GOOD, GOOD | {"path": "huge.py"}))

    async with model(handler) as second:
        opinion = await second.of([huge, SOURCE], {"huge.py": range(1, 20_001), **ADDED}, "en")
    assert opinion.heard == {"app.py"}
    assert [found.path for found in opinion.findings] == ["app.py"]


@pytest.mark.parametrize("elsewhere", [0, 1])
async def test_what_a_full_answer_lacks_may_be_thought_all_the_same(elsewhere: int) -> None:
    async def handler(_request: web.Request) -> web.Response:
        reasons = [GOOD | {"message": f"Reason {number}."} for number in range(MOST_FINDINGS - elsewhere)]
        return chat(says(*reasons, *[GOOD | {"line": 9_999}] * elsewhere))

    async with model(handler) as second:
        opinion = await second.of([SOURCE], ADDED, "en")
    assert len(opinion.findings) == MOST_FINDINGS - elsewhere
    assert opinion.heard == frozenset()


def test_a_path_cannot_pretend_to_be_more_than_one_line() -> None:
    source = Source(path="a\nFile b.py", data=b"x = 1\n")
    (text,) = shown([source], {source.path: {1}}).values()
    assert text.splitlines() == ["File a File b.py", "+    1 x = 1"]
