"""The way of a delivery: what came, what it means, what is told, what was told."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.database.models.base import Base, BigId, partial_index

_TAKEN_WITH_CONTENT = "state <> 'new' AND replay_key IS NOT NULL"


class Delivery(Base):
    """One HTTP request from a forge, as it came."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("hook_id", "key"),
        # Of what a worker has taken, and nothing that only came: a hash belongs on any page of an index, and to write
        # to it costs about as much as all else of an insert. Those who wait for their answer are spared that.
        partial_index("ix_deliveries_replay", "hook_id", "replay_key", rows=_TAKEN_WITH_CONTENT),
        # What is done is most of it and nobody looks for it: what waits is found at once, however much was stored.
        partial_index("ix_deliveries_new", "hook_id", "id", "not_before", rows="state = 'new'"),
        partial_index("ix_deliveries_taken", "lease_until", "hook_id", rows="state = 'taken'"),
        partial_index("ix_deliveries_failed", "state", "received_at", rows="state IN ('failed', 'quarantined')"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    hook_id: Mapped[int] = mapped_column(ForeignKey("hooks.id"))
    key: Mapped[str] = mapped_column(String(128))
    replay_key: Mapped[str | None] = mapped_column(String(64))
    event: Mapped[str] = mapped_column(String(128))  # the forge's name of the event, for logs
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes | None]  # zstd; emptied by retention
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))  # new, taken, done, ignored, unknown, quarantined, failed
    not_before: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]


class Missed(Base):
    """A delivery that the forge tells of and that never came; or a while of which the forge itself knows nothing."""

    __tablename__ = "missed"
    __table_args__ = (
        UniqueConstraint("hook_id", "key"),
        Index("ix_missed_told_at_state", "told_at", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    hook_id: Mapped[int] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(128))
    attempt: Mapped[str | None] = mapped_column(String(64))  # the forge's id of what to repeat; none: it keeps nothing
    content: Mapped[str | None] = mapped_column(String(64))  # a digest, where the forge shows what it sent
    state: Mapped[str] = mapped_column(String(16))  # open, recovered, lost, gap
    tries: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime | None]  # when the forge was last asked to repeat it
    noticed_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]  # since when its hook's owner knows that it is lost


class StoredEvent(Base):
    """What a delivery means, once however many deliveries tell of it."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_project_id_subject_key_aspect", "project_id", "subject_key", "aspect"),
        Index("ix_events_delivery_id", "delivery_id"),  # for the end of deliveries
        partial_index("ix_events_series", "project_id", "series", "object_updated_at", rows="series IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("deliveries.id", ondelete="SET NULL"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    happening_key: Mapped[str] = mapped_column(String(256), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    subject_key: Mapped[str] = mapped_column(String(320))
    aspect: Mapped[str | None] = mapped_column(String(32))
    series: Mapped[str | None]  # of pipelines, workflow and branch: what "fixed" looks back on
    schema_version: Mapped[int]
    body: Mapped[str]
    occurred_at: Mapped[datetime | None]
    object_updated_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Message(Base):
    """An event on its way to one recipient."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("event_id", "chat_id", "topic_id", "op"),
        Index("ix_messages_chat_id_state", "chat_id", "state"),
        Index("ix_messages_coalesce_key", "coalesce_key"),
        Index("ix_messages_subscription_id", "subscription_id"),  # for the end of subscriptions
        # As of deliveries.
        partial_index("ix_messages_unfinished", "chat_id", "id", rows="state IN ('new', 'sending')"),
        partial_index("ix_messages_dead", "created_at", rows="state = 'dead'"),
        partial_index("ix_messages_sent_at", "sent_at", rows="sent_at IS NOT NULL"),  # for a sender that takes over
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"))
    topic_id: Mapped[int] = mapped_column(default=0)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id", ondelete="SET NULL"))
    op: Mapped[str] = mapped_column(String(8))  # send, edit, delete
    reasons: Mapped[list[dict[str, Any]]]  # {"reason": ..., "via": ...}
    subject_key: Mapped[str] = mapped_column(String(320))
    coalesce_key: Mapped[str | None] = mapped_column(String(400))
    reply_to: Mapped[int | None] = mapped_column(BigInteger)
    level: Mapped[str] = mapped_column(String(8))  # on, silent
    state: Mapped[str] = mapped_column(String(16))  # new, sending, sent, dead
    not_before: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    digest_of: Mapped[int | None] = mapped_column(BigId)  # told in one with others: the first of them
    alone: Mapped[bool] = mapped_column(default=False, server_default=false())  # never again to be gathered
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class Sent(Base):
    """What stands in a chat: needed by replies and edits long after the message row is gone."""

    __tablename__ = "sent"
    __table_args__ = (
        UniqueConstraint("bot_id", "chat_id", "telegram_message_id"),
        Index("ix_sent_chat_id_subject_key", "chat_id", "subject_key"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    bot_id: Mapped[int] = mapped_column(BigInteger)
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"))
    topic_id: Mapped[int] = mapped_column(default=0)
    telegram_message_id: Mapped[int] = mapped_column(BigInteger)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    subject_key: Mapped[str] = mapped_column(String(320))
    discussion_id: Mapped[str | None] = mapped_column(String(64))
    comment_id: Mapped[str | None] = mapped_column(String(64))
    head_sha: Mapped[str | None] = mapped_column(String(64))
    categories: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # of `webhook.categories`
    sent_at: Mapped[datetime]
