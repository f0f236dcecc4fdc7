"""Manners: what Telegram shows of the bot, in each language, and what it costs to keep it so."""

import json
import logging
from pathlib import Path
from typing import Literal

import pytest

from src.bot.access import AccessRule, first_code
from src.bot.bot import create_bot
from src.bot.profile import publish, publish_in_chat
from src.demo.telegram import Chat, TelegramEmulator
from tests.bot_stage import Log, Unpaced, staged

PRIVATE, GROUPS = '{"type": "all_private_chats"}', '{"type": "all_group_chats"}'


def commands(tg: TelegramEmulator, scope: str, language: str = "") -> dict[str, str]:
    """The menu that Telegram has for this scope and language."""
    found = tg.server._world.commands[scope, language]
    return {str(item["command"]): str(item["description"]) for item in found}


def commands_of_chat(tg: TelegramEmulator, chat: Chat) -> dict[str, str]:
    """The menu that a chat has for itself; empty where it has none."""
    scope = json.dumps({"type": "chat", "chat_id": chat.id})
    return commands(tg, scope) if (scope, "") in tg.server._world.commands else {}


async def test_commands_description_and_short_description_per_language(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        bot = create_bot(stage.tg.token, stage.tg.url, Unpaced())
        await publish(bot, stage.deps)
        english, russian = commands(stage.tg, PRIVATE), commands(stage.tg, PRIVATE, "ru")
        about = stage.tg.server._world.about
        await bot.session.close()
    assert english["subscribe"] == "Follow a project here"
    assert list(russian) == list(english)
    assert all(russian[command] != english[command] for command in english)
    assert {"set_github_token", "set_gitlab_token", "delete_me"} <= set(english)
    in_groups = set(commands(stage.tg, GROUPS))
    assert {"subscribe", "unsubscribe", "cancel"} <= in_groups
    assert in_groups.isdisjoint({"set_github_token", "delete_me", "invite"})
    for field in ("description", "short_description"):
        assert about[field, ""] != about[field, "ru"]


async def test_a_second_start_writes_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        bot = create_bot(stage.tg.token, stage.tg.url, Unpaced())
        await publish(bot, stage.deps)
        before = len(stage.tg.server.calls)
        await publish(bot, stage.deps)
        again = {call.method for call in stage.tg.server.calls[before:]}
        await bot.session.close()
    assert again == {"getMyCommands", "getMyDescription", "getMyShortDescription"}


async def test_an_admins_menu_has_the_admins_commands_and_a_group_its_own_language(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        bot = create_bot(stage.tg.token, stage.tg.url, Unpaced())
        ann = stage.tg.person("Ann")
        await ann.send("hello")
        group = stage.tg.group("Team", admins=[ann])
        await publish_in_chat(bot, stage.deps, ann.id, language=None, private=True, admin=True)
        await publish_in_chat(bot, stage.deps, group.id, language="ru", private=False, admin=False)
        scopes = {scope: names for (scope, _), names in stage.tg.server._world.commands.items()}
        assert len(scopes) == 2
        own = commands(stage.tg, f'{{"type": "chat", "chat_id": {ann.id}}}')
        team = commands(stage.tg, f'{{"type": "chat", "chat_id": {group.id}}}')
        assert {"invite", "people", "rotate"} <= set(own)
        assert "invite" not in team
        assert team["help"] == "Все команды"
        await publish_in_chat(bot, stage.deps, group.id, language=None, private=False, admin=False)
        assert len(stage.tg.server._world.commands) == 1
        await bot.session.close()


@pytest.mark.parametrize("kind", ["500", "502"])
async def test_a_profile_that_cannot_be_set_is_logged_and_no_more(tmp_path: Path, kind: Literal["500", "502"]) -> None:
    log = Log()
    async with staged(tmp_path, polled=False) as stage:
        bot = create_bot(stage.tg.token, stage.tg.url, Unpaced())
        stage.tg.server.fail_next("getMyDescription", kind=kind, times=2)
        logging.getLogger("src.bot.profile").addHandler(log)
        await publish(bot, stage.deps)
        logging.getLogger("src.bot.profile").removeHandler(log)
        await bot.session.close()
    assert len(log.lines) == 2
    assert stage.tg.token not in "".join(log.lines)


async def test_the_commands_of_a_chat_follow_the_language_that_it_chooses(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.tg.person("Ann")
        team = stage.tg.group("Team", admins=[ann])
        for place, first in ((ann.private, "Что умеет этот бот"), (team, "Что умеет этот бот")):
            await stage.say(ann, "/language", place)
            await stage.step(ann, "Русский", place)
            assert commands_of_chat(stage.tg, place)["start"] == first
        await stage.say(ann, "/language")
        await stage.step(ann, "Как в Telegram")
        assert commands_of_chat(stage.tg, ann.private) == {}
        assert commands_of_chat(stage.tg, team)


async def test_who_becomes_an_admin_sees_the_admins_commands_until_they_are_out(tmp_path: Path) -> None:
    async with staged(tmp_path, access=AccessRule()) as stage:
        ann = stage.tg.person("Ann", language="ru")
        code = await first_code(stage.database, stage.deps.access, stage.deps.clock())
        await stage.say(ann, f"/start {code}")
        own = commands_of_chat(stage.tg, ann.private)
        assert own["invite"] == "Пригласить кого-нибудь"
        assert {"people", "rotate", "subscribe"} <= set(own)
        await stage.say(ann, "/language")
        await stage.step(ann, "English")
        assert commands_of_chat(stage.tg, ann.private)["invite"] == "Let somebody in"
        await stage.say(ann, "/delete_me")
        await ann.press("Delete everything")
        await ann.private.wait_for(lambda message: "Deleted:" in message.text)
        assert commands_of_chat(stage.tg, ann.private) == {}


async def test_each_press_is_answered_once(tmp_path: Path) -> None:
    """On the shortest way through each dialog; the walk presses every button there is."""
    async with staged(tmp_path) as stage:
        ann = stage.tg.person("Ann")
        await stage.give_token(ann)
        await stage.subscribe(ann)
        presses = 4
        for command, *buttons in (
            ("/list_subscriptions", "acme/rocket", "1 hour", "Resume", "Change events", "Cancel"),
            ("/notifications", "All subscriptions here", "All silent", "Save"),
            ("/status", "Webhooks…", "acme/rocket", "Close"),
            ("/language", "English"),
            ("/unsubscribe", "acme/rocket", "Stop following"),
            ("/delete_me", "Cancel"),
        ):
            await stage.say(ann, command)
            for button in buttons:
                await stage.step(ann, button)
                presses += 1
        answered = [c.form["callback_query_id"] for c in stage.tg.server.calls if c.method == "answerCallbackQuery"]
        assert len(answered) == len(set(answered)) == presses


@pytest.mark.parametrize(
    ("command", "buttons"),
    [
        ("/subscribe", ("GitHub", "acme/rocket", "Continue", "Confirm")),
        ("/notifications", ("All subscriptions here", "All silent", "Save")),
        ("/list_subscriptions", ("acme/rocket", "Remove", "Stop following")),
        ("/unsubscribe", ("acme/rocket", "Stop following")),
        ("/language", ("English",)),
    ],
)
async def test_in_a_group_a_reaction_on_the_command_says_that_it_is_done(
    tmp_path: Path, command: str, buttons: tuple[str, ...]
) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.tg.person("Ann")
        team = stage.tg.group("Team", admins=[ann])
        await stage.give_token(ann)
        if command != "/subscribe":
            await stage.subscribe(ann, in_=team)
        sent = await ann.send(command, team)
        shown = await team.wait_for(lambda message: message.reply_to == sent.id)
        for button in buttons:
            assert team.current(sent).reactions == ()
            await stage.step(ann, button, team)
        await team.wait_for(lambda message: message.id == sent.id and message.reactions == ("👌",))
        assert [message.id for message in team.messages() if message.from_bot and message.id >= shown.id] == [shown.id]


@pytest.mark.parametrize("is_forbidden", [True, False])
async def test_where_no_reaction_may_be_set_words_say_it_and_a_finished_dialog_stands(
    tmp_path: Path, is_forbidden: bool
) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.tg.person("Ann")
        team = stage.tg.group("Team", admins=[ann])
        await stage.give_token(ann)
        await stage.to_events(ann, in_=team)
        if is_forbidden:
            team.forbid_reactions()
        else:
            stage.tg.server.fail_next("setMessageReaction", kind="502", times=2)
        said = await stage.say(ann, "/cancel", team)
        assert said.text == "Cancelled: nothing was changed."
        done = await stage.subscribe(ann, in_=team)
        assert "is followed here now" in done.text
        await stage.say(ann, "/help", team)
        assert "Something went wrong" not in stage.sent()


async def test_in_private_a_cancel_is_said_and_nothing_reacted_to(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.tg.person("Ann")
        await stage.give_token(ann)
        await stage.to_events(ann)
        assert (await stage.say(ann, "/cancel")).text == "Cancelled: nothing was changed."
        assert "setMessageReaction" not in {call.method for call in stage.tg.server.calls}


async def test_a_cancel_does_not_say_that_nothing_was_changed_where_something_was(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.tg.person("Ann")
        await stage.give_token(ann)
        await stage.subscribe(ann)
        await stage.say(ann, "/list_subscriptions")
        await stage.step(ann, "acme/rocket")
        await stage.step(ann, "1 hour")
        assert (await stage.say(ann, "/cancel")).text == "Closed."
