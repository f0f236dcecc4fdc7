"""The schema that the first release begins with."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers rows by itself in INTEGER keys only
_ACTIVE = sa.text("state IN ('new', 'taken')")


def upgrade() -> None:
    """Make every table, those first that others point to."""
    _chats()
    _forges()
    _jobs()
    _leases()
    _users()
    _accounts()
    _projects()
    _hooks()
    _sent()
    _subscriptions()
    _deliveries()
    _event_log()
    _events()
    _messages()


def downgrade() -> None:
    """Drop everything; an index goes with its table."""
    for table in (
        "messages",
        "events",
        "event_log",
        "deliveries",
        "subscriptions",
        "sent",
        "hooks",
        "projects",
        "accounts",
        "users",
        "leases",
        "jobs",
        "forges",
        "chats",
    ):
        op.drop_table(table)


def _chats() -> None:
    op.create_table(
        "chats",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("telegram_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("off_at", sa.DateTime(), nullable=True),
        sa.Column("off_reason", sa.Text(), nullable=True),
        sa.Column("wait_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_chats"),
        sa.UniqueConstraint("telegram_id", name="uq_chats_telegram_id"),
    )


def _forges() -> None:
    op.create_table(
        "forges",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("base_url", sa.String(length=512), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_forges"),
        sa.UniqueConstraint("kind", "base_url", name="uq_forges_kind_base_url"),
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("run_at", sa.DateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state_run_at", "jobs", ["state", "run_at"])
    op.create_index(
        "uq_jobs_active_kind_key", "jobs", ["kind", "key"], unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("telegram_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("telegram_id", name="uq_users_telegram_id"),
    )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("user_id", _BIG_ID, nullable=False),
        sa.Column("forge_id", _BIG_ID, nullable=False),
        sa.Column("external_user_id", sa.String(length=64), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("emails", sa.JSON(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("token_last4", sa.String(length=4), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=True),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("checked_at", sa.DateTime(), nullable=False),
        sa.Column("dead_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["forge_id"], ["forges.id"], name="fk_accounts_forge_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_accounts_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint(
            "user_id", "forge_id", "external_user_id", name="uq_accounts_user_id_forge_id_external_user_id"
        ),
    )
    op.create_index("ix_accounts_user_id", "accounts", ["user_id"])


def _projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("forge_id", _BIG_ID, nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("default_branch", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["forge_id"], ["forges.id"], name="fk_projects_forge_id"),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("forge_id", "external_id", name="uq_projects_forge_id_external_id"),
    )


def _hooks() -> None:
    op.create_table(
        "hooks",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("forge_id", _BIG_ID, nullable=False),
        sa.Column("project_id", _BIG_ID, nullable=True),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("remote_id", sa.String(length=64), nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_secret_until", sa.DateTime(), nullable=True),
        sa.Column("account_id", _BIG_ID, nullable=True),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("last_event_at", sa.DateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_hooks_account_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["forge_id"], ["forges.id"], name="fk_hooks_forge_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_hooks_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_hooks"),
        sa.UniqueConstraint("public_id", name="uq_hooks_public_id"),
    )
    op.create_index("ix_hooks_project_id", "hooks", ["project_id"])


def _sent() -> None:
    op.create_table(
        "sent",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("bot_id", sa.BigInteger(), nullable=False),
        sa.Column("chat_id", _BIG_ID, nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("telegram_message_id", sa.BigInteger(), nullable=False),
        sa.Column("project_id", _BIG_ID, nullable=False),
        sa.Column("subject_key", sa.String(length=320), nullable=False),
        sa.Column("discussion_id", sa.String(length=64), nullable=True),
        sa.Column("comment_id", sa.String(length=64), nullable=True),
        sa.Column("head_sha", sa.String(length=64), nullable=True),
        sa.Column("sent_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_sent_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_sent_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sent"),
        sa.UniqueConstraint(
            "bot_id", "chat_id", "telegram_message_id", name="uq_sent_bot_id_chat_id_telegram_message_id"
        ),
    )
    op.create_index("ix_sent_chat_id_subject_key", "sent", ["chat_id", "subject_key"])


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("project_id", _BIG_ID, nullable=False),
        sa.Column("chat_id", _BIG_ID, nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", _BIG_ID, nullable=False),
        sa.Column("account_id", _BIG_ID, nullable=True),
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("paused_until", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_subscriptions_account_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_subscriptions_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_subscriptions_owner_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_subscriptions_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_subscriptions"),
        sa.UniqueConstraint("project_id", "chat_id", "topic_id", name="uq_subscriptions_project_id_chat_id_topic_id"),
    )
    op.create_index("ix_subscriptions_chat_id", "subscriptions", ["chat_id"])
    op.create_index("ix_subscriptions_owner_id", "subscriptions", ["owner_id"])


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("hook_id", _BIG_ID, nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("replay_key", sa.String(length=64), nullable=True),
        sa.Column("event", sa.String(length=128), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("not_before", sa.DateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["hook_id"], ["hooks.id"], name="fk_deliveries_hook_id"),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("hook_id", "key", name="uq_deliveries_hook_id_key"),
        sa.UniqueConstraint("hook_id", "replay_key", name="uq_deliveries_hook_id_replay_key"),
    )
    op.create_index("ix_deliveries_state_not_before", "deliveries", ["state", "not_before"])


def _event_log() -> None:
    op.create_table(
        "event_log",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("hook_id", _BIG_ID, nullable=True),
        sa.Column("delivery_id", _BIG_ID, nullable=True),
        sa.Column("project_id", _BIG_ID, nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="fk_event_log_delivery_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["hook_id"], ["hooks.id"], name="fk_event_log_hook_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_event_log_project_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_event_log"),
    )
    op.create_index("ix_event_log_kind_at", "event_log", ["kind", "at"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("delivery_id", _BIG_ID, nullable=True),
        sa.Column("project_id", _BIG_ID, nullable=False),
        sa.Column("happening_key", sa.String(length=256), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("subject_key", sa.String(length=320), nullable=False),
        sa.Column("aspect", sa.String(length=32), nullable=True),
        sa.Column("series", sa.Text(), nullable=True),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=True),
        sa.Column("object_updated_at", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name="fk_events_delivery_id", ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_events_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("happening_key", name="uq_events_happening_key"),
    )
    op.create_index("ix_events_project_id_subject_key_aspect", "events", ["project_id", "subject_key", "aspect"])


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("event_id", _BIG_ID, nullable=False),
        sa.Column("chat_id", _BIG_ID, nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", _BIG_ID, nullable=True),
        sa.Column("op", sa.String(length=8), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("subject_key", sa.String(length=320), nullable=False),
        sa.Column("coalesce_key", sa.String(length=400), nullable=True),
        sa.Column("reply_to", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("not_before", sa.DateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.DateTime(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_messages_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_messages_event_id"),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscriptions.id"], name="fk_messages_subscription_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint("event_id", "chat_id", "topic_id", "op", name="uq_messages_event_id_chat_id_topic_id_op"),
    )
    op.create_index("ix_messages_chat_id_state", "messages", ["chat_id", "state"])
    op.create_index("ix_messages_coalesce_key", "messages", ["coalesce_key"])
    op.create_index("ix_messages_state_not_before", "messages", ["state", "not_before"])
