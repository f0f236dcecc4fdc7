"""What the doctor asks of the database, across aggregates."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Forge, Hook, Lease

# Only what is of the server itself: one statement, and therefore one moment.
_SERVER = text(
    "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number, "
    "current_setting('max_connections')::int AS connections, "
    "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used, "
    "clock_timestamp() AS clock, current_setting('fsync') = 'on' AS fsync, "
    "current_setting('synchronous_commit') <> 'off' AS synchronous"
)


@dataclass(frozen=True, slots=True)
class Server:
    """What a PostgreSQL server says of itself."""

    version: str
    number: int  # the same to compare: 180004 for 18.4
    connections: int  # at most, of all programs
    used: int
    clock: datetime  # aware UTC
    fsync: bool
    synchronous: bool  # whether a commit waits for the disk


async def server(session: AsyncSession) -> Server:
    """Of PostgreSQL alone."""
    row = (await session.execute(_SERVER)).one()
    return Server(
        version=row.version.split()[0],
        number=row.number,
        connections=row.connections,
        used=row.used,
        clock=row.clock.astimezone(UTC),
        fsync=row.fsync,
        synchronous=row.synchronous,
    )


async def accounts(session: AsyncSession) -> Sequence[tuple[Account, Forge]]:
    """Every account with its instance, oldest first."""
    rows = await session.execute(select(Account, Forge).join(Forge, Account.forge_id == Forge.id).order_by(Account.id))
    return [(account, forge) for account, forge in rows]


async def hooks(session: AsyncSession) -> Sequence[Hook]:
    """Every hook that is not removed, oldest first."""
    return (await session.scalars(select(Hook).where(Hook.removed_at.is_(None)).order_by(Hook.id))).all()


async def held_leases(session: AsyncSession, now: datetime) -> Sequence[str]:
    """The names of all leases that somebody holds."""
    return (await session.scalars(select(Lease.name).where(Lease.until > now).order_by(Lease.name))).all()
