"""The buttons that stand under a notification while something is muted. Pure: its others always stay."""

from dataclasses import dataclass
from enum import StrEnum

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from src.database.models import Sent
from src.database.repositories.subscriptions import Followed
from src.events import SubjectKind
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.categories import Category, level
from src.webhook.notifier.request import MUTE_BUTTON, REVIEW_BUTTON, in_rows
from src.webhook.render import describe_category, describe_subject
from src.webhook.render.content import clean, cut_front
from src.webhook.render.labels import mute_label

_CATEGORIES = frozenset(Category)  # another version of this bot may have known others
_PATH = 60  # characters of a path in the answer to a press, which has 200


class MuteAct(StrEnum):
    """What a button under a notification asks for."""

    SUBJECT = "su"
    UNMUTE = "un"
    PAUSE = "pa"
    RESUME = "re"
    KIND = "ki"
    RESTORE = "rs"
    BACK = "bk"


class MutePress(CallbackData, prefix="m"):
    """A button under a notification. What it is about is known by the message."""

    act: MuteAct
    length: str = ""  # of a pause
    category: Category | None = None
    before: str = ""  # the level that undoing restores


@dataclass(frozen=True, slots=True)
class Muting:
    """What a notification is about, and how that stands in its chat."""

    sent: Sent
    followed: Followed
    kind: SubjectKind
    words: ForgeType
    is_muted: bool
    is_paused: bool

    @property
    def topic_id(self) -> int:
        """Where it is muted: where it is followed, which is not where it was told if that topic was closed."""
        return self.followed.subscription.topic_id

    @property
    def category(self) -> Category | None:
        """As what it was told, of that which is still told: switching it off helps."""
        told_as = [Category(word) for word in self.sent.categories or () if word in _CATEGORIES]
        levels = self.followed.subscription.levels
        return next((category for category in told_as if level(levels, category) != "off"), None)


def choice_keys(shown: InlineKeyboardMarkup | None, found: Muting, t: Translator) -> InlineKeyboardMarkup:
    """What can be muted; what is already can be undone."""
    rows = in_rows(_others(shown))
    this = describe_subject(found.kind, t.language, found.words)
    if found.is_muted:
        rows.append([_key(t("🔔 Unmute {what}").format(what=this), MutePress(act=MuteAct.UNMUTE))])
    elif found.kind is not SubjectKind.HOOK:
        rows.append([_key(t("🔕 Mute {what}").format(what=this), MutePress(act=MuteAct.SUBJECT))])
    if found.is_paused:
        rows.append([_key(t("▶️ Resume the project"), MutePress(act=MuteAct.RESUME))])
    else:
        rows.append([_key(t("⏸ Project: 1 hour"), MutePress(act=MuteAct.PAUSE, length="hour"))])
        rows.append([_key(t("⏸ Project: till I say"), MutePress(act=MuteAct.PAUSE, length="forever"))])
    if found.category is not None:
        kind = describe_category(found.category, t.language, found.words)
        press = MutePress(act=MuteAct.KIND, category=found.category)
        rows.append([_key(t("🚫 {kind}: off").format(kind=kind), press)])
    return _markup([*rows, [_key(t("‹ Back"), MutePress(act=MuteAct.BACK))]])


def back_keys(shown: InlineKeyboardMarkup | None, t: Translator) -> InlineKeyboardMarkup:
    """As the notification came: its other buttons and the mute button."""
    mute = InlineKeyboardButton(text=mute_label(t.language), callback_data=MUTE_BUTTON)
    return _markup(in_rows([*_others(shown), mute]))


def undo_keys(shown: InlineKeyboardMarkup | None, press: MutePress, label: str) -> InlineKeyboardMarkup:
    """Its other buttons and the way back."""
    return _markup(in_rows([*_others(shown), _key(label, press)]))


def project_words(found: Muting, words: str) -> str:
    """An answer to a press that names the project."""
    return f"{cut_front(clean(found.followed.project.path), _PATH)}: {words}"


def _others(shown: InlineKeyboardMarkup | None) -> list[InlineKeyboardButton]:
    """Those that do not mute."""
    rows = shown.inline_keyboard if shown is not None else []
    return [key for row in rows for key in row if key.url is not None or key.callback_data == REVIEW_BUTTON]


def _key(text: str, press: MutePress) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=press.pack())


def _markup(rows: list[list[InlineKeyboardButton]]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=rows)
