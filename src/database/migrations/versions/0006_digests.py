"""Backlogs gathered into digests; what was sent lately is found at once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SENT = sa.text("sent_at IS NOT NULL")


def upgrade() -> None:
    """Add; nothing that is there is changed."""
    op.add_column("messages", sa.Column("digest_of", _BIG_ID, nullable=True))
    op.add_column("messages", sa.Column("alone", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_messages_sent_at", "messages", ["sent_at"], sqlite_where=_SENT, postgresql_where=_SENT)


def downgrade() -> None:
    """Back to what it was."""
    op.drop_index("ix_messages_sent_at", "messages")
    op.drop_column("messages", "alone")
    op.drop_column("messages", "digest_of")
