"""What the program logs, as lines of the feed."""

import logging
import sys
from contextlib import redirect_stderr
from io import StringIO

from src.logs import redact
from src.web.feed import Feed

TEXT_LENGTH = 8_000  # characters of one line; of a longer text the end is kept, where a traceback names its error


class FeedHandler(logging.Handler):
    """Adds lines of the kind "log": ``{"level": "INFO", "logger": "src.app", "text": ...}``, a traceback in the text.

    Nothing that looks like a token gets in.
    """

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed

    def emit(self, record: logging.LogRecord) -> None:
        """Add the record; what goes wrong is told on standard error, as by every handler."""
        try:
            text = _cut(redact(self.format(record)))
            self._feed.add("log", level=record.levelname, logger=record.name, text=text)
        except Exception:  # noqa: BLE001 - a log line that cannot be kept must not end what is being logged
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - as logging calls it
        """As every handler tells it, arguments and all, but for what looks like a token."""
        with redirect_stderr(StringIO()) as told:
            super().handleError(record)
        sys.stderr.write(redact(told.getvalue()))


def _cut(text: str) -> str:
    if len(text) > TEXT_LENGTH:
        text = f"{text[: TEXT_LENGTH // 4]}\n...\n{text[-TEXT_LENGTH * 3 // 4 :]}"
    # Half a surrogate pair, as a path that is no UTF-8 leaves one, is no JSON.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
