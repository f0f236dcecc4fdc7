"""What must hold after every act."""

import json

from sqlalchemy import select

from src.database.models import Base
from src.demo.telegram import Message
from src.i18n import Translator, languages, translator
from tests.phone import LINES, lines_of
from tests.walk.theatre import Happened, Theatre

# What may differ although nothing was changed: how far people are, what is logged or put off, when we last looked.
_PASSING_TABLES = frozenset({"dialogs", "event_log", "jobs", "leases"})
_PASSING_COLUMNS = frozenset({"checked_at", "last_event_at", "last_error"})
_LABEL = 40  # characters of a button that a phone shows
_ALERT = 200  # characters of an answer to a press
_FAILED = "Something went wrong on my side. If it stays so, give the operator this number: {number}"
_WAYS_OUT = ("Cancel", "Close", "Done")

Kept = dict[str, list[str]]


def ways_out(t: Translator) -> frozenset[str]:
    """The labels of the buttons that end a dialog."""
    return frozenset(t(label) for label in _WAYS_OUT)


async def kept(theatre: Theatre) -> Kept:
    """All that a cancelled dialog must leave alone: rows of the database and hooks of the forges."""
    found: Kept = {}
    async with theatre.stage.database.read() as session:
        for table in Base.metadata.sorted_tables:
            if table.name not in _PASSING_TABLES:
                columns = [column for column in table.columns if column.name not in _PASSING_COLUMNS]
                found[table.name] = sorted(str(tuple(row)) for row in await session.execute(select(*columns)))
    for forge in theatre.forges:
        world = vars(forge)["world"]
        homes = [*world.projects.values(), *world.groups.values()]
        found[f"hooks of {forge.kind}"] = sorted(  # how its deliveries end is no change
            f"{hook.id} {hook.url} {sorted(hook.events)} {hook.secret} {hook.active}"
            for home in homes
            for hook in home.hooks.values()
        )
    return found


def difference(before: Kept, after: Kept) -> list[str]:
    """What is another now than it was."""
    return [f"{name} changed" for name in before if before[name] != after[name]]


async def left_behind(theatre: Theatre) -> list[str]:
    """What the storage of dialogs still holds, besides the mark of what was finished."""
    return [
        f"left behind: {key}: {state or 'no state'} {json.dumps(data)}"
        for key, state, data in await theatre.dialogs()
        if state is not None or set(data) - {"finished"}
    ]


def trouble(happened: Happened) -> list[str]:
    """What is wrong whoever did whatever."""
    found = [f"logged: {line}" for line in happened.errors]
    for press in happened.presses:
        count = len(happened.answers(press))
        if count != 1:
            found.append(f"a press was answered {count} times")
    told = [call.form.get("text", "") for call in happened.calls if call.method == "answerCallbackQuery"]
    found += [f"the answer to a press is cut off: {text}" for text in told if len(text) >= _ALERT]
    return found + [fault for message in happened.changed for fault in unreadable(message)]


def unreadable(message: Message) -> list[str]:
    """What a person could not read, or should never have to. Telegram's own limits are the emulator's business."""
    found = []
    if any(_begins(message.text, translator(language)(_FAILED)) for language in languages()):
        found.append("an error was told")
    if lines_of(message) > LINES:
        found.append(f"longer than a phone's screen: {lines_of(message)} lines")
    found += [f"the label is too long: {b.text}" for b in message.buttons if len(b.text) > _LABEL]
    if "{" in message.text or any("{" in button.text for button in message.buttons):
        found.append("a placeholder was left in the text")
    return found


def _begins(text: str, template: str) -> bool:
    return text.startswith(template.partition("{")[0])
