"""GitHub's GraphQL API says what is wrong with status 200; and how few questions a review takes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from src.forge import (
    ForgeError,
    HeadMoved,
    LineComment,
    MissingPermission,
    NotFound,
    ProjectRef,
    RateLimited,
    RefusedComment,
    Rejected,
    Unavailable,
)
from src.forge_http import Instance, Policy, Transport, open_session
from src.github_api.client import GitHubConnector
from src.github_api.dialect import GitHubDialect
from src.github_api.graphql import GraphQL
from tests.conformance.cast import opened
from tests.conformance.test_reviews import on_line
from tests.conformance.test_reviews import opened as pull_opened

TOKEN = "ghp_0123456789"
Json = dict[str, Any]


class Script:
    """A server that gives these answers, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, object, Mapping[str, str]]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, Json]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, await request.json()))
        status, body, headers = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        return web.json_response(body, status=status, headers=headers)


@pytest.fixture
async def slept() -> list[float]:
    return []


async def asking(script: Script, slept: list[float], base: str = "", *, change: bool = False) -> Json:
    """One question, or one change, of this server."""
    app = web.Application()
    app.router.add_post("/{rest:.*}", script.answer)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with TestServer(app) as server, open_session() as session:
        instance = Instance("GitHub", URL(str(server.make_url(base)).rstrip("/")))
        graph = GraphQL(Transport(session, sleep=sleep).channel(instance, GitHubDialect(), TOKEN), TOKEN)
        return await (graph.mutate if change else graph.query)("{ viewer { login } }", {"a": 1})


def good(data: object) -> tuple[int, object, Mapping[str, str]]:
    """An answer."""
    return 200, {"data": data}, {}


def bad(kind: str | None, message: object = "No.") -> tuple[int, object, Mapping[str, str]]:
    """What GraphQL calls an answer, too."""
    return 200, {"data": {"viewer": None}, "errors": [{"type": kind, "message": message, "path": ["viewer"]}]}, {}


@pytest.mark.parametrize(("base", "path"), [("", "/graphql"), ("/api/v3", "/api/graphql"), ("/gh", "/gh/graphql")])
async def test_graphql_is_asked_beside_the_rest_api(base: str, path: str, slept: list[float]) -> None:
    script = Script(good({"viewer": {"login": "ann"}}))
    assert await asking(script, slept, base) == {"viewer": {"login": "ann"}}
    assert script.asked == [(path, {"query": "{ viewer { login } }", "variables": {"a": 1}})]


@pytest.mark.parametrize(
    ("kind", "message", "error"),
    [
        ("NOT_FOUND", "Could not resolve to a Repository", NotFound),
        ("FORBIDDEN", "Resource not accessible", MissingPermission),
        ("INSUFFICIENT_SCOPES", "Your token has not been granted the required scopes", MissingPermission),
        ("RATE_LIMITED", "API rate limit exceeded", RateLimited),
        (None, "You have exceeded a secondary rate limit", RateLimited),
        ("SERVICE_UNAVAILABLE", "Try again", Unavailable),
        (None, "Something went wrong while executing your query.", Unavailable),
        ("UNPROCESSABLE", "Something is odd", Rejected),
        (None, None, Rejected),
    ],
)
async def test_a_graphql_error_is_one_of_ours(
    kind: str | None, message: str | None, error: type[ForgeError], slept: list[float]
) -> None:
    with pytest.raises(error) as raised:
        await asking(Script(bad(kind, message)), slept)
    assert type(raised.value) is error


async def test_a_graphql_error_never_repeats_the_token(slept: list[float]) -> None:
    with pytest.raises(Rejected) as raised:
        await asking(Script(bad(None, f"What is {TOKEN}?")), slept)
    assert TOKEN not in str(raised.value)


async def test_a_graphql_limit_ends_when_its_headers_say(slept: list[float]) -> None:
    reset = int(datetime.now(UTC).timestamp()) + 600
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    status, body, _ = bad("RATE_LIMITED")
    with pytest.raises(RateLimited) as raised:
        await asking(Script((status, body, headers)), slept)
    assert abs(raised.value.until.timestamp() - reset) < 5


@pytest.mark.parametrize("body", [{}, {"data": None}, [], {"data": []}, {"errors": "odd"}])
async def test_an_answer_with_neither_data_nor_errors_is_none(body: object, slept: list[float]) -> None:
    with pytest.raises(Unavailable):
        await asking(Script((200, body, {})), slept)


async def test_questions_are_asked_again_and_changes_are_not(slept: list[float]) -> None:
    script = Script((502, {}, {}), good({"viewer": None}))
    assert await asking(script, slept) == {"viewer": None}
    assert len(script.asked) == 2
    script = Script((502, {}, {}), good({"viewer": None}))
    with pytest.raises(Unavailable):
        await asking(script, slept, change=True)
    assert len(script.asked) == 1


# Contents and comments, on the emulator


@pytest.fixture
async def narrow() -> AsyncIterator[GitHubConnector]:
    """Clients that take answers of at most 200 kB."""
    async with open_session() as session:
        yield GitHubConnector(session, policy=Policy(max_bytes=200_000))


