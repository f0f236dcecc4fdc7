"""What strangers wrote, made fit for a message: cleaned, cut and kept from turning the text around it. Pure strings.

Telegram cleans some of it itself (TDLib's `clean_input_string`), but not all, and entities are computed before it does.
"""

import unicodedata

ELLIPSIS = "…"
_SCANNED = 2_000  # characters looked at; no part of a message shows more than some hundreds
_MARKS = 4  # combining marks that one character keeps: enough for every script, too few to climb over other lines
_JOINERS = "\u200c\u200d"  # needed inside emoji, Persian and Indic words
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols that show nothing
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"


def units(text: str) -> int:
    """Length in UTF-16 code units, as Telegram counts."""
    return len(text) + sum(character > "\uffff" for character in text)


def clean(text: str | None) -> str:
    """One line of visible text: control, format and bidirectional characters gone, white space collapsed.

    Lone surrogates, which JSON can spell and UTF-8 cannot, become U+FFFD.
    """
    shown = unicodedata.normalize("NFC", "".join(map(_visible, (text or "")[:_SCANNED])))
    kept: list[str] = []
    marks = 0
    for character in " ".join(shown.split()):
        alone = not kept or kept[-1] in (" ", *_JOINERS)
        if unicodedata.category(character) in ("Mn", "Me"):
            marks += 1
            dropped = alone or marks > _MARKS
        else:
            marks = 0
            dropped = alone and character in _JOINERS
        if not dropped:
            kept.append(character)
    return " ".join("".join(kept).split()).strip(_JOINERS + " ")


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or character in _BLANK:
        return " "
    if category == "Cs":
        return "\ufffd"
    return "" if category in ("Cc", "Cf") and character not in _JOINERS else character


def lines(text: str | None, count: int) -> list[str]:
    """The text as at most `count` cleaned lines: what does not fit runs on in the last."""
    found = [line for line in map(clean, (text or "")[:_SCANNED].splitlines()) if line]
    if len(found) > count:
        found[count - 1 :] = [" ".join(found[count - 1 :])]
    return found


def cut(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units, ending in an ellipsis if shortened, never inside what reads as one character."""
    if units(text) <= limit:
        return text
    size, end = units(ELLIPSIS), 0
    while end < len(text) and size + units(text[end]) <= limit:
        size += units(text[end])
        end += 1
    while end and _joined(text, end):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def cut_front(text: str, limit: int) -> str:
    """As `cut`, but the end stays: of a path the last part says most."""
    if units(text) <= limit:
        return text
    size, start = units(ELLIPSIS), len(text)
    while start and size + units(text[start - 1]) <= limit:
        start -= 1
        size += units(text[start])
    while start < len(text) and _joined(text, start):
        start += 1
    return ELLIPSIS + text[start:].lstrip()


def fence(text: str) -> tuple[str, str]:
    """What to put before and after cleaned text so that right-to-left letters in it cannot reorder the words beside it.

    Nothing where it has none. Cleaned, because a stray closing mark in it would open the fence.
    """
    if any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in text):
        return _FIRST_STRONG_ISOLATE, _POP_ISOLATE
    return "", ""


def isolate(text: str) -> str:
    """Cleaned text within its `fence`."""
    opening, closing = fence(text)
    return f"{opening}{text}{closing}"


def phrase(text: str | None, limit: int) -> str:
    """Cleaned, cut and fenced: how strangers' words stand inside a line of ours."""
    return isolate(cut(clean(text), limit))


def short_sha(sha: str) -> str:
    """The first eight characters, which is what both forges show."""
    return isolate(clean(sha)[:8])


def _joined(text: str, position: int) -> bool:
    """Whether a cut at `position` would part a character from its marks, an emoji or a flag from itself."""
    before, after = text[position - 1], text[position]
    if before == "\u200d" or after in _JOINERS or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff":  # skin tone
        return True
    if _regional(before) and _regional(after):
        start = position
        while start and _regional(text[start - 1]):
            start -= 1
        return (position - start) % 2 == 1
    return False


def _regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
