"""The tab "Send an event": what a card does really happens on a forge and is delivered; then who was told."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from aiohttp import web

from src.database.database import Database
from src.database.repositories import outcomes
from src.demo.forge import DeliveryRecord, Unsupported
from src.demo.forge.state import Project
from src.demo.playground.gallery import CARDS, COLLEAGUE, Card, Deed
from src.demo.playground.ground import Playground
from src.demo.playground.told import Case, Place, verdict
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
from src.forges import FORGE_TYPES
from src.i18n import Translator
from src.web.guard import ApiError

PATIENCE = 180.0  # seconds after which nobody waits for messages any more: a burst takes its time at Telegram's pace
_FIRST = 20.0  # seconds for what has to be there first
_KEPT = 100  # happenings whose deliveries can still be looked at
_HOLD = 1.0  # seconds that a request waits for news
_POLL = 0.1
_MAIN_PROJECTS = {"github": "acme/rocket", "gitlab": "acme/lander"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One press of a card's button."""

    card: Card
    forge: Emulator
    project: Project
    records: tuple[DeliveryRecord, ...]
    since: int  # the outbox's newest message before
    began: float  # on the monotonic clock

    @property
    def keys(self) -> list[str]:
        """By which the inbox knows its deliveries."""
        codec = FORGE_TYPES[self.forge.kind].codec
        return [codec.delivery_key(record.headers, record.body) for record in self.records]


def routes(ground: Playground) -> list[web.RouteDef]:
    """What the tab asks for."""
    part = Happenings(ground)
    return [
        web.get("/api/happenings", part.choices),
        web.post("/api/happenings", part.make),
        web.get(r"/api/happenings/{number:\d{1,9}}", part.follow),
        web.get(r"/api/happenings/{number:\d{1,9}}/{index:\d{1,9}}", part.look),
    ]


def cards(t: Translator) -> list[Json]:
    """The gallery for the template, in the page's language."""
    return [
        {
            "name": card.name, "title": t(card.title), "sentence": t(card.sentence), "only": card.only,
            "hint": t(card.hint) if card.hint else None,
        }
        for card in CARDS.values()
    ]  # fmt: skip


