"""Many who follow one project, many rows that were stored before: what costs are measured and compared on."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Account, Chat, Delivery, Forge, Hook, Project, Subscription, User, utc_now
from src.database.repositories import arrivals, deliveries
from src.database.repositories.deliveries import NewDelivery
from src.events import ALL_NAMES, DEFAULT_NAMES
from src.webhook.inbox import compress
from tests.payloads import document
from tests.payloads import load as load_payload

LEASE = timedelta(seconds=60)
HOOK_SECRET = "secret of the crowd"


@dataclasses.dataclass(frozen=True)
class Crowd:
    """Our ids of what `gather` made."""

    project_id: int
    hook_ids: tuple[int, ...]
    chat_ids: tuple[int, ...]
    subscription_ids: tuple[int, ...]


async def gather(
    database: Database,
    followers: int,
    *,
    hooks: int = 1,
    private: bool = False,
    box: SecretBox | None = None,
    path: str = "acme/rocket",
    external_id: str = "501",
    base_url: str = "https://forge.example.org",
    everything: bool = False,
) -> Crowd:
    """A project on GitHub whose news all these people want to hear, each in a private chat."""
    now = utc_now()
    async with database.write() as session:
        forge = await session.scalar(select(Forge).where(Forge.kind == "github", Forge.base_url == base_url))
        if forge is None:
            forge = Forge(kind="github", base_url=base_url)
            session.add(forge)
            await session.flush()
        project = Project(
            forge_id=forge.id, external_id=external_id, path=path, url="https://github.com/acme/rocket", private=private
        )
        session.add(project)
        await session.flush()
        hook_ids = [await _hook(session, forge, project, number, box, now) for number in range(hooks)]
        chat_ids = await _people(
            session, forge, project, followers, now, sorted(ALL_NAMES if everything else DEFAULT_NAMES)
        )
        return Crowd(project.id, tuple(hook_ids), tuple(chat_ids), tuple(chat_ids))


async def _hook(
    session: AsyncSession, forge: Forge, project: Project, number: int, box: SecretBox | None, now: datetime
) -> int:
    hook = Hook(
        public_id=f"hook{project.id}x{number}",
        forge_id=forge.id,
        project_id=project.id,
        origin="managed",
        secret=b"" if box is None else box.seal(HOOK_SECRET),
        events=[],
        created_at=now,
    )
    session.add(hook)
    await session.flush()
    return hook.id


async def _people(
    session: AsyncSession, forge: Forge, project: Project, count: int, now: datetime, names: Sequence[str]
) -> list[int]:
    first = project.id * 10_000_000
    ids = range(first, first + count)
    if not count:
        return []
    await session.execute(insert(User), [{"id": i, "telegram_id": i, "name": "ann", "created_at": now} for i in ids])
    await session.execute(insert(Chat), [{"id": i, "telegram_id": i, "type": "private", "title": "ann"} for i in ids])
    await session.execute(
        insert(Account),
        [
            {"id": i, "user_id": i, "forge_id": forge.id, "external_user_id": str(i), "login": f"ann{i}",
             "emails": [f"ann{i}@example.org"], "token": b"", "token_last4": "0000", "missing": [], "checked_at": now}
            for i in ids
        ],
    )  # fmt: skip
    await session.execute(
        insert(Subscription),
        [
            {"id": i, "project_id": project.id, "chat_id": i, "topic_id": 0, "owner_id": i, "account_id": i,
             "scope": "all", "events": names, "levels": {}, "filters": {}, "created_at": now, "updated_at": now}
            for i in ids
        ],
    )  # fmt: skip
    return list(ids)


OPENED = "github/pull_request__opened"


def numbered(number: int, fixture: str = OPENED, *, external_id: int = 501) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a fixture, made another's: the number is that of its pull request, or comment."""
    headers, _ = load_payload(fixture)
    payload = document(fixture)
    payload["repository"]["id"] = external_id
    if "comment" in payload:
        payload["comment"]["id"] = number
    else:
        payload["number"] = payload["pull_request"]["number"] = number
    return {name.lower(): value for name, value in headers.items()}, orjson.dumps(payload)


