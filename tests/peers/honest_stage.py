"""The scene in which a named call is made: the same one on our emulator and on npm's telegram-test-api.

Ann has a private chat with the bot, in which she said "hello" and the bot "one", with a button that she pressed, and
something that was deleted again. Bob has blocked the bot, Carl never wrote to it. There is a forum with a topic.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import ClientSession

from src.demo.telegram import Limits, Person, TelegramEmulator
from tests.emulated_bot import Clock
from tests.peers.honest_answers import answer
from tests.peers.honest_calls.named import Named, filled

Facts = dict[str, str]
KEYBOARD = '{"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}'


class Scene(Protocol):
    """A server in the state that the module describes; `facts` are its ids by the names that forms use."""

    token: str
    facts: Facts

    async def ask(self, method: str, form: Mapping[str, str], token: str, how: str) -> tuple[int, dict[str, Any]]:
        """One call; HTTP status and body. `how`: a form in the body, `json`, or `query`."""

    async def pass_time(self, seconds: float) -> None:
        """Later."""


@dataclass
class _Server:
    http: ClientSession
    url: str
    token: str
    facts: Facts

    async def ask(self, method: str, form: Mapping[str, str], token: str, how: str) -> tuple[int, dict[str, Any]]:
        address = f"{self.url}/bot{token}/{method}"
        sent: dict[str, Any] = {"params" if how == "query" else "json" if how == "json" else "data": dict(form)}
        async with self.http.post(address, **sent) as response:
            body: dict[str, Any] = await response.json()
            return response.status, body

    async def say(self, text: str, chat_id: str, **form: str) -> str:
        """The bot's own message; its number."""
        _, body = await self.ask("sendMessage", {"chat_id": chat_id, "text": text, **form}, self.token, "form")
        return str(body["result"]["message_id"])


class Ours(_Server):
    """On the emulator."""

    def __init__(self, http: ClientSession, tg: TelegramEmulator, clock: Clock) -> None:
        super().__init__(http, tg.url, tg.token, {})
        self._clock = clock

    async def pass_time(self, seconds: float) -> None:
        self._clock.time += seconds


class Theirs(_Server):
    """On telegram-test-api, which has no clock of its own: nothing grows old there."""

    async def pass_time(self, seconds: float) -> None:
        return

    async def tell(self, path: str, **body: object) -> None:
        """What its own client says."""
        async with self.http.post(f"{self.url}/{path}", json={"botToken": self.token, **body}) as response:
            assert response.status == 200, await response.text()


@asynccontextmanager
async def ours(http: ClientSession, *, paced: bool = False) -> AsyncIterator[Scene]:
    """A new emulator."""
    clock = Clock()
    async with TelegramEmulator(now=clock, limits=Limits() if paced else None) as tg:
        scene = Ours(http, tg, clock)
        ann = tg.person("Ann", started=True)
        scene.facts |= _rooms(tg, ann)
        team = tg.group("Team", members=[ann])
        said, heard = await ann.send("hello"), await ann.send("heard", team)
        scene.facts |= {"ann": str(ann.id), "team": str(team.id), "said": str(said.id), "heard": str(heard.id)}
        await _write(scene)
        try:
            await ann.press("A", timeout=0.001)
        except TimeoutError:  # nobody answers here: the press is what counts
            scene.facts["query"] = await _last_query(scene)
        yield scene


def _rooms(tg: TelegramEmulator, ann: Person) -> Facts:
    bob, carl = tg.person("Bob", started=True), tg.person("Carl")
    bob.block()
    forum = tg.group("Rocket team", admins=[ann], forum=True)
    left, old = tg.group("Left", members=[ann]), tg.group("Old", members=[ann])
    left.kick_bot()
    numbers = {"bob": bob.id, "carl": carl.id, "forum": forum.id, "left": left.id, "old": old.id}
    old.migrate()
    return {name: str(number) for name, number in {**numbers, "topic": forum.topic("CI").topic_id}.items()}


async def theirs(http: ClientSession, url: str, number: int) -> Scene:
    """The same on their server, with a token and chats of its own for every `number`."""
    base = 1000 * number
    scene = Theirs(http, url, f"{42 + number}:a-token-of-the-tests", {})
    names = ("ann", "bob", "carl", "team", "forum", "left", "old")
    scene.facts |= {name: str(base + place) for place, name in enumerate(names)} | {"topic": "3"}
    sender = {"id": base, "first_name": "Ann", "is_bot": False}
    private = {"id": base, "first_name": "Ann", "type": "private"}
    group = {"id": int(scene.facts["team"]), "title": "Team", "type": "group"}
    at = 1_800_000_000
    for fact, chat in (("said", private), ("heard", group)):
        await scene.tell("sendMessage", **{"from": sender, "chat": chat, "date": at, "text": "hello"})
        _, body = await scene.ask("getUpdates", {}, scene.token, "form")
        scene.facts[fact] = str(body["result"][-1]["message"]["message_id"])
    await _write(scene)
    message = {"message_id": int(scene.facts["one"]), "date": at, "chat": private, "text": "one"}
    await scene.tell("sendCallback", **{"from": sender, "message": message, "data": "a"})
    scene.facts["query"] = await _last_query(scene)
    await scene.tell("sendMessage", **{"from": sender, "chat": private, "date": at, "text": "more"})
    return scene


async def _write(scene: _Server) -> None:
    """What the bot itself says."""
    ann = scene.facts["ann"]
    scene.facts["posted"] = await scene.say("posted", scene.facts["team"])
    scene.facts["gone"] = await scene.say("gone", ann)
    await scene.ask("deleteMessage", {"chat_id": ann, "message_id": scene.facts["gone"]}, scene.token, "form")
    scene.facts["one"] = await scene.say("one", ann, reply_markup=KEYBOARD)


async def _last_query(scene: _Server) -> str:
    _, body = await scene.ask("getUpdates", {}, scene.token, "form")
    return str(next(update["callback_query"]["id"] for update in body["result"] if "callback_query" in update))


async def answered(scene: Scene, named: Named) -> str:
    """The call's answer there, in a line."""
    for method, form in named.before:
        await scene.ask(method, _form(form, scene), scene.token, "form")
    await scene.pass_time(named.later)
    status, body = await scene.ask(named.method, _form(named.form, scene), named.token or scene.token, named.how)
    return answer(status, body)


def _form(form: Mapping[str, str], scene: Scene) -> dict[str, str]:
    return {name: filled(value, scene.facts) for name, value in form.items()}
