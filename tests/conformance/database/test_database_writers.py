"""Twenty at once, on both databases: alone or shared, nothing is lost, doubled or deadlocked."""

import asyncio

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from src.database.database import Database
from src.database.models import Chat, Delivery, Job, Lease, Subscription, User
from src.database.repositories import deliveries, forges, jobs, leases, subscriptions, users
from tests.conformance.database.cast import LEASE, NOON, Ground

MANY = 20


async def test_alone_means_alone(database: Database) -> None:
    """What was read stays true until it is written, also for two processes."""
    other = Database(database.url)
    async with database.write() as session:
        await users.ensure_user(session, 7, name="0", language=None, now=NOON)

    async def add(each: Database) -> None:
        async with each.write() as session:
            user = (await session.scalars(select(User))).one()
            await asyncio.sleep(0)
            user.name = str(int(user.name) + 1)

    await asyncio.gather(*(add(each) for each in (database, other) for _ in range(MANY // 2)))
    await other.close()
    async with database.read() as session:
        assert await session.scalar(select(User.name)) == str(MANY)


async def test_shared_ones_do_not_run_beside_one_that_is_alone(database: Database) -> None:
    running: list[str] = []
    seen: list[tuple[str, ...]] = []

    async def work(kind: str) -> None:
        async with database.write(shared=kind == "shared") as session:
            await session.execute(text("SELECT 1"))
            running.append(kind)
            await asyncio.sleep(0.005)
            seen.append(tuple(running))
            running.remove(kind)

    await asyncio.gather(*(work(kind) for kind in ["shared", "alone"] * (MANY // 2)))
    assert len(seen) == MANY
    assert all("alone" not in together or len(together) == 1 for together in seen)


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
async def test_twenty_ask_for_the_same_job(database: Database, shared: bool) -> None:
    async def ask() -> bool:
        async with database.write(shared=shared) as session:
            return await jobs.put(session, "bake", "bread", now=NOON)

    assert sum(await asyncio.gather(*(ask() for _ in range(MANY)))) == 1
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Job)) == 1


async def test_twenty_want_the_same_lease(database: Database) -> None:
    async def acquire(owner: str) -> int | None:
        async with database.write(shared=True) as session:
            return await leases.acquire(session, "telegram:42", owner=owner, now=NOON, term=LEASE)

    fences = await asyncio.gather(*(acquire(f"process {number}") for number in range(MANY)))
    assert sorted(fence for fence in fences if fence is not None) == [1]
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Lease)) == 1


async def test_twenty_claim_and_each_delivery_is_one_s(ground: Ground) -> None:
    others = [await ground.add_hook(f"more{number}") for number in range(MANY)]
    for hook_id in others:
        await ground.deliver("a", "b", hook_id=hook_id)

    async def claim(owner: str) -> list[int]:
        async with ground.database.write(shared=True) as session:
            found = await deliveries.claim(session, owner=owner, now=NOON, lease=LEASE, limit=4)
            return [row.id for row in found]

    taken = [number for each in await asyncio.gather(*(claim(f"w{n}") for n in range(MANY))) for number in each]
    assert len(taken) == len(set(taken))
    async with ground.database.read() as session:
        rows = (await session.scalars(select(Delivery).where(Delivery.state == "taken"))).all()
    owners: dict[int, set[str | None]] = {}
    for row in rows:
        owners.setdefault(row.hook_id, set()).add(row.lease_owner)
    assert sorted(taken) == sorted(row.id for row in rows)
    assert all(len(of_hook) == 1 for of_hook in owners.values())  # that keeps a hook's order


async def test_twenty_copies_of_one_delivery_are_one(ground: Ground) -> None:
    await asyncio.gather(*(ground.deliver("a") for _ in range(MANY)))
    async with ground.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Delivery)) == 1


async def test_twenty_make_the_same_rows(ground: Ground) -> None:
    """What is found or made, found or changed: forges, people, chats, subscriptions."""

    async def make(number: int) -> None:
        async with ground.database.write() as session:
            await forges.ensure(session, "gitlab", "https://gitlab.example.org")
            user = await users.ensure_user(session, 8, name=f"Bob {number}", language=None, now=NOON)
            chat = await users.ensure_chat(session, 8, type_="private", title="Bob", language=None)
            await subscriptions.put(
                session, project_id=ground.project_id, chat_id=chat.id, topic_id=0, owner_id=user.id,
                account_id=ground.account_id, scope="mine", events=["push"], now=NOON,
            )  # fmt: skip

    await asyncio.gather(*(make(number) for number in range(MANY)))
    async with ground.database.read() as session:
        for table in (User, Chat, Subscription):
            assert await session.scalar(select(func.count()).select_from(table)) == 2


async def test_a_reader_sees_one_moment_and_cannot_write(ground: Ground) -> None:
    async with ground.database.read() as session:
        before = await session.scalar(select(func.count()).select_from(User))
        async with ground.database.write() as writing:
            await users.ensure_user(writing, 8, name="Bob", language=None, now=NOON)
        assert await session.scalar(select(func.count()).select_from(User)) == before
    with pytest.raises(DBAPIError):
        async with ground.database.read() as session:
            await session.execute(text("DELETE FROM subscriptions"))


async def test_what_fails_half_way_leaves_nothing(ground: Ground) -> None:
    async def half() -> None:
        async with ground.database.write() as session:
            await users.ensure_user(session, 8, name="Bob", language=None, now=NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await half()
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"):
        async with ground.database.write() as session:
            await session.execute(text("UPDATE subscriptions SET owner_id = 999"))
    async with ground.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 1
