"""Reviews with the program as it is put together: its settings, its relay, its worker, and nothing of Telegram."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from src.app import run
from src.cli.showing import Alone
from src.demo.forge import ForgeEmulator
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.demo.ports import free_port
from src.forge import HookSpec, ProjectRef
from src.forge_http import open_session
from src.forges import FORGE_TYPES
from tests.hook_stage import PATH, cast
from tests.review_stage import BAD, GOOD

BOTH = pytest.mark.parametrize("kind", ["github", "gitlab"])
TOKEN = SecretStr("tok_robot")
KEY, SECRET = "a-long-key-of-the-script", "a-secret-of-the-hook"


def settings_of(kind: str, address: str) -> Alone:
    """A token, the secret of a hook made by hand, a key."""
    if kind == "github":
        return Alone(
            github_api_url=address,
            github_token=TOKEN,
            github_webhook_secret=SecretStr(SECRET),
            api_keys=(SecretStr(KEY),),
        )
    return Alone(
        gitlab_url=address, gitlab_token=TOKEN, gitlab_webhook_secret=SecretStr(SECRET), api_keys=(SecretStr(KEY),)
    )


@asynccontextmanager
async def program(folder: Path, kind: str) -> AsyncIterator[tuple[ForgeEmulator, str]]:
    """A forge whose project has a hook made by hand, and the program with a token and a key; its address."""
    make = GitHubEmulator if kind == "github" else GitLabEmulator
    emulator: ForgeEmulator = make()
    async with emulator as forge, open_session() as web, asyncio.TaskGroup() as tasks:
        cast(forge)
        forge.add_user("robot")
        forge.add_token("tok_robot", "robot")
        forge.set_member(PATH, "robot", "write")
        forge.add_files(PATH, {"src/app.py": GOOD})
        port, stop, ready = free_port(), asyncio.Event(), asyncio.Event()
        address = f"http://127.0.0.1:{port}"
        settings = settings_of(kind, forge.url).model_copy(
            update={"port": port, "database_url": f"sqlite+aiosqlite:///{folder}/reviews.db"}
        )
        running = run(settings, frozenset({"webhook", "worker"}), ready=lambda _: ready.set(), stop=stop, signals=False)
        tasks.create_task(running)
        await ready.wait()
        client = FORGE_TYPES[kind].connector(web).client(forge.url, "tok_ann")
        remote = await client.project_by_path(PATH)
        words = FORGE_TYPES[kind].codec.hook_events(["pull_request.opened"])
        await client.create_hook(remote.ref, HookSpec(url=f"{address}/webhook/{kind}", secret=SECRET, events=words))
        try:
            yield forge, address
        finally:
            stop.set()


async def reviewed(forge: ForgeEmulator, number: int, sha: str) -> None:
    """Wait for the status, which comes last."""
    async with asyncio.timeout(90):
        while not forge.statuses(PATH, sha):  # noqa: ASYNC110 - what is waited for happens on the forge
            await asyncio.sleep(0.01)
    assert forge.comments_on_lines(PATH, number)


async def head(forge: ForgeEmulator, kind: str, number: int) -> str:
    async with open_session() as web:
        client = FORGE_TYPES[kind].connector(web).client(forge.url, "tok_ann")
        ref: ProjectRef = (await client.project_by_path(PATH)).ref
        return (await client.pull_request(ref, number)).head_sha or ""


@BOTH
async def test_a_webhook_a_secret_and_a_token_make_reviews_and_nobody_has_to_follow(tmp_path: Path, kind: str) -> None:
    async with program(tmp_path, kind) as (forge, _):
        number = await forge.open_pull_request(PATH, "bob", "Wait", files={"src/wait.py": BAD})
        await reviewed(forge, number, await head(forge, kind, number))
        assert {note.author for note in forge.comments_on_lines(PATH, number)} == {"robot"}


@BOTH
async def test_the_sentence_over_http_makes_one_where_no_webhook_would(tmp_path: Path, kind: str) -> None:
    async with program(tmp_path, kind) as (forge, address), ClientSession() as web:
        number = await forge.open_pull_request(PATH, "bob", "Wait", files={"src/wait.py": BAD}, draft=True)
        body, headers = {"message": f"анализ кода {PATH} {number}"}, {"X-API-Key": KEY}
        async with web.post(f"{address}/api/chat", json=body, headers=headers) as response:
            answer = await response.json()
        assert (response.status, answer["status"]) == (202, "accepted")
        assert isinstance(answer["review_id"], int)
        await reviewed(forge, number, await head(forge, kind, number))
