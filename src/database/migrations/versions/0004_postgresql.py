"""What PostgreSQL needs besides: compressed bodies are stored as they are."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change how new bodies are kept; those that are there stay as they are."""
    _store_bodies(
        "EXTERNAL"
    )  # PostgreSQL would try to compress what zstd has compressed, which costs most of an insert


def downgrade() -> None:
    """Back to what it was."""
    _store_bodies("EXTENDED")


def _store_bodies(how: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE deliveries ALTER COLUMN body SET STORAGE {how}")
