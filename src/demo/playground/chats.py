"""The chats of the page: what a person sees in them, and what they do there as a client of Telegram would let them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from src.demo.playground.ground import Playground, refuse_real_token
from src.demo.playground.links import target
from src.demo.playground.traffic import fields, spoken
from src.demo.playground.views import GENERAL, PRIVATE, message_view, places
from src.demo.telegram import Chat, Message, Person, Topic
from src.demo.telegram.driver import MAX_WRITTEN
from src.demo.telegram.entities import units
from src.i18n import Translator, languages
from src.web.guard import ApiError

Json = dict[str, Any]
NEWEST = 200  # messages of a chat in a snapshot
OLDER = 100  # that are sent for each look further back
_DIGITS = 10  # of a message's number at most
_START_CODE = re.compile(r"[A-Za-z0-9_-]{0,64}")  # core.telegram.org/bots/features#deep-linking
PATIENCE = 15.0  # seconds after which a client stops waiting for the answer to a press


def routes(ground: Playground, *, patience: float = PATIENCE) -> list[web.RouteDef]:
    """What the chat view asks for. `patience`: seconds that a press waits for its answer."""
    chats = Chats(ground, patience)
    deeds = {
        "send": chats.send, "press": chats.press, "edit": chats.edit, "delete": chats.delete, "read": chats.read,
        "language": chats.language, "block": chats.block, "group": chats.open_group,
    }  # fmt: skip
    return [
        web.get("/api/chats", chats.snapshot),
        web.get("/api/chat/messages", chats.older),
        *(web.post(f"/api/chat/{name}", deed) for name, deed in deeds.items()),
    ]


@dataclass(frozen=True, slots=True)
class Deed:
    """A request in somebody's name. Every property raises `ApiError` for what is not there."""

    ground: Playground
    t: Translator
    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Whose name it is in."""
        name = self.body.get("as")
        if not isinstance(name, str) or name not in self.ground.people:
            raise ApiError(self.t("There is nobody of this name here."))
        return name

    @property
    def person(self) -> Person:
        """Who acts."""
        return self.ground.people[self.name]

    @property
    def key(self) -> str:
        """Of the chat it is about."""
        return self.text("chat")

    @property
    def place(self) -> Chat:
        """The chat, which the person has to be in."""
        place = places(self.ground, self.person).get(self.key)
        if place is None:
            raise ApiError(self.t("{name} is not in this chat.").format(name=self.person.name))
        return place

    @property
    def message(self) -> Message:
        """The message it is about, as it is now."""
        place, number = self.place, self.number("message")
        found = self.ground.tg.message(place.id, number)
        if found is None or found.deleted:
            raise ApiError(self.t("This message was deleted meanwhile."))
        return found

    def text(self, name: str) -> str:
        """A field that holds a text."""
        value = self.body.get(name)
        if not isinstance(value, str):
            raise ApiError(self.t("The request is not understood."))
        return value

    def number(self, name: str) -> int:
        """A field that holds a whole number."""
        value = self.body.get(name)
        if isinstance(value, str) and value.isdecimal() and len(value) < _DIGITS:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 10**_DIGITS:
            raise ApiError(self.t("The request is not understood."))
        return value

    def written(self) -> str:
        """What is to be said, if a client would let it pass."""
        text, t = self.text("text").strip(), self.t
        if not text:
            raise ApiError(t("Write something first."))
        if (size := units(text)) > MAX_WRITTEN:
            raise ApiError(
                t("A message holds {most} characters at most; this one has {size}.").format(most=MAX_WRITTEN, size=size)
            )
        refuse_real_token(text, t.language)
        return text

    def may_act(self) -> None:
        """Raises `ApiError` where a client would not let them."""
        if self.key == PRIVATE and self.person.private.blocked:
            raise ApiError(self.t("The bot is blocked. Unblock it first."))

    def may_write(self, place: Chat) -> None:
        """Raises `ApiError` where a client shows no field to write in."""
        self.may_act()
        if isinstance(place, Topic) and place.closed and not self.person.is_admin(place):
            raise ApiError(self.t("This topic is closed: only administrators write here."))


@dataclass(slots=True)
class Chats:
    """The chat view's side of the server; what everybody has read is kept here."""

    ground: Playground
    patience: float
    _read: dict[tuple[str, str], int] = field(default_factory=dict)  # person and chat -> the newest that was read

    async def snapshot(self, request: web.Request) -> web.Response:
        """All chats of a person as of line `seq`, and what everybody has not read."""
        deed = self._asked(request)
        # Nothing is awaited in between: what comes after this line is not in it yet, what came before is.
        return web.json_response({
            "seq": self.ground.feed.last,
            "viewer": {"name": deed.name, "language": deed.person.language, "started": deed.person.private.started},
            "bot": {"name": self.ground.tg.bot.first_name, "username": self.ground.tg.bot.username},
            "chats": [self._chat(deed, key, place) for key, place in places(self.ground, deed.person).items()],
            "unread": {name: self._unread(name) for name in self.ground.people},
            "read": {name: self._upto(name) for name in self.ground.people},
        })  # fmt: skip

    async def older(self, request: web.Request) -> web.Response:
        """Messages before one, oldest first, and whether there are more."""
        deed = self._asked(request)
        before = deed.number("before")
        messages = [message for message in deed.place.messages() if message.id < before]
        return web.json_response({"messages": self._views(messages[-OLDER:]), "more": len(messages) > OLDER})

    async def send(self, request: web.Request) -> web.Response:
        """Writes, as an answer to `reply_to` where it is named."""
        deed = await self._posted(request)
        place, text = deed.place, deed.written()
        deed.may_write(place)
        replied = None
        if deed.body.get("reply_to") is not None:
            replied = self.ground.tg.message(place.id, deed.number("reply_to"))
            if replied is None or replied.deleted:
                raise ApiError(deed.t("The message that you answer was deleted meanwhile."))
        sent = await deed.person.send(text, place, reply_to=replied)
        return web.json_response({"id": sent.id})

    async def press(self, request: web.Request) -> web.Response:
        """Presses a button; `answered` is false when the bot says nothing in time."""
        deed = await self._posted(request)
        message, row, column = deed.message, deed.number("row"), deed.number("column")
        deed.may_act()
        keyboard = message.keyboard
        there = 0 <= row < len(keyboard) and 0 <= column < len(keyboard[row])
        button = keyboard[row][column] if there else None
        # On the next screen a button of the same name may stand in the same place: another window's press led there.
        if button is None or (button.text, button.data) != (deed.text("text"), deed.body.get("data", button.data)):
            raise ApiError(deed.t("This button is not there any more. Look at the message again."))
        if button.data is None:
            raise ApiError(deed.t("This button sends nothing to the bot."))
        try:
            answer = await deed.person.press((row, column), on=message, timeout=self.patience)
        except TimeoutError:
            return web.json_response({"answered": False})
        shown: Json = {"answered": True, "text": answer.text, "alert": answer.show_alert, "url": answer.url}
        return web.json_response({**shown, "target": target(self.ground, answer.url) if answer.url else None})

    async def edit(self, request: web.Request) -> web.Response:
        """Writes an own message anew."""
        deed = await self._posted(request)
        message, text = deed.message, deed.written()
        deed.may_write(deed.place)
        if message.sender_id != deed.person.id or message.service:
            raise ApiError(deed.t("Only the writer can change a message."))
        if text != message.text:
            await deed.person.edit(message, text)
        return web.json_response({})

    async def delete(self, request: web.Request) -> web.Response:
        """Deletes an own message, in the private chat any."""
        deed = await self._posted(request)
        message = deed.message
        if message.sender_id != deed.person.id and deed.key != PRIVATE:
            raise ApiError(deed.t("Only the writer can delete a message."))
        await deed.person.delete(message)
        return web.json_response({})

    async def read(self, request: web.Request) -> web.Response:
        """All up to this message is read; it never becomes unread again."""
        deed = await self._posted(request)
        place = deed.place
        newest = max((message.id for message in place.messages()), default=0)
        upto = min(deed.number("upto"), newest)  # what comes later is news
        if upto > self._read.get((deed.name, deed.key), 0):
            self._read[deed.name, deed.key] = upto
            self.ground.feed.add("read", person=deed.name, chat=deed.key, topic=place.topic_id, upto=upto)
        return web.json_response({})

    async def language(self, request: web.Request) -> web.Response:
        """Another language in the person's Telegram."""
        deed = await self._posted(request)
        wanted = deed.text("language")
        if wanted not in languages():
            raise ApiError(deed.t("There is no such language here."))
        deed.person.switch_language(wanted)
        # An account is no message: without this nobody would look again.
        self.ground.feed.add("chat", chat=PRIVATE)
        return web.json_response({})

    async def block(self, request: web.Request) -> web.Response:
        """Blocks the bot, or lets it write again."""
        deed = await self._posted(request)
        blocked = deed.body.get("blocked")
        if not isinstance(blocked, bool):
            raise ApiError(deed.t("The request is not understood."))
        if blocked != deed.person.private.blocked:
            (deed.person.block if blocked else deed.person.unblock)()
        return web.json_response({})

    async def open_group(self, request: web.Request) -> web.Response:
        """What a link t.me/BOT?startgroup=CODE does: the bot comes into the group and hears of the code."""
        deed = await self._posted(request)
        group, person, code = self.ground.group, deed.person, deed.text("code")
        if not person.is_member(group):
            raise ApiError(deed.t("{name} is in no group where the bot could be added.").format(name=person.name))
        refuse_real_token(code, deed.t.language)
        if not _START_CODE.fullmatch(code):
            raise ApiError(deed.t("The request is not understood."))
        if not group.has_bot:
            if not person.is_admin(group):
                raise ApiError(deed.t("Only administrators add a bot to {group}.").format(group=group.title))
            group.add_bot(admin=True)
        command = f"/start@{self.ground.tg.bot.username} {code}".strip()
        await person.send(command, group.general)
        return web.json_response({"chat": GENERAL})

    def _asked(self, request: web.Request) -> Deed:
        return Deed(self.ground, spoken(request), request.query)

    async def _posted(self, request: web.Request) -> Deed:
        t = spoken(request)
        return Deed(self.ground, t, await fields(request, t))

    def _chat(self, deed: Deed, key: str, place: Chat) -> Json:
        messages, person = place.messages(), deed.person
        pinned = [message for message in messages if message.pinned]
        closed = isinstance(place, Topic) and place.closed and not person.is_admin(place)
        return {
            "key": key,
            "title": _title(self.ground, key, place, deed.t),
            "group": None if key == PRIVATE else self.ground.group.title,
            "started": key != PRIVATE or person.private.started,
            "blocked": key == PRIVATE and person.private.blocked,
            "closed": closed,
            "commands": [{"name": item.name, "description": item.description} for item in person.commands(place)],
            "messages": self._views(messages[-NEWEST:]),
            "more": len(messages) > NEWEST,
            "pinned": message_view(self.ground, pinned[-1]) if pinned else None,
            "about": self.ground.tg.description(person.language) if key == PRIVATE else None,
        }

    def _views(self, messages: list[Message]) -> list[Json]:
        return [message_view(self.ground, message) for message in messages]

    def _upto(self, name: str) -> dict[str, int]:
        return {key: self._read.get((name, key), 0) for key in places(self.ground, self.ground.people[name])}

    def _unread(self, name: str) -> Json:
        """Of each chat of a person the messages of others that they have not read: number and whether it is silent."""
        person = self.ground.people[name]
        return {
            key: [
                [message.id, message.silent]
                for message in place.messages()
                if message.id > self._read.get((name, key), 0)
                and message.sender_id != person.id
                and not message.service
            ]
            for key, place in places(self.ground, person).items()
        }


def _title(ground: Playground, key: str, place: Chat, t: Translator) -> str:
    if key == PRIVATE:
        return ground.tg.bot.first_name
    return place.name if isinstance(place, Topic) else t("General")
