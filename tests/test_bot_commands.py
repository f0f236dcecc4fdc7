"""The plain commands, the access list, errors, the menus, and that handlers ask for what there is."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiogram import Dispatcher, Router
from aiogram.exceptions import TelegramConflictError, TelegramUnauthorizedError
from sqlalchemy import select

from src.bot.bot import AccessRule, create_bot, create_dispatcher, poll
from src.database.models import Account, Chat, Project
from src.database.repositories import subscriptions
from src.demo.telegram import Person
from src.webhook.manager import HookManager
from tests.bot_stage import Log, Stage, Unpaced, staged

# What aiogram and our middlewares put before a handler.
KNOWN = {
    "message", "callback", "callback_data", "command", "event", "bot", "state", "raw_state", "deps", "visit", "scene",
    "t", "dialog", "menu", "ask",
}  # fmt: skip


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
def ann(stage: Stage) -> Person:
    return stage.tg.person("ann")


def routers(router: Router) -> Iterator[Router]:
    yield router
    for below in router.sub_routers:
        yield from routers(below)


async def test_every_handler_asks_only_for_arguments_that_exist(stage: Stage) -> None:
    dispatcher: Dispatcher = create_dispatcher(stage.deps)
    seen = 0
    for router in routers(dispatcher):
        for name, observer in router.observers.items():
            for handler in observer.handlers:
                if name == "update":
                    continue  # aiogram's own
                seen += 1
                assert handler.params <= KNOWN, (name, handler.callback)
                if "callback_data" in handler.params or "dialog" in handler.params:
                    assert handler.filters, handler.callback
                if "dialog" in handler.params:
                    gives = str([f.callback for f in handler.filters or []])
                    assert "InDialog" in gives or "_dialog_of" in gives, handler.callback
                if "ask" in handler.params:
                    assert "asks" in str([f.callback for f in handler.filters or []]), handler.callback
                if "menu" in handler.params:
                    assert "InMenu" in str([f.callback for f in handler.filters or []]), handler.callback
    assert seen > 25


async def test_start_help_status_and_unknown_words(stage: Stage, ann: Person) -> None:
    assert "/set_github_token or /set_gitlab_token" in (await stage.say(ann, "/start")).text
    said = await stage.say(ann, "/help")
    for command in ("/start", "/subscribe", "/status", "/cancel", "/set_github_token", "/set_gitlab_token"):
        assert command in said.text
    assert "Nothing yet" in (await stage.say(ann, "/status")).text
    assert "/help" in (await stage.say(ann, "what?")).text
    assert "/help" in (await stage.say(ann, "/what")).text
    assert "Nothing is open" in (await stage.say(ann, "/cancel")).text


async def test_the_person_is_answered_in_russian(stage: Stage) -> None:
    ann = stage.tg.person("ann", language="ru-RU")
    for command in ("/start", "/help", "/status", "/cancel", "/set_github_token", "нет"):
        said = await stage.say(ann, command)
        assert any("а" <= letter <= "я" for letter in said.text.lower()), said.text


async def test_an_unknown_language_is_english(stage: Stage) -> None:
    assert "Hello" in (await stage.say(stage.tg.person("ann", language="zz"), "/start")).text
    assert "Hello" in (await stage.say(stage.tg.person("bob", language=None), "/start")).text


async def test_a_stranger_gets_one_polite_sentence_with_their_number(tmp_path: Path) -> None:
    async with staged(tmp_path, access=AccessRule("list", frozenset({1}), frozenset())) as stage:
        eve = stage.tg.person("eve")
        said = await stage.say(eve, "/start")
        assert said.text.startswith("Sorry, this bot is for invited people only")
        assert str(eve.id) in said.text
        for text in ("hello", "/subscribe"):
            await eve.send(text)
        assert await stage.accounts() == []
        group = stage.tg.group("Team", admins=[eve])
        mark = group.mark()
        await eve.send("hello there", group)
        said = await stage.say(eve, "/start", group)
        await eve.send("/start", group)
        assert str(eve.id) in said.text
        assert len([m for m in group.messages() if m.from_bot and m.revision > mark]) == 1
        await stage.say(eve, "/start", stage.tg.group("Other", admins=[eve]))
        assert len([m for m in group.messages() if m.from_bot and m.revision > mark]) == 1
        assert len([m for m in eve.private.messages() if m.from_bot]) == 1


async def follow_many(stage: Stage, count: int) -> None:
    """The only account's owner has `count` accounts, and the only chat follows as many projects with long names."""
    async with stage.database.write() as session:
        account = (await session.scalars(select(Account))).one()
        chat = (await session.scalars(select(Chat))).one()
        for number in range(count):
            project = Project(
                forge_id=account.forge_id, external_id=f"many-{number}", path=f"acme/{number}-{'🚀' * 100}",
                url=f"https://git.example.org/{number}", private=False,
            )  # fmt: skip
            session.add(project)
            await session.flush()
            await subscriptions.put(
                session, project_id=project.id, chat_id=chat.id, topic_id=0, owner_id=account.user_id,
                account_id=account.id, scope="mine", events=["push"], now=account.checked_at,
            )  # fmt: skip
            session.add(
                Account(
                    user_id=account.user_id, forge_id=account.forge_id, external_user_id=f"many-{number}",
                    login=f"{number}-{'🚀' * 100}", emails=[], token=account.token, token_last4="last", scopes=None,
                    missing=[], checked_at=account.checked_at,
                )
            )  # fmt: skip


