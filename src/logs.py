"""How log lines look: text or JSON on standard error, with nothing in them that opens anything."""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

# The last line of defence: nothing is meant to log these, but a library may put an address into its error.
_BOT_TOKEN = re.compile(r"\d{3,}:[A-Za-z0-9_-]{20,}")
_FORGE_TOKEN = re.compile(r"\b(?:gh[pousr]_|github_pat_|gl[a-z]{2,6}-)[A-Za-z0-9_-]{10,}")
_HIDDEN = "<hidden>"


def redact(text: str) -> str:
    """The text without what looks like a token of Telegram, GitHub or GitLab."""
    return _FORGE_TOKEN.sub(_HIDDEN, _BOT_TOKEN.sub(_HIDDEN, text))


class TextFormatter(logging.Formatter):
    """``2026-05-04 12:00:00,123 INFO src.app: ...``."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it."""
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (ISO 8601, UTC), level, logger, message and, where there is one, error."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, ensure_ascii=False))


def set_up(style: str, level: int = logging.INFO) -> None:
    """Log to standard error from now on; `style` is ``text`` or ``json``."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for talkative in ("aiogram.event", "aiohttp.access", "alembic.runtime"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


def print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The `sys.excepthook` of this program: Python's own, redacted."""
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))
