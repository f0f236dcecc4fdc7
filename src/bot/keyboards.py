"""The buttons of the dialogs. Pure. What comes back is a nonce, an act and numbers, never a name."""

from collections.abc import Collection, Sequence
from enum import StrEnum

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from src.bot.selection import KindOfEvents
from src.bot.states import Dialog, Menu
from src.events import DEFAULT_NAMES
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.render import describe, describe_kind
from src.webhook.render.content import clean

PROJECTS_PER_PAGE = 8
_LABEL = 40  # characters of a path on a button: more does not fit a phone's width


class Act(StrEnum):
    """What a button asks for; short, for callback data has 64 bytes."""

    PLATFORM = "pl"
    ACCOUNT = "ac"
    PROJECT = "pr"
    PAGE = "pg"
    SHOW_ALL = "sa"
    KIND = "ki"
    NAME = "na"
    ALL = "al"
    NONE = "no"
    EVERYTHING = "ev"
    NOTHING = "nt"
    USUAL = "us"
    KIND_USUAL = "ku"
    SCOPE = "sc"
    KINDS = "ks"
    CONTINUE = "go"
    CONFIRM = "ok"
    BACK = "bk"
    CANCEL = "ca"
    PERSON = "pn"
    WITHDRAW = "wd"
    HOOK = "hk"
    TEST = "te"
    REPAIR = "rp"
    UNITE = "un"
    SUBSCRIPTION = "sb"
    EVERY = "ey"
    EDIT = "ed"
    PAUSE = "pa"
    RESUME = "re"
    UNMUTE = "um"
    REMOVE = "rm"
    LEVEL = "lv"
    LEVELS = "ls"
    SAVE = "sv"
    WEBHOOKS = "wh"
    FORGET = "fg"
    LANGUAGE = "lg"


class Press(CallbackData, prefix="s"):
    """A button of a dialog."""

    nonce: str
    act: Act
    index: int = 0
    screen: int = 0


class Keys:
    """Buttons of one dialog."""

    def __init__(self, dialog: Dialog | Menu, t: Translator) -> None:
        self._dialog = dialog
        self._t = t

    def key(self, text: str, act: Act, index: int = 0, style: str | None = None) -> InlineKeyboardButton:
        """A button; `style` is ``primary``, ``success`` or ``danger``."""
        press = Press(nonce=self._dialog.nonce, act=act, index=index, screen=self._dialog.screen)
        return InlineKeyboardButton(text=text, callback_data=press.pack(), style=style)

    def back(self) -> InlineKeyboardButton:
        """To the step before."""
        return self.key(self._t("‹ Back"), Act.BACK)

    def cancel(self) -> InlineKeyboardButton:
        """Leave the dialog; nothing is changed."""
        return self.key(self._t("Cancel"), Act.CANCEL)


def token_keyboard(nonce: str, t: Translator) -> InlineKeyboardMarkup:
    """Under the question for a token."""
    press = Press(nonce=nonce, act=Act.CANCEL)
    return markup([[InlineKeyboardButton(text=t("Cancel"), callback_data=press.pack())]])


def platform_keyboard(
    dialog: Dialog, t: Translator, platforms: Sequence[ForgeType], enabled: Collection[str], to_group: str | None
) -> InlineKeyboardMarkup:
    """One button for each kind of forge; those without a token say so. `to_group`: the link into a group."""
    keys = Keys(dialog, t)
    rows = [
        [
            keys.key(
                kind.title if kind.kind in enabled else t("{forge} (no token yet)").format(forge=kind.title),
                Act.PLATFORM,
                index,
            )
        ]
        for index, kind in enumerate(platforms)
    ]
    if to_group is not None:
        rows.append([InlineKeyboardButton(text=t("👥 In a group instead"), url=to_group)])
    return markup([*rows, [keys.cancel()]])


def account_keyboard(dialog: Dialog, t: Translator, labels: Sequence[str]) -> InlineKeyboardMarkup:
    """One button for each account."""
    keys = Keys(dialog, t)
    rows = [[keys.key(shortened(label), Act.ACCOUNT, index)] for index, label in enumerate(labels)]
    return markup([*rows, [keys.back(), keys.cancel()]])


def project_keyboard(dialog: Dialog, t: Translator) -> InlineKeyboardMarkup:
    """The projects of a page, and the way to the other pages."""
    keys = Keys(dialog, t)
    rows = [
        [keys.key(("🗄 " if project.archived else "") + shortened(project.path), Act.PROJECT, index)]
        for index, project in enumerate(dialog.offered)
    ]
    if turning := _turning(dialog, keys, t):
        rows.append(turning)
    if dialog.search is not None:
        rows.append([keys.key(t("Show all projects"), Act.SHOW_ALL)])
    return markup([*rows, [keys.back(), keys.cancel()]])


