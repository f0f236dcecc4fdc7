"""Ann, who follows acme/rocket in her private chat, and what comes of a hook."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from src.database.database import Database
from src.database.models import Hook
from src.database.repositories import accounts, arrivals, forges, hooks, projects, subscriptions, users
from src.database.repositories.deliveries import NewDelivery
from src.forge import Identity, RemoteProject

NOON = datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
LEASE = timedelta(seconds=30)


@dataclass(frozen=True)
class Ground:
    """The ids of what is there."""

    database: Database
    forge_id: int
    project_id: int
    hook_id: int
    user_id: int
    chat_id: int
    account_id: int

    async def deliver(self, *keys: str, replay_key: str | None = None, hook_id: int | None = None) -> None:
        """Deliveries arrive, as one batch."""
        batch = [
            NewDelivery(
                hook_id=hook_id or self.hook_id, key=key, replay_key=replay_key, event="push",
                headers={"X-Event": "push"}, body=b"body of " + key.encode(), received_at=NOON,
            )
            for key in keys
        ]  # fmt: skip
        await arrivals.put(self.database, batch)

    async def add_hook(self, public_id: str) -> int:
        async with self.database.write() as session:
            hook = Hook(
                public_id=public_id, forge_id=self.forge_id, project_id=self.project_id, origin="managed",
                secret=b"sealed", events=["push"], account_id=self.account_id, created_at=NOON,
            )  # fmt: skip
            return (await hooks.add(session, hook)).id


async def fill(database: Database) -> Ground:
    async with database.write() as session:
        forge = await forges.ensure(session, "github", "https://forge.example.org")
        remote = RemoteProject(external_id="501", path="acme/rocket", url="https://x.example.org", private=False)
        project = await projects.ensure(session, forge.id, remote)
        user = await users.ensure_user(session, 7, name="Ann", language=None, now=NOON)
        chat = await users.ensure_chat(session, 7, type_="private", title="Ann", language="en")
        account = await accounts.put(
            session, user_id=user.id, forge_id=forge.id, identity=Identity(id="101", login="ann"),
            token=b"sealed", last4="oken", now=NOON,
        )  # fmt: skip
        await subscriptions.put(
            session, project_id=project.id, chat_id=chat.id, topic_id=0, owner_id=user.id, account_id=account.id,
            scope="all", events=["push"], now=NOON,
        )  # fmt: skip
    ground = Ground(database, forge.id, project.id, 0, user.id, chat.id, account.id)
    return Ground(database, forge.id, project.id, await ground.add_hook("h1"), user.id, chat.id, account.id)
