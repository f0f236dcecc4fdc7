"""`POST /api/chat`: who may ask, what is understood, what is answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from src.database.models import Forge
from src.webhook.bodies import Budget
from src.webhook.chat_api import ChatApi
from tests.hook_stage import PATH
from tests.review_stage import BAD, Reviews, reviewing

KEY = "a-long-key-of-the-script"
OTHER = "another-long-key-of-somebody"
HEADERS = {"Authorization": f"Bearer {KEY}"}
BOTH = pytest.mark.parametrize("kind", ["github", "gitlab"])


class Api:
    """The route on a port, and the reviews behind it."""

    def __init__(self, client: "TestClient[web.Request, web.Application]", stage: Reviews, woken: list[None]) -> None:
        self.client = client
        self.stage = stage
        self.woken = woken

    async def say(self, message: object, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        async with self.client.post("/api/chat", json={"message": message}, headers=headers or HEADERS) as response:
            return response.status, await response.json()

    async def refused(self, headers: dict[str, str], body: bytes = b'{"message": "review a/b 1"}') -> int:
        async with self.client.post("/api/chat", data=body, headers=headers) as response:
            return response.status


@asynccontextmanager
async def api(folder: Path, kind: str, *, own_token: bool = True, both: bool = False) -> AsyncIterator[Api]:
    """`both`: the other forge is configured, too, without a token."""
    async with reviewing(folder, kind, own_token=own_token) as stage:
        other = "gitlab" if kind == "github" else "github"
        more = (Forge(id=99, kind=other, base_url="https://git.example.com"),) if both else ()
        woken: list[None] = []
        chat = ChatApi(
            database=stage.life.database,
            credentials=stage.life.credentials,
            forges=(stage.life.row_of_forge, *more),
            tokens=stage.tokens,
            keys=(OTHER, KEY),
            budget=Budget(),
            asked=lambda: woken.append(None),
            clock=stage.life.clock,
        )
        app = web.Application()
        app.router.add_post("/api/chat", chat.chat)
        async with TestClient(TestServer(app)) as client:
            yield Api(client, stage, woken)


@BOTH
@pytest.mark.parametrize("sentence", ["анализ кода {path} {number}", "review {path} {number}"])
async def test_the_sentence_has_the_pull_request_reviewed(tmp_path: Path, kind: str, sentence: str) -> None:
    async with api(tmp_path, kind) as asked:
        number = await asked.stage.open({"src/wait.py": BAD})
        status, answer = await asked.say(sentence.format(path=PATH, number=number))
        assert (status, answer["status"]) == (202, "accepted")
        assert asked.woken == [None]
        await asked.stage.work()
        (row,) = await asked.stage.rows()
        assert (row.id, row.state, row.trigger) == (answer["review_id"], "done", "api")
        assert asked.stage.threads(number)
        assert {note.author for note in asked.stage.life.forge.comments_on_lines(PATH, number)} == {"robot"}


async def test_the_answer_is_in_the_language_of_the_sentence(tmp_path: Path) -> None:
    async with api(tmp_path, "github") as asked:
        _, english = await asked.say("review acme/nothing 1")
        _, russian = await asked.say("анализ кода acme/nothing 1")
        assert "acme/nothing 1" in english["reply"]
        assert "acme/nothing 1" in russian["reply"]
        assert english["reply"] != russian["reply"]


async def test_a_draft_is_reviewed_when_somebody_asks(tmp_path: Path) -> None:
    async with api(tmp_path, "github") as asked:
        number = await asked.stage.open({"src/wait.py": BAD}, draft=True)
        await asked.say(f"review {PATH}#{number}")
        await asked.stage.work()
        assert await asked.stage.states() == [("done", None)]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {KEY}"},
        {"X-API-Key": ""},
        {"X-API-Key": KEY[:-1]},
    ],
)
async def test_without_a_key_nobody_is_heard(tmp_path: Path, headers: dict[str, str]) -> None:
    async with api(tmp_path, "github") as asked:
        assert await asked.refused(headers) == 401
        assert await asked.stage.rows() == []


async def test_each_key_opens_in_either_header(tmp_path: Path) -> None:
    async with api(tmp_path, "github") as asked:
        for headers in ({"X-API-Key": KEY}, {"X-API-Key": OTHER}, {"Authorization": f"bearer {OTHER}"}):
            status, _ = await asked.say("hello", headers)
            assert status == 422


@pytest.mark.parametrize("body", [b"", b"[]", b'"review"', b'{"message": 5}', b"{", b"[" * 50_000, b"\xff"])
async def test_what_is_no_message_is_a_400(tmp_path: Path, body: bytes) -> None:
    async with api(tmp_path, "github") as asked:
        assert await asked.refused(HEADERS, body) == 400


async def test_a_long_message_is_a_413(tmp_path: Path) -> None:
    async with api(tmp_path, "github") as asked:
        assert await asked.refused(HEADERS, b'{"message": "' + b"x" * 70_000 + b'"}') == 413


async def test_what_is_not_understood_there_or_answered_is_said_so(tmp_path: Path) -> None:
    async with api(tmp_path, "github") as asked:
        answers = [await asked.say("merge acme/rocket 1"), await asked.say("review acme/rocket 77")]
        asked.stage.life.forge.outage("down")
        answers.append(await asked.say("review acme/rocket 1"))
        assert [(status, answer["status"], answer["review_id"]) for status, answer in answers] == [
            (422, "not_understood", None), (404, "not_found", None), (503, "unavailable", None),
        ]  # fmt: skip


async def test_without_a_token_the_answer_names_the_setting(tmp_path: Path) -> None:
    async with api(tmp_path, "gitlab", own_token=False) as asked:
        status, answer = await asked.say("review acme/rocket!1")
        assert (status, answer["status"]) == (409, "no_token")
        assert "GITLAB_TOKEN" in answer["reply"]
        assert "GITHUB_TOKEN" not in answer["reply"]


NOT_FOUND = "I found no pull request acme/lander 1, or the program's account does not see it."


async def test_where_nobody_looked_for_want_of_a_token_is_said(tmp_path: Path) -> None:
    async with api(tmp_path, "github", both=True) as asked:
        open_to_all, its_own = await asked.say("review acme/lander 1"), await asked.say("review acme/lander#1")
        other = await asked.say("review acme/lander!1")
    gitlab = "On GitLab nobody looked: whoever runs this program has to set GITLAB_TOKEN."
    assert (open_to_all[0], open_to_all[1]["reply"]) == (404, f"{NOT_FOUND} {gitlab}")
    assert (its_own[0], its_own[1]["reply"]) == (404, NOT_FOUND)
    assert (other[0], other[1]["status"]) == (409, "no_token")
    assert other[1]["reply"].endswith("whoever runs this program has to set GITLAB_TOKEN.")


@BOTH
async def test_a_token_that_the_forge_no_longer_accepts_is_named(tmp_path: Path, kind: str) -> None:
    async with api(tmp_path, kind) as asked:
        number = await asked.stage.open({"src/wait.py": BAD})
        asked.stage.life.forge.revoke_token("tok_robot")
        status, answer = await asked.say(f"review {PATH} {number}")
        assert (status, answer["status"], answer["review_id"]) == (409, "token_refused", None)
        name = f"{kind.upper()}_TOKEN"
        assert answer["reply"] == (
            f"The forge no longer accepts {name}: whoever runs this program has to set a new token there."
        )
        assert await asked.stage.rows() == []
