"""The ground on which drills play: projects of both forges with a hook each, and the chats that follow them."""

import os
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from cryptography.fernet import Fernet

from src.database import migrate
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Hook, utc_now
from src.database.repositories import accounts, forges, hooks, projects, subscriptions, users
from src.demo.telegram import Person, TelegramEmulator
from src.events import DEFAULT_NAMES
from src.forge import Identity, RemoteProject
from tests.payloads import document, sign_github

LONG = os.environ.get("DRILL") == "long"
SECRET = "secret of the drills"
# Seconds. Short, so that kills may come soon; where a change hangs on it, kept by a machine that stands still for half.
LEASE = 8 if LONG else 15
CALM = "30"  # seconds; where no lease is to run out, however busy the machine is
NOBODY = "http://127.0.0.1:9"  # the forges' address: nothing here needs to ask
PACE = "1000"  # of Telegram's limits; the emulator has none in these drills, so that the outbox drains
FOLLOWERS = 2  # chats of each project
_TITLE = re.compile(r"Change ([0-9]+)-([0-9]+)\b")
_OWN_NUMBERS = 1_000_000  # pull requests of each client


@dataclass(frozen=True, slots=True)
class Place:
    """A project with its hook."""

    kind: str
    public_id: str
    external_id: str
    path: str
    followers: tuple[int, ...]  # chats, by Telegram's numbers

    @property
    def address(self) -> str:
        """The path that its deliveries are posted to."""
        return f"/webhook/{self.kind}/{self.public_id}"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """What one delivery tells of: the `number`-th pull request of one client, counted from 1."""

    client: int
    number: int

    @property
    def title(self) -> str:
        """By which it is known again in texts and rows."""
        return f"Change {self.client}-{self.number}"


def changes_in(text: str) -> list[Change]:
    """All that a text tells of, in its order."""
    return [Change(int(client), int(number)) for client, number in _TITLE.findall(text)]


@dataclass
class Ground:
    """Telegram runs, the database is filled; nothing is started yet."""

    url: str  # of the database
    telegram: TelegramEmulator
    places: list[Place]
    key: str = field(default_factory=lambda: Fernet.generate_key().decode())

    def place_of(self, client: int) -> Place:
        """Where a client posts to."""
        return self.places[client % len(self.places)]

    def delivery(self, change: Change) -> tuple[str, dict[str, str], bytes]:
        """Address, headers and body: the same each time, as when the forge repeats it."""
        place = self.place_of(change.client)
        body = _body(place, change)
        key = f"delivery-{change.client}-{change.number}"
        headers = {"Content-Type": "application/json"}
        if place.kind == "github":
            headers |= {"X-GitHub-Event": "pull_request", "X-GitHub-Delivery": key} | sign_github(body, SECRET)
        else:
            headers |= {"X-Gitlab-Event": "Merge Request Hook", "Idempotency-Key": key, "X-Gitlab-Token": SECRET}
        return place.address, headers, body

    def environment(self, **more: str) -> dict[str, str]:
        """All that the program may read from outside."""
        return {
            "PATH": os.environ["PATH"],
            "TELEGRAM_BOT_TOKEN": self.telegram.token,
            "TELEGRAM_API_URL": self.telegram.url,
            "GITHUB_API_URL": NOBODY,
            "GITLAB_URL": NOBODY,
            "PUBLIC_URL": "https://relay.example.org",  # hooks are there, so nothing is polled
            "DATABASE_URL": self.url,
            "SECRET_KEYS": self.key,
            "ACCESS": "open",
            "PORT": "0",
            "LEASE_SECONDS": str(LEASE),
            "PYTHONUNBUFFERED": "1",
            **more,
        }


async def lay_out(url: str, telegram: TelegramEmulator, *, places: int = 8, chats: int = 8) -> Ground:
    """Fill a database: `places` projects, three quarters of them GitHub's, each followed by two of the `chats`."""
    people = [telegram.person(f"Reader{number}", username=f"reader{number}", started=True) for number in range(chats)]
    made = Ground(url, telegram, [])
    database = Database(url)
    try:
        await migrate.upgrade(database)
        for number in range(places):
            readers = [people[(number + step) % chats] for step in range(FOLLOWERS)]
            kind = "gitlab" if number % 4 == 3 else "github"
            made.places.append(await _place(database, SecretBox([made.key]), number, kind, readers))
    finally:
        await database.close()
    return made


async def _place(database: Database, box: SecretBox, number: int, kind: str, readers: list[Person]) -> Place:
    now = utc_now()
    place = Place(
        kind=kind,
        public_id=f"hook{number}",
        external_id=str(500 + number),
        path=f"acme/rocket{number}",
        followers=tuple(person.id for person in readers),
    )
    async with database.write() as session:
        forge = await forges.ensure(session, kind, NOBODY)
        remote = RemoteProject(
            external_id=place.external_id, path=place.path, url=f"https://forge.example/{place.path}", private=False
        )
        project = await projects.ensure(session, forge.id, remote)
        hook = Hook(
            public_id=place.public_id,
            forge_id=forge.id,
            project_id=project.id,
            origin="managed",
            secret=box.seal(SECRET),
            events=[],
            created_at=now,
        )
        await hooks.add(session, hook)
        for person in readers:
            user = await users.ensure_user(session, person.id, name=person.name, language="en", now=now)
            chat = await users.ensure_chat(session, person.id, type_="private", title=person.name, language="en")
            account = await accounts.put(
                session,
                user_id=user.id,
                forge_id=forge.id,
                identity=Identity(id=str(person.id), login=f"reader{person.id}"),
                token=box.seal("token"),
                last4="oken",
                now=now,
            )
            await subscriptions.put(
                session,
                project_id=project.id,
                chat_id=chat.id,
                topic_id=0,
                owner_id=user.id,
                account_id=account.id,
                scope="all",
                events=sorted(DEFAULT_NAMES),
                now=now,
            )
    return place


def _body(place: Place, change: Change) -> bytes:
    payload: dict[str, Any] = orjson.loads(_template(place.kind))
    number = change.client * _OWN_NUMBERS + change.number
    if place.kind == "github":
        payload["number"] = payload["pull_request"]["number"] = number
        payload["pull_request"] |= {"title": change.title, "body": None}
        payload["repository"] |= {"id": int(place.external_id), "full_name": place.path}
    else:
        payload["project"] |= {"id": int(place.external_id), "path_with_namespace": place.path, "visibility_level": 20}
        payload["object_attributes"] |= {
            "iid": number,
            "id": number,
            "title": change.title,
            "description": None,  # whoever is mentioned there is asked for on the forge
            "target_project_id": int(place.external_id),
            "source_project_id": int(place.external_id),
        }
    return orjson.dumps(payload)


@cache
def _template(kind: str) -> bytes:
    name = "github/pull_request__opened" if kind == "github" else "gitlab/merge_request_hook__open"
    return orjson.dumps(document(name))
