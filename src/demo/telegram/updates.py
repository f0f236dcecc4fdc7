"""Updates that wait for the bot: numbered, confirmed by the next offset, one receiver at a time."""

import asyncio
import itertools
from dataclasses import dataclass, field

from src.demo.telegram.errors import Refusal, bad_request, conflict
from src.demo.telegram.signals import Signal
from src.demo.telegram.wire import Json

# getUpdates, allowed_updates: "all update types except chat_member, message_reaction, and message_reaction_count".
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
KINDS = frozenset(
    {"message", "edited_message", "callback_query", "my_chat_member", "chat_member", "channel_post",
     "edited_channel_post", "inline_query", "chosen_inline_result", "poll", "poll_answer", "chat_join_request",
     "message_reaction", "message_reaction_count"}
)  # fmt: skip


@dataclass(slots=True)
class Webhook:
    """Where updates are posted instead; an empty address means nowhere."""

    url: str = ""
    secret: str = ""
    max_connections: int = 40
    ip_address: str | None = None
    last_error_at: int | None = None
    last_error: str | None = None


@dataclass(slots=True)
class UpdateQueue:
    """What the bot has not yet confirmed."""

    first_id: int = 1
    pending: list[Json] = field(default_factory=list)
    allowed: frozenset[str] | None = None
    webhook: Webhook = field(default_factory=Webhook)
    _signal: Signal = field(default_factory=Signal)
    _ids: "itertools.count[int]" = field(init=False)
    delivering: asyncio.Lock = field(default_factory=asyncio.Lock)
    _receiver: object | None = None
    _closed: bool = False

    def __post_init__(self) -> None:
        self._ids = itertools.count(self.first_id)

    def add(self, kind: str, payload: Json) -> None:
        """An update of this kind, unless the bot asked not to hear of them when it happened."""
        wanted = kind not in NOT_BY_DEFAULT if self.allowed is None else kind in self.allowed
        if wanted:
            self.pending.append({"update_id": next(self._ids), kind: payload})
            self._signal.fire()

    def allow(self, kinds: list[str] | None) -> None:
        """As `allowed_updates`: nothing said keeps what was said before, an empty list is the default again."""
        if kinds is not None:
            self.allowed = (frozenset(kinds) & KINDS) or None

    def confirm(self, offset: int) -> None:
        """Forgets what stands before the offset; a negative one keeps so many at the end."""
        if offset < 0:
            self.pending = self.pending[offset:]
        else:
            self.pending = [update for update in self.pending if _id(update) >= offset]

    def drop(self) -> None:
        """Forgets all, as `drop_pending_updates`."""
        self.pending = []

    async def receive(self, offset: int, limit: int, seconds: float) -> list[Json]:
        """The next updates, waiting so many seconds for one.

        Raises Refusal 409 while a webhook is set, and in the call that a newer one takes the place of.
        """
        if self.webhook.url:
            raise conflict(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            )
        me = self._receiver = object()
        self._signal.fire()
        if offset:
            self.confirm(offset)
        try:
            if seconds <= 0:
                return self._now(limit)
            return await self._signal.until(lambda: self._ready(me, limit), seconds)
        except TimeoutError:
            return []

    def _now(self, limit: int) -> list[Json]:
        return self.pending[:limit]

    def _ready(self, me: object, limit: int) -> list[Json] | None:
        if self._receiver is not me:
            raise _taken_over()
        if self.webhook.url:
            raise conflict("terminated by setWebhook request")
        if self._closed:
            return []
        return self._now(limit) or None

    def set_webhook(self, webhook: Webhook) -> None:
        """Refuses addresses that are neither https nor on loopback, where the emulator delivers over http."""
        if webhook.url and not webhook.url.startswith(("https://", "http://127.0.0.1:")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook = webhook
        self._signal.fire()

    def close(self) -> None:
        """Whoever waits gets an empty answer."""
        self._closed = True
        self._signal.fire()


def _taken_over() -> Refusal:
    return conflict("terminated by other getUpdates request; make sure that only one bot instance is running")


def _id(update: Json) -> int:
    number = update["update_id"]
    return number if isinstance(number, int) else 0
