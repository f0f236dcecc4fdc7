"""The states of the dialogs, and what a dialog remembers between two presses."""

import logging
from dataclasses import dataclass
from typing import Any, Literal

from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from pydantic import TypeAdapter, ValidationError

log = logging.getLogger(__name__)

Scope = Literal["mine", "all"]


class SubscriptionStates(StatesGroup):
    """The steps of `/subscribe`."""

    platform = State()
    account = State()
    project = State()
    events = State()
    confirm = State()


class UnsubscriptionStates(StatesGroup):
    """The steps of `/unsubscribe`."""

    subscription = State()
    confirm = State()


class SubscriptionListStates(StatesGroup):
    """The steps of `/list_subscriptions`."""

    list = State()
    subscription = State()
    removal = State()


class NotificationStates(StatesGroup):
    """The steps of `/notifications`."""

    subscription = State()
    categories = State()


class StatusStates(StatesGroup):
    """The steps behind `/status`: what can be done about a webhook or an account."""

    overview = State()
    hook = State()
    account = State()
    removal = State()


class HookStates(StatesGroup):
    """What can be done about webhooks, from `/status` and `/list_subscriptions`, and `/rotate`."""

    list = State()
    hook = State()
    unite = State()
    rotation = State()


class LanguageStates(StatesGroup):
    """`/language` waits for a choice."""

    choice = State()


class DeletionStates(StatesGroup):
    """`/delete_me` asks once."""

    confirm = State()


class InviteStates(StatesGroup):
    """`/invite` shows a code, which can be taken back."""

    code = State()


class PeopleStates(StatesGroup):
    """The steps of `/people`."""

    list = State()
    removal = State()


class TokenStates(StatesGroup):
    """`/set_..._token` waits for the token."""

    waiting = State()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A project in the list."""

    external_id: str
    path: str
    archived: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """One `/subscribe` from its start to its end. Lives in the FSM's storage; never holds a token."""

    nonce: str  # in every button: those of another dialog do nothing
    message_id: int = 0
    screen: int = 0  # counts the project lists: a press on a list that is gone does nothing
    accounts: tuple[int, ...] = ()  # what the account step offers
    account_id: int | None = None
    page: int = 1
    search: str | None = None
    has_next: bool = False
    last_page: int | None = None  # where the forge says it
    offered: tuple[Offered, ...] = ()
    project: Offered | None = None
    names: tuple[str, ...] = ()
    scope: Scope = "mine"
    existing: bool = False  # whether the chat follows the project already
    editing: bool = False  # begun from the list of subscriptions: there is no step before the events
    topic_id: int | None = None  # of the subscription that is edited; `None`: of the place where the dialog stands
    kind: str | None = None  # the kind of events whose states are open


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrompt:
    """A question for a token."""

    nonce: str
    message_id: int = 0
    forge_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """A dialog that chooses among rows of ours: every command but `/subscribe` and those for tokens."""

    nonce: str  # as in `Dialog`
    message_id: int = 0
    screen: int = 0  # counts the lists: a press on one that is gone does nothing
    page: int = 1
    offered: tuple[int, ...] = ()  # the rows that the buttons of this page stand for, in their order
    chosen: int | None = None  # the row that was pressed; `None` before, or where all are meant
    back_to: str | None = None  # the step that Back leads to, where there are several ways in
    draft: tuple[str, ...] = ()  # what was changed and is not stored yet, in the dialog's own words


Opened = Dialog | TokenPrompt | Menu

# By the key under which the storage has it; what an older version of this bot stored is read by the defaults.
_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "dialog": TypeAdapter(Dialog),
    "prompt": TypeAdapter(TokenPrompt),
    "menu": TypeAdapter(Menu),
}
_KEYS: dict[type[Opened], str] = {Dialog: "dialog", TokenPrompt: "prompt", Menu: "menu"}


async def save(state: FSMContext, value: Opened) -> None:
    """Remember how far the person is."""
    key = _KEYS[type(value)]
    await state.set_data({key: _ADAPTERS[key].dump_python(value, mode="json")})


async def _found(state: FSMContext, key: str) -> Any:
    data: dict[str, Any] = await state.get_data()
    return _read(key, data[key]) if key in data else None


def _read(key: str, stored: Any) -> Any:
    """What was stored; `None` where another version of this bot stored what this one does not understand."""
    try:
        return _ADAPTERS[key].validate_python(stored)
    except ValidationError as error:
        log.warning("A stored dialog (%s) is not understood: %d errors", key, error.error_count())
        return None


async def dialog_in(state: FSMContext) -> Dialog | None:
    """The open `/subscribe`."""
    found: Dialog | None = await _found(state, "dialog")
    return found


async def prompt_in(state: FSMContext) -> TokenPrompt | None:
    """The open question for a token."""
    found: TokenPrompt | None = await _found(state, "prompt")
    return found


async def menu_in(state: FSMContext) -> Menu | None:
    """The open dialog of another command."""
    found: Menu | None = await _found(state, "menu")
    return found


async def opened_in(state: FSMContext) -> Opened | None:
    """Whatever is open."""
    data: dict[str, Any] = await state.get_data()
    for key in _ADAPTERS:
        if key in data:
            found: Opened | None = _read(key, data[key])
            return found
    return None


async def finish(state: FSMContext, nonce: str) -> None:
    """The dialog is over; a second tap on its last button is known by the nonce."""
    await state.clear()
    await state.set_data({"finished": nonce})


async def finished_in(state: FSMContext) -> str | None:
    """The nonce of the dialog that was finished last."""
    data: dict[str, Any] = await state.get_data()
    return data.get("finished")
