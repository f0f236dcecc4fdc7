"""`/subscribe`, the step in which the events are chosen, and the summary."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.types import CallbackQuery
from aiogram.utils.formatting import Bold, Text

from src.bot.conversation import InDialog, acknowledge, alert, draw
from src.bot.deps import Scene
from src.bot.keyboards import Act, Press, confirm_keyboard, events_keyboard, kind_keyboard
from src.bot.selection import KindOfEvents, first_choice, offered_kinds, ordered, toggled, with_kind
from src.bot.states import Dialog, Scope, SubscriptionStates
from src.database.models import Forge
from src.database.repositories import accounts, projects, subscriptions
from src.events import ALL_NAMES, DEFAULT_NAMES
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.render import compose, describe_kind, name
from src.webhook.render.content import clean
from src.webhook.render.nodes import joined


def events_router() -> Router:
    """The steps from the events to the summary."""
    router = Router(name="events")
    in_events = StateFilter(SubscriptionStates.events)
    for act, handler in (
        (Act.KIND, kind_pressed),
        (Act.NAME, name_pressed),
        (Act.ALL, all_pressed),
        (Act.NONE, none_pressed),
        (Act.KIND_USUAL, kind_usual_pressed),
        (Act.EVERYTHING, everything_pressed),
        (Act.NOTHING, nothing_pressed),
        (Act.USUAL, usual_pressed),
        (Act.KINDS, back_to_kinds),
        (Act.SCOPE, scope_pressed),
        (Act.CONTINUE, continued),
    ):
        router.callback_query.register(handler, in_events, Press.filter(F.act == act), InDialog())
    router.callback_query.register(
        back_to_kinds, StateFilter(SubscriptionStates.confirm), Press.filter(F.act == Act.BACK), InDialog()
    )
    return router


async def open_events(scene: Scene, dialog: Dialog) -> None:
    """Begin with what the chat follows already, or with what most people want."""
    forge = await _forge(scene, dialog)
    available = scene.deps.type_of(forge).codec.names
    names, scope, existing = first_choice(available), dialog.scope, False
    async with scene.deps.database.read() as session:
        project = await projects.find(session, forge.id, dialog.project.external_id) if dialog.project else None
        found = project and await subscriptions.find(
            session, project_id=project.id, chat_id=scene.visit.chat_id, topic_id=scene.visit.topic_id or 0
        )
    if found:
        names, existing = ordered(found.events, available), True
        scope = "mine" if found.scope == "mine" else "all"
    await show_kinds(scene, replace(dialog, names=names, scope=scope, existing=existing, kind=None))


async def show_kinds(scene: Scene, dialog: Dialog) -> None:
    """All kinds of events in one list."""
    t, forge_type = scene.t, scene.deps.type_of(await _forge(scene, dialog))
    await scene.state.set_state(SubscriptionStates.events)
    dialog = replace(dialog, kind=None)
    template = (
        t("{project} is followed here already. Change what I tell:")
        if dialog.existing
        else t("{project}: what shall I tell here? Press a line for its details.")
    )
    text = compose(template, project=_title(dialog))
    keyboard = events_keyboard(dialog, t, offered_kinds(forge_type.codec.names), forge_type)
    await draw(scene.bot, scene.visit, scene.state, dialog, text, keyboard)


async def kind_pressed(callback: CallbackQuery, callback_data: Press, dialog: Dialog, scene: Scene) -> None:
    """Open a kind; one with a single name is switched at once."""
    await acknowledge(callback)
    forge_type = scene.deps.type_of(await _forge(scene, dialog))
    kinds = offered_kinds(forge_type.codec.names)
    if dialog.kind is not None or callback_data.index >= len(kinds):
        return  # a second tap: the kind is open
    kind = kinds[callback_data.index]
    if len(kind.names) == 1:
        await show_kinds(scene, replace(dialog, names=toggled(dialog.names, kind.names[0], forge_type.codec.names)))
        return
    await _show_kind(scene, replace(dialog, kind=kind.kind), kind, forge_type)


async def name_pressed(callback: CallbackQuery, callback_data: Press, dialog: Dialog, scene: Scene) -> None:
    """Switch one name."""
    await acknowledge(callback)
    kind, forge_type = await _open_kind(scene, dialog)
    if kind is not None and callback_data.index < len(kind.names):
        names = toggled(dialog.names, kind.names[callback_data.index], forge_type.codec.names)
        await _show_kind(scene, replace(dialog, names=names), kind, forge_type)


async def all_pressed(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """Choose the whole kind."""
    await _set_kind(callback, dialog, scene, ALL_NAMES)


async def none_pressed(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """Choose nothing of the kind."""
    await _set_kind(callback, dialog, scene, ())


async def kind_usual_pressed(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """Choose of the kind what a new subscription starts with."""
    await _set_kind(callback, dialog, scene, DEFAULT_NAMES)


async def everything_pressed(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """Choose all events there are."""
    await _set_all(callback, dialog, scene, ALL_NAMES)


async def nothing_pressed(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """Choose none, to add a few."""
    await _set_all(callback, dialog, scene, ())


async def usual_pressed(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """Choose what a new subscription starts with."""
    await _set_all(callback, dialog, scene, DEFAULT_NAMES)


async def back_to_kinds(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """From a kind, or from the summary."""
    await acknowledge(callback)
    await show_kinds(scene, dialog)


async def scope_pressed(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """Between what concerns the person and everything."""
    scope: Scope = "all" if dialog.scope == "mine" else "mine"
    t = scene.t
    await acknowledge(
        callback,
        t("Now only what concerns you: mentions, reviews, assignments, your own work.")
        if scope == "mine"
        else t("Now everything, whoever it concerns."),
    )
    await show_kinds(scene, replace(dialog, scope=scope))


async def continued(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """To the summary, with at least one event."""
    if not dialog.names:
        await acknowledge(callback, **alert(scene.t("Choose at least one kind of events.")))
        return
    await acknowledge(callback)
    await scene.state.set_state(SubscriptionStates.confirm)
    text = summary(dialog, scene.deps.type_of(await _forge(scene, dialog)), scene.t)
    await draw(scene.bot, scene.visit, scene.state, dialog, text, confirm_keyboard(dialog, scene.t))


def summary(dialog: Dialog, forge_type: ForgeType, t: Translator) -> Text:
    """What was chosen, to be read before confirming."""
    lines: list[Text] = [
        Bold(_title(dialog)),
        Text(t("Only what concerns you") if dialog.scope == "mine" else t("Everything, whoever it concerns")),
    ]
    kinds = [kind for kind in offered_kinds(forge_type.codec.names) if kind.chosen(dialog.names)]
    lines += [Text("• ", line) for line in _kind_lines(kinds, dialog, forge_type, t)]
    return joined(lines, "\n")


def _kind_lines(kinds: Sequence[KindOfEvents], dialog: Dialog, forge_type: ForgeType, t: Translator) -> list[str]:
    lines = []
    for kind in kinds:
        label, count = describe_kind(kind.kind, t.language, forge_type), kind.chosen(dialog.names)
        whole = count == len(kind.names)
        lines.append(label if whole else t("{kind}: {n} of {all}").format(kind=label, n=count, all=len(kind.names)))
    return lines


async def _set_all(callback: CallbackQuery, dialog: Dialog, scene: Scene, names: Collection[str]) -> None:
    await acknowledge(callback)
    if dialog.kind is None:  # else a second tap: a kind is open
        available = scene.deps.type_of(await _forge(scene, dialog)).codec.names
        await show_kinds(scene, replace(dialog, names=ordered(names, available)))


async def _set_kind(callback: CallbackQuery, dialog: Dialog, scene: Scene, wanted: Collection[str]) -> None:
    await acknowledge(callback)
    kind, forge_type = await _open_kind(scene, dialog)
    if kind is not None:
        names = with_kind(dialog.names, kind, wanted, forge_type.codec.names)
        await _show_kind(scene, replace(dialog, names=names), kind, forge_type)


async def _open_kind(scene: Scene, dialog: Dialog) -> tuple[KindOfEvents | None, ForgeType]:
    forge_type = scene.deps.type_of(await _forge(scene, dialog))
    return next((k for k in offered_kinds(forge_type.codec.names) if k.kind == dialog.kind), None), forge_type


async def _show_kind(scene: Scene, dialog: Dialog, kind: KindOfEvents, forge_type: ForgeType) -> None:
    text = Text(Bold(_title(dialog)), "\n", describe_kind(kind.kind, scene.t.language, forge_type))
    keyboard = kind_keyboard(dialog, scene.t, kind, forge_type)
    await draw(scene.bot, scene.visit, scene.state, dialog, text, keyboard)


async def _forge(scene: Scene, dialog: Dialog) -> Forge:
    """The instance of the dialog's account, which was usable when it was chosen."""
    if dialog.account_id is None:
        raise LookupError("a step behind the account without an account")
    async with scene.deps.database.read() as session:
        account = await accounts.get(session, dialog.account_id)
    forge = scene.deps.forge(account.forge_id)
    if forge is None:
        raise LookupError("the instance of an open dialog is no longer configured")
    return forge


def _title(dialog: Dialog) -> Text:
    return name(clean(dialog.project.path if dialog.project else ""))