async def post(
    database: Database,
    hook_ids: Sequence[int],
    first: int,
    count: int,
    *,
    key: str = "key",
    fixture: str = OPENED,
    external_id: int = 501,
) -> None:
    """Deliveries in the inbox, of these hooks in turn: each a happening of its own, numbered from `first`."""
    batch = []
    for number in range(first, first + count):
        headers, body = numbered(number, fixture, external_id=external_id)
        batch.append(
            NewDelivery(
                hook_id=hook_ids[number % len(hook_ids)],
                key=f"{key}-{number}",
                replay_key=f"{key}-replay-{number}",
                event=headers["x-github-event"],
                headers=headers,
                body=compress(body),
                received_at=utc_now(),
            )
        )
    for start in range(0, count, 256):
        await arrivals.put(database, batch[start : start + 256])


async def claimed(database: Database, *, limit: int = 1) -> Sequence[Delivery]:
    """Deliveries that this test has taken."""
    async with database.write() as session:
        return await deliveries.claim(session, owner="tests", now=utc_now(), lease=LEASE, limit=limit)


_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {last}) "
# Of each row that was stored a delivery, its event, its message, what stands in the chat and a line of the log.
_HISTORY = """
INSERT INTO deliveries
 (id, hook_id, key, replay_key, event, headers, body, received_at, state, not_before, attempts, fence)
 SELECT i, {hook}, 'old-' || i, 'body-' || i, 'issues', '{{}}', NULL, {now}, 'done', {now}, 1, 1 FROM n;
INSERT INTO events
 (id, delivery_id, project_id, happening_key, name, subject_key, aspect, series, schema_version, body,
 object_updated_at, created_at)
 SELECT i, i, {project}, 'old-' || i, CASE WHEN i % 4 = 0 THEN 'pipeline.success' ELSE 'issue.closed' END,
 'issue:' || (i % 20011 + 1000000), 'state', CASE WHEN i % 4 = 0 THEN 'ci@main' END, 1, '{{}}', {now}, {now} FROM n;
INSERT INTO messages
 (id, event_id, chat_id, topic_id, op, reasons, subject_key, coalesce_key, level, state, not_before, attempts, fence,
 created_at, sent_at, error)
 SELECT i, i, {chat} + i % {chats}, 0, 'send', '[]', 'issue:' || (i % 20011), '1:issue:' || i || '/opening', 'on',
 CASE WHEN i % 50 = 0 THEN 'dead' ELSE 'sent' END, {now}, 1, 1, {now}, {now},
 CASE WHEN i % 50 = 0 THEN 'muted' END FROM n;
INSERT INTO sent
 (id, bot_id, chat_id, topic_id, telegram_message_id, project_id, subject_key, sent_at)
 SELECT i, 42, {chat} + i % {chats}, 0, i, {project}, 'issue:' || (i % 20011), {now} FROM n;
INSERT INTO event_log
 (id, at, kind, outcome, hook_id, delivery_id, project_id, message)
 SELECT i, {now}, 'webhook', 'done', {hook}, i, {project}, 'told' FROM n
"""


async def remember(database: Database, crowd: Crowd, count: int, *, first: int = 1, part: int = 50_000) -> None:
    """So many deliveries were worked off before, each told to one of the crowd."""
    now = (utc_now() - timedelta(days=1)).replace(tzinfo=None).isoformat(" ")
    moment = f"'{now}'" if database.is_sqlite else f"TIMESTAMP '{now}'"
    for start in range(first, first + count, part):
        last = min(start + part, first + count)
        values = {
            "hook": crowd.hook_ids[0], "project": crowd.project_id, "now": moment, "chat": crowd.chat_ids[0],
            "chats": len(crowd.chat_ids), "first": start, "last": last,
        }  # fmt: skip
        async with database.write() as session:
            for table in _HISTORY.split(";"):
                words, _, source = table.partition(" SELECT ")
                numbers = _NUMBERS.format(**values)
                await session.execute(text(f"{words.format(**values)} {numbers} SELECT {source.format(**values)}"))
    async with database.write() as session:
        if not database.is_sqlite:
            for table_name in ("deliveries", "events", "messages", "sent", "event_log"):
                await session.execute(
                    text(f"SELECT setval(pg_get_serial_sequence('{table_name}', 'id'), {first + count})")
                )
        await session.execute(text("ANALYZE"))
