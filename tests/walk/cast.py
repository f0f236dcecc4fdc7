"""Who walks and where: an admin, a member, a newcomer and a stranger, in a private chat, a group and a topic."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from src.bot.access import AccessRule
from src.bot.keyboards import Act, Press
from src.database.repositories import users
from src.demo.telegram import Chat, Message, Person
from tests.walk.theatre import Happened, Theatre


class Role(StrEnum):
    """What a person is to the bot, and in the groups."""

    ADMIN = "admin"  # runs the bot, administers the groups, has accounts and subscriptions
    MEMBER = "member"  # may use the bot, is a plain member of the groups, has a subscription
    NEWCOMER = "newcomer"  # may use the bot and has nothing yet
    STRANGER = "stranger"  # may not use the bot


class Spot(StrEnum):
    """Where."""

    PRIVATE = "private"
    GROUP = "group"
    TOPIC = "topic"


_NAMES = {Role.ADMIN: "ann", Role.MEMBER: "bob", Role.NEWCOMER: "carl", Role.STRANGER: "dora"}
_PARTS = 17  # more projects than fit two pages


@dataclass(frozen=True)
class Cast:
    """The people and the places."""

    people: Mapping[Role, Person]
    group: Chat
    topic: Chat

    def place(self, spot: Spot, role: Role) -> Chat:
        """Where this person walks there."""
        match spot:
            case Spot.PRIVATE:
                return self.people[role].private
            case Spot.GROUP:
                return self.group
            case Spot.TOPIC:
                return self.topic


async def assemble(theatre: Theatre, language: str) -> Cast:
    """Everybody is there, and some have subscribed already."""
    tg, github = theatre.stage.tg, theatre.stage.github
    people = {role: tg.person(name, username=f"{name}_", language=language) for role, name in _NAMES.items()}
    admins, members = [people[Role.ADMIN]], [person for role, person in people.items() if role is not Role.ADMIN]
    group = tg.group("Rocket team", admins=admins, members=members)
    topic = tg.group("Rocket forum", admins=admins, members=members, forum=True).topic("Builds")
    for number in range(_PARTS):
        github.add_project(f"acme/part-{number:02}", members={"ann": "admin"})
    cast = Cast(people, group, topic)
    await _prepare(theatre, cast)
    return cast


async def _prepare(theatre: Theatre, cast: Cast) -> None:
    ann, bob = cast.people[Role.ADMIN], cast.people[Role.MEMBER]
    for person, command in (
        (ann, "/set_github_token tok_ann"),
        (ann, "/set_github_token tok_dora"),  # a second account: she has to say which
        (ann, "/set_gitlab_token tok_ann"),
        (bob, "/set_github_token tok_bob"),
    ):
        expect_well(await theatre.say(person, command, person.private))
    await subscribe(theatre, ann, ann.private, account=0)
    await subscribe(theatre, ann, cast.group, account=0)
    await subscribe(theatre, ann, cast.topic, account=0)
    await subscribe(theatre, bob, bob.private, account=None)


async def admit(theatre: Theatre, cast: Cast) -> None:
    """From now on a code is needed; all but the stranger had one."""
    now = theatre.deps.clock()
    async with theatre.stage.database.write() as session:
        for role, person in cast.people.items():
            if role is not Role.STRANGER:
                user = await users.ensure_user(session, person.id, name=person.name, language=None, now=now)
                user.admitted_at, user.is_admin = now, role is Role.ADMIN
    theatre.deps = replace(theatre.deps, access=AccessRule("pairing"))
    theatre.restart()


async def subscribe(theatre: Theatre, person: Person, place: Chat, *, account: int | None) -> None:
    """The whole of `/subscribe`, with what is offered; `account` where there are several."""
    step = await theatre.say(person, "/subscribe", place)
    acts = [Act.PLATFORM, *([] if account is None else [Act.ACCOUNT]), Act.PROJECT, Act.CONTINUE, Act.CONFIRM]
    for act in acts:
        (message,) = [m for m in step.changed if m.keyboard]
        step = expect_well(await theatre.press(person, message, data_of(message, act)))


def data_of(message: Message, act: Act, index: int = 0) -> str:
    """What the button for this act sends."""
    found = [button.data for button in message.buttons if button.data and _is(Press.unpack(button.data), act, index)]
    (data,) = found
    return data


def _is(press: Press, act: Act, index: int) -> bool:
    return press.act == act and press.index == index


def expect_well(happened: Happened) -> Happened:
    """Raises RuntimeError where something failed before the walk begins."""
    if happened.errors:
        raise RuntimeError(f"the stage could not be set: {happened.errors[0]}")
    return happened
