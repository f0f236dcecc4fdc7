"""Bytes of strangers' files into text, or the reason why not."""

import codecs
import io
import re
import tokenize

# Encodings that are decoded in one go and say one text. A file may name any of Python's, and some are traps.
_TRUSTED = re.compile(
    r"utf-8(-sig)?|ascii|iso8859-\d+|latin-?1|cp(125\d|866|437|850|949|932)|koi8-[ru]|mac-\w+"
    r"|euc[-_]\w+|shift_jis\w*|gb2312|gbk|gb18030|big5"
)
# Python remembers each name that it was asked for, as long as the process lives.
_LONG_NAME = re.compile(rb"coding[:=][ \t]*[-\w.]{65}")
_LONE_RETURN = re.compile(rb"\r(?!\n)")


class Unreadable(Exception):
    """The bytes are no text, or none whose lines everybody counts alike. `line`: of the first bad byte, if there is."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def python_text(data: bytes) -> str:
    """The text of a Python file in the encoding that it declares; raises `Unreadable`."""
    if any(_LONG_NAME.search(line) for line in data.split(b"\n", 2)[:2]):
        raise Unreadable("an encoding that is not read here")
    try:
        name, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        known = codecs.lookup(name).name
    except (SyntaxError, LookupError):
        raise Unreadable("not UTF-8, and it does not say what it is", _first_bad_line(data) or 1) from None
    if not _TRUSTED.fullmatch(known):
        raise Unreadable("an encoding that is not read here")
    return _decoded(data, known)


def plain_text(data: bytes) -> str:
    """The text of a data file, which is UTF-8; raises `Unreadable`."""
    return _decoded(data, "utf-8-sig")


def _decoded(data: bytes, encoding: str) -> str:
    if _LONE_RETURN.search(data):
        raise Unreadable("carriage returns that are no line ends to git")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"not {encoding.removesuffix('-sig')}", data.count(b"\n", 0, error.start) + 1) from None
    return text.removeprefix("\ufeff")


def _first_bad_line(data: bytes) -> int | None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return None
