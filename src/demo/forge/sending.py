"""One webhook on its way: posted to loopback addresses and nowhere else."""

import ipaddress
import time
from dataclasses import dataclass
from datetime import datetime

from aiohttp import ClientError, ClientSession
from yarl import URL

from src.demo.forge.records import DeliveryRecord, Hook
from src.demo.forge.state import HookHome


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A signed webhook that waits to be sent. `home` is where its hook is."""

    home: HookHome
    hook: Hook
    event: str
    action: str | None
    delivery_id: str
    headers: dict[str, str]
    body: bytes
    redelivery: bool = False


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine; emulators send nothing anywhere else."""
    host = URL(url).host or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def post(session: ClientSession, parcel: Parcel, number: int, at: datetime) -> DeliveryRecord:
    """Send a webhook and tell how it went; never raises for what the receiver does."""
    status: int | None = None
    began = time.monotonic()
    if is_loopback(parcel.hook.url):
        try:
            async with session.post(
                parcel.hook.url, data=parcel.body, headers=parcel.headers, allow_redirects=False
            ) as response:
                status, answer = response.status, (await response.read())[:4096].decode(errors="replace")
        except (ClientError, OSError, TimeoutError) as error:
            answer = f"{type(error).__name__}: {error}"
    else:
        answer = "not sent: this emulator delivers to loopback addresses only"
    return DeliveryRecord(
        number=number, hook_id=parcel.hook.id, url=parcel.hook.url, event=parcel.event, action=parcel.action,
        delivery_id=parcel.delivery_id, headers=parcel.headers, body=parcel.body, status=status, answer=answer,
        redelivery=parcel.redelivery, at=at, seconds=time.monotonic() - began,
    )  # fmt: skip
