"""`/subscribe`, the step in which the events are chosen, and the summary."""

import secrets
from collections.abc import Collection
from dataclasses import replace

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.types import CallbackQuery
from aiogram.utils.formatting import Bold, Text

from src.bot.conversation import InDialog, acknowledge, alert, draw, leave, note_owner, rewrite
from src.bot.deps import Scene
from src.bot.explain import token_command
from src.bot.keyboards import Act, Press, confirm_keyboard, events_keyboard, kind_keyboard
from src.bot.own_accounts import AccountMiddleware, chosen_account, usable_accounts, way_to_private_chat
from src.bot.selection import (
    ACTING_NAMES,
    KindOfEvents,
    everything,
    first_choice,
    offered_kinds,
    ordered,
    toggled,
    with_kind,
)
from src.bot.states import Dialog, Offered, Scope, SubscriptionStates
from src.bot.subscription_summary import Choice, Sponsor, changes, chosen, in_group, reviewing
from src.database.models import Forge, Subscription
from src.database.repositories import accounts, projects, subscriptions, users
from src.events import ALL_NAMES, DEFAULT_NAMES
from src.forge import ForgeType
from src.webhook.render import compose, describe_kind, name
from src.webhook.render.content import clean
from src.webhook.render.nodes import joined


def events_router() -> Router:
    """The steps from the events to the summary."""
    router = Router(name="events")
    router.callback_query.middleware(AccountMiddleware())
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
    available = scene.deps.type_of(await forge_of(scene, dialog)).codec.names
    names, scope, existing = first_choice(available), dialog.scope, False
    found = await followed(scene, dialog)
    if found is not None:
        names, existing = ordered(found.events, available), True
        scope = "mine" if found.scope == "mine" else "all"
    await show_kinds(scene, replace(dialog, names=names, scope=scope, existing=existing, kind=None))


async def edit_subscription(scene: Scene, message_id: int, subscription_id: int) -> bool:
    """Turn a message of ours into the events step of a subscription of this chat; whatever was open is over.

    `False`: the subscription is gone, nothing is shown. Whoever has no account on its forge is told so in the message.
    Asks for no right in a group: the caller does, and the last press does again.
    """
    async with scene.deps.database.read() as session:
        found = await subscriptions.get(session, subscription_id)
    if found is None or found.subscription.chat_id != scene.visit.chat_id:
        return False
    forge = scene.deps.forge(found.project.forge_id)
    own = [account for account in await usable_accounts(scene) if account.forge_id == found.project.forge_id]
    await leave(scene.state)
    if forge is None or not own:
        await _ask_for_account(scene, message_id, forge)
        return True
    account = next((account for account in own if account.id == found.subscription.account_id), own[0])
    project = Offered(external_id=found.project.external_id, path=found.project.path, private=found.project.private)
    dialog = Dialog(
        nonce=secrets.token_hex(4),
        message_id=message_id,
        accounts=(account.id,),
        account_id=account.id,
        project=project,
        editing=True,
        topic_id=found.subscription.topic_id,
    )
    await note_owner(scene.state, dialog.nonce, scene.visit)
    await open_events(scene, dialog)
    return True


async def _ask_for_account(scene: Scene, message_id: int, forge: Forge | None) -> None:
    """`forge` is `None` where its instance is no longer configured: then any token is as good."""
    t, kinds = scene.t, (forge.kind,) if forge else scene.deps.kinds
    template = t("To change what is told I need a token of yours, in a private chat with me: {command}")
    keyboard = await way_to_private_chat(scene)
    text = template.format(command=t(" or ").join(token_command(kind) for kind in kinds))
    await rewrite(scene.bot, scene.visit, message_id, text, keyboard)


def topic_of(scene: Scene, dialog: Dialog) -> int:
    """The topic whose subscription the dialog is about; 0: none."""
    return dialog.topic_id if dialog.topic_id is not None else scene.visit.topic_id or 0


