"""Headers that no forge sends: each function spoils a head in its own way. Pure."""

import base64
import random
from collections.abc import Callable

Random = random.Random
Head = list[tuple[bytes, bytes]]

_VALUES = (
    b"", b" ", b"\t", b"0", b"-1", b"null", b"\xff\xfe", b"\xd0\xbf\xd1\x80", b"\xed\xa0\x80", b"\x7f", b"a\x01b",
    b"\x1b[2J", b"%00", b"=" * 50,
    b",,,", b";;;", b'"', b"'", b"a" * 300, b"a" * 5000, b"a" * 8100, b"\xc3\xa9" * 2000, b"1e999", b"9" * 400,
    b"${jndi:x}", b"../..", b"a\x00b",
    b"a\rb", b"a\n b",
)  # fmt: skip
_NAMES = (
    b"X-GitHub-Event", b"X-GitHub-Delivery", b"X-Hub-Signature", b"X-Hub-Signature-256", b"X-Gitlab-Event",
    b"X-Gitlab-Token", b"X-Gitlab-Event-UUID",
    b"X-Gitlab-Webhook-UUID", b"X-Gitlab-Instance", b"Idempotency-Key", b"webhook-id", b"webhook-timestamp",
    b"webhook-signature", b"Content-Type",
    b"Content-Encoding", b"Accept-Encoding", b"Authorization", b"Cookie", b"X-Forwarded-For", b"X-Forwarded-Proto",
    b"Forwarded", b"User-Agent",
    b"Range", b"If-Match", b"Origin", b"Accept", b"Sec-WebSocket-Key", b"",  b"X Y", b"X:Y", b"\xc3\xa9", b"X" * 300,
)  # fmt: skip
_TYPES = (
    b"application/json; charset=utf-7", b"application/json; charset=\xff", b"application/json;charset=none",
    b"text/plain", b"text/html; charset=utf-16",
    b"application/x-www-form-urlencoded", b"application/x-www-form-urlencoded; charset=utf-32", b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b"multipart/mixed; boundary=" + b"b" * 300, b"application", b"/", b";", b"application/json; a=b; a=c",
    b"APPLICATION/JSON", b"application/json" * 200,
)  # fmt: skip


def _value(rng: Random, head: Head) -> None:
    place = rng.randrange(len(head))
    head[place] = (head[place][0], rng.choice(_VALUES))


def _drop(rng: Random, head: Head) -> None:
    if len(head) > 1:
        del head[rng.randrange(1, len(head))]


def _twice(rng: Random, head: Head) -> None:
    name, value = rng.choice(head)
    head.insert(rng.randrange(len(head) + 1), (name, rng.choice((value, *_VALUES))))


def _another(rng: Random, head: Head) -> None:
    head.insert(rng.randrange(len(head) + 1), (rng.choice(_NAMES), rng.choice(_VALUES)))


def _case(rng: Random, head: Head) -> None:
    place = rng.randrange(len(head))
    name, value = head[place]
    head[place] = (rng.choice((name.upper(), name.lower(), name.swapcase())), value)


def _edges(rng: Random, head: Head) -> None:
    """Something before, behind or within a value."""
    place = rng.randrange(len(head))
    name, value = head[place]
    junk = rng.choice(_VALUES)
    middle = len(value) // 2
    head[place] = (
        name,
        rng.choice((junk + value, value + junk, value[:middle] + junk + value[middle:], value[:middle])),
    )


def _signature(rng: Random, head: Head) -> None:
    """Signatures in wrong encodings, and of the right form with wrong content."""
    digest = b"%064x" % rng.getrandbits(256)
    value = rng.choice(
        (
            b"sha256=" + digest, b"sha1=" + digest[:40], b"sha256:" + digest, digest, b"sha256=" + digest.upper(),
            b"sha256=",
            b"sha256=" + b"\xc3\xa9" * 32, b"sha256=" + b"\xff" * 64, b"sha256=" + digest * 100,
            b"v1," + base64.b64encode(digest),
            b"v1,", b"v1,====", b"v1,\xff", b"v2," + digest, b"v1," * 500, b" ".join([b"v1,QUJD"] * 400),
            b"v1a," + digest, b"\xed\xb3\xbf",
        )
    )  # fmt: skip
    name = rng.choice((b"X-Hub-Signature-256", b"webhook-signature", b"X-Gitlab-Token", b"X-Hub-Signature"))
    head[:] = [header for header in head if header[0] != name] if rng.random() < 0.7 else head
    head.append((name, value))


def _type(rng: Random, head: Head) -> None:
    head[:] = [header for header in head if header[0] != b"Content-Type"]
    head.append((b"Content-Type", rng.choice(_TYPES)))


def _coding(rng: Random, head: Head) -> None:
    head.append(
        (
            b"Content-Encoding",
            rng.choice((b"gzip", b"identity", b"br, gzip", b"deflate", b"", b"zstd", b"\xff", b"identity, identity")),
        )
    )


def _many(rng: Random, head: Head) -> None:
    head.extend(
        (b"X-Many-%d" % number, b"x" * rng.choice((1, 50))) for number in range(rng.choice((10, 40, 63, 64, 65, 500)))
    )


HEADERS: tuple[Callable[[Random, Head], None], ...] = (
    _value, _value, _drop, _drop, _twice, _another, _another, _case, _edges, _edges, _signature, _signature, _type,
    _coding, _many,
)  # fmt: skip
