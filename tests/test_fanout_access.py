"""A private project with many followers: each account is asked about once, a few at a time; nobody waits for long."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from src.database import migrate
from src.database.credentials import Credentials
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Account, utc_now
from src.database.repositories import hooks
from src.events import Event
from src.forges import FORGE_TYPES
from src.webhook.enrich import Enricher, Scene
from src.webhook.fanout import Plan
from src.webhook.inbox import decompress
from src.webhook.planning import Planner
from tests.crowd import Crowd, claimed, gather, post
from tests.databases import url_in

PEOPLE = 200


class Slow(Enricher):
    """A forge that takes its time; everybody but every tenth may read."""

    def __init__(self, database: Database, seconds: float) -> None:
        super().__init__(
            database, Credentials(FORGE_TYPES, {}, SecretBox([Fernet.generate_key().decode()])), clock=utc_now
        )
        self.seconds = seconds
        self.asked: list[int] = []
        self.at_once = self.most_at_once = 0

    async def may_read(self, account: Account | None, event: Event, scene: Scene) -> bool:
        assert account is not None
        self.asked.append(account.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        return account.id % 10 != 0


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[tuple[Database, Crowd]]:
    database = Database(url_in(tmp_path))
    try:
        await migrate.upgrade(database)
        crowd = await gather(database, PEOPLE, private=True)
        await post(database, crowd.hook_ids, 1, 1, fixture="github/pull_request__opened_private")
        yield database, crowd
    finally:
        await database.close()


async def plan(database: Database, enricher: Enricher, patience: float) -> Plan:
    (delivery,) = await claimed(database)
    events = FORGE_TYPES["github"].codec.parse(delivery.headers, decompress(delivery.body or b""))
    async with database.read() as session:
        hook = await hooks.get(session, delivery.hook_id)
    (made,) = await Planner(database, enricher, timedelta(seconds=patience)).plan(delivery, hook, events, utc_now())
    return made


async def test_each_account_is_asked_about_once_and_a_few_at_a_time(stored: tuple[Database, Crowd]) -> None:
    forge = Slow(stored[0], 0.001)
    made = await plan(stored[0], forge, patience=60)
    assert sorted(forge.asked) == sorted(stored[1].chat_ids)  # a follower's account has the number of the chat
    assert 1 < forge.most_at_once <= 16
    assert (len(made.told), made.refused, made.pending) == (PEOPLE * 9 // 10, PEOPLE // 10, 0)


async def test_a_slow_forge_leaves_the_rest_for_the_next_try(stored: tuple[Database, Crowd]) -> None:
    forge = Slow(stored[0], 0.05)
    made = await plan(stored[0], forge, patience=0)
    assert forge.asked == []
    assert (len(made.told), made.refused, made.pending) == (0, 0, PEOPLE)
    assert made.again_at is not None
