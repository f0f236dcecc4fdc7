"""The main job on servers that nobody here wrote: subscribe by pressing, be told, and not of one's own."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession

from tests.peers.third_party import Chatter, Developer, free_port, peer, product

REPOSITORY = "repos/alice/demo"


@pytest.mark.timeout(400)
async def test_subscribing_and_being_told_of_others_and_not_of_oneself(tmp_path: Path) -> None:
    port = free_port()
    async with (
        peer("telegram", free_port(1000), "telegram up") as telegram,
        peer("github", free_port(), "Ready.") as github,
        ClientSession() as http,
    ):
        async with product(tmp_path, port, telegram, github) as log:
            chat = Chatter(http, telegram, 7001, "Alice")
            alice, bob = (Developer(http, github, f"tok_{login}") for login in ("alice", "bob"))
            await _subscribe(chat)
            await _the_hook_is_there(alice, port)
            await _others_are_told_of(chat, bob, alice)
            await _own_actions_are_not(chat, bob, alice)
            sent = await chat.calls()
        assert "tok_alice" not in "".join(log) + str(sent)
        assert any(call["path"].endswith("/deleteMessage") for call in sent)  # the one with the token
        assert "Traceback" not in "".join(log)
        assert "stopped" in log[-2]


async def _subscribe(chat: Chatter) -> None:
    await chat.write("/start")
    await chat.wait_text("/subscribe")
    await chat.write("/set_github_token tok_alice")
    await chat.wait_text("You are alice")
    await chat.write("/subscribe")
    for label in ("GitHub", "alice/demo", "Continue", "Confirm"):
        await chat.press(label)
    await chat.wait_text("alice/demo", "is followed here now")


async def _the_hook_is_there(alice: Developer, port: int) -> None:
    (hook,) = await alice.get(f"{REPOSITORY}/hooks")
    address = urlsplit(hook["config"]["url"])
    assert (address.netloc, address.path.rpartition("/")[0]) == (f"127.0.0.1:{port}", "/webhook/github")
    assert {"issues", "issue_comment", "pull_request", "pull_request_review"} <= set(hook["events"])
    assert hook["active"]


async def _others_are_told_of(chat: Chatter, bob: Developer, alice: Developer) -> None:
    await bob.post(f"{REPOSITORY}/issues", title="The pump leaks", body="Do you see it too, @alice?")
    await chat.wait_text("alice/demo", "The pump leaks", "bob", "mentioned")
    await bob.post(f"{REPOSITORY}/pulls", title="Tighten the pump", head="topic", base="main", body="For @alice")
    await chat.wait_text("alice/demo", "Tighten the pump", "bob", "mentioned")
    own = await alice.post(f"{REPOSITORY}/pulls", title="A quieter pump", head="quiet", base="main", body="")
    await bob.post(f"{REPOSITORY}/pulls/{own['number']}/reviews", event="APPROVE", body="Silence at last")
    await chat.wait_text("A quieter pump", "bob approved", "Silence at last")
    await bob.post(f"{REPOSITORY}/issues/{own['number']}/comments", body="How quiet is it?")
    await chat.wait_text("A quieter pump", "bob", "How quiet is it?")


async def _own_actions_are_not(chat: Chatter, bob: Developer, alice: Developer) -> None:
    issue = await alice.post(f"{REPOSITORY}/issues", title="Mine alone", body="@alice must not forget")
    await alice.post(f"{REPOSITORY}/issues/{issue['number']}/comments", body="A word to myself")
    await bob.post(f"{REPOSITORY}/issues/{issue['number']}/comments", body="The last one")
    await chat.wait_text("Mine alone", "The last one")  # by then whatever came before it has been told
    await asyncio.sleep(1)
    told = [said.text for said in await chat.read() if "alice/demo" in said.text and "bob" not in said.text]
    assert [text for text in told if "pump" in text or "Mine alone" in text] == []
    assert sum("alice/demo" in said.text and "bob" in said.text for said in await chat.read()) == 5
