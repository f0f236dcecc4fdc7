"""`/language`: the person's in private, the group's for all of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiogram import Bot
from sqlalchemy import select

from src.bot import language_handlers
from src.bot.deps import Visit
from src.database.models import Chat, User
from src.demo.telegram import Person
from tests.bot_stage import Stage, labels, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


async def spoken(stage: Stage, telegram_id: int) -> str | None:
    """What notifications in this chat are rendered in."""
    async with stage.database.read() as session:
        return await session.scalar(select(Chat.language).where(Chat.telegram_id == telegram_id))


async def chosen(stage: Stage, person: Person) -> str | None:
    async with stage.database.read() as session:
        return await session.scalar(select(User.language).where(User.telegram_id == person.id))


async def test_language_is_chosen_by_its_own_name_and_takes_effect_at_once(stage: Stage) -> None:
    ann = stage.tg.person("Ann")
    asked = await stage.say(ann, "/language")
    assert labels(asked) == ["English", "Русский", "✓ As my Telegram", "Cancel"]
    done = await stage.step(ann, "Русский")
    assert done.id == asked.id
    assert not done.buttons
    assert "Готово" in done.text
    assert (await chosen(stage, ann), await spoken(stage, ann.id)) == ("ru", "ru")
    assert "/subscribe" in (await stage.say(ann, "/help")).text
    assert labels(await stage.say(ann, "/language"))[:2] == ["English", "✓ Русский"]


async def test_as_my_telegram_follows_it_from_then_on(stage: Stage) -> None:
    ann = stage.tg.person("Ann", language="ru")
    await stage.say(ann, "/language")
    await stage.step(ann, "English")
    assert await spoken(stage, ann.id) == "en"
    await stage.say(ann, "/language")
    await stage.step(ann, "As my Telegram")
    assert (await chosen(stage, ann), await spoken(stage, ann.id)) == (None, "ru")
    ann.switch_language("en")
    await stage.say(ann, "/help")
    assert await spoken(stage, ann.id) == "en"


async def test_language_of_a_group_is_its_administrators_to_choose(stage: Stage) -> None:
    ann, bob = stage.tg.person("Ann"), stage.tg.person("Bob")
    team = stage.tg.group("Team", admins=[ann], members=[bob])
    assert "Only an administrator" in (await stage.say(bob, "/language", team)).text
    asked = await stage.say(ann, "/language", team)
    assert labels(asked) == ["✓ English", "Русский", "Cancel"]
    answer = await bob.press("Русский", in_=team)
    assert "Ann" in (answer.text or "")
    await stage.step(ann, "Русский", team)
    assert await spoken(stage, team.id) == "ru"
    assert await chosen(stage, ann) is None
    assert await spoken(stage, ann.id) in (None, "en")


async def test_who_is_no_administrator_any_more_changes_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = stage.tg.person("Ann")
    team = stage.tg.group("Team", admins=[ann])
    await stage.say(ann, "/language", team)

    async def no_longer(_bot: Bot, _visit: Visit) -> bool:
        return False

    monkeypatch.setattr(language_handlers, "administers", no_longer)
    answer = await ann.press("Русский", in_=team)
    assert "Only an administrator" in (answer.text or "")
    assert await spoken(stage, team.id) == "en"


async def test_cancel_leaves_the_language_as_it_is(stage: Stage) -> None:
    ann = stage.tg.person("Ann")
    await stage.say(ann, "/language")
    assert "nothing was changed" in (await stage.step(ann, "Cancel")).text
    assert await spoken(stage, ann.id) == "en"
