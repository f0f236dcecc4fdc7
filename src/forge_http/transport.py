"""One request to a forge: retried, waited for, bounded, cached, and refused as one of `src.forge`'s errors."""

import asyncio
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import aiohttp
from yarl import URL

from src.forge import RateLimited, TooLong, Unauthorized, Unavailable
from src.forge_http.answers import Answer, Dialect, Refusal, error_of
from src.forge_http.cache import EtagCache
from src.forge_http.instance import Instance

_IDEMPOTENT = frozenset({"GET", "PUT", "DELETE"})
_REDIRECTS = frozenset({301, 302, 307, 308})
_CHUNK = 64 * 1024
_RANDOM = secrets.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long and how often. Times are seconds."""

    timeout: float = 15.0  # of one request, all in all
    connect_timeout: float = 5.0
    max_bytes: int = 20 * 1024 * 1024  # of one answer, unpacked
    attempts: int = 3
    retry_window: float = 10.0  # no new attempt begins later than this after the first one
    first_delay: float = 0.5
    patience: float = 20.0  # how long one call waits for rate limits altogether
    redirects: int = 3


@dataclass(frozen=True, slots=True)
class _Failure:
    """No answer came. `sent`: the forge may have acted; `again`: another attempt may help."""

    sentence: str
    sent: bool
    again: bool = True
    error: type[Unavailable] = Unavailable


def open_session() -> aiohttp.ClientSession:
    """The session to share. It keeps no cookies: one person's must never go out with another's token."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Transport:
    """What all clients of one connector share: the session, the cache, the pauses that forges asked for."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        policy: Policy | None = None,
        cache: EtagCache | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime] = _utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = _RANDOM.random,
    ) -> None:
        self.session = session
        self.policy = policy or Policy()
        self.cache = cache or EtagCache()
        self.sleep = sleep
        self.now = now
        self.monotonic = monotonic
        self.jitter = jitter
        self._paused: dict[str, datetime] = {}

    def channel(self, instance: Instance, dialect: Dialect, token: str | None) -> "Channel":
        """The way to one instance with one credential."""
        return Channel(self, instance, dialect, token)

    def paused_until(self, fingerprint: str) -> datetime | None:
        """When the rate limit of a credential ends, as far as we know of one."""
        until = self._paused.get(fingerprint)
        return until if until is not None and until > self.now() else None

    def pause(self, fingerprint: str, until: datetime) -> None:
        """Remember a rate limit: going on asking is what gets clients banned."""
        now = self.now()
        self._paused = {key: end for key, end in self._paused.items() if end > now}
        self._paused[fingerprint] = until

    def resume(self, fingerprint: str) -> None:
        """Forget a rate limit: a request that waited for its end got through."""
        self._paused.pop(fingerprint, None)


class Channel:
    """One instance through one credential. The token is in the headers that the caller passes, and nowhere else."""

    def __init__(self, transport: Transport, instance: Instance, dialect: Dialect, token: str | None) -> None:
        self._transport = transport
        self._dialect = dialect
        self._token = token
        self._fingerprint = hashlib.sha256(f"{instance.base}\0{token or ''}".encode()).hexdigest()
        self.instance = instance

    async def sleep(self, seconds: float) -> None:
        """Wait, by the transport's clock."""
        await self._transport.sleep(seconds)

    def at(self, base: URL) -> "Channel":
        """The same credential at another address of the same instance, e.g. of its GraphQL API."""
        return Channel(self._transport, replace(self.instance, base=base), self._dialect, self._token)

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"", *, repeatable: bool = False
    ) -> Answer:
        """Send a request and return its answer: 2xx, and JSON or empty. Raises the errors of `src.forge`.

        `repeatable`: doing it twice does no harm, although the method does not say so.
        """
        if self._token is not None and not (self._token.isascii() and self._token.isprintable() and self._token):
            raise Unauthorized("The token has characters that no token has.")
        address = self.instance.resolve(url)
        for _ in range(self._transport.policy.redirects + 1):
            answer = await self._patiently(method, address, headers, body, repeatable)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return self._accepted(answer, body)
            address = self.instance.resolve(location, address)
        raise Unavailable(f"{self.instance.name} redirects in a circle.")

    async def _patiently(
        self, method: str, address: URL, headers: Mapping[str, str], body: bytes, repeatable: bool
    ) -> Answer:
        """Wait for rate limits that end soon; a refused request was not carried out, so any method may go again."""
        waited = 0.0
        until = self._transport.paused_until(self._fingerprint)
        while True:
            if until is not None:
                waited += await self._wait(until, waited)
            answer = await self._persistently(method, address, headers, body, repeatable)
            until = None
            if answer.status in (403, 429):
                until = self._dialect.limited_until(Refusal.of(answer), self._transport.now())
            if until is None:
                if waited:
                    self._transport.resume(self._fingerprint)
                return answer
            self._transport.pause(self._fingerprint, until)

    async def _wait(self, until: datetime, waited: float) -> float:
        delay = max((until - self._transport.now()).total_seconds(), 1.0)
        if waited + delay > self._transport.policy.patience:
            raise RateLimited(f"{self.instance.name} wants no requests before {until:%Y-%m-%d %H:%M:%S} UTC.", until)
        await self._transport.sleep(delay)
        return delay

    async def _persistently(
        self, method: str, address: URL, headers: Mapping[str, str], body: bytes, repeatable: bool
    ) -> Answer:
        """Try again after 5xx and network errors, where doing it twice does no harm."""
        policy, begun = self._transport.policy, self._transport.monotonic()
        for attempt in range(1, policy.attempts + 1):
            outcome = await self._once(method, address, headers, body)
            if isinstance(outcome, Answer) and outcome.status < 500:
                return outcome
            delay = self._backoff(outcome, attempt)
            late = self._transport.monotonic() + delay - begun > policy.retry_window
            if attempt == policy.attempts or late or not _may_repeat(repeatable or method in _IDEMPOTENT, outcome):
                break
            await self._transport.sleep(delay)
        if isinstance(outcome, Answer):
            return outcome
        raise outcome.error(f"{self.instance.name} {outcome.sentence}.")

    def _backoff(self, outcome: Answer | _Failure, attempt: int) -> float:
        delay: float = self._transport.policy.first_delay * 2.0 ** (attempt - 1) * (0.5 + self._transport.jitter())
        asked = outcome.headers.get("retry-after", "") if isinstance(outcome, Answer) else ""
        return max(delay, float(asked)) if asked.isascii() and asked.isdigit() else delay

    async def _once(self, method: str, address: URL, headers: Mapping[str, str], body: bytes) -> Answer | _Failure:
        """One attempt. Failures are values: aiohttp's exceptions hold the request's headers and must not get out."""
        sent = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        etag = self._transport.cache.etag(self._fingerprint, str(address)) if method == "GET" else None
        if etag:
            sent["if-none-match"] = etag
        policy = self._transport.policy
        timeout = aiohttp.ClientTimeout(total=policy.timeout, sock_connect=policy.connect_timeout)
        try:
            async with self._transport.session.request(
                method, address, headers=sent, data=body or None, allow_redirects=False, timeout=timeout
            ) as response:
                content = await _read(response, policy.max_bytes)
                if content is None:
                    sentence = f"answers with more than {policy.max_bytes} bytes"
                    return _Failure(sentence, sent=True, again=False, error=TooLong)
                answer = Answer(response.status, _flat(response), content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _failure(error)
        return self._remembered(method, address, answer)

    def _remembered(self, method: str, address: URL, answer: Answer) -> Answer | _Failure:
        cache, key = self._transport.cache, str(address)
        if answer.status == 304:
            kept = cache.fresh(self._fingerprint, key, answer)
            return kept or _Failure("answers 304 to a question that was not conditional", sent=True, again=True)
        if method == "GET" and answer.status == 200 and answer.is_json:
            cache.keep(self._fingerprint, key, answer)
        return answer

    def _accepted(self, answer: Answer, body: bytes) -> Answer:
        if 200 <= answer.status < 300 and (not answer.body.strip() or answer.is_json):
            return answer
        if 200 <= answer.status < 300:
            what = "a web page" if answer.is_page else (answer.media_type[:40] or "an untyped answer")
            raise Unavailable(f"{self.instance.name} answers with {what} instead of its API.")
        hidden = [*([self._token] if self._token else []), *_secrets_in(body)]
        raise error_of(self.instance.name, self._dialect, Refusal.of(answer), is_page=answer.is_page, secrets=hidden)


def _may_repeat(repeatable: bool, outcome: Answer | _Failure) -> bool:
    if isinstance(outcome, Answer):
        return repeatable and outcome.status != 501
    return outcome.again and (repeatable or not outcome.sent)


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The whole body, or `None` where it is longer than `limit`."""
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        content += chunk
        if len(content) > limit:
            response.close()  # what is left is not worth reading
            return None
    return bytes(content)


def _flat(response: aiohttp.ClientResponse) -> dict[str, str]:
    names = {name.lower() for name in response.headers} - {"set-cookie"}
    return {name: ", ".join(response.headers.getall(name)) for name in names}


def _failure(error: Exception) -> _Failure:
    """Say what went wrong without the exception's own text."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return _Failure("does not accept the connection in time", sent=False)
        case TimeoutError():
            return _Failure("does not answer in time", sent=True)
        case aiohttp.ClientConnectorDNSError():
            return _Failure("cannot be found: its name has no address", sent=False)
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return _Failure("shows a certificate that is not trusted here", sent=False, again=False)
        case aiohttp.ClientConnectorError():
            return _Failure("cannot be reached: no connection came about", sent=False)
        case aiohttp.InvalidURL() | aiohttp.ClientResponseError():
            return _Failure("does not speak HTTP as it should", sent=True, again=False)
        case _:
            return _Failure("broke the connection off", sent=True)


def _secrets_in(body: bytes) -> list[str]:
    """The secrets of a hook that we sent and that the forge's message may repeat."""
    if not body:
        return []
    data = json.loads(body)  # ours: gidgethub and gidgetlab made it
    config = data.get("config", {}) if isinstance(data, dict) else {}
    found = [source.get(name) for source in (data, config) if isinstance(source, dict) for name in ("secret", "token")]
    return [value for value in found if isinstance(value, str) and value]