async def test_a_long_status_says_how_much_more_there_is(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann)
    await follow_many(stage, 40)
    said = await stage.say(ann, "/status")
    size = len(said.text.encode("utf-16-le")) // 2
    assert 3_500 < size <= 4_000
    own, _, followed = said.text.partition("\n\n")
    assert own.endswith(f"and {41 - own.count('••••')} more")
    assert followed.endswith(f"and {40 - followed.count('• ')} more projects")
    assert own.count("••••") > 5
    assert followed.count("• ") > 5


async def test_status_shows_the_host_where_there_are_several_of_a_kind(tmp_path: Path) -> None:
    async with staged(tmp_path, second_gitlab="https://gitlab.example/git") as stage:
        ann = stage.tg.person("ann")
        await stage.give_token(ann)
        async with stage.database.write() as session:
            account = (await session.scalars(select(Account))).one()
            account.forge_id = stage.deps.instances("gitlab")[1].id
        await stage.give_token(ann)
        async with stage.database.write() as session:
            chat = (await session.scalars(select(Chat))).one()
            project = Project(forge_id=account.forge_id, external_id="9", path="acme/lander", url=None, private=False)
            session.add(project)
            await session.flush()
            await subscriptions.put(
                session, project_id=project.id, chat_id=chat.id, topic_id=0, owner_id=account.user_id,
                account_id=account.id, scope="mine", events=["push"], now=account.checked_at,
            )  # fmt: skip
        said = await stage.say(ann, "/status")
    assert "GitLab (gitlab.example/git): ann · " in said.text
    assert "GitHub: ann · " in said.text
    assert "• GitLab (gitlab.example/git) acme/lander: " in said.text


async def test_who_is_on_the_list_may_use_the_bot(tmp_path: Path) -> None:
    rule = AccessRule("list", frozenset({1}), frozenset({2}))
    assert [rule.admits(number) for number in (1, 2, 3)] == [True, True, False]
    assert AccessRule("open").admits(3)


async def test_an_unexpected_error_is_told_with_a_number_that_the_log_has(
    stage: Stage, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = "".join(["tok", "_", "ann"])

    async def broken(*_: object) -> None:
        raise RuntimeError(hidden)

    log = Log()
    logging.getLogger("src.bot").addHandler(log)
    monkeypatch.setattr(HookManager, "ensure", broken)
    await stage.give_token(ann)
    await stage.to_summary(ann)
    mark = ann.private.mark()
    await ann.press("Confirm")
    said = await ann.private.wait_for(lambda m: "Something went wrong" in m.text, since=mark)
    logging.getLogger("src.bot").removeHandler(log)
    number = said.text.rsplit(" ", 1)[-1]
    (line,) = log.lines
    assert f"[{number}]: RuntimeError" in line
    assert "tok_ann" not in line
    assert "nothing was changed" in (await stage.say(ann, "/cancel")).text


async def test_a_restart_repeats_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.tg.person("ann")
        await stage.say(ann, "/start")
        stage.tg.server.hold("sendMessage", "before")
        await ann.send("/help")
        await stage.tg.server.wait_for_held()
        asyncio.get_running_loop().call_later(0.1, stage.tg.server.release)
    calls = stage.tg.server.calls
    assert (calls[-1].method, calls[-1].form["timeout"]) == ("getUpdates", "0")
    assert calls[-1].ok
    assert len(stage.tg.server.requests_for("sendMessage")) == 2


async def test_a_token_that_telegram_refuses_ends_the_bot(stage: Stage) -> None:
    bot = create_bot("42:another", stage.tg.url, Unpaced())
    with pytest.raises(TelegramUnauthorizedError):
        await poll(bot, create_dispatcher(stage.deps), asyncio.Event())
    await bot.session.close()


async def test_a_second_poller_ends_one_of_the_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.bot.polling._FIRST_PAUSE", 0.01)
    stop = asyncio.Event()
    async with staged(tmp_path, polled=False) as stage:

        async def polled() -> None:
            bot = create_bot(stage.tg.token, stage.tg.url, Unpaced())
            try:
                await poll(bot, create_dispatcher(stage.deps), stop)
            finally:
                stop.set()
                await bot.session.close()

        ends = await asyncio.gather(polled(), polled(), return_exceptions=True)
    assert [type(end) for end in ends if end is not None] == [TelegramConflictError]
