"""Tokens where none was asked for: deleted, whoever sent them and wherever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiogram.types import PhotoSize, Update

from src.bot.bot import AccessRule, create_bot, create_dispatcher
from src.bot.token_input import holds_token
from src.demo.telegram import Person
from src.forges import FORGE_TYPES
from src.logs import redact
from tests.bot_stage import Stage, Unpaced, staged

TOKEN = "ghp_1a2b3c4d5e6f7g8h"
INVITED = AccessRule("list", frozenset({1}), frozenset())


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
def ann(stage: Stage) -> Person:
    return stage.tg.person("ann")


def test_tokens_are_known_anywhere_in_a_text() -> None:
    def held(text: str) -> list[str]:
        return [kind.kind for kind in FORGE_TYPES.values() if holds_token(text, kind.token_pattern)]

    for token in (TOKEN, "github_pat_11AAAA_bbbb", "gho_12345678"):
        assert held(f"my token: {token}, ok?") == ["github"]
    for token in ("glpat-12345678", "gldt-abcdefgh"):
        assert held(f"my token: {token}, ok?") == ["gitlab"]
    for text in ("acme/rocket", "global-settings", "highp_precision", "glpat-", "ghp_..."):
        assert held(text) == []
    assert not holds_token("anything", "")  # a forge whose tokens look like words


def test_what_is_known_as_a_token_is_hidden_in_logs() -> None:
    samples = {"github": TOKEN, "gitlab": "glpat-1a2b3c4d5e6f"}
    for kind in FORGE_TYPES.values():
        assert holds_token(samples[kind.kind], kind.token_pattern)
        assert redact(f"refused: {samples[kind.kind]}!") == "refused: <hidden>!"


async def test_a_token_in_the_search_is_deleted_and_not_searched(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann)
    await stage.to_projects(ann)
    before = len(stage.github.requests)
    said = await stage.say(ann, TOKEN)
    assert "looked like a token, so I deleted it. To set it: /set_github_token" in said.text
    assert len(stage.github.requests) == before
    assert not [m for m in ann.private.messages() if TOKEN in m.text]
    assert "Found for rock" in (await stage.say(ann, "rock")).text
    assert TOKEN not in stage.sent()


@pytest.mark.parametrize("text", [f"/set_token {TOKEN}", f"my token: {TOKEN}", f"/help {TOKEN}", "/set_x_token abc"])
async def test_tokens_in_other_words_are_deleted(stage: Stage, ann: Person, text: str) -> None:
    assert "so I deleted it" in (await stage.say(ann, text)).text
    assert not [m for m in ann.private.messages() if not m.from_bot]


async def test_a_token_among_the_words_of_a_group_is_deleted(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Team", admins=[ann], bot_admin=True)
    assert "revoke it" in (await stage.say(ann, f"use {TOKEN}", group)).text
    assert not [m for m in group.messages() if TOKEN in m.text]


@pytest.mark.parametrize("text", ["/set_github_token tok", f"hi {TOKEN}"])
async def test_a_strangers_token_is_deleted(tmp_path: Path, text: str) -> None:
    async with staged(tmp_path, access=INVITED) as stage:
        eve = stage.tg.person("eve")
        group = stage.tg.group("Team", admins=[eve], bot_admin=True)
        for place in (eve.private, group):
            assert "so I deleted it: revoke it" in (await stage.say(eve, text, place)).text
            assert not [m for m in place.messages() if m.text == text]


async def test_a_token_in_a_caption_is_deleted(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("ann")
        group = stage.tg.group("Team", admins=[ann], bot_admin=True)
        sent = await ann.send("/list", group)
        bot = create_bot(stage.tg.token, stage.tg.url, Unpaced())
        found = (await bot.get_updates())[-1]
        assert found.message is not None
        photo = PhotoSize(file_id="1", file_unique_id="1", width=1, height=1)
        captioned = found.message.model_copy(update={"text": None, "caption": f"see {TOKEN}", "photo": [photo]})
        await create_dispatcher(stage.deps).feed_update(bot, Update(update_id=1, message=captioned))
        await bot.session.close()
        assert group.current(sent).deleted
        assert "revoke it" in group.messages()[-1].text


async def test_an_anonymous_administrators_token_is_deleted(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Team", admins=[ann], supergroup=True, bot_admin=True)
    sent = await ann.send(f"/set_github_token {TOKEN}", group, anonymous=True)
    assert "revoke it" in (await group.wait_for()).text
    assert group.current(sent).deleted


async def test_a_deletion_that_fails_does_not_lose_the_token(stage: Stage, ann: Person) -> None:
    stage.tg.server.fail_next("deleteMessage", kind="502")
    await ann.send("/set_github_token tok_ann")
    await ann.private.wait_for(lambda m: "delete it yourself" in m.text, since=0)
    await ann.private.wait_for(lambda m: "You are ann" in m.text, since=0)


async def test_a_token_in_an_edited_message_is_taken_as_one_in_a_new_message(stage: Stage, ann: Person) -> None:
    written = await ann.send("hello")
    await ann.private.wait_for(lambda m: "did not understand" in m.text)
    await ann.edit(written, f"hello, {TOKEN}")
    said = await ann.private.wait_for(lambda m: "looked like a token" in m.text)
    assert "so I deleted it. To set it: /set_github_token" in said.text
    assert ann.private.current(written).deleted
    command = await ann.send("/set_github_token")
    asked = await ann.private.wait_for(lambda m: "Send me a GitHub token" in m.text)
    await ann.edit(command, "/set_github_token tok_ann")
    await ann.private.wait_for(lambda m: "You are ann" in m.text)
    assert ann.private.current(command).deleted
    mark = ann.private.mark()
    other = await ann.send("an innocent word")
    await ann.private.wait_for(since=mark)
    await ann.edit(other, "another innocent word")
    assert "Nothing is open" in (await stage.say(ann, "/cancel")).text
    assert asked.id < ann.private.last.id
    assert not ann.private.current(other).deleted


async def test_the_answer_to_the_question_may_be_an_edited_message(stage: Stage, ann: Person) -> None:
    stage.github.add_token(TOKEN, "ann")
    written = await ann.send("hello")
    await ann.private.wait_for(lambda m: "did not understand" in m.text)
    await stage.say(ann, "/set_github_token")
    await ann.edit(written, TOKEN)
    await ann.private.wait_for(lambda m: "You are ann" in m.text)
    assert ann.private.current(written).deleted
    assert [account.token_last4 for account in await stage.accounts()] == [TOKEN[-4:]]


async def test_a_token_edited_into_a_groups_message_is_deleted_and_called_burnt(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Team", admins=[ann], bot_admin=True)
    written = await ann.send("/status", group)
    await group.wait_for(lambda m: "follows" in m.text)
    await ann.edit(written, f"/status {TOKEN}")
    assert "revoke it" in (await group.wait_for(lambda m: "revoke" in m.text)).text
    assert group.current(written).deleted
