"""All payloads through one running relay, each on a forge instance of its own so that none hides another."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from src.database.models import Delivery, Hook, LogEntry, Message, StoredEvent, utc_now
from src.database.repositories import accounts, forges, hooks, projects, subscriptions, users
from src.events import ALL_NAMES, Event, load
from src.forge import Identity, RemoteProject
from src.webhook.reasons import Reason, ReasonVia
from tests.peers.claims import Claims, claims
from tests.peers.corpus import Payload
from tests.relay import SECRET, Relay, running_relay

_AT_ONCE = 50


@dataclass
class Outcome:
    """What became of one payload."""

    payload: Payload
    claims: Claims
    status: int = 0
    state: str = ""
    error: str | None = None
    log: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    told: list[tuple[Event, list[ReasonVia]]] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    """The outcomes by the payloads' names, and what was logged as an error."""

    outcomes: dict[str, Outcome]
    errors: list[str]


class Errors(logging.Handler):
    """Keeps what is logged at ERROR and above."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


async def run(folder: Path, payloads: Sequence[Payload]) -> Run:
    """Deliver everything over HTTP and read what came of it."""
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        async with running_relay(folder) as relay:
            outcomes = [Outcome(payload, claims(payload)) for payload in payloads]
            addresses = await _prepare(relay, outcomes)
            for first in range(0, len(outcomes), _AT_ONCE):
                async with asyncio.TaskGroup() as tasks:
                    for number in range(first, min(first + _AT_ONCE, len(outcomes))):
                        tasks.create_task(_post(relay, outcomes[number], addresses[number], number))
            await relay.settle(240)
            await _read(relay, outcomes)
    finally:
        logging.getLogger().removeHandler(errors)
    return Run({outcome.payload.name: outcome for outcome in outcomes}, errors.found)


async def _prepare(relay: Relay, outcomes: Sequence[Outcome]) -> list[str]:
    """For each payload its project, a hook with the number of its place, and two chats that follow everything."""
    addresses = []
    async with relay.database.write() as session:
        now = utc_now()
        user = await users.ensure_user(session, 1, name="dora", language="en", now=now)
        for number, outcome in enumerate(outcomes):
            kind, claim = outcome.payload.forge, outcome.claims
            forge = await forges.ensure(session, kind, f"https://{kind}{number}.example.org")
            row = Hook(public_id=f"hook{number}", forge_id=forge.id, origin="managed", events=[], created_at=now)
            row.secret = relay.box.seal(SECRET)
            addresses.append(f"/webhook/{kind}/hook{number}")
            if claim.external_id is not None:
                remote = RemoteProject(
                    external_id=claim.external_id,
                    path=claim.path or "not/told",
                    url="https://x.example.org",
                    private=claim.private,
                )
                project = await projects.ensure(session, forge.id, remote)
                row.project_id = project.id
                account = await accounts.put(
                    session,
                    user_id=user.id,
                    forge_id=forge.id,
                    identity=Identity(id="none-of-theirs", login="none-of-theirs"),
                    token=relay.box.seal("a token that reads everything"),
                    last4="hing",
                    now=now,
                )
                for telegram_id, type_ in ((1 + number, "private"), (-1 - number, "supergroup")):
                    chat = await users.ensure_chat(session, telegram_id, type_=type_, title="All", language="en")
                    await subscriptions.put(
                        session,
                        project_id=project.id,
                        chat_id=chat.id,
                        topic_id=0,
                        owner_id=user.id,
                        account_id=account.id,
                        scope="all",
                        events=sorted(ALL_NAMES),
                        now=now,
                    )
            await hooks.add(session, row)
    return addresses


async def _post(relay: Relay, outcome: Outcome, address: str, number: int) -> None:
    payload = outcome.payload
    outcome.status = await relay.post(address, payload.headers(number, SECRET), payload.body)


async def _read(relay: Relay, outcomes: Sequence[Outcome]) -> None:
    async with relay.database.read() as session:
        names = {row.id: row.public_id for row in await session.scalars(select(Hook))}
        by_delivery: dict[int, Outcome] = {}
        for delivery in await session.scalars(select(Delivery)):
            outcome = outcomes[int(names[delivery.hook_id].removeprefix("hook"))]
            outcome.state, outcome.error = delivery.state, delivery.error
            by_delivery[delivery.id] = outcome
        for entry in await session.scalars(select(LogEntry).where(LogEntry.delivery_id.is_not(None))):
            by_delivery[entry.delivery_id or 0].log.append(entry.message)
        events = {row.id: row for row in await session.scalars(select(StoredEvent).order_by(StoredEvent.id))}
        for row in events.values():
            by_delivery[row.delivery_id or 0].events.append(load(row.body))
        for message in await session.scalars(select(Message).order_by(Message.id)):
            row = events[message.event_id]
            reasons = [ReasonVia(reason=Reason(item["reason"]), via=item["via"]) for item in message.reasons]
            by_delivery[row.delivery_id or 0].told.append((load(row.body), reasons))
