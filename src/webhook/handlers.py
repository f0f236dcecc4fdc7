"""HTTP: who may come, find the hook, verify, hand to the inbox, 202. Nothing is parsed here."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web
from cachetools import TTLCache

from src.database.crypto import SecretBox, UndecryptableError
from src.database.database import Database
from src.database.models import Hook
from src.database.repositories import event_log, hooks
from src.database.repositories.deliveries import NewDelivery
from src.forge import BadSignature, ForgeType
from src.webhook import bad_signatures
from src.webhook.bad_signatures import Bursts
from src.webhook.bodies import Budget, overloaded, read_body
from src.webhook.inbox import Inbox, compress
from src.webhook.known_hooks import KnownHooks
from src.webhook.metrics import Metrics
from src.webhook.networks import Gate

log = logging.getLogger(__name__)

_COMMIT_SECONDS = 8.0  # forges give up after ten; what is stored after all is known when it comes again
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

    async def receive(self, request: web.Request) -> web.Response:
        """``POST /webhook/{forge}[/{hook_id}]``: 202 means on disk."""
        kind = request.match_info["forge"]
        status = 500
        try:
            response = await self._receive(request, kind)
            status = response.status
        except web.HTTPException as error:
            status = error.status
            raise
        finally:
            self.metrics.requests.labels(kind if kind in self.types else "unknown", status).inc()
        return response

    async def _receive(self, request: web.Request, kind: str) -> web.Response:
        forge = self.types.get(kind)
        if forge is None:
            raise web.HTTPNotFound(text="No such forge.")
        if self.gate is not None:
            await self.gate.check(request, kind)
        hook = await self.known.find(self.database, kind, request.match_info.get("hook_id"))
        if hook is None or _is_forgotten(hook, self.clock()):
            raise web.HTTPNotFound(text="No such hook.")
        async with read_body(request, self.budget) as body:
            now = self.clock()
            hook = await self._verified(hook, forge, request, body, now)
            if hook.removed_at is not None and not await self._is_replaced(hook, hook.removed_at, now):
                return _accepted()  # late news that nobody waits for any more
            delivery = NewDelivery(
                hook_id=hook.id,
                key=forge.codec.delivery_key(request.headers, body),
                replay_key=forge.codec.replay_key(request.headers, body),
                event=forge.codec.event_header(request.headers)[:128],
                headers=forge.codec.kept_headers(request.headers),
                body=compress(body),
                received_at=now,
            )
            del body  # it may be large, and what follows takes the disk's time
        try:
            async with asyncio.timeout(_COMMIT_SECONDS):
                await self.inbox.put(delivery)
        except TimeoutError:
            log.warning("hook %s: the delivery was not stored in time", hook.id)
            raise overloaded("Not stored yet, send again.") from None
        except Exception as error:
            log.exception("hook %s: the delivery could not be stored", hook.id)
            raise web.HTTPServiceUnavailable(text="Not stored, send again.", headers={"Retry-After": "30"}) from error
        return _accepted()

    async def _verified(self, hook: Hook, forge: ForgeType, request: web.Request, body: bytes, now: datetime) -> Hook:
        """The hook as it is now, if one of its secrets made this delivery.

        What we know by heart may be older than a rotation in another process, so a wrong signature is compared once
        more with what is stored.
        """
        try:
            try:
                forge.codec.verify(request.headers, body, self._secrets(hook, now), now)
            except (BadSignature, UndecryptableError):
                address = request.match_info.get("hook_id")
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
        found = [self.box.open(hook.secret)]
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


def _accepted() -> web.Response:
    return web.json_response({"status": "accepted"}, status=202)


def _is_forgotten(hook: Hook, now: datetime) -> bool:
    return hook.removed_at is not None and now - hook.removed_at > hooks.REMEMBERED
