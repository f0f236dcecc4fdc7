"""Codes that let people in, dialogs that outlive a restart, muted subjects, and what hooks need to be looked after."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ACTIVE = sa.text("state IN ('new', 'taken')")
_WAITING = sa.text("state = 'new'")
_BY_DELIVERY = ("events", "event_log")


def _added() -> dict[str, tuple[sa.Column[Any], ...]]:
    """The new columns, made anew for each use: one belongs to one table."""
    return {
        "users": (
            sa.Column("is_admin", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("admitted_at", sa.DateTime(), nullable=True),
            sa.Column("barred_at", sa.DateTime(), nullable=True),
        ),
        "accounts": (sa.Column("poor_at", sa.DateTime(), nullable=True),),
        "hooks": (
            sa.Column("group_path", sa.String(length=512), nullable=True),
            sa.Column("next_secret", sa.LargeBinary(), nullable=True),
            sa.Column("secret_made_at", sa.DateTime(), nullable=True),
            sa.Column("checked_at", sa.DateTime(), nullable=True),
            sa.Column("told_at", sa.DateTime(), nullable=True),
        ),
        "sent": (sa.Column("categories", sa.JSON(), nullable=True),),
    }


def upgrade() -> None:
    """Add; nothing that is there is changed but the rule for jobs that are the same."""
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    _invites()
    _dialogs()
    _mutes()
    op.drop_index("uq_jobs_active_kind_key", "jobs")
    op.create_index(
        "uq_jobs_waiting_kind_key",
        "jobs",
        ["kind", "key"],
        unique=True,
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    for table in _BY_DELIVERY:
        op.create_index(f"ix_{table}_delivery_id", table, ["delivery_id"])


def downgrade() -> None:
    """Take it all away again."""
    for table in _BY_DELIVERY:
        op.drop_index(f"ix_{table}_delivery_id", table)
    op.drop_index("uq_jobs_waiting_kind_key", "jobs")
    op.create_index(
        "uq_jobs_active_kind_key", "jobs", ["kind", "key"], unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE
    )
    for table in ("mutes", "dialogs", "invites"):
        op.drop_table(table)
    for table, columns in _added().items():
        for column in columns:
            op.drop_column(table, column.name)


def _invites() -> None:
    op.create_table(
        "invites",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.Column("created_by", _BIG_ID, nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.Column("used_by", _BIG_ID, nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_invites_created_by", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["used_by"], ["users.id"], name="fk_invites_used_by", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_invites"),
        sa.UniqueConstraint("code_hash", name="uq_invites_code_hash"),
    )


def _dialogs() -> None:
    op.create_table(
        "dialogs",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=128), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_dialogs"),
    )
    op.create_index("ix_dialogs_updated_at", "dialogs", ["updated_at"])


def _mutes() -> None:
    op.create_table(
        "mutes",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("project_id", _BIG_ID, nullable=False),
        sa.Column("subject_key", sa.String(length=320), nullable=False),
        sa.Column("chat_id", _BIG_ID, nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_mutes_project_id"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_mutes_chat_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_mutes"),
        sa.UniqueConstraint(
            "project_id", "subject_key", "chat_id", "topic_id", name="uq_mutes_project_id_subject_key_chat_id_topic_id"
        ),
    )
    op.create_index("ix_mutes_chat_id", "mutes", ["chat_id"])
