"""What the playground stands on: the emulators with their people and projects, and the product between them."""

import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from src.database.database import Database
from src.demo.forge import ForgeEmulator
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.demo.product import CALLBACK_TTL, CORE, FAST_LIMITS, LANDER, ROCKET, TOKENS, WEBSITE, FastClock, Product
from src.demo.telegram import Group, Limits, Person, TelegramEmulator, Topic
from src.forges import FORGE_TYPES
from src.i18n import DEFAULT, translator
from src.web.feed import Feed
from src.web.guard import ApiError

if TYPE_CHECKING:
    from src.config import Settings

OWNER = "ann"  # whom the guided list is for
ORGANISATION = "acme"
# On GitHub besides those that the events are about, so that the list of projects has pages.
MORE_PROJECTS = (
    "api", "archive", "billing", "charts", "cockpit", "compass", "dashboard", "docs", "forms", "fuel", "gateway",
    "icons", "ledger", "mail", "maps", "mobile", "orbit", "payload", "probes", "radar", "search", "telemetry", "tools",
)  # fmt: skip
_BOT_TOKEN = re.compile(r"[0-9]{6,}:[A-Za-z0-9_-]{30,}")  # also behind "bot", as in Telegram's addresses


@dataclass(kw_only=True)
class Playground:
    """All that the parts of the page work with."""

    tg: TelegramEmulator
    github: GitHubEmulator
    gitlab: GitLabEmulator
    people: dict[str, Person]  # those with Telegram: ann the owner, bob a teammate, eve a stranger
    tokens: dict[str, str]  # by login, the same on both forges
    group: Group
    topics: dict[str, Topic]  # by their key on the page
    feed: Feed
    product: Product
    database: Database  # the product's, to look into
    folder: Path
    world: str  # random, another one at each start of the emulators

    @property
    def relay(self) -> str:
        """The address that the forges send to."""
        return self.product.relay

    @property
    def forges(self) -> dict[str, ForgeEmulator]:
        """Both by kind, in the order in which they are offered."""
        return {self.github.kind: self.github, self.gitlab.kind: self.gitlab}

    def forge(self, kind: str) -> ForgeEmulator:
        """The emulator of this kind; raises KeyError."""
        return self.forges[kind]

    async def restart(self) -> None:
        """The product alone stops, finishes what has begun, and starts again on the same database."""
        await self.product.restart()


def refuse_real_token(text: str, language: str = DEFAULT) -> None:
    """Raises `ApiError`, in words for the page, where a text holds what looks like a token that opens something."""
    patterns = [rf"(?<![A-Za-z0-9])(?:{forge.token_pattern})" for forge in FORGE_TYPES.values() if forge.token_pattern]
    if _BOT_TOKEN.search(text) or any(re.search(pattern, text) for pattern in patterns):
        t = translator(language)
        raise ApiError(t("This looks like a real token, and this is a demo: nothing was sent. Use the demo's tokens."))


@asynccontextmanager
async def grounds(
    settings: "Callable[..., Settings]", *, feed: Feed, folder: Path, pace: float
) -> AsyncIterator[Playground]:
    """The emulators run and are filled; the product is ready to be run.

    Args:
        settings: builds the relay's settings from the values given and nothing else.
        feed: gets what happens; open.
        folder: for the product's database and key.
        pace: Telegram's limits run so many times as fast.
    """
    clock, limits = FastClock(pace), Limits() if pace == 1 else FAST_LIMITS
    async with (
        TelegramEmulator(now=clock, limits=limits, callback_ttl=CALLBACK_TTL * pace) as tg,
        GitHubEmulator() as github,
        GitLabEmulator() as gitlab,
    ):
        for forge in (github, gitlab):
            _fill(forge)
        people = {name: tg.person(name.capitalize(), username=name, language="en") for name in (OWNER, "bob", "eve")}
        group = tg.group("Rocket team", admins=[people[OWNER]], members=[people["bob"]], forum=True, bot_admin=True)
        product = Product(settings, tg=tg, github=github, gitlab=gitlab, folder=folder, access="pairing", pace=pace)
        database = Database(product.database_url)
        try:
            yield Playground(
                tg=tg, github=github, gitlab=gitlab, people=people, tokens=dict(TOKENS), group=group,
                topics={"releases": group.topic("Releases"), "ci": group.topic("CI")}, feed=feed, product=product,
                database=database, folder=folder, world=secrets.token_hex(8),
            )  # fmt: skip
        finally:
            await database.close()


def _fill(forge: ForgeEmulator) -> None:
    """The same company on both forges: ann runs it, bob works there, carl may read everything."""
    for login, token in TOKENS.items():
        forge.add_user(login, name=login.capitalize(), emails=[f"{login}@example.org"])
        forge.add_token(token, login)
    forge.add_group(ORGANISATION, [OWNER])
    if forge.kind == "github":  # before those that matter: the newest stand first in the list
        for name in MORE_PROJECTS:
            forge.add_project(f"{ORGANISATION}/{name}", members={"ann": "admin", "bob": "write", "carl": "read"})
    path, private = (ROCKET, False) if forge.kind == "github" else (LANDER, True)
    forge.add_project(path, private=private, members={"ann": "admin", "bob": "write", "carl": "read"})
    forge.add_project(WEBSITE, members={"ann": "admin", "bob": "write", "carl": "read"})
    forge.add_team(CORE, ["ann", "bob"])
