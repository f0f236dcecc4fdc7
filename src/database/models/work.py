"""Work to be done, outcomes to be asked about, and what only one process may do."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from src.database.models.base import Base, BigId

_WAITING = text("state = 'new'")


class Job(Base):
    """Work to be done later and once. What is asked for while the same is being done is done once more."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("uq_jobs_waiting_kind_key", "kind", "key", unique=True, sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_jobs_state_run_at", "state", "run_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(128))
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))  # new, taken, done, dead
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    created_at: Mapped[datetime]


class LogEntry(Base):
    """One outcome that a person may ask about."""

    __tablename__ = "event_log"
    __table_args__ = (
        Index("ix_event_log_kind_at", "kind", "at"),
        Index("ix_event_log_delivery_id", "delivery_id"),  # as of events
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32))  # webhook, webhook_error, message, message_error, hook, ...
    outcome: Mapped[str] = mapped_column(String(32))
    hook_id: Mapped[int | None] = mapped_column(ForeignKey("hooks.id", ondelete="SET NULL"))
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("deliveries.id", ondelete="SET NULL"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="SET NULL"))
    message: Mapped[str]


class Lease(Base):
    """Who may do what only one may: the bot and sender of a token."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]
    fence: Mapped[int]
