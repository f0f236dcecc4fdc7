"""Tokens: taken in private, deleted at once, checked on the forge, kept encrypted, never shown."""

import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from src.bot.token_input import TokenProblem, matching, read_token
from src.demo.telegram import Person
from tests.bot_stage import Log, Stage, staged

SECRET = "tok_ann_9f8e7d6c5b4a"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        found.github.add_token(SECRET, "ann")
        yield found


@pytest.fixture
def ann(stage: Stage) -> Person:
    return stage.tg.person("ann")


@pytest.fixture
def log() -> Iterator[Log]:
    handler, root = Log(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def files_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_token_message_is_deleted_as_argument_and_as_next_message(stage: Stage, ann: Person) -> None:
    await stage.say(ann, f"/set_github_token {SECRET}")
    await stage.say(ann, "/set_github_token")
    await stage.say(ann, SECRET)
    assert not [m.text for m in ann.private.messages() if SECRET in m.text]
    (account,) = await stage.accounts()
    assert (account.login, account.token_last4) == ("ann", "5b4a")


async def test_token_message_is_deleted_before_the_token_is_checked(stage: Stage, ann: Person) -> None:
    stage.github.outage("slow", seconds=0.4, times=1)
    sent = await ann.send(f"/set_github_token {SECRET}")
    await ann.private.wait_deleted(sent)
    assert not [m for m in ann.private.messages() if m.from_bot]
    await ann.private.wait_for(lambda m: "You are ann" in m.text)


@pytest.mark.sqlite_file
async def test_token_is_never_in_a_call_a_log_line_or_the_database(
    stage: Stage, ann: Person, log: Log, tmp_path: Path
) -> None:
    await stage.say(ann, f"/set_github_token {SECRET}")
    stage.github.revoke_token(SECRET)
    await stage.to_projects(ann)
    await stage.say(ann, f"/set_github_token {SECRET}")
    assert SECRET not in stage.sent()
    assert "5b4a" in stage.sent()
    assert not [line for line in log.lines if SECRET in line]
    stored = files_in(tmp_path)
    assert b"ann" in stored
    assert SECRET.encode() not in stored


async def test_a_message_that_cannot_be_deleted_is_left_to_the_person(stage: Stage, ann: Person) -> None:
    await stage.say(ann, "/start")
    stage.tg.server.hold("deleteMessage", "before")
    sent = await ann.send(f"/set_github_token {SECRET}")
    await stage.tg.server.wait_for_held()
    await ann.delete(sent)
    stage.tg.server.release()
    await ann.private.wait_for(lambda m: "delete it yourself" in m.text)


@pytest.mark.parametrize("trouble", ["wrong", "revoked", "expired"])
async def test_wrong_revoked_and_expired_tokens_are_not_stored(stage: Stage, ann: Person, trouble: str) -> None:
    if trouble == "revoked":
        stage.github.revoke_token(SECRET)
    stage.github.add_token("tok_old", "ann", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    given = {"wrong": "tok_of_nobody", "revoked": SECRET, "expired": "tok_old"}[trouble]
    said = await stage.say(ann, f"/set_github_token {given}")
    assert "refuses this token: it is wrong, expired or revoked" in said.text
    assert [link for link in said.links if "settings/tokens" in link]
    assert await stage.accounts() == []
    said = await stage.say(ann, "tok_ann")  # the question is still open
    assert "You are ann" in said.text


async def test_missing_scopes_are_named(stage: Stage, ann: Person) -> None:
    stage.github.add_token("tok_small", "ann", scopes=["read:user"])
    said = await stage.say(ann, "/set_github_token tok_small")
    assert "It lacks repo, notifications" in said.text
    assert [link for link in said.links if "settings/tokens" in link]
    said = await stage.say(ann, "/status")
    assert "lacks repo, notifications" in said.text


async def test_missing_scopes_are_named_for_gitlab(stage: Stage, ann: Person) -> None:
    stage.gitlab.add_token("tok_small", "ann", scopes=["read_user"])
    said = await stage.say(ann, "/set_gitlab_token tok_small")
    assert "It lacks api, write_repository" in said.text


async def test_a_token_that_may_not_say_whose_it_is_is_refused(stage: Stage, ann: Person) -> None:
    stage.gitlab.add_token("tok_mute", "ann", scopes=["read_registry"])
    said = await stage.say(ann, "/set_gitlab_token tok_mute")
    assert "not even allowed to say whose it is. Send one with api" in said.text
    assert await stage.accounts() == []


async def test_a_fine_grained_token_is_accepted_and_said_to_be_one(stage: Stage, ann: Person) -> None:
    stage.github.add_token("github_pat_11AAAA", "ann")
    said = await stage.say(ann, "/set_github_token github_pat_11AAAA")
    assert "does not show what this token may do" in said.text


@pytest.mark.parametrize("trouble", ["down", "slow", "html"])
async def test_a_forge_that_does_not_answer_is_not_the_tokens_fault(stage: Stage, ann: Person, trouble: str) -> None:
    stage.github.outage(trouble)  # type: ignore[arg-type]  # one of the words
    with stage.hurry() if trouble == "slow" else nullcontext():
        said = await stage.say(ann, f"/set_github_token {SECRET}")
    assert "does not answer right now; your token is not to blame" in said.text
    stage.github.clear_outages()
    assert "You are ann" in (await stage.say(ann, SECRET)).text


async def test_a_rate_limit_is_told_in_minutes(stage: Stage, ann: Person) -> None:
    stage.github.outage("rate_limited", seconds=600)
    said = await stage.say(ann, f"/set_github_token {SECRET}")
    assert re.search(r"try again in 1[01] minutes", said.text)


async def test_in_a_group_the_token_is_deleted_and_called_burnt(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann], bot_admin=True)
    mark = group.mark()
    sent = await ann.send(f"/set_github_token {SECRET}", group)
    said = await group.wait_for(since=mark)
    assert "revoke it" in said.text
    assert group.current(sent).deleted
    assert await stage.accounts() == []


async def test_in_a_group_where_the_bot_may_not_delete_it_asks_for_it(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann])
    assert "delete yours" in (await stage.say(ann, f"/set_github_token {SECRET}", group)).text
    assert "private chat with me alone" in (await stage.say(ann, "/set_github_token", group)).text


