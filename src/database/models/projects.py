"""What is followed, by whom, and the webhooks that bring news of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.database.models.base import Base, BigId


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
    caught_up_at: Mapped[datetime | None]  # when the forge was last asked what it had delivered
    seen_delivery: Mapped[str | None] = mapped_column(String(64))  # the last of which that was seen
    seen_of: Mapped[str | None] = mapped_column(String(64))  # the `remote_id` that it was delivered by
    uncaught: Mapped[str | None] = mapped_column(String(16))  # why the forge cannot be asked: unsupported, forbidden


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
