"""People and chats on Telegram, and their accounts on forges."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    String,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.database.models.base import Base, BigId


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
