"""``POST /api/chat``: the sentences that a person would write to the bot, from a program with a key."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from src.agent.asking import Ask, KnownForge, candidates, parse
from src.database.credentials import Credentials
from src.database.database import Database
from src.database.models import Forge
from src.database.repositories import projects, reviews
from src.forge import ForgeError
from src.i18n import N_, translator
from src.webhook.bodies import Budget, read_body
from src.webhook.reviewing.accounts import ForgeTokens
from src.webhook.reviewing.finding import Door, Located, Unseen, locate, variables

_MOST = 64 * 1024  # bytes of a body
_RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)

_BEGUN = N_("I am looking at {what}: the review will stand there in a moment.")
_UNKNOWN = N_("I did not understand that. Write for example: review owner/repo 123")
_NOT_FOUND = N_("I found no pull request {what}, or the program's account does not see it.")
_NO_TOKEN = N_("There is no token to review it with: whoever runs this program has to set {names}.")
_NOT_ALL = N_("On {forges} nobody looked: whoever runs this program has to set {names}.")
_REFUSED = N_("The forge no longer accepts {names}: whoever runs this program has to set a new token there.")
_AWAY = N_("The forge does not answer. Try again in a few minutes.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatApi:
    """Answers with ``{"status": …, "reply": …, "review_id": …}``."""

    database: Database
    credentials: Credentials
    forges: Sequence[Forge]  # that people may use
    tokens: ForgeTokens
    keys: Sequence[str]
    budget: Budget
    asked: Callable[[], None]  # there is something to review
    clock: Callable[[], datetime]

    async def chat(self, request: web.Request) -> web.Response:
        """One message. The key comes as ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``."""
        if not self._may_ask(request.headers):
            raise web.HTTPUnauthorized(text="The key is missing or wrong.", headers={"WWW-Authenticate": "Bearer"})
        message = await self._message(request)
        known = [self._known(forge) for forge in self.forges]
        ask = parse(message, known)
        language = "ru" if _RUSSIAN.search(message) else "en"
        if ask is None:
            return _answer(422, "not_understood", language, _UNKNOWN)
        try:
            return await self._review(ask, language)
        except ForgeError:
            return _answer(503, "unavailable", language, _AWAY)

    async def _review(self, ask: Ask, language: str) -> web.Response:
        what = f"{ask.path} {ask.number}"
        doors = [door for forge in self.forges if (door := self._door(forge)) is not None]
        if not any(candidates(ask, [door.known for door in doors])):
            names = ", ".join(variables(kind for kind in self.credentials.types if ask.kind in (None, kind)))
            return _answer(409, "no_token", language, _NO_TOKEN, names=names)
        found = await locate(ask, doors)
        if isinstance(found, Unseen):
            return self._unseen(ask, found, doors, language)
        review_id = await self._ask(found)
        return _answer(202, "accepted", language, _BEGUN, review_id=review_id, what=found.pull.url or what)

    def _unseen(self, ask: Ask, found: Unseen, doors: Sequence[Door], language: str) -> web.Response:
        """Which token is no longer accepted, else where nobody looked for want of one."""
        if found.refused:
            names = ", ".join(variables(door.known.kind for door in found.refused))
            return _answer(409, "token_refused", language, _REFUSED, names=names)
        what = f"{ask.path} {ask.number}"
        meant = candidates(ask, [self._known(forge) for forge in self.forges])
        closed = sorted({known.kind for known in meant} - {door.known.kind for door in doors})
        if not closed:
            return _answer(404, "not_found", language, _NOT_FOUND, what=what)
        forges = ", ".join(self.credentials.types[kind].title for kind in closed)
        names = ", ".join(variables(closed))
        return _answer(404, "not_found", language, _NOT_FOUND, _NOT_ALL, what=what, forges=forges, names=names)

    async def _ask(self, found: Located) -> int:
        now = self.clock()
        async with self.database.write() as session:
            project = await projects.ensure(session, found.forge.id, found.project)
            asked = await reviews.ask(session, project_id=project.id, number=found.pull.number, trigger="api", now=now)
            review_id = asked.id
        self.asked()
        return review_id

    def _may_ask(self, headers: Mapping[str, str]) -> bool:
        """Compares hashes, so that neither a key's length nor its beginning shows in the time that it takes."""
        scheme, _, bearer = headers.get("Authorization", "").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else headers.get("X-API-Key", "")
        digest = _digest(given)
        return sum([hmac.compare_digest(digest, _digest(key)) for key in self.keys]) > 0

    async def _message(self, request: web.Request) -> str:
        if (request.content_length or 0) > _MOST:
            raise web.HTTPRequestEntityTooLarge(max_size=_MOST, actual_size=request.content_length or 0)
        async with read_body(request, self.budget) as body:
            if len(body) > _MOST:
                raise web.HTTPRequestEntityTooLarge(max_size=_MOST, actual_size=len(body))
            try:
                given = json.loads(body)
            except (ValueError, RecursionError):
                given = None
        message = given.get("message") if isinstance(given, dict) else None
        if not isinstance(message, str):
            raise web.HTTPBadRequest(text='The body has to be JSON: {"message": "review owner/repo 123"}.')
        return message

    def _known(self, forge: Forge) -> KnownForge:
        return KnownForge.of(self.credentials.types[forge.kind], forge.base_url)

    def _door(self, forge: Forge) -> Door | None:
        token = self.tokens.get((forge.kind, forge.base_url))
        return None if token is None else Door(forge, self._known(forge), self.credentials.with_token(forge, token))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()


def _answer(
    http: int, status: str, language: str, *replies: str, review_id: int | None = None, **params: str
) -> web.Response:
    t = translator(language)
    text = " ".join(t(reply).format(**params) for reply in replies)
    body = {"status": status, "reply": text, "review_id": review_id}
    return web.json_response(body, status=http, dumps=lambda value: json.dumps(value, ensure_ascii=False))
