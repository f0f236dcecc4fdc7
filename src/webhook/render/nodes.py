"""Formatting nodes that show strangers' words as they are: nothing in them is linked, pinged or run by Telegram."""

import re
from collections.abc import Iterable
from string import Formatter
from urllib.parse import urlsplit

from aiogram.utils.formatting import Code, Text, TextLink

URL_LENGTH = 2_048
NOTHING = "…"  # for what a stranger named with invisible characters only: Telegram drops entities without a letter
_WORD = r"[^\s<>\"'`()\[\]{}«»,;!?…]"
# A superset of what Telegram's servers find in plain text (TDLib's `find_entities`): addresses, e-mails, mentions,
# commands, hashtags, cashtags, card and phone numbers. Plain "#5" and "v1.2.3" are none of them.
_DETECTED = re.compile(
    rf"""
      (?P<address> (?>https?://[^\s<>"'`«»…]+) ) (?!…)
    | \w+://\S*
    | {_WORD}+ \.[^\W\d_]{{2}} {_WORD}*
    | @\w[\w/.-]*
    | (?<!\w)/\w[\w/@.-]*
    | \#[\w\u200c\u00b7\u0d80-\u0dff]*[^\W\d_][\w\u200c\u00b7\u0d80-\u0dff]*
    | \$(?-i:1INCH|[A-Z]+)
    | \+?\d(?:[ ()-]{{0,3}}\d){{8,}}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_CONTROL = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")


def page_url(url: str | None) -> str | None:
    """The address if Telegram takes it, else `None`.

    Its Bot API drops a link, and refuses a message with a button, whose host has no dot ("http://gitlab/") [TDLib's
    `LinkManager::check_link`]. An address with a user name in it is not one that a forge gives out.
    """
    if not url or len(url) > URL_LENGTH or _CONTROL.search(url):
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return None
    return url if "." in host.strip(".") or ":" in host else None


def literal(text: str, tokens: int = 15) -> Text:
    """Cleaned text as it is: an address in it leads where it says, all else that Telegram would act on is code.

    Ends after so many of them: a message has at most 100 entities, and Telegram drops the rest without a word.
    """
    nodes: list[str | Text] = []
    position = 0
    for count, found in enumerate(_DETECTED.finditer(text), start=1):
        nodes.append(text[position : found.start()])
        if count > tokens:
            return Text(*nodes, "…")
        token = found.group().rstrip(".,:;!?)]" if found.group("address") else ".:")
        position = found.start() + len(token)
        url = page_url(token) if found.group("address") else None
        nodes.append(TextLink(token, url=url) if url else Code(token))
    return Text(*nodes, text[position:])


def code(text: str) -> Text:
    """A cleaned branch or place, in code; an ellipsis where cleaning left nothing of it."""
    return Code(text or NOTHING)


def name(text: str) -> Text:
    """A cleaned name: plain, or in code as a whole where Telegram would act on a part of it."""
    return Code(text) if _DETECTED.search(text) else Text(text or NOTHING)


def link(text: str, url: str | None) -> Text:
    """A cleaned text that leads to a page; a `name` where there is no page to lead to."""
    address = page_url(url)
    return TextLink(text or NOTHING, url=address) if address else name(text)


def compose(template: str, **values: object) -> Text:
    """A translated sentence with nodes, texts or numbers in its named placeholders.

    Raises `KeyError` where the sentence names a value that is not given, which the catalogues' test prevents.
    """
    nodes: list[object] = []
    for plain, field, _, _ in Formatter().parse(template):
        nodes.append(plain)
        if field is not None:
            nodes.append(values[field])
    return Text(*nodes)


def joined(nodes: Iterable[Text], separator: str) -> Text:
    """The nodes with a separator between each two."""
    parts: list[str | Text] = []
    for node in nodes:
        parts.extend((separator, node) if parts else (node,))
    return Text(*parts)
