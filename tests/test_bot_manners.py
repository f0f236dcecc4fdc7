"""Manners: what Telegram shows of the bot, in each language, and what it costs to keep it so."""

import logging
from pathlib import Path

from src.bot.bot import create_bot
from src.bot.profile import publish, publish_in_chat
from src.demo.telegram import TelegramEmulator
from tests.bot_stage import Log, Unpaced, staged

PRIVATE, GROUPS = '{"type": "all_private_chats"}', '{"type": "all_group_chats"}'


def commands(tg: TelegramEmulator, scope: str, language: str = "") -> dict[str, str]:
    """The menu that Telegram has for this scope and language."""
    found = tg.server._world.commands[scope, language]
    return {str(item["command"]): str(item["description"]) for item in found}


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


async def test_a_profile_that_cannot_be_set_is_logged_and_no_more(tmp_path: Path) -> None:
    log = Log()
    async with staged(tmp_path, polled=False) as stage:
        bot = create_bot(stage.tg.token, stage.tg.url, Unpaced())
        stage.tg.server.fail_next("getMyDescription", kind="500", times=2)
        logging.getLogger("src.bot.profile").addHandler(log)
        await publish(bot, stage.deps)
        logging.getLogger("src.bot.profile").removeHandler(log)
        await bot.session.close()
    assert len(log.lines) == 2
    assert stage.tg.token not in "".join(log.lines)
