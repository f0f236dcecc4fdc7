"""What the handlers work with, injected by name: `deps`, and `visit` for who speaks and where."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aiogram import Bot
from aiogram.fsm.context import FSMContext

from src.bot.access import AccessRule
from src.bot.waits import Waits
from src.database.credentials import Credentials
from src.database.database import Database
from src.database.models import Forge
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.manager import HookManager


@dataclass(frozen=True)
class BotDeps:
    """The parts that the bot needs, made by the composition root."""

    database: Database
    credentials: Credentials
    forges: tuple[Forge, ...]  # the configured instances; the first of each kind is the default
    hooks: HookManager
    access: AccessRule
    clock: Callable[[], datetime]
    waits: Waits = field(default_factory=Waits)
    polls: bool = True  # whether projects without a webhook are looked at
    greets: bool = True  # whether a group that lets the bot in is told what comes next

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of forge that there is an instance of, in the order of the instances."""
        return tuple(dict.fromkeys(forge.kind for forge in self.forges))

    def instances(self, kind: str) -> Sequence[Forge]:
        """The configured instances of a kind, the default first."""
        return [forge for forge in self.forges if forge.kind == kind]

    def forge(self, forge_id: int) -> Forge | None:
        """A configured instance by its row's id."""
        return next((forge for forge in self.forges if forge.id == forge_id), None)

    def type_of(self, forge: Forge) -> ForgeType:
        """The registration of an instance's kind."""
        return self.credentials.types[forge.kind]

    def token_page(self, forge: Forge) -> str:
        """Where a person makes a token for this instance."""
        kind = self.type_of(forge)
        return f"{kind.web_url(forge.base_url)}/{kind.token_page}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who speaks to the bot, and where. `*_id` are our rows' ids, `telegram_*` Telegram's numbers."""

    user_id: int
    chat_id: int
    telegram_user_id: int
    telegram_chat_id: int
    topic_id: int | None  # of a forum; `None` in its General topic and wherever there are no topics
    private: bool
    name: str
    is_admin: bool = False  # runs this bot: invites, removes people, rotates secrets
    entered: bool = False  # a code in this very message opened


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a step of a dialog needs, in one."""

    bot: Bot
    deps: BotDeps
    visit: Visit
    state: FSMContext
    t: Translator
