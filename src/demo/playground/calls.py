"""The tab "Bot API calls": the newest of them, for the first look; what comes then is in the stream."""

import asyncio

from aiohttp import web

from src.demo.playground.ground import Playground
from src.demo.playground.traffic import Json

NEWEST = 200
_KINDS = frozenset({"call", "world"})


def routes(ground: Playground) -> list[web.RouteDef]:
    """What the tab asks for."""

    async def newest(_request: web.Request) -> web.Response:
        """Oldest first, with the names of the chats by their numbers and the line up to which this is all."""
        last = ground.feed.last
        # With few calls in it all of a long feed is read.
        lines = await asyncio.to_thread(ground.feed.before, last + 1, NEWEST, _KINDS)
        began = max((line.seq for line in lines if line.kind == "world"), default=0)
        shown = [line.read() for line in lines if line.kind == "call" and line.seq > began]
        return web.json_response({"seq": last, "calls": shown, "chats": _names(ground)})

    return [web.get("/api/calls", newest)]


def _names(ground: Playground) -> Json:
    """What people call the chats that the bot speaks of by number."""
    private = {str(person.private.id): person.name for person in ground.people.values()}
    return {**private, str(ground.group.id): ground.group.title}
