"""What three people do to the bot in a random order, while forges fail, tokens are revoked and the bot restarts."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from src.bot.bot import AccessRule
from src.bot.keyboards import Act
from src.database.jobs import JobRunner
from src.database.models import utc_now
from src.demo.forge import ForgeEmulator
from src.demo.forge.protocol import Outage
from src.demo.telegram import Chat, Message, Person
from src.webhook.manager import HookManager
from tests.bot_stage import PUBLIC_URL
from tests.walk.theatre import Happened, Theatre
from tests.walk.walker import all_commands

GROUP = "acme"  # its hook, where there is one, tells of both projects
PROJECTS = ("acme/rocket", "acme/comet")
_OUTAGES: tuple[Outage, ...] = ("down", "html", "rate_limited", "refuse_hooks")
_WORDS = ("rocket", "comet", "nothing", "…", "/cancel")
_PREFIXES = {"github": "ghp_", "gitlab": "glpat-"}


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody does. What `who`, `where` and `number` choose among is counted round."""

    kind: str
    who: int
    where: int
    number: int


class Clock:
    """The real time, and what was added to it."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self._ahead

    def skip(self, time: timedelta) -> None:
        """So much time passes."""
        self._ahead += time


@dataclass
class Troupe:
    """Three people, a group and two projects on each forge."""

    theatre: Theatre
    clock: Clock
    people: tuple[Person, ...]
    group: Chat
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)  # what each person has on each forge now
    ever: set[str] = field(default_factory=set)  # all tokens that there ever were
    seen: list[tuple[Message, str]] = field(default_factory=list)  # buttons that were shown at some time
    story: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def place(self, deed: Deed) -> Chat:
        """Where a deed is done."""
        return self.group if deed.where % 2 else self.person(deed).private

    def person(self, deed: Deed) -> Person:
        """Who does it."""
        return self.people[deed.who % len(self.people)]

    def forge(self, deed: Deed) -> ForgeEmulator:
        """Which forge it is about, where it is about one."""
        return self.theatre.forges[deed.number % 2]

    def new_token(self, forge: ForgeEmulator, person: Person) -> str:
        """Another token on the website; the one before stays good unless it is revoked."""
        token = f"{_PREFIXES[forge.kind]}{person.name}Token{len(self.ever):05}abcdefgh"
        forge.add_token(token, person.name)
        self.tokens[forge.kind, person.name] = token
        self.ever.add(token)
        return token

    async def set_token(self, forge: ForgeEmulator, person: Person) -> None:
        """Give the bot the token that one has now."""
        token = self.tokens[forge.kind, person.name]
        self.note(await self.theatre.say(person, f"/set_{forge.kind}_token {token}", person.private))

    def note(self, happened: Happened) -> Happened:
        """Look at what followed from a deed."""
        self.faults += [f"logged: {line}" for line in happened.errors]
        for press in happened.presses:
            count = len(happened.answers(press))
            if count != 1:
                self.faults.append(f"a press was answered {count} times")
        for call in happened.calls:
            said = f"{call.method} {call.form}"
            self.faults += [f"a token went out: {call.method}" for token in self.ever if token in said]
        self.seen += [(message, b.data) for message in happened.changed for b in message.buttons if b.data]
        return happened


async def gather(theatre: Theatre) -> Troupe:
    """Everybody is there and has a token for each forge, which the bot does not know yet."""
    clock = Clock()
    manager = HookManager(theatre.stage.database, theatre.deps.credentials, public_url=PUBLIC_URL, clock=clock)
    tg = theatre.stage.tg
    people = tuple(tg.person(name, username=f"{name}_") for name in ("ann", "bob", "carl"))
    access = AccessRule("open", admin_ids=frozenset({people[0].id}))
    theatre.deps = replace(theatre.deps, access=access, clock=clock, hooks=manager)
    theatre.restart()
    group = tg.group("Rocket team", admins=people[:2], members=people[2:])
    troupe = Troupe(theatre, clock, people, group)
    for forge in theatre.forges:
        forge.add_project("acme/comet", members={"ann": "admin", "bob": "admin"})
        forge.add_group(GROUP, owners=["ann"])
        for person in people:
            troupe.new_token(forge, person)
    return troupe


async def play(troupe: Troupe, jobs: JobRunner, sequence: Sequence[Deed]) -> None:
    """One deed after the other; what is put off is done now and then."""
    for deed in sequence:
        troupe.story.append(str(deed))
        await _DEEDS[deed.kind](troupe, deed)
        if deed.kind == "wait":
            await jobs.run_due()


async def _press(troupe: Troupe, deed: Deed) -> None:
    """Any button of the newest message that has some."""
    message = _newest(troupe.place(deed))
    if message is not None:
        await _tap(troupe, deed, message, [b.data for b in message.buttons if b.data])


async def _go_on(troupe: Troupe, deed: Deed) -> None:
    """The button that leads on: the coloured one, where there is one."""
    message = _newest(troupe.place(deed))
    if message is None:
        return
    stored = troupe.theatre.world.chats[message.chat_id].messages[message.id]
    rows = (stored.markup or {}).get("inline_keyboard", [])
    assert isinstance(rows, list)
    buttons = [button for row in rows for button in row]
    coloured = [b["callback_data"] for b in buttons if b.get("style") in ("primary", "success", "danger")]
    await _tap(troupe, deed, message, coloured or [b.data for b in message.buttons[:3] if b.data])


async def _press_old(troupe: Troupe, deed: Deed) -> None:
    """A button that was there at some time, of whatever dialog."""
    person = troupe.person(deed)
    mine = [(m, data) for m, data in troupe.seen if m.chat_id in (person.id, troupe.group.id)]
    if mine:
        message, data = mine[(deed.number * 7919) % len(mine)]
        await _tap(troupe, deed, message, [data])


async def _tap_twice(troupe: Troupe, deed: Deed) -> None:
    message = _newest(troupe.place(deed))
    if message is not None:
        await _tap(troupe, deed, message, [b.data for b in message.buttons if b.data], times=2)


async def _tap(troupe: Troupe, deed: Deed, message: Message, choices: Sequence[str | None], times: int = 1) -> None:
    chosen = [data for data in choices if data is not None]
    stored = troupe.theatre.world.chats[message.chat_id].messages[message.id]
    if chosen and not stored.deleted:
        data = chosen[deed.number % len(chosen)]
        troupe.note(await troupe.theatre.press(troupe.person(deed), message, data, times=times))


async def _command(troupe: Troupe, deed: Deed) -> None:
    commands = all_commands(troupe.theatre)
    command = commands[deed.number % len(commands)]
    troupe.note(await troupe.theatre.say(troupe.person(deed), f"/{command}", troupe.place(deed)))


async def _subscribe(troupe: Troupe, deed: Deed) -> None:
    """The whole of `/subscribe`, as far as it goes today."""
    person, place = troupe.person(deed), troupe.place(deed)
    troupe.note(await troupe.theatre.say(person, "/subscribe", place))
    for number in (deed.number % 2, deed.number // 2 % 2):
        await _press(troupe, replace(deed, number=number))
    for _ in range(2):
        await _go_on(troupe, deed)


async def _unsubscribe(troupe: Troupe, deed: Deed) -> None:
    """The whole of `/unsubscribe`, where there is something to stop."""
    troupe.note(await troupe.theatre.say(troupe.person(deed), "/unsubscribe", troupe.place(deed)))
    await _press(troupe, replace(deed, number=0))
    await _go_on(troupe, deed)


async def _write(troupe: Troupe, deed: Deed) -> None:
    """Words, or a token where none was asked for."""
    person, place = troupe.person(deed), troupe.place(deed)
    words = (*_WORDS, troupe.tokens[troupe.forge(deed).kind, person.name])
    message = _newest(place)
    reply_to = message if place is troupe.group else None
    troupe.note(await troupe.theatre.say(person, words[deed.number % len(words)], place, reply_to))


async def _unite(troupe: Troupe, deed: Deed) -> None:
    """One webhook for the group, as far as it is offered."""
    person, place = troupe.person(deed), troupe.place(deed)
    troupe.note(await troupe.theatre.say(person, "/status", place))
    for act, number in ((Act.WEBHOOKS, 0), (Act.HOOK, deed.number % 2), (Act.UNITE, 0), (Act.CONFIRM, 0)):
        message = _newest(place)
        if message is None:
            return
        fitting = [b.data for b in message.buttons if b.data and b.data.split(":")[2:4] == [act, str(number)]]
        await _tap(troupe, deed, message, fitting)


async def _meddle(troupe: Troupe, deed: Deed) -> None:
    """Somebody deletes a webhook on the website, points it elsewhere or switches it off."""
    forge, home = troupe.forge(deed), (*PROJECTS, GROUP)[deed.number // 2 % 3]
    for hook in forge.hooks(home)[:1]:
        match deed.number // 6 % 3:
            case 0:
                forge.remove_hook(home, hook.id)
            case 1:
                forge.point_hook(home, hook.id, f"{PUBLIC_URL}/elsewhere")
            case _:
                forge.switch_off_hook(home, hook.id)


async def _restart(troupe: Troupe, deed: Deed) -> None:
    troupe.theatre.restart()


async def _fail(troupe: Troupe, deed: Deed) -> None:
    troupe.forge(deed).outage(_OUTAGES[deed.number // 2 % len(_OUTAGES)], seconds=600)


async def _recover(troupe: Troupe, deed: Deed) -> None:
    for forge in troupe.theatre.forges:
        forge.clear_outages()
    troupe.theatre.forget_rate_limits()


async def _revoke(troupe: Troupe, deed: Deed) -> None:
    """The token is revoked on the website; its owner has another, which the bot is yet to be told of."""
    forge, person = troupe.forge(deed), troupe.person(deed)
    forge.revoke_token(troupe.tokens[forge.kind, person.name])
    troupe.new_token(forge, person)


async def _give_token(troupe: Troupe, deed: Deed) -> None:
    await troupe.set_token(troupe.forge(deed), troupe.person(deed))


async def _wait(troupe: Troupe, deed: Deed) -> None:
    """Time passes, and what was put off is done."""
    troupe.clock.skip(timedelta(minutes=2 ** (deed.number % 12)))


def _newest(place: Chat) -> Message | None:
    return next((m for m in reversed(place.messages()) if any(b.data for b in m.buttons)), None)


_DEEDS: dict[str, Callable[[Troupe, Deed], Awaitable[None]]] = {
    "press": _press,
    "go_on": _go_on,
    "press_old": _press_old,
    "tap_twice": _tap_twice,
    "command": _command,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "write": _write,
    "give_token": _give_token,
    "revoke": _revoke,
    "unite": _unite,
    "meddle": _meddle,
    "fail": _fail,
    "recover": _recover,
    "restart": _restart,
    "wait": _wait,
}
# How often each comes among a hundred.
OFTEN = {
    "press": 22, "go_on": 16, "press_old": 6, "tap_twice": 5, "command": 11, "subscribe": 9, "unsubscribe": 5,
    "write": 6, "give_token": 7, "revoke": 2, "fail": 2, "recover": 4, "restart": 3, "wait": 3,
    "unite": 2, "meddle": 2,
}  # fmt: skip


def deeds(length: int) -> st.SearchStrategy[list[Deed]]:
    """So many deeds in a random order."""
    kinds = [kind for kind, often in OFTEN.items() for _ in range(often)]
    deed = st.builds(
        Deed,
        kind=st.sampled_from(kinds),
        who=st.integers(0, 2),
        where=st.integers(0, 1),
        number=st.integers(0, 23),
    )
    return st.lists(deed, min_size=length, max_size=length)
