"""PyGithub and python-gitlab talk to our emulators: what clients that nobody here wrote cannot use is wrong."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from src.demo.forge import Change, ForgeEmulator
from tests.test_forge_emulators.stage import ROCKET, Stage, staged

HERE = Path(__file__).parent
PINS = ("PyGithub==2.10.0", "python-gitlab==8.6.0")
CHANGES = (
    Change(path="engine.py", status="added", patch="@@ -0,0 +1 @@\n+x = 1\n"),
    Change(path="fuel.py", patch="@@ -1 +1 @@\n-a\n+b\n"),
    Change(path="logo.png", status="added", patch=None),
)
pytestmark = pytest.mark.timeout(300)  # the first run installs the clients


async def run(*command: str) -> str:
    """The output of a program; its errors fail the test."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out.decode()


async def client_python() -> str:
    """A Python of its own for the clients, made at the first call below ``PEERS_HOME``."""
    home = Path(os.environ.get("PEERS_HOME") or Path.home() / ".cache" / "peers") / "clients"
    python, done = home / "bin" / "python", home / "installed.txt"
    if not done.exists() or done.read_text() != "\n".join(PINS):
        await run(sys.executable, "-m", "venv", str(home))
        await run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS)
        done.write_text("\n".join(PINS))
    return str(python)


async def prepare(forge: ForgeEmulator) -> None:
    """Bob's pull request with three files, a failed run on it, a renamed project and one that few may see."""
    forge.add_project("acme/old", members={"ann": "admin"})
    forge.rename_project("acme/old", "acme/engine")
    await forge.open_pull_request(ROCKET, "bob", "Add engine", reviewers=["ann"], changes=CHANGES)
    await forge.run_pipeline(ROCKET, "bob", "topic", "failed", failed_jobs=["unit"], pull_request=1)
    forge.add_token("tok_reads", "ann", scopes=["read_api"])


async def session(stage: Stage, script: str) -> dict[str, Any]:
    """What the client saw while it went through everything once."""
    await prepare(stage.forge)
    output = await run(await client_python(), str(HERE / script), stage.forge.url, stage.hook_url)
    await stage.forge.delivered()
    seen: dict[str, Any] = json.loads(output)
    return seen


@pytest.mark.parametrize("base_path", ["", "/api/v3"])
async def test_pygithub_uses_the_github_emulator(base_path: str) -> None:
    async with staged("github", base_path) as stage:
        seen = await session(stage, "pygithub_session.py")
        events = [(d.event, d.action) for d in stage.forge.deliveries]
        assert {d.status for d in stage.forge.deliveries} == {202}
    assert seen["me"] == ["ann", 101, "Ann"]
    assert seen["emails"] == ["ann@example.org"]
    assert {"repo", "admin:repo_hook"} <= set(seen["scopes"])
    assert seen["repos"] == ["acme/engine", "acme/plan", ROCKET]
    assert (seen["by_id"], seen["renamed"], seen["private"], seen["permissions"]) == (
        ROCKET,
        "acme/engine",
        False,
        True,
    )
    assert seen["hooks"]["events"] == ["*"]
    assert seen["hooks"]["config"]["secret"] == "********"
    assert seen["hooks"]["duplicate"] == "Hook already exists on this repository"
    assert seen["hooks"]["deliveries"] == [["ping", 202], ["ping", 202]]
    assert seen["threads"] == {
        "issue": [2, "closed", "ann", ["bob"]], "comments": ["Where exactly?"],
        "files": [["engine.py", "added", "@@ -0,0 +1 @@\n+x = 1"], ["fuel.py", "modified", "@@ -1 +1 @@\n-a\n+b"],
                  ["logo.png", "added", None]],
        "review": "APPROVED", "reviews": [["ann", "APPROVED"]], "merged": True, "state": "closed", "head": "topic",
        "author": "bob",
    }  # fmt: skip
    assert seen["run"] == ["CI", "failure", [["build", "success"], ["unit", "failure"]]]
    assert (seen["commit"], seen["team"], seen["limit"]) == ("bob@example.org", ["bob", "carl"], 5000)
    assert seen["refused"] == {
        "unknown token": [401, "Bad credentials"], "stranger": [404, "Not Found"], "writer": [404, "Not Found"],
    }  # fmt: skip
    assert events == [
        ("ping", None), ("ping", None), ("issues", "opened"), ("issues", "labeled"), ("issues", "assigned"),
        ("issue_comment", "created"), ("issue_comment", "edited"), ("issues", "closed"), ("issue_comment", "created"),
        ("pull_request_review", "submitted"), ("pull_request", "closed"), ("push", None),
    ]  # fmt: skip


@pytest.mark.parametrize("base_path", ["", "/gitlab"])
async def test_python_gitlab_uses_the_gitlab_emulator(base_path: str) -> None:
    async with staged("gitlab", base_path) as stage:
        seen = await session(stage, "python_gitlab_session.py")
        events = [(d.event, d.action) for d in stage.forge.deliveries]
        assert {d.status for d in stage.forge.deliveries} == {202}
    assert seen["me"] == ["ann", 101, "Ann"]
    assert "api" in seen["token"]
    assert seen["projects"] == ["acme/engine", "acme/plan", ROCKET]
    assert (seen["found"], seen["by_id"], seen["visibility"], seen["level"]) == ([ROCKET], ROCKET, "public", 40)
    assert (seen["hooks"]["made"], seen["hooks"]["changed"]) == ([True, False, False, False], [True, True, True])
    assert seen["threads"] == {
        "issue": [1, "closed", "ann"], "notes": ["Where exactly?"], "participants": ["ann", "bob"],
        "diffs": [["engine.py", True, "@@ -0,0 +1 @@\n+x = 1\n"], ["fuel.py", False, "@@ -1 +1 @@\n-a\n+b\n"],
                  ["logo.png", True, ""]],
        "changes": ["engine.py", "fuel.py", "logo.png"], "state": "merged", "source": "topic",
    }  # fmt: skip
    assert seen["pipeline"] == ["failed", [["unit", "failed"], ["build", "success"]]]
    assert (seen["commit"], seen["members"]) == ("bob@example.org", ["bob", "carl"])
    assert seen["refused"] == {
        "unknown token": [401, "401 Unauthorized"], "stranger": [404, "404 Project Not Found"],
        "writer": [403, "403 Forbidden"], "reader": [403, "insufficient_scope"], "nowhere": [404,
        "404 Project Not Found"],
    }  # fmt: skip
    assert events == [
        ("Push Hook", None), ("Issue Hook", "open"), ("Note Hook", "create"), ("Note Hook", "update"),
        ("Issue Hook", "close"), ("Note Hook", "create"), ("Merge Request Hook", "approved"),
        ("Merge Request Hook", "merge"),
    ]  # fmt: skip