async def test_cancel_button_and_other_commands_leave_the_question(stage: Stage, ann: Person) -> None:
    await stage.say(ann, "/set_github_token")
    assert "no token was stored" in (await stage.step(ann, "Cancel")).text
    assert "did not understand" in (await stage.say(ann, SECRET)).text
    for command in ("/help", "/nonsense", "/cancel", "/Cancel"):
        asked = await stage.say(ann, "/set_github_token")
        await stage.say(ann, command)
        assert bool(ann.private.current(asked).buttons) is ("cancel" not in command.lower())
        assert "did not understand" in (await stage.say(ann, SECRET)).text
    assert await stage.accounts() == []


async def test_an_instance_is_chosen_by_its_address(tmp_path: Path) -> None:
    async with staged(tmp_path, second_gitlab="https://git.example.org") as stage:
        ann = stage.tg.person("ann")
        said = await stage.say(ann, "/set_gitlab_token https://else.example.org tok_ann")
        assert "I do not know this GitLab" in said.text
        assert "https://git.example.org" in said.text
        assert stage.gitlab.url in said.text
        said = await stage.say(ann, f"/set_gitlab_token {stage.gitlab.url} tok_ann")
        assert "You are ann on GitLab" in said.text


def test_what_is_typed_is_cleaned_and_what_is_no_token_refused() -> None:
    assert read_token(' "ghp_1"\n').token == "ghp_1"
    assert read_token("`ghp_1`").token == "ghp_1"
    assert read_token("my token is ghp_1").problem is TokenProblem.SPACES
    assert read_token("x" * 256).problem is TokenProblem.TOO_LONG
    assert read_token("токен").problem is TokenProblem.STRANGE
    assert read_token("").token is None
    given = read_token("https://git.example.org/ glpat-1")
    assert (given.address, given.token) == ("https://git.example.org", "glpat-1")
    assert "glpat" not in repr(given)


def test_an_address_fits_by_its_api_or_its_website() -> None:
    known = [("https://api.github.com", "https://github.com"), ("https://ghe.example/api/v3", "https://ghe.example")]
    assert matching("https://GitHub.com/", known) == 0
    assert matching("https://ghe.example/api/v3", known) == 1
    assert matching("https://ghe.example.evil", known) is None


@pytest.mark.parametrize("text", ["two words", "x" * 300, "токен-😀"])
async def test_what_cannot_be_a_token_never_reaches_the_forge(stage: Stage, ann: Person, text: str) -> None:
    said = await stage.say(ann, f"/set_github_token {text}")
    assert "token" in said.text
    assert stage.github.requests == []
    assert "You are ann" in (await stage.say(ann, SECRET)).text


async def test_a_token_that_was_sent_without_being_asked_for_is_deleted(stage: Stage, ann: Person) -> None:
    said = await stage.say(ann, "glpat-abcdefgh")
    assert "/set_gitlab_token" in said.text
    assert not [m for m in ann.private.messages() if "glpat" in m.text]


@pytest.mark.parametrize("asked", [True, False])
async def test_a_slow_check_of_a_token_says_so_in_one_message(stage: Stage, ann: Person, asked: bool) -> None:
    stage.deps.waits.slow = 0.05
    if asked:
        await stage.say(ann, "/set_github_token")
    stage.github.outage("slow", seconds=0.4, times=1)
    said = await stage.say(ann, SECRET if asked else f"/set_github_token {SECRET}")
    assert "Still checking your token: GitHub takes its time" in said.text
    done = await ann.private.wait_for(lambda m: "You are ann" in m.text)
    assert done.id == said.id