def _turning(dialog: Dialog, keys: Keys, t: Translator) -> list[InlineKeyboardButton]:
    """To the next page either way, and to the first and the last where they lie further off."""
    page, last, row = dialog.page, dialog.last_page, []
    if page > 2:
        row.append(keys.key("« 1", Act.PAGE, 1))
    if page > 1:
        row.append(keys.key("‹", Act.PAGE, page - 1))
    if page > 1 or dialog.has_next:
        row.append(keys.key(t("Page {n}").format(n=page), Act.PAGE, page))
    if dialog.has_next:
        row.append(keys.key("›", Act.PAGE, page + 1))
    if last is not None and last > page + 1:
        row.append(keys.key(f"{last} »", Act.PAGE, last))
    return row


def events_keyboard(
    dialog: Dialog, t: Translator, kinds: Sequence[KindOfEvents], forge: ForgeType
) -> InlineKeyboardMarkup:
    """One row for each kind of events, marked with how much of it is chosen; before them what acts on all at once."""
    keys = Keys(dialog, t)
    # A group bears twenty calls a minute: it must not take a dozen presses to follow one kind.
    rows = [
        [
            keys.key(t("All"), Act.EVERYTHING),
            keys.key(t("None"), Act.NOTHING),
            # Translators: what a new subscription starts with; follows "All" and "None" on the buttons
            keys.key(t("Usual"), Act.USUAL),
        ]
    ]
    for index, kind in enumerate(kinds):
        label = f"{mark(kind, dialog.names)} {describe_kind(kind.kind, t.language, forge)}"
        count = kind.chosen(dialog.names)
        if 0 < count < len(kind.names):
            label += f" · {count}/{len(kind.names)}"
        rows.append([keys.key(label, Act.KIND, index)])
    scope = t("👤 Only what concerns me") if dialog.scope == "mine" else t("👥 Everything")
    rows.append([keys.key(scope, Act.SCOPE)])
    rows.append([keys.key(t("Continue ›"), Act.CONTINUE, style="primary")])
    return markup([*rows, [keys.cancel()] if dialog.editing else [keys.back(), keys.cancel()]])


def kind_keyboard(dialog: Dialog, t: Translator, kind: KindOfEvents, forge: ForgeType) -> InlineKeyboardMarkup:
    """The states of one kind, each to be switched by itself."""
    keys = Keys(dialog, t)
    rows = [
        [keys.key(f"{'✓' if name in dialog.names else '–'} {describe(name, t.language, forge)}", Act.NAME, index)]
        for index, name in enumerate(kind.names)
    ]
    at_once = [keys.key(t("All"), Act.ALL), keys.key(t("None"), Act.NONE)]
    if not DEFAULT_NAMES.isdisjoint(kind.names):
        at_once.append(keys.key(t("Usual"), Act.KIND_USUAL))
    rows.append(at_once)
    return markup([*rows, [keys.key(t("‹ Back"), Act.KINDS), keys.cancel()]])


def confirm_keyboard(dialog: Dialog, t: Translator, *, again: bool = False) -> InlineKeyboardMarkup:
    """Under the summary; `again` after something went wrong."""
    keys = Keys(dialog, t)
    label = t("Try again") if again else t("Confirm")
    return markup([[keys.key(label, Act.CONFIRM, style="success")], [keys.back(), keys.cancel()]])


def retry_keyboard(dialog: Dialog, t: Translator) -> InlineKeyboardMarkup:
    """Where a list could not be fetched."""
    keys = Keys(dialog, t)
    return markup([[keys.key(t("Try again"), Act.PAGE, dialog.page)], [keys.back(), keys.cancel()]])


def mark(kind: KindOfEvents, names: Collection[str]) -> str:
    """All, some or nothing of a kind."""
    count = kind.chosen(names)
    if count == 0:
        return "–"
    return "✓" if count == len(kind.names) else "◐"


def shortened(path: str) -> str:
    """A path that fits a button: of a long one the end, where its own name stands."""
    shown = clean(path)
    return shown if len(shown) <= _LABEL else "…" + shown[1 - _LABEL :]


def markup(rows: Sequence[Sequence[InlineKeyboardButton]]) -> InlineKeyboardMarkup:
    """The rows as Telegram takes them."""
    return InlineKeyboardMarkup(inline_keyboard=[list(row) for row in rows])
