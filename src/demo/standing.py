"""What a review left on a pull request, as somebody reads it on the forge's page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from src.demo.forge.records import CommitStatus
from src.demo.forge.state import Comment, LineThread, Project

CONTEXT = "git-assistant/review"
_HIDDEN = re.compile(r"\n*<!-- git-assistant:.*-->\s*\Z")
_LINK = re.compile(r"\[((?:[^\[\]`]|`[^`]*`)+)\]\([^()\s]+\)")


@dataclass(frozen=True, slots=True)
class Standing:
    """A thread on lines, with its first comment. `resolved_by` is a login; `None`: it is open."""

    thread: LineThread
    comments: tuple[Comment, ...]

    @property
    def place(self) -> str:
        """Path and lines."""
        one = self.thread
        return f"{one.file}:{one.line if one.start_line is None else f'{one.start_line}-{one.line}'}"

    @property
    def is_resolved(self) -> bool:
        """Or open."""
        return self.thread.resolved_by is not None


def threads(project: Project, number: int) -> tuple[Standing, ...]:
    """The threads on a pull request's lines, by file and line."""
    found = [thread for thread in project.line_threads.values() if thread.pull == number]
    found.sort(key=lambda thread: (thread.file, thread.start_line or thread.line, thread.id))
    return tuple(Standing(thread, tuple(project.comments_in(thread))) for thread in found)


def summaries(project: Project, number: int) -> Iterator[Comment]:
    """The comments on the pull request itself that are reviews' summaries: never more than one."""
    for comment in project.comments_on("pull_request", number):
        if "<!-- git-assistant:summary" in comment.body:
            yield comment


def status(project: Project, number: int) -> CommitStatus | None:
    """What the newest commit says of its review."""
    head = project.pulls[number].head_sha
    said = [one for one in project.statuses if one.sha == head and one.context == CONTEXT]
    return said[-1] if said else None


def as_read(body: str) -> str:
    """Markdown without what no page shows: our marks, small print's tags, where links lead."""
    return _LINK.sub(r"\1", re.sub(r"</?sub>", "", _HIDDEN.sub("", body))).strip()