async def followed(scene: Scene, dialog: Dialog) -> Subscription | None:
    """The subscription that the chat and topic have already for the dialog's project."""
    forge = await forge_of(scene, dialog)
    async with scene.deps.database.read() as session:
        project = await projects.find(session, forge.id, dialog.project.external_id) if dialog.project else None
        if project is None:
            return None
        return await subscriptions.find(
            session, project_id=project.id, chat_id=scene.visit.chat_id, topic_id=topic_of(scene, dialog)
        )


async def show_kinds(scene: Scene, dialog: Dialog) -> None:
    """All kinds of events in one list."""
    t, forge_type = scene.t, scene.deps.type_of(await forge_of(scene, dialog))
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
    forge_type = scene.deps.type_of(await forge_of(scene, dialog))
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
    """Choose all events there are; automatic reviews by themselves, for they are more than news."""
    await _set_all(callback, dialog, scene, everything(dialog.names))


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
    text = await _summary(scene, dialog)
    await draw(scene.bot, scene.visit, scene.state, dialog, text, confirm_keyboard(dialog, scene.t))


async def _summary(scene: Scene, dialog: Dialog) -> Text:
    """What was chosen, with what changes by it and, in a group, on whose account it is."""
    forge_type, t = scene.deps.type_of(await forge_of(scene, dialog)), scene.t
    before = await followed(scene, dialog)
    blocks = [chosen(dialog, forge_type, t)]
    if before is not None:
        changed = changes(Choice(before.scope, before.events), Choice(dialog.scope, dialog.names), forge_type, t)
        blocks.append(changed)
    account = await chosen_account(scene, dialog)
    if account is not None and not ACTING_NAMES.isdisjoint(dialog.names):
        blocks.append(reviewing(account.login, forge_type, t))
    if not scene.visit.private and account is not None:
        sponsor = Sponsor(scene.visit.name, account.login)
        earlier = None
        if before is not None and before.owner_id != scene.visit.user_id:
            async with scene.deps.database.read() as session:
                earlier = (await users.get_user(session, before.owner_id)).name
        private = dialog.project is not None and dialog.project.private
        blocks.append(in_group(sponsor, earlier, forge_type, t, private=private))
    return joined(blocks, "\n\n")


async def _set_all(callback: CallbackQuery, dialog: Dialog, scene: Scene, names: Collection[str]) -> None:
    await acknowledge(callback)
    if dialog.kind is None:  # else a second tap: a kind is open
        available = scene.deps.type_of(await forge_of(scene, dialog)).codec.names
        await show_kinds(scene, replace(dialog, names=ordered(names, available)))


async def _set_kind(callback: CallbackQuery, dialog: Dialog, scene: Scene, wanted: Collection[str]) -> None:
    await acknowledge(callback)
    kind, forge_type = await _open_kind(scene, dialog)
    if kind is not None:
        names = with_kind(dialog.names, kind, wanted, forge_type.codec.names)
        await _show_kind(scene, replace(dialog, names=names), kind, forge_type)


async def _open_kind(scene: Scene, dialog: Dialog) -> tuple[KindOfEvents | None, ForgeType]:
    forge_type = scene.deps.type_of(await forge_of(scene, dialog))
    return next((k for k in offered_kinds(forge_type.codec.names) if k.kind == dialog.kind), None), forge_type


async def _show_kind(scene: Scene, dialog: Dialog, kind: KindOfEvents, forge_type: ForgeType) -> None:
    text = Text(Bold(_title(dialog)), "\n", describe_kind(kind.kind, scene.t.language, forge_type))
    account = await chosen_account(scene, dialog)
    if account is not None and not ACTING_NAMES.isdisjoint(kind.names):
        text = Text(text, "\n", reviewing(account.login, forge_type, scene.t))
    keyboard = kind_keyboard(dialog, scene.t, kind, forge_type)
    await draw(scene.bot, scene.visit, scene.state, dialog, text, keyboard)


async def forge_of(scene: Scene, dialog: Dialog) -> Forge:
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
