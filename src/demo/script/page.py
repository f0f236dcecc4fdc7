"""How the demo looks: chats as their owners see them, webhooks in one line each, in a narrow window."""

import textwrap
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from src.demo.forge import RequestRecord
from src.demo.script.stage import Exchange
from src.demo.telegram import Message
from src.demo.telegram.transcript import transcript

WIDTH = 76
_INDENT = "    "
_ID_LENGTH = 4  # characters of a hook's id that are shown


class Page:
    """Prints and remembers what was printed."""

    def __init__(self, out: Callable[[str], None]) -> None:
        self._out = out
        self.lines: list[str] = []
        self.steps: dict[int, int] = {}  # the line where each scene begins
        self.end_of_steps = 0

    def line(self, text: str = "") -> None:
        """Lines as they are."""
        for line in text.split("\n"):
            self.lines.append(line.rstrip())
            self._out(line.rstrip())

    def paragraph(self, text: str, indent: str = "") -> None:
        """A text, wrapped."""
        self.line(textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent))

    def part(self, title: str) -> None:
        """A heading between double lines."""
        self.line()
        self.line(f"══ {title} ".ljust(WIDTH, "═"))

    def end_steps(self) -> None:
        """What follows belongs to no scene."""
        self.end_of_steps = len(self.lines)

    def chat(self, title: str) -> None:
        """From here on this chat is shown."""
        self.line()
        self.line(f"── {title} ".ljust(WIDTH, "─"))

    def messages(self, messages: Sequence[Message]) -> None:
        """Messages of the chat."""
        if messages:
            _, bubbles = transcript("", messages, WIDTH).split("\n\n", 1)
            self.line()
            self.line(bubbles)

    def stage_direction(self, text: str) -> None:
        """What somebody does."""
        self.line()
        self.paragraph(f"· {text}", _INDENT)

    def step(self, number: int, title: str) -> None:
        """The heading of a scene."""
        self.line()
        self.steps[number] = len(self.lines)
        self.line(textwrap.fill(title, WIDTH, initial_indent=f"{number:2}. ", subsequent_indent="    "))

    def exchange(self, exchange: Exchange) -> None:
        """One webhook and its answer."""
        what = exchange.event if exchange.action is None else f"{exchange.event} {exchange.action}"
        again = " (again)" if exchange.redelivery else ""
        answer = f"{exchange.status or 'no answer'}  {exchange.seconds * 1000:.0f} ms"
        self.line(f"{_INDENT}→ POST {_short(exchange.path)}  {what}{again}  {answer}")

    def request(self, request: RequestRecord) -> None:
        """One request of the bot or the relay to a forge's API."""
        self.line(f"{_INDENT}← {request.method} {unquote(request.path)}  {request.status}")

    def note(self, text: str) -> None:
        """A remark below a scene."""
        self.paragraph(text, _INDENT)


def _short(path: str) -> str:
    """The path with no more of the hook's id than tells hooks apart."""
    head, slash, tail = path.rpartition("/")
    return f"{head}{slash}{tail[:_ID_LENGTH]}…" if len(tail) > _ID_LENGTH * 4 else path
