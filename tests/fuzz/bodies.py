"""Bodies that no forge sends, made from those that they do. Pure: one number makes one body, always the same."""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote_plus

from tests.fuzz.seeds import Seed, seeds

Random = random.Random
Slot = tuple[Any, Any]  # a list or an object, and one of its places

# Texts that the JSON of a mutated document is spliced with: Python cannot write them by itself.
_RAW = {
    "<<nan>>": b"NaN",
    "<<infinity>>": b"-Infinity",
    "<<digits>>": b"9" * 5000,
    "<<exponent>>": b"1e400",
    "<<long float>>": b"0." + b"1" * 3000,
    "<<surrogate>>": b'"\\ud800 half"',
    "<<other half>>": b'"\\udc00\\ud800"',
    "<<nul>>": b'"nul \\u0000 within"',
    "<<invalid utf-8>>": b'"\xff\xfe\xc0\xaf"',
    "<<encoded surrogate>>": b'"\xed\xa0\x80"',
    "<<deep list>>": b"[" * 900 + b"]" * 900,
    "<<deeper list>>": b"[" * 50_000 + b"]" * 50_000,
    "<<deep object>>": b'{"a":' * 900 + b"1" + b"}" * 900,
    "<<long text>>": b'"' + b"long " * 40_000 + b'"',
    "<<bare word>>": b"undefined",
    "<<single quotes>>": b"'text'",
    "<<leading zero>>": b"007",
}
_POISON: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, 0.5, -0.0, 1e300,
    "", " ", "0", "null", "\n\n\n", "\t", "\u202e\u2066", "\u200b\u200d", "\ufeff", "\U0001f680" * 50, "\u0301" * 200,
    "é" * 300,
    "x" * 300, "y" * 5000, "<b>&amp;</b>", "](http://evil.example)", "@carl @acme/core @" + "a" * 200, "@" * 500,
    "```\n" * 50,
    "> " * 200, "http://[::1", "javascript:alert(1)", "https://" + "a" * 3000, "//", "../../etc", "refs/heads/",
    "refs/tags/",
    "0" * 40, "2026-02-30T25:61:61Z", "0000-00-00", "9999-12-31T23:59:59+14:00", "1 Jan", "2026-03-02 09:00:00 UTC",
    "-1",
    [], {}, [[]], [None], [{}], {"": ""}, {"id": None}, [1, "2", None, {"a": []}], ["x"] * 300,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One body with the word that it is sent under. `number` makes it again."""

    number: int
    kind: str
    event: str
    content_type: str
    body: bytes


def case(seed: int, number: int) -> Case:
    """The `number`-th body of a run."""
    rng = Random(f"{seed}/{number}")
    origin = rng.choice(seeds())
    content_type = "application/json"
    body = rng.choice(_ROUGH)(rng, origin.body) if rng.random() < 0.08 else _structured(rng, origin)
    event = origin.event
    if rng.random() < 0.03:
        event = rng.choice(seeds()).event
    if origin.kind == "github" and rng.random() < 0.1:
        content_type = "application/x-www-form-urlencoded"
        body = _as_form(rng, body)
    return Case(number, origin.kind, event, content_type, body)


# ---------------------------------------------------------------------------------------------------
# Documents


def _structured(rng: Random, origin: Seed) -> bytes:
    document = json.loads(origin.body)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 12))):
        slots = _slots(document)
        if not slots:
            break
        # Half of them near the top, where most of what is read stands.
        reach = len(slots) if rng.random() < 0.5 else min(len(slots), 60)
        rng.choice(_CHANGES)(rng, slots[rng.randrange(reach)])
    if rng.random() < 0.02:
        document = deepcopy(rng.choice((*_POISON, *_RAW)))
    body = json.dumps(document, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    for text, raw in _RAW.items():
        if text.encode() in body:
            body = body.replace(json.dumps(text).encode(), raw)
    return _twice(rng, body) if rng.random() < 0.05 else body


def _slots(document: Any) -> list[Slot]:
    """Every place in a document, those nearest to its root first."""
    found: list[Slot] = []
    level = [document]
    while level:
        below = []
        for holder in level:
            keys = holder.keys() if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
            for key in keys:
                found.append((holder, key))
                below.append(holder[key])
        level = [value for value in below if isinstance(value, dict | list)]
    return found


def _poison(rng: Random, slot: Slot) -> None:
    holder, key = slot
    holder[key] = deepcopy(rng.choice(_POISON))  # it may be changed further


def _raw(rng: Random, slot: Slot) -> None:
    holder, key = slot
    holder[key] = rng.choice(tuple(_RAW))


def _drop(_: Random, slot: Slot) -> None:
    holder, key = slot
    del holder[key]


def _none(_: Random, slot: Slot) -> None:
    holder, key = slot
    holder[key] = None


def _retype(rng: Random, slot: Slot) -> None:
    """The same in another type."""
    holder, key = slot
    value = holder[key]
    match value:
        case bool():
            holder[key] = rng.choice((int(value), str(value), None))
        case int():
            holder[key] = rng.choice((str(value), float(value), [value], {"id": value}, -value, value + 2**40))
        case str():
            holder[key] = rng.choice(
                ([value], {"name": value}, len(value), value.encode().hex(), value.upper(), value[:2000] * 3)
            )
        case list():
            holder[key] = rng.choice(
                (dict(enumerate(value)), value[:1], value[:5] * 40, [value], str(value), len(value))
            )
        case dict():
            holder[key] = rng.choice((list(value.values()), list(value), [value], str(value), dict.fromkeys(value), {}))
        case _:
            holder[key] = rng.choice(("", 0, [], {}))


def _borrow(rng: Random, slot: Slot) -> None:
    """A value from elsewhere: of the same name in another payload where there is one."""
    holder, key = slot
    others = _values().get(key) if isinstance(key, str) else None
    holder[key] = json.loads(rng.choice(others or _values()["id"]))


def _rename(rng: Random, slot: Slot) -> None:
    holder, key = slot
    if isinstance(holder, dict):
        holder[rng.choice((key.upper(), f" {key}", f"{key}\x00", "", key[:-1]))] = holder.pop(key)


def _nest(rng: Random, slot: Slot) -> None:
    holder, key = slot
    value = holder[key]
    for _ in range(rng.choice((1, 3, 100))):
        value = [value] if rng.random() < 0.5 else {str(key): value}
    holder[key] = value


_CHANGES: tuple[Callable[[Random, Slot], None], ...] = (
    _poison, _poison, _poison, _raw, _drop, _drop, _none, _none, _retype, _retype, _borrow, _borrow, _rename, _nest,
)  # fmt: skip


@cache
def _values() -> dict[str, tuple[str, ...]]:
    """What stands under each name in all seeds, as JSON."""
    found: dict[str, set[str]] = {}
    for seed in seeds():
        for holder, key in _slots(json.loads(seed.body)):
            if isinstance(key, str):
                found.setdefault(key, set()).add(json.dumps(holder[key]))
    return {key: tuple(sorted(values)) for key, values in found.items()}


# ---------------------------------------------------------------------------------------------------
# Bytes


def _twice(rng: Random, body: bytes) -> bytes:
    """A name twice in one object: the second counts."""
    key = rng.choice((b"action", b"repository", b"project", b"object_attributes", b"pull_request", b"sender"))
    return body.rstrip()[:-1] + b',"' + key + b'":' + rng.choice((b"null", b"{}", b'"x"', b"[]")) + b"}"


def _cut(rng: Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body))]


def _flip(rng: Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.choice((1, 1, 4, 40))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _insert(rng: Random, body: bytes) -> bytes:
    place = rng.randrange(len(body))
    junk = rng.choice(
        (b"\x00", b"\xff", b"\xef\xbb\xbf", b"//", b"/* */", b"{", b"]", b'"', b"\\", b",,", b"\r\n" * 9, b"\x1b[2J")
    )
    return body[:place] + junk + body[place:]


def _around(rng: Random, body: bytes) -> bytes:
    before, after = rng.choice(
        (
            (b"\xef\xbb\xbf", b""),
            (b"\n\n ", b" \n"),
            (b"[", b"]"),
            (b'{"a":', b"}"),
            (b"", body),
            (b"\x1f\x8b", b""),
            (b")]}',", b""),
        )
    )
    return before + body + after


def _noise(rng: Random, _: bytes) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 2, 100, 5000)))


def _other_coding(rng: Random, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-16", "utf-16-be", "utf-32", "latin-1", "cp1251")), "replace")


_ROUGH: tuple[Callable[[Random, bytes], bytes], ...] = (_cut, _flip, _flip, _insert, _around, _noise, _other_coding)


def _as_form(rng: Random, body: bytes) -> bytes:
    form = b"payload=" + quote_plus(body).encode()
    return rng.choice(
        (
            form,
            form,
            form,
            b"x=1&" + form,
            form + b"&" + form[:200],
            form.replace(b"%22", b"%2"),
            form + b"\xff",
            b"&" * 40 + form,
            form[8:],
        )
    )
