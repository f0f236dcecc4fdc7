"""Where a link in a chat leads within the playground: to the bot, into a group, to a thing of a forge, or out of it."""

import re
from urllib.parse import parse_qs, urlsplit

from src.demo.playground.ground import Playground
from src.demo.telegram.links import checked_link

_TELEGRAM = ("t.me", "telegram.me", "www.t.me")
_THING = re.compile(r"/(?P<kind>pull|merge_requests|issues)/(?P<number>[0-9]{1,9})(?![0-9])")
_QUERY = re.compile(r"[?#]")


def address(link: str) -> str | None:
    """The link as Telegram keeps it, or `None` where it is none that a browser opens."""
    try:
        checked = checked_link(link)
        urlsplit(checked)  # what stood in brackets was an address before, and may be none now
    except ValueError:
        return None
    return checked if checked.startswith(("http://", "https://")) else None


def target(ground: Playground, link: str) -> dict[str, str]:
    """What a press on a link does, by `to`: "start" and "startgroup" (with `code`), "bot", "forge", "outside".

    "forge" has `kind`, `project` (its path, "" for none that is known) and, where it names one, the number of a `pull`
    or an `issue`.
    """
    parts = urlsplit(link)
    if parts.hostname in _TELEGRAM and parts.path.strip("/").lower() == (ground.tg.bot.username or "").lower():
        query = parse_qs(parts.query, keep_blank_values=True)
        for name in ("startgroup", "start"):
            if name in query:
                return {"to": name, "code": query[name][0]}
        return {"to": "bot"}
    for kind, forge in ground.forges.items():
        if f"{link}/".startswith(f"{forge.web_url}/"):
            return {"to": "forge", "kind": kind, **_thing(ground, kind, link.removeprefix(forge.web_url))}
    return {"to": "outside"}


def _thing(ground: Playground, kind: str, path: str) -> dict[str, str]:
    found = {"project": _project(ground, kind, _QUERY.split(path)[0])}
    if (match := _THING.search(path)) is not None:
        found["issue" if match["kind"] == "issues" else "pull"] = match["number"]
    return found


def _project(ground: Playground, kind: str, path: str) -> str:
    """The path of the project that the address begins with, the deepest one: groups are projects' folders."""
    world = (ground.github if kind == "github" else ground.gitlab).world
    names = path.strip("/").split("/")
    for length in range(len(names), 1, -1):
        if (project := world.find("/".join(names[:length]))) is not None:
            return str(project.path)
    return ""
