"""The tab "Forge": the emulated GitHub and GitLab to look into, to act in, and to make ill."""

from typing import get_args

from aiohttp import web

from src.demo.forge import Hook, Outage
from src.demo.forge.state import HookHome
from src.demo.playground.forge_acts import perform
from src.demo.playground.forge_views import deliveries_of, overview, project_page
from src.demo.playground.ground import Playground
from src.demo.playground.traffic import (
    Emulator,
    Json,
    delivery_details,
    delivery_view,
    emulator,
    fields,
    hooks_of,
    project_of,
    spoken,
)
from src.i18n import N_, Translator
from src.web.guard import ApiError

_SLOW = 8.0  # seconds that a slow forge takes for an answer

OUTAGES: dict[str, str] = {
    "well": N_("well"),
    "down": N_("down: 502"),
    "slow": N_("slow: 8 seconds"),
    "html": N_("a sign-in page instead of JSON"),
    "rate_limited": N_("rate limit used up"),
    "refuse_hooks": N_("refuses to make webhooks"),
}


def routes(ground: Playground) -> list[web.RouteDef]:
    """What the tab asks for."""
    part = ForgeTab(ground)
    return [
        web.get("/api/forge", part.forges),
        web.get("/api/forge/{kind}/project", part.project),
        web.post("/api/forge/{kind}/act", part.act),
        web.post("/api/forge/{kind}/hook", part.hook),
        web.post("/api/forge/{kind}/outage", part.outage),
        web.get(r"/api/forge/{kind}/deliveries/{number:\d{1,9}}", part.delivery),
        web.post(r"/api/forge/{kind}/deliveries/{number:\d{1,9}}", part.redeliver),
    ]


def outages(t: Translator) -> list[tuple[str, str]]:
    """How a forge may be, for the template."""
    return [(name, t(text)) for name, text in OUTAGES.items()]


class ForgeTab:
    """The handlers."""

    def __init__(self, ground: Playground) -> None:
        self._ground = ground

    def _forge(self, request: web.Request, t: Translator) -> Emulator:
        return emulator(self._ground, request.match_info["kind"], t)

    async def forges(self, _request: web.Request) -> web.Response:
        """Both with their projects, and whose token is which."""
        return web.json_response({
            "forges": [overview(self._ground.github), overview(self._ground.gitlab)],
            "tokens": [{"login": login, "token": token} for login, token in self._ground.tokens.items()],
        })  # fmt: skip

    async def project(self, request: web.Request) -> web.Response:
        """``?path=``: a project with all that is in it."""
        t = spoken(request)
        forge = self._forge(request, t)
        return web.json_response(project_page(forge, project_of(forge, request.query.get("path"), t)))

    async def act(self, request: web.Request) -> web.Response:
        """Somebody comments, reviews, merges, closes; answers with the project as it is then."""
        t = spoken(request)
        forge, wish = self._forge(request, t), await fields(request, t)
        project = project_of(forge, wish.get("project"), t)
        await perform(forge, project, wish, t)
        return web.json_response(project_page(forge, project))

    async def hook(self, request: web.Request) -> web.Response:
        """Somebody deletes a webhook by hand, or switches it off."""
        t = spoken(request)
        forge, wish = self._forge(request, t), await fields(request, t)
        project = project_of(forge, wish.get("project"), t)
        home, hook = _hook_of(forge, project.path, wish.get("hook"), t)
        match wish.get("action"):
            case "delete":
                forge.remove_hook(home.path, hook.id)
            case "switch_off":
                forge.switch_off_hook(home.path, hook.id)
            case _:
                raise ApiError(t("There is no such action."))
        return web.json_response(project_page(forge, project))

    async def outage(self, request: web.Request) -> web.Response:
        """From now on the forge answers like this."""
        t = spoken(request)
        forge, wish = self._forge(request, t), await fields(request, t)
        wanted = wish.get("outage")
        if not isinstance(wanted, str) or wanted not in OUTAGES:
            raise ApiError(t("A forge cannot be ill like that."))
        forge.clear_outages()
        kind: Outage | None = next((known for known in get_args(Outage) if known == wanted), None)
        if kind == "slow":
            forge.outage(kind, seconds=_SLOW)
        elif kind is not None:
            forge.outage(kind)
        return web.json_response(overview(forge))

    async def delivery(self, request: web.Request) -> web.Response:
        """``?path=``: one delivery of a project in full."""
        t = spoken(request)
        forge = self._forge(request, t)
        project = project_of(forge, request.query.get("path"), t)
        number = int(request.match_info["number"])
        found = next((record for record in deliveries_of(forge, project) if record.number == number), None)
        if found is None:
            raise ApiError(t("This delivery is not known any more."), 404)
        return web.json_response(delivery_details(found))

    async def redeliver(self, request: web.Request) -> web.Response:
        """The forge's button: the same delivery once more. Answers with the new one."""
        t = spoken(request)
        forge, wish = self._forge(request, t), await fields(request, t)
        project = project_of(forge, wish.get("project"), t)
        number = int(request.match_info["number"])
        found = next((record for record in deliveries_of(forge, project) if record.number == number), None)
        if found is None:
            raise ApiError(t("This delivery is not known any more."), 404)
        if not any(hook.id == found.hook_id for _, hook in hooks_of(forge, project)):
            raise ApiError(t("Its webhook is gone, so it cannot be delivered again."))
        async with forge.acting:  # not in the midst of what a card brings about
            answer: Json = delivery_view(await forge.redeliver(found))
        return web.json_response(answer)


def _hook_of(forge: Emulator, path: str, number: object, t: Translator) -> tuple[HookHome, Hook]:
    """A webhook that hears of a project. Raises `ApiError`."""
    found = next((pair for pair in hooks_of(forge, forge.world.project(path)) if pair[1].id == number), None)
    if found is None:
        raise ApiError(t("This webhook is gone."), 404)
    return found
