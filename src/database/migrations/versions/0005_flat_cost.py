"""Indexes that keep the cost of a delivery flat: of what waits, and of nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Name, table, columns, of which rows; none: of all.
_ADDED: tuple[tuple[str, str, list[str], str | None], ...] = (
    ("ix_deliveries_new", "deliveries", ["hook_id", "id", "not_before"], "state = 'new'"),
    ("ix_deliveries_taken", "deliveries", ["lease_until", "hook_id"], "state = 'taken'"),
    ("ix_deliveries_failed", "deliveries", ["state", "received_at"], "state IN ('failed', 'quarantined')"),
    ("ix_events_series", "events", ["project_id", "series", "object_updated_at"], "series IS NOT NULL"),
    ("ix_messages_subscription_id", "messages", ["subscription_id"], None),
    ("ix_messages_unfinished", "messages", ["chat_id", "id"], "state IN ('new', 'sending')"),
    ("ix_messages_dead", "messages", ["created_at"], "state = 'dead'"),
)
_DROPPED = ("deliveries", "messages")  # their states with `not_before`: most rows are done, and were in it all the same


def upgrade() -> None:
    """Other indexes; no row is changed."""
    for name, table, columns, rows in _ADDED:
        where = None if rows is None else sa.text(rows)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    for table in _DROPPED:
        op.drop_index(f"ix_{table}_state_not_before", table)


def downgrade() -> None:
    """Back to what it was."""
    for table in _DROPPED:
        op.create_index(f"ix_{table}_state_not_before", table, ["state", "not_before"])
    for name, table, _, _ in reversed(_ADDED):
        op.drop_index(name, table)
