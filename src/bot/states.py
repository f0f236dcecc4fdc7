"""The states of the dialogs, and what a dialog remembers between two presses."""

from dataclasses import dataclass
from typing import Any, Literal

from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from pydantic import TypeAdapter

Scope = Literal["mine", "all"]


class SubscriptionStates(StatesGroup):
    """The steps of `/subscribe`."""

    platform = State()
    account = State()
    project = State()
    events = State()
    confirm = State()


class TokenStates(StatesGroup):
    """`/set_..._token` waits for the token."""

    waiting = State()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A project in the list."""

    external_id: str
    path: str
    archived: bool = False


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
    offered: tuple[Offered, ...] = ()
    project: Offered | None = None
    names: tuple[str, ...] = ()
    scope: Scope = "mine"
    existing: bool = False  # whether the chat follows the project already
    kind: str | None = None  # the kind of events whose states are open


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrompt:
    """A question for a token."""

    nonce: str
    message_id: int = 0
    forge_id: int


_DIALOG = TypeAdapter(Dialog)
_PROMPT = TypeAdapter(TokenPrompt)


async def save(state: FSMContext, value: Dialog | TokenPrompt) -> None:
    """Remember how far the person is."""
    key, adapter = ("dialog", _DIALOG) if isinstance(value, Dialog) else ("prompt", _PROMPT)
    await state.set_data({key: adapter.dump_python(value, mode="json")})  # type: ignore[arg-type]  # chosen together


async def dialog_in(state: FSMContext) -> Dialog | None:
    """The open `/subscribe`."""
    data: dict[str, Any] = await state.get_data()
    return _DIALOG.validate_python(data["dialog"]) if "dialog" in data else None


async def prompt_in(state: FSMContext) -> TokenPrompt | None:
    """The open question for a token."""
    data: dict[str, Any] = await state.get_data()
    return _PROMPT.validate_python(data["prompt"]) if "prompt" in data else None


async def finish(state: FSMContext, nonce: str) -> None:
    """The dialog is over; a second tap on its last button is known by the nonce."""
    await state.clear()
    await state.set_data({"finished": nonce})


async def finished_in(state: FSMContext) -> str | None:
    """The nonce of the dialog that was finished last."""
    data: dict[str, Any] = await state.get_data()
    return data.get("finished")
