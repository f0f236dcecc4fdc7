"""Alembic's entry: runs the migrations on the connection that `src.database.migrate` hands in."""

from alembic import context
from sqlalchemy.engine import Connection

from src.database.models import Base

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite can alter little: the table is copied
    compare_type=True,
)
with context.begin_transaction():  # already begun, by the one who holds the lock
    context.run_migrations()
