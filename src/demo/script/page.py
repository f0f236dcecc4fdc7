"""How the demo looks: chats as their owners see them, webhooks in one line each, in a narrow window."""

import textwrap
from collections.abc import Callable, Sequence
from itertools import groupby
from urllib.parse import unquote

from src.demo import standing
from src.demo.forge import RequestRecord
from src.demo.forge.state import Project
from src.demo.script.stage import Exchange
from src.demo.telegram import Message
from src.demo.telegram.transcript import transcript

WIDTH = 76
_INDENT = "    "
_OF_COMMENTS = ("pull_request_review_comment", "issue_comment", "Note Hook")  # the forges' words
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

    def exchange(self, exchange: Exchange, times: int = 1) -> None:
        """One webhook and its answer."""
        what = exchange.event if exchange.action is None else f"{exchange.event} {exchange.action}"
        if times > 1:  # with less of it: the line is long enough
            what = f"{times} × {exchange.event}"
        again = " (again)" if exchange.redelivery else ""
        answer = f"{exchange.status or 'no answer'}  {exchange.seconds * 1000:.0f} ms"
        self.line(f"{_INDENT}→ POST {_short(exchange.path)}  {what}{again}  {answer}")

    def exchanges(self, exchanges: Sequence[Exchange]) -> None:
        """Webhooks in order; what a review's many comments bring is one line, with the slowest answer."""
        for _, alike in groupby(exchanges, key=_kind):
            several = list(alike)
            if several[0].event not in _OF_COMMENTS:
                for exchange in several:
                    self.exchange(exchange)
            else:
                self.exchange(max(several, key=lambda exchange: exchange.seconds), len(several))

    def review(self, forge: str, project: Project, number: int) -> None:
        """What a review left on a pull request: threads on lines, the summary, the status of the newest commit."""
        self.chat(f"On {forge}: {project.path}, {number}")
        self.line()
        for one in standing.threads(project, number):
            words = standing.as_read(one.comments[0].body).split("\n", 1)[0].replace("**", "")
            line = f"{_INDENT}{'✓ resolved' if one.is_resolved else '○ open    '}  {one.place}  {words}"
            self.line(line if len(line) <= WIDTH else f"{line[: WIDTH - 1].rstrip()}…")
        for summary in standing.summaries(project, number):
            self.line()
            for line in standing.as_read(summary.body).split("\n"):
                self._wrapped(line)
        status = standing.status(project, number)
        if status is not None:
            self.line()
            self.paragraph(f"{status.context}: {status.state} ({status.description})", _INDENT)

    def _wrapped(self, line: str) -> None:
        """A line of Markdown, whose indent goes on below it."""
        indent = _INDENT + " " * (len(line) - len(line.lstrip()))
        self.line(
            textwrap.fill(line.strip(), WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
        )

    def request(self, request: RequestRecord) -> None:
        """One request of the bot or the relay to a forge's API."""
        self.line(f"{_INDENT}← {request.method} {unquote(request.path)}  {request.status}")

    def note(self, text: str) -> None:
        """A remark below a scene."""
        self.paragraph(text, _INDENT)


def _kind(exchange: Exchange) -> tuple[object, ...]:
    return exchange.path, exchange.event, exchange.action, exchange.status, exchange.redelivery


def _short(path: str) -> str:
    """The path with no more of the hook's id than tells hooks apart."""
    head, slash, tail = path.rpartition("/")
    return f"{head}{slash}{tail[:_ID_LENGTH]}…" if len(tail) > _ID_LENGTH * 4 else path
