"""Where webhooks may come from: networks from the settings, and those that the forges publish."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

from src.database.models import utc_now
from src.forge import ForgeClient, ForgeError, RateLimited
from src.webhook.bodies import overloaded

log = logging.getLogger(__name__)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_DAILY = timedelta(days=1)
_SOON = timedelta(minutes=1)  # until the first list is there nothing is let in by it
_LATER = timedelta(hours=1)  # a list is there, and a day old
_PATIENCE = 5.0  # seconds that a request waits for the first list
_SAID_AGAIN = timedelta(minutes=10)  # a stranger cannot fill the log


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the settings say.

    Attributes:
        networks: from there, everything is let in.
        kinds: of forges whose published networks let in what is for hooks of that kind.
        proxies: whose ``X-Forwarded-For`` is believed.
    """

    networks: tuple[Network, ...] = ()
    kinds: frozenset[str] = frozenset()
    proxies: tuple[Network, ...] = ()

    @classmethod
    def of(cls, allowed: Iterable[str], proxies: Iterable[str]) -> "Rule":
        """From the settings' words: networks, and kinds of forges among the allowed. Empty `allowed`: everybody."""
        kinds = frozenset(item for item in allowed if item.isalpha())
        return cls(
            networks=tuple(ip_network(item) for item in allowed if item not in kinds),
            kinds=kinds,
            proxies=tuple(ip_network(item) for item in proxies),
        )

    @property
    def is_open(self) -> bool:
        """Whether everybody may come."""
        return not self.networks and not self.kinds


class Published:
    """The networks that forges publish, kept in memory and looked up daily. A list that was good stays until the next.

    Args:
        clients: by kind, a client without a token for each instance that publishes.
        clock: aware UTC.
        awaited: is told of which kinds there is no list yet, each time that all were asked.
    """

    def __init__(
        self,
        clients: Mapping[str, Sequence[ForgeClient]],
        clock: Callable[[], datetime] = utc_now,
        awaited: Callable[[tuple[str, ...]], None] = lambda _: None,
    ) -> None:
        self._clients = clients
        self._clock = clock
        self._awaited = awaited
        self._lists: dict[tuple[str, int], tuple[Network, ...]] = {}  # by kind and place among its clients
        self._first = {kind: asyncio.Event() for kind in clients}

    def missing(self) -> tuple[str, ...]:
        """The kinds of which there is no list yet."""
        return tuple(kind for kind, event in self._first.items() if not event.is_set())

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the lists fresh until `stop`."""
        while not stop.is_set():
            pause = await self.refresh()
            try:
                async with asyncio.timeout(pause.total_seconds()):
                    await stop.wait()
            except TimeoutError:
                continue  # time to ask again

    async def refresh(self) -> timedelta:
        """Ask every instance; returns when to ask again."""
        pauses = [_DAILY]
        for kind, clients in self._clients.items():
            for place, client in enumerate(clients):
                pauses.append(await self._ask(kind, place, client))
        self._awaited(self.missing())
        return min(pauses)

    async def of(self, kind: str, patience: float = _PATIENCE) -> tuple[Network, ...] | None:
        """What the forges of a kind publish; `None` where that is not known within so many seconds."""
        first = self._first.get(kind)
        if first is None:
            return ()
        try:
            async with asyncio.timeout(patience):
                await first.wait()
        except TimeoutError:
            return None
        return tuple(network for (of, _), found in self._lists.items() if of == kind for network in found)

    async def _ask(self, kind: str, place: int, client: ForgeClient) -> timedelta:
        again = _LATER if (kind, place) in self._lists else _SOON
        try:
            found = tuple(ip_network(item) for item in await client.hook_networks())
        except RateLimited as error:
            return max(error.until - self._clock(), again)
        except (ForgeError, ValueError) as error:
            log.warning("the networks of %s were not told: %s", kind, type(error).__name__)
            return again
        if not found:
            log.warning("an instance of %s publishes no networks: name its own in WEBHOOK_ALLOWED_NETWORKS", kind)
            return _LATER
        self._lists[kind, place] = found
        self._first[kind].set()
        log.info("%s sends webhooks from %d networks", kind, len(found))
        return _DAILY


class Gate:
    """Refuses what comes from elsewhere, before anything is read or looked up."""

    def __init__(self, rule: Rule, published: Published, clock: Callable[[], datetime] = utc_now) -> None:
        self._rule = rule
        self._published = published
        self._clock = clock
        self._refused = 0
        self._silent_until: datetime | None = None

    async def check(self, request: web.Request, kind: str) -> None:
        """Raise 403 for who may not come; 503 for who may, perhaps, once the forge has told its networks."""
        if self._rule.is_open:
            return
        address = client_address(request.remote, request.headers.getall("X-Forwarded-For", ()), self._rule.proxies)
        if address is not None and _is_in(address, self._rule.networks):
            return
        if kind in self._rule.kinds and address is not None:
            networks = await self._published.of(kind)
            if networks is None:
                raise overloaded("It is not known yet where this forge sends from.")
            if _is_in(address, networks):
                return
        self._complain(request, address)
        raise web.HTTPForbidden(text="Webhooks are not taken from this address.")

    def _complain(self, request: web.Request, address: Address | None) -> None:
        self._refused += 1
        now = self._clock()
        if self._silent_until is not None and now < self._silent_until:
            return
        self._silent_until = now + _SAID_AGAIN
        hint = ""
        if "X-Forwarded-For" in request.headers and not _is_in(parsed(request.remote or ""), self._rule.proxies):
            hint = "; if that is a proxy of yours, name it in TRUSTED_PROXIES"
        log.warning(
            "webhook requests from outside of WEBHOOK_ALLOWED_NETWORKS are refused, %d so far, the last from %s%s",
            self._refused,
            address or "an unreadable address",
            hint,
        )


def client_address(peer: str | None, forwarded: Iterable[str], proxies: Sequence[Network]) -> Address | None:
    """Who sent a request: the rightmost address that is no trusted proxy's. `None` where that one can't be read.

    Args:
        peer: the other end of the connection.
        forwarded: the values of all ``X-Forwarded-For`` headers, in order. Anybody can write the first ones.
        proxies: who is trusted to add to them.
    """
    address = parsed(peer or "")
    hops = [hop for value in forwarded for hop in value.split(",")]
    while hops and _is_in(address, proxies):
        address = parsed(hops.pop())
    return address


def parsed(text: str) -> Address | None:
    """An address, perhaps with a port; one of IPv4 within IPv6 is taken for what it is."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(address: Address | None, networks: Iterable[Network]) -> bool:
    return address is not None and any(address in network for network in networks)
