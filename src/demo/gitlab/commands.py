"""GitLab's "quick actions": lines of a note that begin with a slash are not said but done, with the writer's rights."""

import re
from collections.abc import Awaitable, Callable

from src.demo.forge.state import Project, PullRequest
from src.demo.gitlab.access import DEVELOPER, Access

_COMMAND = re.compile(r"/(close|reopen|approve)[ \t]*")  # some of those that there are
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


class Commands(Access):
    """Does what notes on merge requests order."""

    async def obey(self, project: Project, pull: PullRequest, by: str, body: str) -> str:
        """Do what the note says to those who may; gives what is left to be said."""
        text, orders = split(body)
        acts: dict[str, Callable[[], Awaitable[None]]] = {
            "close": lambda: self.close(project.path, by, pull.number),
            "reopen": lambda: self.reopen(project.path, by, pull.number),
            "approve": lambda: self.review(project.path, by, pull.number, "approved"),
        }
        if by == pull.author or self.shapes.level(by, project) >= DEVELOPER:
            for order in orders:
                await acts[order]()
        return text


def split(body: str) -> tuple[str, list[str]]:
    """What a note says, and what it orders: whole lines outside of code blocks."""
    fence, said, orders = "", list[str](), list[str]()
    for line in body.split("\n"):
        found, mark = _COMMAND.fullmatch(line), _FENCE.match(line)
        if found and not fence:
            orders.append(found[1])
            continue
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and line.strip() == mark[1]:
            fence = ""
        said.append(line)
    return "\n".join(said).strip("\n"), orders
