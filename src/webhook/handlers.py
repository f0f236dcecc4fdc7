"""HTTP: who may come, find the hook, verify, hand to the inbox, 202. Nothing is parsed here."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web
from cachetools import TTLCache

from src.database.away import is_away
from src.database.crypto import SecretBox, UndecryptableError
from src.database.database import Database
from src.database.direct import NotStored
from src.database.models import Hook
from src.database.repositories import deliveries, event_log, hooks
from src.database.repositories.deliveries import NewDelivery
from src.forge import BadSignature, ForgeType
from src.webhook import bad_signatures
from src.webhook.accepted import accepted
from src.webhook.bad_signatures import Bursts
from src.webhook.bodies import Budget, body_at_hand, overloaded, read_body
from src.webhook.fresh import Fresh, Recent
from src.webhook.inbox import Inbox, compress
from src.webhook.known_hooks import KnownHooks
from src.webhook.metrics import Metrics
from src.webhook.networks import Gate

log = logging.getLogger(__name__)

_COPIES = 5_000  # deliveries, at least, whose copies are known by heart; some 3 MB
_KNOWING = 8.0  # seconds that a copy waits to be told from what came before; then it is a 503
_OPENED_SECONDS = 5.0  # how long a decrypted secret is kept: decrypting takes as long as hashing a body
_UNDER_WAY = timedelta(days=1)  # how late what a hook brings may come after another took over


def known_hooks(seconds: float = 5) -> KnownHooks:
    """A memory for hooks, so that a burst asks the database once.

    A secret that was rotated meanwhile does no harm: before a delivery is refused, the hook is looked up anew.
    """
    return KnownHooks(seconds)


def complaints(seconds: float = 60) -> TTLCache[int, bool]:
    """A memory for bad signatures, so that a stranger cannot fill the log."""
    return TTLCache(1_000, seconds)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes deliveries of all forges in."""

    database: Database
    box: SecretBox
    types: Mapping[str, ForgeType]
    inbox: Inbox
    budget: Budget
    metrics: Metrics
    clock: Callable[[], datetime]
    known: KnownHooks  # hooks looked up lately; see `known_hooks`
    complained: TTLCache[int, bool]  # hooks of which a bad signature was logged lately
    gate: Gate | None = None  # who may come; none: everybody
    admin_ids: frozenset[int] = frozenset()  # Telegram's numbers of who hears of bursts, besides whom a code made admin
    bursts: Bursts = field(default_factory=Bursts)
    opened: Fresh[bytes, str] = field(default_factory=lambda: Fresh(1_000, _OPENED_SECONDS))
    # Keys of what was stored lately, by hook and content: a flood of copies under new ids does not fill the disk. Who
    # works on what is stored tells copies for good.
    stored: Recent = field(default_factory=lambda: Recent(_COPIES))

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """``POST /webhook/{forge}[/{hook_id}]``: 202 means on disk."""
        return await self.take(request, request.match_info["forge"], request.match_info.get("hook_id"))

    async def take(self, request: web.Request, kind: str, address: str | None) -> web.StreamResponse:
        """The same, of a kind of forge and a hook's public id, however they were found."""
        status = 500
        try:
            response = await self._receive(request, kind, address)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            raise
        except Exception as error:
            if not is_away(error):
                raise
            status = 503
            raise web.HTTPServiceUnavailable(text="Not now, send again.", headers={"Retry-After": "30"}) from error
        finally:
            self.metrics.answered(kind if kind in self.types else "unknown", status)
        return response

    async def _receive(self, request: web.Request, kind: str, address: str | None) -> web.StreamResponse:
        forge = self.types.get(kind)
        if forge is None:
            raise web.HTTPNotFound(text="No such forge.")
        if self.gate is not None:
            await self.gate.check(request, kind)
        hook = self.known.remembered(kind, address) or await self.known.find(self.database, kind, address)
        if hook is None or (hook.removed_at is not None and self.clock() - hook.removed_at > hooks.REMEMBERED):
            raise web.HTTPNotFound(text="No such hook.")
        body = body_at_hand(request)
        if body is None:
            async with read_body(request, self.budget) as body:
                delivery = await self._delivery(hook, forge, address, request, body)
        else:
            delivery = await self._delivery(hook, forge, address, request, body)
        del body  # it may be large, and what follows takes the disk's time
        if delivery is not None:
            await self._store(delivery)
        return accepted(request)

    async def _store(self, delivery: NewDelivery) -> None:
        """Put it on disk, unless its content is there under another key and it itself is not."""
        content = None if delivery.replay_key is None else f"{delivery.hook_id} {delivery.replay_key}"
        if content is not None:
            first = self.stored.get(content)
            if first is not None and first != delivery.key and not await self._is_known(delivery):
                return
        try:
            await self.inbox.put(delivery)
        except NotStored as error:
            raise overloaded("Not stored, send again.") from error
        if content is not None:
            self.stored.put(content, delivery.key)

    async def _is_known(self, delivery: NewDelivery) -> bool:
        """Whether it came before: then it may have failed, and is to be tried anew, though a copy came meanwhile."""
        async with asyncio.timeout(_KNOWING), self.database.read() as session:
            return bool(await deliveries.known(session, delivery.hook_id, [delivery.key]))

    async def _delivery(
        self, hook: Hook, forge: ForgeType, address: str | None, request: web.Request, body: bytes
    ) -> NewDelivery | None:
        """What is to be stored of a request that one of the hook's secrets signed; `None` where nobody waits for it."""
        now, codec, headers = self.clock(), forge.codec, request.headers
        hook = await self._verified(hook, forge, address, request, body, now)
        if hook.removed_at is not None and not await self._is_replaced(hook, hook.removed_at, now):
            return None
        return NewDelivery(
            hook_id=hook.id,
            key=codec.delivery_key(headers, body),
            replay_key=codec.replay_key(headers, body),
            event=codec.event_header(headers)[:128],
            headers=codec.kept_headers(headers),
            body=compress(body),
            received_at=now,
        )

    async def _verified(
        self, hook: Hook, forge: ForgeType, address: str | None, request: web.Request, body: bytes, now: datetime
    ) -> Hook:
        """The hook as it is now, if one of its secrets made this delivery.

        What we know by heart may be older than a rotation in another process, so a wrong signature is compared once
        more with what is stored.
        """
        try:
            try:
                forge.codec.verify(request.headers, body, self._secrets(hook, now), now)
            except (BadSignature, UndecryptableError):
                hook = await self.known.look_up(self.database, forge.kind, address) or hook
                forge.codec.verify(request.headers, body, self._secrets(hook, now), now)
        except UndecryptableError as error:
            if hook.id not in self.complained:
                self.complained[hook.id] = True
                log.error("hook %s: its secret was %s", hook.id, error)  # noqa: TRY400 - the trace says nothing more
            raise web.HTTPServiceUnavailable(text="Not verifiable now.", headers={"Retry-After": "300"}) from None
        except BadSignature:
            self.metrics.bad_signatures.labels(forge.kind).inc()
            await self._complain(hook, now)
            raise web.HTTPUnauthorized(text="The signature does not fit this hook's secret.") from None
        return hook

    async def _is_replaced(self, hook: Hook, removed_at: datetime, now: datetime) -> bool:
        """Whether a removed hook's project is followed all the same: then what it still brings was under way."""
        if hook.origin != "managed" or now - removed_at > _UNDER_WAY:
            return False
        async with self.database.read() as session:
            return await hooks.is_wanted(session, hook)

    def _secrets(self, hook: Hook, now: datetime) -> list[str]:
        """What may have signed now. Raises `UndecryptableError` where the hook's own secret can't be read."""
        current = self.opened.get(hook.secret)
        if current is None:
            current = self.opened.put(hook.secret, self.box.open(hook.secret))
        found = [current]
        others = [hook.next_secret]
        if hook.previous_secret_until is not None and hook.previous_secret_until > now:
            others.append(hook.previous_secret)
        return found + [self.box.open(other) for other in others if other is not None and self.box.opens(other)]

    async def _complain(self, hook: Hook, now: datetime) -> None:
        """Say it where people look, but not so often that a stranger could fill the disk."""
        if hook.removed_at is None and self.bursts.wrong(hook.id, now):
            await bad_signatures.tell(self.database, hook, self.admin_ids, now)
        if hook.id in self.complained:
            return
        self.complained[hook.id] = True
        async with self.database.write() as session:
            await hooks.failed(session, hook.id, hooks.WRONG_SIGNATURE)
            await event_log.add(
                session,
                kind="webhook_error",
                outcome="bad_signature",
                message="a delivery with a wrong or missing signature was refused",
                now=now,
                hook_id=hook.id,
                project_id=hook.project_id,
            )
