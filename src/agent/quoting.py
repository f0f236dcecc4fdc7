"""Words of strangers in a comment on a forge: shown as they are, and unable to do anything there.

A backslash does not keep a forge from seeing a mention, a reference or an address: it looks for them in what Markdown
has become. Code is the one place where it looks for nothing, so whatever could mean something is shown as code.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from urllib.parse import quote

LONGEST = 500  # characters of one sentence
_LONGEST_VALUE = 120
_PLACEHOLDER = re.compile(r"(\{\w+\})")
# Letters, digits and what stands beside them in prose. Anything else (@ # ! $ ~ % & * _ ` [ < | / \ ...) has a meaning.
_PROSE = re.compile(r"[^\W_]*(?:[-.,:;'\"()?+=–—…«»’“”→×≤≥][^\W_]*)*!?")
_REFERENCE = re.compile(r"www\.|\b[0-9a-f]{7,64}\b|\b[a-z]{1,10}-[0-9]+\b", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")
_RUN = re.compile("`+")

_Piece = tuple[bool, str]  # whether it is code, and the text


def is_deceptive(letter: str) -> bool:
    """Whether a character is not seen, or changes the order in which others are seen."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") and letter != "\t"


def clean(text: str, longest: int = LONGEST) -> str:
    """One line without characters that deceive, cut where it is too long."""
    shown = "".join(" " if letter.isspace() else letter for letter in text[: longest * 4])
    shown = " ".join("".join(letter for letter in shown if not is_deceptive(letter)).split())
    return shown if len(shown) <= longest else shown[: longest - 1].rstrip() + "…"


def code(text: str, longest: int = _LONGEST_VALUE) -> str:
    """A code span that shows the text and that no backtick in it can end."""
    shown = clean(text, longest) or "?"
    fence = "`" * (1 + max((len(run) for run in _RUN.findall(shown)), default=0))
    room = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{room}{shown}{room}{fence}"


def code_of_path(path: str, longest: int) -> str:
    """As `code`, but of a path that is too long the end is shown: it says most."""
    shown = clean(path, len(path))
    return code(shown if len(shown) <= longest else "…" + shown[len(shown) - longest + 1 :], longest)


def sentence(message: str, params: Mapping[str, str]) -> str:
    """A message with its values as Markdown.

    What stands between backticks in the message, the values, and each word that could mention, link or format is
    code; the rest stays as it is. The message may be the engine's, which quotes what it looked at.
    """
    shown: list[_Piece] = []
    for is_code, text in _pieces(message[:LONGEST], params):
        if is_code and shown and shown[-1][0]:  # two code spans that touch would be none
            shown[-1] = (True, shown[-1][1] + text)
        else:
            shown.append((is_code, text))
    return "".join(code(text) if is_code else text for is_code, text in shown).strip()


def filled(message: str, params: Mapping[str, str]) -> str:
    """A message with its values as plain text of one line. Only names in `params` are placeholders."""
    return clean(_filled(message, params))


def address(url: str) -> str:
    """An address as the destination of a Markdown link, which nothing in it can end."""
    return quote(url, safe=":/?#@!$&'*+,;=%-._~")


def _pieces(message: str, params: Mapping[str, str]) -> Iterator[_Piece]:
    parts = message.split("`")
    if len(parts) % 2 == 0:  # a backtick without another
        yield from _words(message)
        return
    for index, part in enumerate(parts):
        if index % 2:
            if text := clean(_filled(part, params)):
                yield True, text
        else:
            yield from _outside(part, params)


def _outside(text: str, params: Mapping[str, str]) -> Iterator[_Piece]:
    for part in _PLACEHOLDER.split(text):
        name = part[1:-1]
        if _PLACEHOLDER.fullmatch(part) and name in params:
            value = clean(params[name], _LONGEST_VALUE)
            yield _NUMBER.fullmatch(value) is None, value or "?"
        else:
            yield from _words(part)


def _words(text: str) -> Iterator[_Piece]:
    for word in re.findall(r"\s+|\S+", text):
        if word.isspace():
            yield False, " "
        elif shown := clean(word):
            yield _PROSE.fullmatch(shown) is None or _REFERENCE.search(shown) is not None, shown


def _filled(message: str, params: Mapping[str, str]) -> str:
    parts = _PLACEHOLDER.split(message)
    return "".join(clean(params[part[1:-1]], _LONGEST_VALUE) if part[1:-1] in params else part for part in parts)
