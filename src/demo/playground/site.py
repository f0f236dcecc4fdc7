"""The page and its routes, put together from the parts."""

from pathlib import Path

from aiohttp import web

from src.demo.playground import calls, chats, forge_tab, happenings
from src.demo.playground.ground import OWNER, Playground
from src.demo.playground.guide import STEPS, Guide
from src.forges import FORGE_TYPES
from src.i18n import N_, Translator, translator
from src.web.guard import BODY_BYTES, guard
from src.web.pages import STYLESHEET, Pages
from src.web.stream import EventStream

_HERE = Path(__file__).parent
_PARTS = (chats, happenings, forge_tab, calls)
_ROLES = {OWNER: N_("owner"), "bob": N_("teammate"), "eve": N_("stranger")}


def pages() -> Pages:
    """The playground's templates and files; raises `StylesheetMissing`."""
    return Pages([_HERE / "templates"], {"playground": _HERE / "static"}, stylesheet=STYLESHEET)


def application(ground: Playground, guide: Guide, stream: EventStream, look: Pages, port: int) -> web.Application:
    """All that is served on this port of 127.0.0.1."""

    async def page(request: web.Request) -> web.Response:
        t = translator(look.language(request))
        facts = {**page_facts(ground, t), "epoch": ground.feed.epoch, "seq": ground.feed.last}
        return look.render(
            request, "playground.html", page=facts, steps=STEPS, guide=guide.view(), cards=happenings.cards(t),
            outages=forge_tab.outages(t),
        )  # fmt: skip

    async def restart(_request: web.Request) -> web.Response:
        await ground.restart()
        return web.json_response({})

    app = web.Application(middlewares=[guard(port, language=look.language)], client_max_size=BODY_BYTES)
    app.add_routes([web.get("/", page), web.post("/api/restart", restart)])
    app.add_routes([*look.routes(), *stream.routes(), *guide.routes()])
    for part in _PARTS:
        app.add_routes(part.routes(ground))
    return app


def page_facts(ground: Playground, t: Translator) -> dict[str, object]:
    """What the modules of the page know from the start. `token`: on both forges; eve has none."""
    return {
        "world": ground.world,
        "people": [
            {"name": name, "title": person.name, "role": t(_ROLES[name]), "token": ground.tokens.get(name)}
            for name, person in ground.people.items()
        ],
        "forges": [{"kind": kind, "title": FORGE_TYPES[kind].title} for kind in ground.forges],
    }
