"""The tables. What is stored is meaning: texts are rendered when they are sent."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself in INTEGER keys only


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, naive UTC in the database: SQLite keeps no zone and PostgreSQL need not."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base's
        """Refuse what has no zone: it would be stored as the wrong moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base's
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


def utc_now() -> datetime:
    """The moment, aware."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Base of all tables, with constraint names that a migration can speak of."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[dict[str, Any]]: JSON,
        str: Text,
        bytes: LargeBinary,
    }


class Forge(Base):
    """An instance of GitHub or GitLab."""

    __tablename__ = "forges"
    __table_args__ = (UniqueConstraint("kind", "base_url"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    base_url: Mapped[str] = mapped_column(String(512))  # the address of the API for GitHub, of the web for GitLab


class Project(Base):
    """A repository, followed by the forge's id through renames."""

    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("forge_id", "external_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    forge_id: Mapped[int] = mapped_column(ForeignKey("forges.id"))
    external_id: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(512))
    url: Mapped[str | None]
    private: Mapped[bool]
    default_branch: Mapped[str | None]


class User(Base):
    """A person on Telegram."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    telegram_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    name: Mapped[str]
    language: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime]
    is_admin: Mapped[bool] = mapped_column(
        default=False, server_default=false()
    )  # by a code; those of ADMIN_IDS are besides
    admitted_at: Mapped[datetime | None]  # since when a code lets them in
    barred_at: Mapped[datetime | None]  # since when they may no longer use the bot: nothing is told to them


class Invite(Base):
    """A one-time code that lets a person in; only its hash is kept."""

    __tablename__ = "invites"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    is_admin: Mapped[bool]  # whether it makes an admin
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))  # none: the start
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


class DialogState(Base):
    """How far somebody is in a dialog: aiogram's FSM, kept over a restart. Never holds a token."""

    __tablename__ = "dialogs"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)  # bot, chat, topic, person, purpose
    state: Mapped[str | None] = mapped_column(String(128))
    data: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime] = mapped_column(index=True)


class Account(Base):
    """A person's account on a forge with the token that speaks for it."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("user_id", "forge_id", "external_user_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    forge_id: Mapped[int] = mapped_column(ForeignKey("forges.id"))
    external_user_id: Mapped[str] = mapped_column(String(64))
    login: Mapped[str]
    emails: Mapped[list[str]]
    token: Mapped[bytes]  # encrypted, see crypto.py
    token_last4: Mapped[str] = mapped_column(String(4))
    scopes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    missing: Mapped[list[str]]
    checked_at: Mapped[datetime]
    dead_at: Mapped[datetime | None]  # since when the forge refuses the token
    poor_at: Mapped[datetime | None]  # since when its owner knows that it may not do what is asked of it


class Chat(Base):
    """A chat on Telegram; its number there changes when a group becomes a supergroup, ours does not."""

    __tablename__ = "chats"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    telegram_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    type: Mapped[str] = mapped_column(String(16))  # private, group, supergroup, channel
    title: Mapped[str]
    language: Mapped[str | None] = mapped_column(String(16))
    time_zone: Mapped[str | None] = mapped_column(String(64))
    off_at: Mapped[datetime | None]  # since when Telegram refuses us there
    off_reason: Mapped[str | None]
    wait_until: Mapped[datetime | None]  # Telegram told us to be quiet there until then


class Hook(Base):
    """The webhook that we have on a project, or one that was made by hand."""

    __tablename__ = "hooks"
    __table_args__ = (Index("ix_hooks_project_id", "project_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)  # in the address; random, made before the forge's
    forge_id: Mapped[int] = mapped_column(ForeignKey("forges.id"))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"))  # none: it may speak of any project
    group_path: Mapped[str | None] = mapped_column(String(512))  # of a hook on a GitLab group or GitHub organisation
    origin: Mapped[str] = mapped_column(String(16))  # managed, manual, environment
    remote_id: Mapped[str | None] = mapped_column(String(64))
    secret: Mapped[bytes]  # encrypted
    previous_secret: Mapped[bytes | None]  # encrypted; still good until the moment below
    previous_secret_until: Mapped[datetime | None]
    next_secret: Mapped[bytes | None]  # encrypted; good already, for the forge is being told of it
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    events: Mapped[list[str]]  # the forge's words that it is set to
    address: Mapped[str | None]  # where the forge was told to send
    last_event_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    secret_made_at: Mapped[datetime | None]  # none: with the row
    checked_at: Mapped[datetime | None]  # when it was last looked at on the forge
    told_at: Mapped[datetime | None]  # since when its people know that it needs a person's hand
    removed_at: Mapped[datetime | None]


class Subscription(Base):
    """A chat (and topic) that follows a project."""

    __tablename__ = "subscriptions"
    __table_args__ = (UniqueConstraint("project_id", "chat_id", "topic_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"), index=True)
    topic_id: Mapped[int] = mapped_column(default=0)  # 0: no topic, for NULLs are never equal
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"))
    scope: Mapped[str] = mapped_column(String(8))  # mine, all
    events: Mapped[list[str]]
    levels: Mapped[dict[str, Any]]  # by category: on, silent, off
    filters: Mapped[dict[str, Any]]
    paused_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Mute(Base):
    """A chat (and topic) that wants to hear nothing more of one pull request, issue, ..."""

    __tablename__ = "mutes"
    __table_args__ = (UniqueConstraint("project_id", "subject_key", "chat_id", "topic_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    subject_key: Mapped[str] = mapped_column(String(320))
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"), index=True)
    topic_id: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class Delivery(Base):
    """One HTTP request from a forge, as it came."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("hook_id", "key"),
        UniqueConstraint("hook_id", "replay_key"),
        Index("ix_deliveries_state_not_before", "state", "not_before"),
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


class StoredEvent(Base):
    """What a delivery means, once however many deliveries tell of it."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_project_id_subject_key_aspect", "project_id", "subject_key", "aspect"),
        Index("ix_events_delivery_id", "delivery_id"),  # for the end of deliveries
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
        Index("ix_messages_state_not_before", "state", "not_before"),
        Index("ix_messages_chat_id_state", "chat_id", "state"),
        Index("ix_messages_coalesce_key", "coalesce_key"),
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
