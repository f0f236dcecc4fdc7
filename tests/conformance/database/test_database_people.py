"""What is promised to people, on both databases: forgotten means gone, old means gone, and keys can change."""

from datetime import timedelta

from cryptography.fernet import Fernet
from sqlalchemy import func, select

from src.database import retention
from src.database.crypto import SecretBox
from src.database.key_rotation import renew, survey
from src.database.models import Account, Base, Delivery, Hook, LogEntry
from src.database.repositories import dialogs, erasure, event_log
from tests.conformance.database.cast import NOON, Ground


async def texts(ground: Ground) -> str:
    """All that is stored, as text."""
    found = []
    async with ground.database.read() as session:
        for table in Base.metadata.sorted_tables:
            rows = await session.execute(select(*table.columns))
            found += [f"{table.name}: {row}" for row in rows]
    return "\n".join(found)


async def test_who_is_forgotten_leaves_no_row(ground: Ground) -> None:
    async with ground.database.write() as session:
        await dialogs.put_data(session, "42:7:0:7:default", {"asked": "of Ann"}, NOON)
    assert "Ann" in await texts(ground)
    async with ground.database.write() as session:
        forgotten = await erasure.forget_person(session, ground.user_id, NOON)
    assert (forgotten.tokens, forgotten.subscriptions) == (1, 1)
    left = await texts(ground)
    for table in ("users", "accounts", "subscriptions", "messages", "sent", "mutes", "dialogs"):
        assert f"{table}: " not in left
    assert "Ann" not in left


async def test_what_has_outlived_its_time_goes(ground: Ground) -> None:
    await ground.deliver(*(f"k{number}" for number in range(20)))
    async with ground.database.write() as session:
        await event_log.add(session, kind="webhook", outcome="done", message="old", now=NOON)
    assert await retention.expire(ground.database, NOON + retention.BODIES_KEPT + timedelta(days=1))
    async with ground.database.read() as session:
        bodies = select(func.count()).select_from(Delivery).where(Delivery.body.is_not(None))
        assert await session.scalar(bodies) == 0
        assert await session.scalar(select(func.count()).select_from(Delivery)) == 20  # still known if it comes again
    assert await retention.expire(ground.database, NOON + retention.LOG_KEPT + timedelta(days=1))
    async with ground.database.read() as session:
        for table in (Delivery, LogEntry):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_all_that_is_encrypted_is_brought_under_another_key(ground: Ground) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    async with ground.database.write() as session:
        (account,) = await session.scalars(select(Account))
        account.token = SecretBox([old]).seal("token")
        (hook,) = await session.scalars(select(Hook))
        hook.secret = SecretBox([old]).seal("secret")
    both = SecretBox([new, old])
    assert (await survey(ground.database, both)).older == 2
    assert (await renew(ground.database, both)).total == 2
    async with ground.database.read() as session:
        (account,) = await session.scalars(select(Account))
        assert SecretBox([new]).open(account.token) == "token"