class Happenings:
    """The handlers, and the happenings that were made lately."""

    def __init__(self, ground: Playground) -> None:
        self._ground = ground
        self._made: OrderedDict[int, Happening] = OrderedDict()
        self._count = 0

    async def choices(self, _request: web.Request) -> web.Response:
        """What the selects offer: the projects of each forge, the one that matters first, and people."""
        return web.json_response({
            "forges": [
                {"kind": kind, "title": FORGE_TYPES[kind].title, "projects": self._projects(kind, forge)}
                for kind, forge in (("github", self._ground.github), ("gitlab", self._ground.gitlab))
            ],
            "people": [{"name": login, "title": self._ground.people[login].name} for login in self._logins()],
        })  # fmt: skip

    def _projects(self, kind: str, forge: Emulator) -> list[Json]:
        found = sorted(forge.world.projects.values(), key=lambda project: project.path)
        main = _MAIN_PROJECTS[kind]
        rows = [
            {"path": project.path, "private": project.private, "hooked": any(hooks_of(forge, project))}
            for project in found
        ]
        return sorted(rows, key=lambda row: (row["path"] != main, not row["hooked"]))

    def _logins(self) -> list[str]:
        """Those with Telegram who have an account on the forges and do not do it all themselves."""
        users = self._ground.github.world.users
        return [login for login in self._ground.people if login in users and login != COLLEAGUE]

    async def make(self, request: web.Request) -> web.Response:
        """Do what a card says. Answers with the deliveries; who is told is for `follow`."""
        t = spoken(request)
        body = await fields(request, t)
        card = CARDS.get(str(body.get("name")))
        if card is None:
            raise ApiError(t("There is no such event in the gallery."))
        forge = emulator(self._ground, body.get("forge"), t)
        if card.only not in (None, forge.kind):
            raise ApiError(t("{forge} has no such thing.").format(forge=FORGE_TYPES[forge.kind].title))
        project = project_of(forge, body.get("project") or _MAIN_PROJECTS[forge.kind], t)
        about = body.get("about")
        if about not in self._logins():
            raise ApiError(t("There is nobody of that name on the forges."))
        hook = next(hooks_of(forge, project), None)
        if hook is None:
            followed = await self._is_followed(forge, project)
            return web.json_response({"project": project.path, "missing": True, "followed": followed})
        deed = Deed(forge=forge, project=project, hook=hook, about=str(about))
        number, happening = await self._act(card, deed)
        shown = [delivery_view(record) for record in happening.records]
        return web.json_response({"project": project.path, "missing": False, "number": number, "deliveries": shown})

    async def _is_followed(self, forge: Emulator, project: Project) -> bool:
        async with self._database() as database, database.read() as session:
            return bool(await outcomes.choices(session, forge.url, str(project.id)))

    async def _act(self, card: Card, deed: Deed) -> tuple[int, Happening]:
        async with deed.forge.acting:
            if card.before is not None:
                earlier = len(deed.forge.deliveries)
                await card.before(deed)
                await self._worked_off(deed, deed.forge.deliveries[earlier:])
            async with self._database() as database, database.read() as session:
                since = await outcomes.last_message(session)
            mark = len(deed.forge.deliveries)
            try:
                past = await card.act(deed) or ()
            except Unsupported as error:
                raise ApiError(str(error)) from None
            sent = [record for record in deed.forge.deliveries[mark:] if record.event != "ping"]
        happening = Happening(
            card=card, forge=deed.forge, project=deed.project, records=(*sent, *past), since=since,
            began=time.monotonic(),
        )  # fmt: skip
        self._count += 1
        self._made[self._count] = happening
        while len(self._made) > _KEPT:
            self._made.popitem(last=False)
        return self._count, happening

    async def _worked_off(self, deed: Deed, records: Sequence[DeliveryRecord]) -> None:
        """What was needed first is told, and reviewed: the card shows what comes after that."""
        if not records:
            return
        before = Happening(
            card=CARDS["code_review"], forge=deed.forge, project=deed.project, records=tuple(records), since=0,
            began=time.monotonic(),
        )  # fmt: skip
        async with self._database() as database:
            while await self._is_busy(database, before):  # noqa: ASYNC110 - it happens in the product
                await asyncio.sleep(_POLL)
        await deed.forge.delivered()

    async def _is_busy(self, database: Database, happening: Happening) -> bool:
        late = time.monotonic() - happening.began >= _FIRST
        return not late and not (await self._case(database, happening)).is_done

    async def follow(self, request: web.Request) -> web.Response:
        """Who was told so far; answers when that changes, at the latest after a second. ``seen``: what is known."""
        t = spoken(request)
        happening, seen = self._happening(request, t), request.query.get("seen")
        until = time.monotonic() + _HOLD
        async with self._database() as database:
            while True:
                now = time.monotonic()
                case = await self._case(database, happening)
                final = case.is_done or now - happening.began >= PATIENCE
                state = f"{len(case.sent)}-{case.waiting}-{case.is_reviewed}"
                if final or state != seen or now >= until:
                    break
                await asyncio.sleep(_POLL)
        said = verdict(case, self._places(), t, final=final)
        return web.json_response({**asdict(said), "done": final, "state": state})

    async def look(self, request: web.Request) -> web.Response:
        """One delivery in full, with what the relay's log says of it."""
        t = spoken(request)
        happening, index = self._happening(request, t), int(request.match_info["index"])
        if index >= len(happening.records):
            raise ApiError(t("This delivery is not known any more."), 404)
        async with self._database() as database, database.read() as session:
            arrived = await outcomes.arrived(session, [happening.keys[index]])
        words = next((item.words for item in arrived), None)
        return web.json_response({**delivery_details(happening.records[index]), "log": words})

    def _happening(self, request: web.Request, t: Translator) -> Happening:
        found = self._made.get(int(request.match_info["number"]))
        if found is None:
            raise ApiError(t("This event is not known any more."), 404)
        return found

    async def _case(self, database: Database, happening: Happening) -> Case:
        keys, forge, project = happening.keys, happening.forge, happening.project
        async with database.read() as session:
            arrived = await outcomes.arrived(session, keys)
            told = await outcomes.told(session, keys, since=happening.since)
            reviews = await outcomes.told_of_reviews(session, forge.url, str(project.id), since=happening.since)
            under_review = await outcomes.under_review(session)
            choices = await outcomes.choices(session, forge.url, str(project.id))
        return Case(
            forge_kind=forge.kind, project=project.path, names=happening.card.names, choices=choices,
            hook_is_on=any(forge.may_receive(hook) for _, hook in hooks_of(forge, project)),
            records=happening.records, arrived=arrived, told=[*told, *reviews],
            is_reviewed=(forge.url, str(project.id)) in under_review,
        )  # fmt: skip

    def _places(self) -> Mapping[Place, str]:
        """The chats by the names that people know them by."""
        group = self._ground.group
        private = {(person.private.id, 0): person.name for person in self._ground.people.values()}
        topics = {
            (group.id, topic.topic_id or 0): topic.title.rpartition(" · ")[2] for topic in self._ground.topics.values()
        }
        return {**private, (group.id, 0): group.title, **topics}

    @asynccontextmanager
    async def _database(self) -> AsyncIterator[Database]:
        """The product's database, to look into: nothing is written here."""
        database = Database(self._ground.product.database_url)
        try:
            yield database
        finally:
            await database.close()
