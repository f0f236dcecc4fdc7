"""What a review sends to GitHub, held against GitHub's own descriptions: OpenAPI by Prism, GraphQL by graphql-js."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from yarl import URL

from src.forge import CommitStatus, FileKind, ForgeClient, RemotePullRequest, StatusState
from src.forge_http import Channel, Instance, Transport, open_session
from src.github_api import contents, review_threads
from src.github_api.api import GitHubApi
from src.github_api.dialect import GitHubDialect
from src.github_api.graphql import GraphQL
from tests.conformance.cast import Forge, opened
from tests.conformance.test_reviews import on_line
from tests.conformance.test_reviews import opened as pull_opened
from tests.peers.github_description import description, objections
from tests.peers.third_party import free_port, peer

pytestmark = pytest.mark.timeout(400)


@asynccontextmanager
async def held_against_the_description(folder: Path) -> AsyncIterator[tuple[Forge, ForgeClient, str]]:
    """The emulator, and a client whose every request and answer Prism checks on its way there and back."""
    port = free_port()
    async with opened("github") as forge:
        more = (str(description(folder)), forge.emulator.url)
        async with peer("validate", port, "Prism is listening", *more) as address:
            yield forge, forge.connector.client(address, "tok_ann"), address


async def test_every_request_of_a_review_is_one_that_github_describes(tmp_path: Path) -> None:
    async with held_against_the_description(tmp_path) as (forge, client, _):
        pull = await pull_opened(forge)
        comments = [on_line(), on_line("new.py", 3, start_line=1), replace(on_line(), line=6, old_line=5)]
        assert await client.pull_request(forge.rocket, pull.number) == pull
        assert len(await client.diff(forge.rocket, pull.number)) == 4
        assert await client.merge_base(forge.rocket, pull)
        assert await client.comment_on_lines(forge.rocket, pull, comments, "Findings") == ()
        made = await client.add_remark(forge.rocket, pull.number, "Summary")
        await client.edit_remark(forge.rocket, pull.number, made.id, "Newer")
        assert [remark.body for remark in await client.remarks(forge.rocket, pull.number)] == ["Newer"]
        await _all_statuses(forge, client, pull)
        assert len(forge.emulator.comments_on_lines("acme/rocket", pull.number)) == 3


async def _all_statuses(forge: Forge, client: ForgeClient, pull: RemotePullRequest) -> None:
    for state in StatusState:
        for url in (None, pull.url):
            status = CommitStatus(state=state, context="git-assistant/review", description="2 critical", url=url)
            await client.set_status(forge.rocket, pull.head_sha or "", status)


async def test_a_request_that_github_does_not_describe_would_be_noticed(tmp_path: Path) -> None:
    async with held_against_the_description(tmp_path) as (forge, _, address), ClientSession() as http:
        await pull_opened(forge)
        wrong = {"event": "COMMENT", "body": "x", "comments": [{"path": "new.py", "body": "y", "line": "1"}]}
        before = len(forge.emulator.requests)
        async with http.post(f"{address}/repos/acme/rocket/pulls/1/reviews", json=wrong) as response:
            told = json.loads(await response.text())
        assert (response.status, told["validation"][0]["location"]) == (422, ["body", "comments", "0", "line"])
        assert len(forge.emulator.requests) == before


class Overheard(GraphQL):
    """GraphQL whose questions are kept."""

    def __init__(self, channel: Channel, token: str) -> None:
        super().__init__(channel, token)
        self.questions: list[tuple[str, Mapping[str, Any]]] = []

    async def query(self, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        self.questions.append((text, variables))
        return await super().query(text, variables)

    async def mutate(self, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        self.questions.append((text, variables))
        return await super().mutate(text, variables)


async def test_every_graphql_question_of_a_review_is_one_of_githubs_schema() -> None:
    async with opened("github") as forge, open_session() as session:
        pull = await pull_opened(forge)
        await forge.client().comment_on_lines(forge.rocket, pull, [on_line()], "Findings")
        channel = Transport(session).channel(Instance("GitHub", URL(forge.emulator.url)), GitHubDialect(), "tok_ann")
        api, graph = GitHubApi(channel, "tok_ann"), Overheard(channel, "tok_ann")
        names = ["engine.py", *(f"file_{n}.py" for n in range(120))]
        found = await contents.contents(api, graph, forge.rocket, names, pull.head_sha or "")
        assert [one.kind for one in found.values()] == [FileKind.FILE]
        (thread,) = await review_threads.threads(api, graph, forge.rocket, pull.number)
        await review_threads.resolve(graph, thread.id)
        assert len(graph.questions) == 4
    wrong: tuple[str, Mapping[str, Any]] = ("query { repository(owner: 1) { nothing } }", {})
    *good, bad = await objections([*graph.questions, wrong])
    assert good == [[], [], [], []]
    assert len(bad) == 3
