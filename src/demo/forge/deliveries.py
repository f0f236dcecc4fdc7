"""The queue of webhooks: who listens, in which order they are sent, and what became of each."""

import asyncio
import hashlib
import uuid
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from aiohttp import ClientSession

from src.demo.forge.cast import Cast
from src.demo.forge.records import DeliveryRecord, Hook
from src.demo.forge.sending import Parcel, post
from src.demo.forge.state import Happened, HookHome, Project

Json = dict[str, Any]

# Set while a request is being worked on: what it brings about is delivered after its answer, not before.
answering: ContextVar[bool] = ContextVar("answering", default=False)

SIGNATURES = frozenset({
    "X-Hub-Signature", "X-Hub-Signature-256", "X-Gitlab-Token", "webhook-id", "webhook-timestamp", "webhook-signature",
})  # fmt: skip


class Deliveries(Cast):
    """Sends what `announce` was given, one webhook after the other, when `delivered` is awaited."""

    kind: str

    def __init__(self, now: Callable[[], datetime], *, shared_numbers: bool) -> None:
        super().__init__(now, shared_numbers=shared_numbers)
        self.deliveries: list[DeliveryRecord] = []
        self.keeps_log = True  # False: as versions that do not tell what they delivered
        self.acting = asyncio.Lock()  # for those who want to know which deliveries follow from what they do
        self.closing = asyncio.Event()
        self.session: ClientSession | None = None
        self.listeners: list[Callable[[str, DeliveryRecord], None]] = []
        self._parcels: deque[Parcel] = deque()
        self._sending = asyncio.Lock()
        self._count = 0
        self._sent = 0

    def on_delivery(self, listener: Callable[[str, DeliveryRecord], None]) -> None:
        """From now on `listener` gets each webhook once it is sent, behind the path of its project or group."""
        self.listeners.append(listener)

    @property
    @abstractmethod
    def url(self) -> str:
        """The address of the emulator."""

    @abstractmethod
    def listens(self, hook: Hook, event: str) -> bool:
        """Whether the hook's events include this one."""

    @abstractmethod
    def may_receive(self, hook: Hook) -> bool:
        """Whether the forge sends anything to this hook now."""

    @abstractmethod
    def pack(self, home: HookHome, hook: Hook, event: str, payload: Json) -> Parcel:
        """A delivery of a hook of this project or group, with its headers and body, signed."""

    @abstractmethod
    def signatures(self, hook: Hook, delivery_id: str, body: bytes) -> dict[str, str]:
        """The headers that prove who sent a delivery, from the hook's present secret."""

    def settle(self, hook: Hook, status: int | None) -> None:
        """Note how a delivery to this hook ended."""
        hook.last_status = status
        hook.failures = 0 if status is not None and 200 <= status < 300 else hook.failures + 1

    def new_uuid(self, what: str) -> str:
        """An id that no other emulator of this machine gives: it grows from the address and a counter."""
        self._count += 1
        digest = hashlib.sha256(f"{self.kind} {self.url} {what} {self._count}".encode()).digest()
        return str(uuid.UUID(bytes=digest[:16], version=4))

    def announce(self, project: Project, event: str, payload: Json) -> None:
        """Put a webhook into the queue of every hook that listens for it, those of the groups above included."""
        number = self.world.new_id("happened")
        project.history.append(Happened(id=number, event=event, payload=payload, at=self.world.now()))
        homes: list[HookHome] = [project, *self.world.groups_of(project)]
        for home in homes:
            for hook in list(home.hooks.values()):
                if self.listens(hook, event):
                    self.announce_to(home, hook, event, payload)

    def announce_to(self, home: HookHome, hook: Hook, event: str, payload: Json) -> None:
        """Put a webhook into the queue of one hook, whatever it listens for."""
        if self.may_receive(hook):
            self._parcels.append(self.pack(home, hook, event, payload))

    @property
    def waits(self) -> bool:
        """Whether something is queued."""
        return bool(self._parcels)

    def drop(self) -> None:
        """Forget what is queued."""
        self._parcels.clear()

    async def delivered(self) -> None:
        """Send all that is queued, in order; returns when everything, also what others were sending, has been sent.

        Tests that act over HTTP call it to wait for what follows their request.
        """
        if answering.get():
            return
        async with self._sending:
            while self._parcels and not self.closing.is_set():
                parcel = self._parcels.popleft()
                if self.may_receive(parcel.hook):
                    await self._send(parcel)

    async def send_now(self, home: HookHome, hook: Hook, event: str, payload: Json) -> DeliveryRecord:
        """Send one webhook ahead of the queue, whatever the hook listens for."""
        async with self._sending:
            return await self._send(self.pack(home, hook, event, payload))

    async def redeliver(self, delivery: DeliveryRecord) -> DeliveryRecord:
        """Send a delivery again as the forge's button does: the same body and id, signed anew."""
        async with self._sending:
            return await self._send(self._again(delivery))

    def queue_again(self, delivery: DeliveryRecord) -> None:
        """`redeliver`, but after the answer to the present request."""
        self._parcels.append(self._again(delivery))

    def _again(self, delivery: DeliveryRecord) -> Parcel:
        """The same delivery to where the hook points now, signed with the secret that it has now."""
        homes: list[HookHome] = [*self.world.projects.values(), *self.world.groups.values()]
        home = next(home for home in homes if delivery.hook_id in home.hooks)
        hook, body = home.hooks[delivery.hook_id], delivery.body
        headers = {name: value for name, value in delivery.headers.items() if name not in SIGNATURES}
        return Parcel(
            home=home, hook=hook, event=delivery.event, action=delivery.action, delivery_id=delivery.delivery_id,
            headers=headers | self.signatures(hook, delivery.delivery_id, body), body=body, redelivery=True,
        )  # fmt: skip

    async def _send(self, parcel: Parcel) -> DeliveryRecord:
        if self.session is None:
            raise RuntimeError("the emulator delivers only between __aenter__ and __aexit__")
        self._sent += 1
        record = await post(self.session, parcel, self._sent, self.world.now())
        self.deliveries.append(record)
        parcel.home.deliveries[record.number] = record
        self.settle(parcel.hook, record.status)
        for listener in self.listeners:
            listener(parcel.home.path, record)
        return record
