"""What the bot says of projects that are looked at: when they are chosen, in `/status`, and where POLL is off."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from src.database.models import Chat, Hook, Poll, Project, User, utc_now
from src.database.repositories import polls
from src.demo.telegram import Person
from tests.bot_stage import Stage, polling, staged
from tests.phone import LINES, lines_of


async def _looked_at(stage: Stage, error: str | None = None) -> None:
    """A look was there."""
    now = utc_now()
    async with stage.database.write() as session:
        project = (await session.scalars(select(Project))).one()
        hook = Hook(
            public_id="p", forge_id=project.forge_id, project_id=project.id, origin=polls.ORIGIN, secret=b"x",
            events=[], created_at=now,
        )  # fmt: skip
        await polls.begin(session, project, hook, seconds=180, now=now, fresh_since=now)
        ago = now - timedelta(minutes=2, seconds=5)
        await session.execute(update(Poll).values(looked_at=ago, error=error))


async def _chosen(stage: Stage, person: Person, language: str = "en") -> None:
    await stage.give_token(person)
    await stage.subscribe(person)
    async with stage.database.write() as session:
        await session.execute(update(Chat).values(language=language))
        await session.execute(update(User).values(language=language))


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "👁 looked at every 3 minutes, last 2 min ago"), ("ru", "👁 заглядываю раз в 3 минуты")],
)
async def test_status_says_how_often_a_project_is_looked_at(tmp_path: Path, language: str, said: str) -> None:
    async with staged(tmp_path, public_url=None) as stage:
        ann = stage.tg.person("Ann")
        await _chosen(stage, ann, language)
        await _looked_at(stage)
        found = await stage.say(ann, "/status")
        assert said in found.text
        assert "webhook" not in found.text
        assert lines_of(found) <= LINES


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_status_says_why_a_look_fails(tmp_path: Path, language: str) -> None:
    async with staged(tmp_path, public_url=None) as stage:
        ann = stage.tg.person("Ann")
        await _chosen(stage, ann, language)
        await _looked_at(stage, "no token that I have reads this project")
        found = await stage.say(ann, "/status")
        assert "⚠" in found.text
        assert "no token that I have reads this project" in found.text
        assert lines_of(found) <= LINES


async def test_who_subscribes_without_an_address_is_told_that_the_project_is_looked_at(tmp_path: Path) -> None:
    async with staged(tmp_path, public_url=None) as stage:
        ann = stage.tg.person("Ann")
        await stage.give_token(ann)
        said = await stage.subscribe(ann)
        assert "I look at it about once a minute" in said.text
        assert "secret" not in said.text.casefold()
        assert lines_of(said) <= LINES


async def test_nothing_is_said_of_looks_where_polling_is_switched_off(tmp_path: Path) -> None:
    """Though they were there before."""
    async with staged(tmp_path, public_url=None, polled=False) as stage:
        ann = stage.tg.person("Ann")
        async with polling(stage.tg, stage.deps):
            await _chosen(stage, ann)
            await _looked_at(stage)
        async with polling(stage.tg, replace(stage.deps, polls=False)):
            found = await stage.say(ann, "/status")
            assert "👁" not in found.text
            assert "👁" not in (await stage.say(ann, "/list")).text
