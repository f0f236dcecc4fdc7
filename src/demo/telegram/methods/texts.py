"""A text with its formatting, as parameters give it (core.telegram.org/bots/api#formatting-options)."""

from src.demo.telegram.entities import Formatted, from_json, tidy
from src.demo.telegram.errors import bad_request
from src.demo.telegram.html_mode import parse_html


def formatted(source: str, mode: str, entities: str) -> Formatted:
    """The text as it is kept; raises Refusal.

    Args:
        source: as it was sent.
        mode: the parse mode, which is used instead of `entities` when there is one; case does not matter.
        entities: a JSON list, or nothing.
    """
    mode = mode.lower()
    if mode == "html":
        plain, found, lost = parse_html(source)
        kept = tidy(plain, found)
        return Formatted(kept.text, kept.entities, (*lost, *kept.dropped))
    if mode in ("markdown", "markdownv2"):
        raise bad_request("this emulator reads no Markdown: send HTML or entities")
    if mode not in ("", "none"):
        raise bad_request("unsupported parse_mode")
    return tidy(source, from_json(entities) if entities else ())
