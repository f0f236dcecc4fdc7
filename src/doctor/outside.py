"""Whether PUBLIC_URL leads from outside to this relay."""

import ipaddress
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from src.doctor.answers import patiently
from src.doctor.findings import Finding, Inputs

_CHECK = "public address"


_POLLED = "PUBLIC_URL is not set: projects are polled, about once a minute, instead of telling at once."
_NOTHING = "PUBLIC_URL is not set and POLL is off: only webhooks made by hand bring anything."


class _NoRelayError(Exception):
    """An address is answered, but by no relay; the text is the end of a sentence."""


class _NotOursError(Exception):
    """Something answers that is no relay; the text says what."""


async def check(session: aiohttp.ClientSession, inputs: Inputs) -> Finding:
    """Ask PUBLIC_URL for its health: the answer has to be this machine's relay, or a stand-in while none runs."""
    if inputs.public_url is None:
        return Finding(_CHECK, "warn", _POLLED if inputs.polls else _NOTHING, "set it, if you can")
    if not inputs.port:
        says = "PORT is 0: the relay takes another port at each start, so nothing outside can lead to it."
        return Finding(_CHECK, "warn", says, "set PORT")
    try:
        async with _listening(session, inputs) as instance:
            return await _from_outside(session, inputs.public_url, instance, f"{inputs.host}:{inputs.port}")
    except _NotOursError as error:
        return Finding(_CHECK, "fail", str(error), "stop what listens there, or set another PORT")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return Finding(_CHECK, "fail", f"{inputs.host}:{inputs.port} cannot be listened on: {reason}.", "mend HOST")


@asynccontextmanager
async def _listening(session: aiohttp.ClientSession, inputs: Inputs) -> AsyncIterator[str]:
    """The running relay's instance id; where nothing listens, that of a stand-in which lives as long as the block."""
    running = await _running(session, inputs)
    if running is not None:
        yield running
        return
    instance = secrets.token_hex(8)

    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "instance": instance})

    app = web.Application()
    app.router.add_get("/healthz", health)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, inputs.host, inputs.port).start()
        yield instance
    finally:
        await runner.cleanup()


async def _running(session: aiohttp.ClientSession, inputs: Inputs) -> str | None:
    where = f"{inputs.host}:{inputs.port}"
    try:
        return await patiently(lambda: _instance(session, f"http://{_reachable(inputs.host)}:{inputs.port}"))
    except aiohttp.ClientConnectorError:
        return None  # nothing listens
    except (aiohttp.ClientError, TimeoutError, _NoRelayError):
        raise _NotOursError(f"Something that is no relay listens on {where}.") from None


def _reachable(host: str) -> str:
    """Where a listener on `host` is reached from this machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return host if address.version == 4 else f"[{host}]"


async def _instance(session: aiohttp.ClientSession, base_url: str) -> str:
    """The instance id that is served at an address. `_NoRelayError` where no relay answers."""
    async with session.get(f"{base_url}/healthz", allow_redirects=False) as response:
        if response.status != 200:
            raise _NoRelayError(f"answers HTTP {response.status}")
        try:
            body = await response.json(content_type=None)
        except ValueError:
            raise _NoRelayError("answers something that is no relay") from None
    if not isinstance(body, dict) or not isinstance(body.get("instance"), str):
        raise _NoRelayError("answers something that is no relay")
    return str(body["instance"])


async def _from_outside(session: aiohttp.ClientSession, public_url: str, instance: str, here: str) -> Finding:
    mend = f"let the tunnel or proxy lead from there to {here}, without redirects"
    try:
        found = await patiently(lambda: _instance(session, public_url))
    except TimeoutError:
        return Finding(_CHECK, "fail", f"{public_url} does not answer in time.", mend)
    except aiohttp.ClientError as error:
        return Finding(_CHECK, "fail", f"{public_url} is not reached: {error}.", mend)
    except _NoRelayError as error:
        return Finding(_CHECK, "fail", f"{public_url} {error}.", mend)
    if found != instance:
        return Finding(_CHECK, "fail", f"{public_url} leads to another relay, not to {here}.", mend)
    if urlsplit(public_url).scheme != "https":
        says = f"{public_url} leads here, but unencrypted: everybody on the way can read GitLab's secrets."
        return Finding(_CHECK, "warn", says, "put https in front")
    return Finding(_CHECK, "ok", f"{public_url} leads here.")
