"""Requests with heads that no forge sends, as bytes for the socket. Pure: one number always makes the same one."""

import base64
import hashlib
import hmac
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.fuzz.headers import HEADERS, Head
from tests.fuzz.seeds import seeds

Random = random.Random


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        number: makes it again.
        raw: for the socket.
        is_http: the request line and framing are in order, so that only what the relay says itself may be answered.
        is_whole: nothing more is awaited; of others an answer may never come.
    """

    number: int
    raw: bytes
    is_http: bool
    is_whole: bool


@dataclass(slots=True)
class _Draft:
    """A request that is being made wrong."""

    method: bytes
    target: bytes
    version: bytes
    head: Head
    body: bytes
    framing: Head
    is_http: bool = True
    is_whole: bool = True

    def raw(self) -> bytes:
        lines = [b"%b %b %b" % (self.method, self.target, self.version)]
        lines += [b"%b: %b" % header for header in (*self.head, *self.framing)]
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


def call(seed: int, number: int, paths: Mapping[str, str], secret: str, now: float) -> Call:
    """The `number`-th request of a run, at the paths of hooks of each kind with this secret."""
    rng = Random(f"{seed}/call/{number}")
    draft = _whole(rng, paths, secret, now)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        rng.choice(HEADERS)(rng, draft.head)
    if rng.random() < 0.15:
        rng.choice(_FRAMES)(rng, draft)
    return Call(number, draft.raw(), draft.is_http, draft.is_whole)


def _whole(rng: Random, paths: Mapping[str, str], secret: str, now: float) -> _Draft:
    """As the forge would send it."""
    origin = rng.choice(seeds())
    body = origin.body if rng.random() < 0.7 else b'{"n": %d}' % rng.getrandbits(60)
    key = b"%x" % rng.getrandbits(100)
    head: Head = [(b"Host", b"relay.example.org"), (b"Content-Type", b"application/json")]
    if origin.kind == "github":
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
        head += [(b"X-GitHub-Event", origin.event.encode()), (b"X-GitHub-Delivery", key)]
        head += [(b"X-Hub-Signature-256", b"sha256=" + signature)]
    else:
        head += [(b"X-Gitlab-Event", origin.event.encode()), (b"Idempotency-Key", key)]
        head += _standard(rng, body, secret, key, now) if rng.random() < 0.5 else [(b"X-Gitlab-Token", secret.encode())]
    framing = [(b"Content-Length", b"%d" % len(body))]
    return _Draft(b"POST", paths[origin.kind].encode(), b"HTTP/1.1", head, body, framing)


def _standard(rng: Random, body: bytes, secret: str, key: bytes, now: float) -> Head:
    """Standard Webhooks, with times that are right, old, new and absurd."""
    times = (
        b"%d" % now,
        b"%d" % (now - 290),
        b"%d" % (now + 4000),
        b"9" * 30,
        b"-5",
        b"1e9",
        b"0x10",
        b"",
        "٣".encode(),
        b"%d.5" % now,
    )
    time = rng.choice((times[0], *times))
    signed = b".".join((key, time, body))
    signature = base64.b64encode(hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256))
    return [(b"webhook-id", key), (b"webhook-timestamp", time), (b"webhook-signature", b"v1," + signature)]


# ---------------------------------------------------------------------------------------------------
# The request line and the framing of the body


def _line(rng: Random, draft: _Draft) -> None:
    draft.is_http = False
    draft.method = rng.choice(
        (
            draft.method,
            b"GET",
            b"PUT",
            b"post",
            b"POST POST",
            b"",
            b"CONNECT",
            b"OPTIONS",
            b"PRI",
            b"\x16\x03\x01",
            b"HEAD",
            b"X" * 300,
        )
    )
    draft.version = rng.choice(
        (
            draft.version,
            b"HTTP/1.0",
            b"HTTP/0.9",
            b"HTTP/2.0",
            b"HTTP/1.9",
            b"",
            b"http/1.1",
            b"HTTP/1.1 x",
            b"HTTP/\xff",
        )
    )


def _target(rng: Random, draft: _Draft) -> None:
    draft.is_http = False
    target = draft.target
    draft.target = rng.choice(
        (
            b"*", b"/", b"//", b"/webhook", b"/webhook/", b"/webhook/github/", b"/webhook/x", b"/webhook/github/%00",
            b"/webhook/github/%FF%FE",
            target + b"/", target + b"/x", target + b"?" + b"q=1&" * 500, target + b"#f",
            b"http://other.example" + target, target.upper(), b"/" * 3000,
            b"/webhook/github/" + b"a" * 3000, b"/webhook/github/" + "é".encode() * 30, b"/webhook/%67ithub/x",
            b"/../" + target, b"", target + b"%",
            b"/webhook/github/" + b"%F0%9F%9A%80" * 20, b"/metrics", b"/healthz", b"relay", b"\xff\xfe",
            target.replace(b"/", b"\\"), b"http://[::1/" + target,
        )
    )  # fmt: skip


def _length(rng: Random, draft: _Draft) -> None:
    """Lengths that are none, too short, too long, or two."""
    draft.is_http = False
    size = len(draft.body)
    value = rng.choice(
        (
            b"-1",
            b"+%d" % size,
            b"%dx" % size,
            b"",
            b"0x10",
            b"1e3",
            b"9" * 40,
            b"%d, %d" % (size, size),
            b"0",
            b"%d" % (size // 2),
            b"26214401",
        )
    )
    draft.framing = [(b"Content-Length", value)]
    if rng.random() < 0.3:
        draft.framing.append((b"Content-Length", b"%d" % size))
    if rng.random() < 0.2:
        draft.framing = [(b"Content-Length", b"%d" % (size + 5000))]
        draft.is_whole = False


def _chunked(rng: Random, draft: _Draft) -> None:
    size = max(1, len(draft.body) // rng.choice((1, 3, 50)))
    parts = [draft.body[start : start + size] for start in range(0, len(draft.body), size)]
    draft.framing = [(b"Transfer-Encoding", b"chunked")]
    draft.body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    if rng.random() < 0.5:
        draft.is_http = False
        wrong = rng.choice(
            (
                b"zz\r\n",
                b"-1\r\n\r\n",
                b"ffffffffffffffffffff\r\n",
                b"\r\n\r\n",
                b"5;x=" + b"y" * 20_000 + b"\r\nabcde\r\n0\r\n\r\n",
                b"1\r\nabc\r\n0\r\n\r\n",
            )
        )
        draft.body = wrong + draft.body
        draft.is_whole = False  # what is taken for a chunk may be longer than what follows


def _both(rng: Random, draft: _Draft) -> None:
    """A length and chunks: which of them counts, servers disagree."""
    draft.is_http = draft.is_whole = False
    draft.framing = [
        (b"Content-Length", b"%d" % len(draft.body)),
        (
            b"Transfer-Encoding",
            rng.choice((b"chunked", b"gzip", b"identity", b"xchunked", b"chunked, chunked", b"\xff")),
        ),
    ]
    rng.shuffle(draft.framing)


def _expect(rng: Random, draft: _Draft) -> None:
    draft.is_http = False
    draft.head.append(
        rng.choice(
            (
                (b"Expect", b"100-continue"),
                (b"Expect", b"x"),
                (b"Upgrade", b"websocket"),
                (b"Connection", b"upgrade, close, \xff"),
                (b"Upgrade", b"h2c"),
            )
        )
    )


def _junk(rng: Random, draft: _Draft) -> None:
    """Bytes before, behind or in place of the request."""
    draft.is_http = False
    match rng.randrange(3):
        case 0:
            draft.method = rng.randbytes(rng.choice((1, 20, 400))) + draft.method
        case 1:
            draft.body += rng.randbytes(200)
        case _:
            draft.head.append((b"Broken\r\n" + rng.choice((b" folded", b"\x00", b"no colon", b": ", b"\r\n")), b""))
            draft.is_whole = False  # the head may end there


_FRAMES: tuple[Callable[[Random, _Draft], None], ...] = (
    _line,
    _target,
    _length,
    _chunked,
    _chunked,
    _both,
    _expect,
    _junk,
)
