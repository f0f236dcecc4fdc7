"""Replays are told by who works on them: storing a delivery writes to one index of hashes less."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TAKEN = sa.text("state <> 'new' AND replay_key IS NOT NULL")
_UNIQUE = "uq_deliveries_hook_id_replay_key"
_COLUMNS = ["hook_id", "replay_key"]
# Copies that came meanwhile: all but the first of each content.
_FORGET_COPIES = """
    UPDATE deliveries SET replay_key = NULL WHERE id IN (
        SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY hook_id, replay_key ORDER BY id) AS place
            FROM deliveries WHERE replay_key IS NOT NULL
        ) AS placed WHERE place > 1
    )
"""


def upgrade() -> None:
    """Another index; no row is changed. SQLite copies the table for it."""
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint(_UNIQUE, type_="unique")
    op.create_index("ix_deliveries_replay", "deliveries", _COLUMNS, sqlite_where=_TAKEN, postgresql_where=_TAKEN)


def downgrade() -> None:
    """Back to what it was; copies are known by their ids alone."""
    op.drop_index("ix_deliveries_replay", "deliveries")
    op.execute(_FORGET_COPIES)
    with op.batch_alter_table("deliveries") as table:
        table.create_unique_constraint(_UNIQUE, _COLUMNS)