async def test_files_that_are_too_much_for_one_answer_come_in_several(narrow: GitHubConnector) -> None:
    async with opened("github") as forge:
        files = {f"file_{n}.py": b"x = 1\n" * 1_000 for n in range(100)}
        sha = forge.emulator.add_files("acme/rocket", files)
        found = await narrow.client(forge.emulator.url, "tok_ann").contents(forge.rocket, list(files), sha)
        assert {path: one.data for path, one in found.items()} == files
        assert len([one for one in forge.emulator.requests if one.path == "/graphql"]) == 9


async def test_files_of_which_each_is_too_long_are_named_and_the_others_are_read(narrow: GitHubConnector) -> None:
    async with opened("github") as forge:
        files = {f"long_{n}.py": b"x = 1\n" * 50_000 for n in range(12)} | {"small.py": b"y = 1\n"}
        files["huge.py"] = b"#" * 2_000_000
        sha = forge.emulator.add_files("acme/rocket", files)
        found = await narrow.client(forge.emulator.url, "tok_ann").contents(forge.rocket, list(files), sha)
        assert {path: one.size for path, one in found.items()} == {path: len(data) for path, data in files.items()}
        assert {path: one.data for path, one in found.items() if one.data is not None} == {"small.py": b"y = 1\n"}
        assert not any(one.binary for one in found.values())


async def test_what_is_large_or_no_text_is_named_and_not_read() -> None:
    async with opened("github") as forge:
        files = {"logo.py": b"\0" * 9, "huge.py": b"x = 1\n" * 200_000, "long.py": b"x = 1\n" * 100_000}
        sha = forge.emulator.add_files("acme/rocket", files)
        found = await forge.client().contents(forge.rocket, list(files), sha)
        assert {path: (one.binary, one.size) for path, one in found.items()} == {
            "logo.py": (True, 9), "huge.py": (False, 1_200_000), "long.py": (False, 600_000),
        }  # fmt: skip
        assert (found["logo.py"].data, found["huge.py"].data) == (None, None)
        assert found["long.py"].data == files["long.py"]


async def test_no_more_than_twenty_files_are_read_one_by_one() -> None:
    async with opened("github") as forge:
        files = {f"file_{n}.py": b"# \xe9 %d\n" % n for n in range(25)}
        sha = forge.emulator.add_files("acme/rocket", files)
        found = await forge.client().contents(forge.rocket, list(files), sha)
        assert [one.data for one in found.values()] == [*list(files.values())[:20], *[None] * 5]
        assert len([one for one in forge.emulator.requests if "/git/blobs/" in one.path]) == 20


async def test_one_bad_comment_of_thirty_costs_a_post_for_each_halving() -> None:
    async with opened("github") as forge:
        pull = await pull_opened(forge)
        comments = [on_line("new.py", 1 + n % 3, body=f"Number {n}") for n in range(31)]
        bad_one = on_line(line=20)
        comments.insert(17, bad_one)
        refused = await forge.client().comment_on_lines(forge.rocket, pull, comments, "Findings")
        assert [one.comment for one in refused] == [bad_one]
        posts = [one for one in forge.emulator.requests if one.path.endswith("/reviews")]
        assert len(posts) == 1 + 2 * 5, "halved five times, both halves of each"
        assert len(forge.emulator.comments_on_lines("acme/rocket", pull.number)) == 31


@pytest.mark.parametrize("said", ["end_commit_oid is not part of the pull request", "No commit found for SHA: f00"])
async def test_a_refusal_that_names_the_commit_means_that_the_head_has_moved(said: str) -> None:
    posts: list[Json] = []
    with pytest.raises(HeadMoved):
        await _refused(said, [on_line()] * 4, posts)
    assert len(posts) == 1


async def test_a_refusal_of_all_is_not_tried_by_halves() -> None:
    posts: list[Json] = []
    said = "User can only have one pending review per pull request"
    refused = await _refused(said, [on_line()] * 4, posts)
    assert [one.comment for one in refused] == [on_line()] * 4
    assert len(posts) == 1


async def _refused(said: str, comments: Sequence[LineComment], posts: list[Json]) -> tuple[RefusedComment, ...]:
    """What comes of comments on a GitHub that refuses each of the `posts` with these words."""
    pull = {"number": 1, "title": "x", "state": "open", "head": {"sha": "f" * 40}, "base": {"ref": "main"}}

    async def refuse(request: web.Request) -> web.Response:
        posts.append(await request.json())
        return web.json_response({"message": "Unprocessable Entity", "errors": [said]}, status=422)

    async def show(_: web.Request) -> web.Response:
        return web.json_response(pull)

    app = web.Application()
    app.router.add_get("/repos/acme/rocket/pulls/1", show)
    app.router.add_post("/repos/acme/rocket/pulls/1/reviews", refuse)
    async with TestServer(app) as server, open_session() as session:
        client = GitHubConnector(session).client(str(server.make_url("")), TOKEN)
        rocket = ProjectRef(external_id="1", path="acme/rocket")
        seen = await client.pull_request(rocket, 1)
        return await client.comment_on_lines(rocket, seen, comments, "Findings")
