"""The agents of tunnels, each asked in its own way for the address under which it is reached from outside."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

_NGROK = "http://127.0.0.1:4040"
# The ports that cloudflared tries for its metrics, in this order.
_CLOUDFLARED = tuple(f"http://127.0.0.1:{port}" for port in range(20241, 20246))
_TIMEOUT = aiohttp.ClientTimeout(total=3)
_LARGEST = 1 << 20  # bytes of an answer
_PIECE = 1 << 16


class NoAddress(Exception):
    """The tunnel has no address now; the text says why, without a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """A tunnel as the settings describe it."""

    kind: str  # a key of `AGENTS`
    port: int | None  # that the relay listens on; `None` where it is not known: then any tunnel will do
    agent_url: str | None = None  # where the agent answers, if not at its default
    given: str | None = None  # the address, where the operator knows it


Agent = Callable[[aiohttp.ClientSession, Tunnel], Awaitable[str]]


def open_local() -> aiohttp.ClientSession:
    """A session to ask agents with: patient for three seconds, past any proxy, without cookies."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=_TIMEOUT)


async def address(session: aiohttp.ClientSession, tunnel: Tunnel) -> str:
    """The address of the tunnel's other end, without a slash at the end. Raises `NoAddress`."""
    return await AGENTS[tunnel.kind](session, tunnel)


# ---------------------------------------------------------------------------------------------------
# What the answers mean


def ngrok_address(answer: object, port: int | None) -> str:
    """The address in what ``GET /api/tunnels`` of ngrok's agent API answers; https goes before http."""
    found = [item for item in _items(answer, "tunnels") if _is_web(item.get("public_url"))]
    if not found:
        raise NoAddress("ngrok has no web tunnel yet")
    ours = [str(item["public_url"]) for item in found if _leads_to(_deep(item, "config", "addr"), port)]
    if not ours:
        raise NoAddress(f"none of ngrok's tunnels leads to port {port}; start it as `ngrok http {port}`")
    return min(ours, key=lambda url: not url.startswith("https://")).rstrip("/")


def cloudflared_address(quick: object, config: object, port: int | None) -> str:
    """The address in what ``/quicktunnel`` and ``/config`` of cloudflared answer.

    A quick tunnel has a name of its own; one with a configuration has the names of its rules.
    """
    name = quick.get("hostname") if isinstance(quick, Mapping) else None
    names = [name] if name else []
    rules = _items(config.get("config") if isinstance(config, Mapping) else None, "ingress")
    names += [rule["hostname"] for rule in rules if rule.get("hostname") and _leads_to(rule.get("service"), port)]
    for each in names:
        if isinstance(each, str) and "*" not in each and _is_web(f"https://{each}"):
            return f"https://{each}"
    raise NoAddress(f"cloudflared names no address that leads to port {port}")


def _is_web(url: object) -> bool:
    """Whether it can be the beginning of a hook's address: nothing of it may be lost or misread."""
    if not isinstance(url, str) or any(character.isspace() for character in url):
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what raises where it cannot be
    except ValueError:
        return False
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _leads_to(target: object, port: int | None) -> bool:
    """Whether an agent passes on to this port: ``http://localhost:8000``, ``localhost:8000`` or ``8000``."""
    if port is None:
        return True
    if not isinstance(target, str):
        return False
    if target.isdecimal():
        return int(target) == port
    try:
        parts = urlsplit(target if "//" in target else f"//{target}")
        return (parts.port or {"http": 80, "https": 443}.get(parts.scheme)) == port
    except ValueError:
        return False


def _items(answer: object, name: str) -> Sequence[Mapping[str, Any]]:
    found = answer.get(name) if isinstance(answer, Mapping) else None
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _deep(item: Mapping[str, Any], *names: str) -> object:
    found: object = item
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


# ---------------------------------------------------------------------------------------------------
# Who is asked


class _Silent(NoAddress):
    """Nobody answers there."""


async def _ngrok(session: aiohttp.ClientSession, tunnel: Tunnel) -> str:
    return ngrok_address(await _told(session, tunnel.agent_url or _NGROK, "/api/tunnels", "ngrok"), tunnel.port)


async def _cloudflared(session: aiohttp.ClientSession, tunnel: Tunnel) -> str:
    """Several may run on a machine; one that has no connection to Cloudflare leads nowhere yet."""
    if tunnel.agent_url is not None:
        return await _cloudflared_at(session, tunnel.agent_url, tunnel.port)
    why = NoAddress("no cloudflared answers at its ports 20241 to 20245")
    for url in _CLOUDFLARED:
        try:
            return await _cloudflared_at(session, url, tunnel.port)
        except _Silent:
            continue
        except NoAddress as error:
            why = error
    raise why


async def _cloudflared_at(session: aiohttp.ClientSession, url: str, port: int | None) -> str:
    await _told(session, url, "/ready", "cloudflared")
    quick, config = await _told(session, url, "/quicktunnel", "cloudflared"), None
    if not (isinstance(quick, Mapping) and quick.get("hostname")):
        config = await _told(session, url, "/config", "cloudflared")
    return cloudflared_address(quick, config, port)


async def _ssh(session: aiohttp.ClientSession, tunnel: Tunnel) -> str:
    """The operator gives the address, for ssh tells none; that a relay answers there is seen from its health."""
    if tunnel.given is None:
        raise NoAddress("ssh tells no address; put it into PUBLIC_URL")
    answer = await _told(session, tunnel.given, "/healthz", "something")
    if not isinstance(answer, Mapping) or "instance" not in answer:
        raise NoAddress(f"{tunnel.given} is answered, but by no relay")
    return tunnel.given


AGENTS: dict[str, Agent] = {"ngrok": _ngrok, "cloudflared": _cloudflared, "ssh": _ssh}


async def _told(session: aiohttp.ClientSession, url: str, path: str, who: str) -> object:
    """What is answered there, as JSON. Raises `NoAddress`."""
    try:
        async with session.get(f"{url}{path}", allow_redirects=False) as response:
            if response.status != 200:
                raise NoAddress(f"{who} at {url} answers HTTP {response.status} to {path}")
            body = bytearray()
            async for piece in response.content.iter_chunked(_PIECE):
                body += piece
                if len(body) > _LARGEST:
                    raise NoAddress(f"{who} at {url} answers too much to {path}")
    except TimeoutError:
        raise NoAddress(f"{who} at {url} does not answer in time") from None
    except aiohttp.ClientConnectorError:
        raise _Silent(f"nobody answers at {url}") from None
    except aiohttp.ClientError as error:
        raise NoAddress(f"{who} at {url} cannot be asked: {type(error).__name__}") from None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise NoAddress(f"{who} at {url} answers no JSON to {path}") from None
