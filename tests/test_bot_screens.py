"""No message of the bot is longer than a phone's screen, however much there is to say."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from src.bot.bot import AccessRule
from src.database.models import Account, Hook, User, utc_now
from src.database.repositories import accounts
from src.demo.telegram import Message, Person
from src.forge import Identity
from tests.bot_stage import Stage, staged
from tests.notified import follow
from tests.phone import LINES, lines_of

SCOPES = ("admin:org_hook", "admin:repo_hook", "notifications", "read:user", "repo", "workflow")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, access=AccessRule("open", admin_ids=frozenset(range(10**10)))) as found:
        yield found


@pytest.fixture(params=["en", "ru"])
def ann(stage: Stage, request: pytest.FixtureRequest) -> Person:
    return stage.tg.person("Ann", language=request.param)


async def many_accounts(stage: Stage, person: Person) -> None:
    async with stage.database.write() as session:
        user = (await session.scalars(select(User).where(User.telegram_id == person.id))).one()
        for number in range(8):
            identity = Identity(
                id=f"number {number}", login=f"a-long-login-{number}", scopes=frozenset(SCOPES), missing=SCOPES[:3]
            )
            await accounts.put(
                session, user_id=user.id, forge_id=stage.deps.forges[0].id, identity=identity, token=b"sealed",
                last4="1234", now=utc_now(),
            )  # fmt: skip


async def many_subscriptions(stage: Stage, person: Person) -> None:
    for number in range(30):
        await follow(stage, person, f"an-organisation/with-a-project-{number}")


async def test_help_of_an_admin(stage: Stage, ann: Person) -> None:
    print(lines_of(await stage.say(ann, "/help")))


async def test_privacy(stage: Stage, ann: Person) -> None:
    print(lines_of(await stage.say(ann, "/privacy")))


async def test_status_of_many_accounts_and_subscriptions(stage: Stage, ann: Person) -> None:
    await stage.say(ann, "/start")
    await many_accounts(stage, ann)
    await many_subscriptions(stage, ann)
    print(lines_of(await stage.say(ann, "/status")))
    print(lines_of(await stage.step(ann, {"en": "Webhooks…", "ru": "Вебхуки…"}[ann.language or ""])))
