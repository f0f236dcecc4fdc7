"""Asking for a review in words: which pull request of which forge a message, a link or a command names. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from src.forge import ForgeType

_NUMBER = r"(?P<number>[1-9][0-9]{0,8})"
_PATH = r"(?P<path>[\w.-]+(?:/[\w.-]+)+)"
_SENTENCE = re.compile(r"(?:анализ\s+кода|review)\s+(?P<what>\S.*)", re.IGNORECASE | re.DOTALL)
_SPACED = re.compile(rf"{_PATH}\s+[#!]?{_NUMBER}", re.ASCII)
_LONGEST = 1_000  # characters; what is longer speaks of something else
_DOTS = frozenset({".", ".."})


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownForge:
    """An instance that people may use, as its references and its pages' addresses look."""

    kind: str
    base_url: str  # of the API, as in `forges`
    web_url: str
    mark: str  # before the number of a pull request: "#", "!"
    pages: tuple[str, ...]  # between a project's address and the number, e.g. "pull", "-/merge_requests"

    @classmethod
    def of(cls, forge: ForgeType, base_url: str) -> "KnownForge":
        """As a kind of forge has it."""
        return cls(
            kind=forge.kind,
            base_url=base_url,
            web_url=forge.web_url(base_url),
            mark=forge.pull_request_mark,
            pages=forge.pull_request_pages,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The pull request that somebody wants reviewed; without a `base_url` on any forge of the kind, or of any kind."""

    path: str
    number: int
    kind: str | None = None
    base_url: str | None = None


def parse(text: str, forges: Sequence[KnownForge]) -> Ask | None:
    """What a message asks for; `None`: it is no such message.

    The sentences are ``анализ кода owner/repo 123`` and ``review owner/repo 123``, with a link or a reference
    (``owner/repo#123``, ``group/sub/project!5``) in its place as well; a link or a reference alone is enough.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    said = _SENTENCE.fullmatch(text)
    return named(said["what"], forges) if said else _link(text, forges) or _marked(text, forges)


def named(text: str, forges: Sequence[KnownForge]) -> Ask | None:
    """The pull request that the words behind a command name: ``owner/repo 123``, a reference or a link."""
    text = text.strip()
    return _spaced(text) or _marked(text, forges) or _link(text, forges)


def candidates(ask: Ask, forges: Sequence[KnownForge]) -> Iterator[KnownForge]:
    """The forges that it may be meant on, in the order given."""
    for forge in forges:
        if ask.base_url in (None, forge.base_url) and ask.kind in (None, forge.kind):
            yield forge


def _spaced(text: str) -> Ask | None:
    found = _SPACED.fullmatch(text)
    return None if found is None else _ask(found)


def _marked(text: str, forges: Sequence[KnownForge]) -> Ask | None:
    for kind, mark in dict.fromkeys((forge.kind, forge.mark) for forge in forges):
        found = re.fullmatch(rf"{_PATH}{re.escape(mark)}{_NUMBER}", text, re.ASCII)
        if found is not None:
            return _ask(found, kind=kind)
    return None


def _link(text: str, forges: Sequence[KnownForge]) -> Ask | None:
    """Of a page of the pull request, whichever of its tabs; the longest address that fits is the forge's."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in ("http", "https") or re.search(r"\s", rest):
        return None
    for forge in sorted(forges, key=lambda known: -len(known.web_url)):
        home = forge.web_url.partition("://")[2].rstrip("/") + "/"
        if rest[: len(home)].casefold() != home.casefold():
            continue
        for page in forge.pages:
            pattern = rf"{_PATH}/{re.escape(page)}/{_NUMBER}(?:[/?#].*)?"
            found = re.fullmatch(pattern, rest[len(home) :], re.ASCII)
            if found is not None:
                return _ask(found, kind=forge.kind, base_url=forge.base_url)
    return None


def _ask(found: re.Match[str], *, kind: str | None = None, base_url: str | None = None) -> Ask | None:
    if not _DOTS.isdisjoint(found["path"].split("/")):
        return None
    return Ask(path=found["path"], number=int(found["number"]), kind=kind, base_url=base_url)
