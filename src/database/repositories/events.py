"""Events: what deliveries mean, each happening once."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import StoredEvent
from src.database.upsert import insert_if_new
from src.events import SCHEMA_VERSION, Event, PipelineEvent, PipelineStatus, dump

_SERIES = 500  # characters: an index of PostgreSQL takes some 2,700 bytes


async def put(
    session: AsyncSession, event: Event, *, project_id: int, delivery_id: int | None, now: datetime
) -> int | None:
    """Store an event; its id. `None`: another delivery told of this happening already.

    The delivery that stored it first gets it back when it comes again, to finish what it could not; so does what is
    told of without a delivery.
    """
    happening = _happening_key(project_id, event)
    connection = await session.connection()  # past the session: nobody needs the row itself
    row = {
        "delivery_id": delivery_id,
        "project_id": project_id,
        "happening_key": happening,
        "name": event.names[0],
        "subject_key": event.subject.key[:320],
        "aspect": event.aspect,
        "series": series(event),
        "schema_version": SCHEMA_VERSION,
        "body": dump(event),
        "occurred_at": event.occurred_at,
        "object_updated_at": event.object_updated_at,
        "created_at": now,
    }
    inserted: int | None = await connection.scalar(insert_if_new(session, StoredEvent).returning(StoredEvent.id), row)
    if inserted is not None:
        return inserted
    return await session.scalar(
        select(StoredEvent.id).where(StoredEvent.happening_key == happening, StoredEvent.delivery_id == delivery_id)
    )


async def get(session: AsyncSession, event_id: int) -> StoredEvent:
    """One stored event."""
    return await session.get_one(StoredEvent, event_id)


async def happened(session: AsyncSession, project_id: int, happening: str) -> StoredEvent | None:
    """The event of this happening."""
    key = f"{project_id}:{happening}"[:256]
    return await session.scalar(select(StoredEvent).where(StoredEvent.happening_key == key))


async def last_of(session: AsyncSession, project_id: int, subject_key: str) -> StoredEvent | None:
    """What was last heard of a subject."""
    query = select(StoredEvent).where(StoredEvent.project_id == project_id, StoredEvent.subject_key == subject_key)
    return await session.scalar(query.order_by(StoredEvent.id.desc()).limit(1))


async def last_pipeline_status(session: AsyncSession, event: PipelineEvent, project_id: int) -> PipelineStatus | None:
    """How the last finished pipeline of the same workflow and branch, before this one, ended."""
    row = series(event)
    if row is None:
        return None
    finished = [f"pipeline.{status}" for status in PipelineStatus if status.is_bad or status is PipelineStatus.SUCCESS]
    query = (
        select(StoredEvent.name)
        .where(
            StoredEvent.project_id == project_id,
            StoredEvent.series == row,
            # A run that is tried again keeps its number: only this very happening is left out.
            StoredEvent.happening_key != _happening_key(project_id, event),
            StoredEvent.name.in_(finished),
            *([] if event.object_updated_at is None else [StoredEvent.object_updated_at <= event.object_updated_at]),
        )
        .order_by(StoredEvent.object_updated_at.desc(), StoredEvent.id.desc())
        .limit(1)
    )
    name = await session.scalar(query)
    return None if name is None else PipelineStatus(name.removeprefix("pipeline."))


def _happening_key(project_id: int, event: Event) -> str:
    return f"{project_id}:{event.happening}"[:256]


def series(event: Event) -> str | None:
    """The row of pipelines that this one belongs to: a failure there is what a success can fix."""
    if not isinstance(event, PipelineEvent) or event.refs.branch is None:
        return None
    return f"{event.workflow or ''}@{event.refs.branch}{' child' if event.child else ''}"[:_SERIES]
