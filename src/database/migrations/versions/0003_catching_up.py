"""What the forges delivered while nobody listened: how far it was looked through, and what is missing."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _added() -> tuple[sa.Column[Any], ...]:
    """The new columns of hooks, made anew for each use."""
    return (
        sa.Column("caught_up_at", sa.DateTime(), nullable=True),
        sa.Column("seen_delivery", sa.String(length=64), nullable=True),
        sa.Column("seen_of", sa.String(length=64), nullable=True),
        sa.Column("uncaught", sa.String(length=16), nullable=True),
    )


def upgrade() -> None:
    """Add; nothing that is there is changed."""
    for column in _added():
        op.add_column("hooks", column)
    op.create_table(
        "missed",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("hook_id", _BIG_ID, nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("attempt", sa.String(length=64), nullable=True),
        sa.Column("content", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=True),
        sa.Column("noticed_at", sa.DateTime(), nullable=False),
        sa.Column("settled_at", sa.DateTime(), nullable=True),
        sa.Column("told_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["hook_id"], ["hooks.id"], name="fk_missed_hook_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_missed"),
        sa.UniqueConstraint("hook_id", "key", name="uq_missed_hook_id_key"),
    )
    op.create_index("ix_missed_told_at_state", "missed", ["told_at", "state"])


def downgrade() -> None:
    """Take it all away again."""
    op.drop_index("ix_missed_told_at_state", "missed")
    op.drop_table("missed")
    for column in _added():
        op.drop_column("hooks", column.name)
