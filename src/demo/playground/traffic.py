"""What the forges' side of the page has in common: an emulator by its kind, webhooks and deliveries as JSON."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from src.demo.forge import DeliveryRecord, Hook
from src.demo.forge.state import HookHome, Project
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.demo.playground.ground import Playground
from src.i18n import Translator, choose, translator
from src.web.guard import ApiError

Json = dict[str, Any]
Emulator = GitHubEmulator | GitLabEmulator

_SECRET_HEADERS = frozenset({"x-gitlab-token"})  # sent in clear; the others are signatures
_MASK = "••••••••"
_LONGEST_BODY = 200_000  # characters of a delivery's body that the page shows


def spoken(request: web.Request) -> Translator:
    """The texts in the page's language, which it names with each request: ``?lang=ru``."""
    return translator(choose(request.query.get("lang")))


def emulator(ground: Playground, kind: object, t: Translator) -> Emulator:
    """The forge of this kind. Raises `ApiError`."""
    match kind:
        case "github":
            return ground.github
        case "gitlab":
            return ground.gitlab
        case _:
            raise ApiError(t("There is no such forge."))


def project_of(forge: Emulator, path: object, t: Translator) -> Project:
    """The project that has this path now. Raises `ApiError`."""
    found = forge.world.find(path) if isinstance(path, str) else None
    if found is None:
        raise ApiError(t("There is no such project."))
    return found


async def fields(request: web.Request, t: Translator) -> Mapping[str, Any]:
    """The object that a request carries, its texts without half characters. Raises `ApiError` for anything else."""
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(t("The request is not understood."))
    return {name: _whole(value) if isinstance(value, str) else value for name, value in body.items()}


def _whole(text: str) -> str:
    """Half a character, as cutting an emoji leaves one, is none: it could not be sent on."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def homes_of(forge: Emulator, project: Project) -> tuple[HookHome, ...]:
    """Where webhooks are that hear of this project: in it, and in the groups above it."""
    return (project, *forge.world.groups_of(project))


def hooks_of(forge: Emulator, project: Project) -> Iterator[tuple[HookHome, Hook]]:
    """Every webhook that hears of this project, with where it is."""
    for home in homes_of(forge, project):
        for hook in home.hooks.values():
            yield home, hook


def delivery_view(record: DeliveryRecord) -> Json:
    """A delivery in a list. `ms`: until it was answered; `status` is null where no answer came."""
    return {
        "number": record.number, "hook": record.hook_id, "event": record.event, "action": record.action,
        "status": record.status, "ms": round(record.seconds * 1000), "id": record.delivery_id,
        "redelivery": record.redelivery, "at": record.at.timestamp(),
    }  # fmt: skip


def delivery_details(record: DeliveryRecord) -> Json:
    """What was sent and what was answered, for people to read; secrets are masked."""
    headers = {
        name: _MASK if name.lower() in _SECRET_HEADERS else value for name, value in sorted(record.headers.items())
    }
    return {**delivery_view(record), "url": record.url, "headers": headers, "body": _pretty(record.body),
            "answer": record.answer}  # fmt: skip


def _pretty(body: bytes) -> str:
    """JSON with indents; a form's payload too; anything else as it came."""
    text = body.decode(errors="replace")
    if text.startswith("payload="):
        text = parse_qs(text)["payload"][0]
    try:
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text[:_LONGEST_BODY]
    return text[:_LONGEST_BODY]
