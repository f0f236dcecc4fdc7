"""The mute button under every notification: this one, its project, its kind.

It asks no dialog and remembers nothing: what the message is about stands in the database, by its number.
"""

from aiogram import F, Router
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from sqlalchemy.ext.asyncio import AsyncSession

from src.bot.conversation import acknowledge, alert, swap_keyboard
from src.bot.deps import Scene
from src.bot.mute_keys import MuteAct, MutePress, Muting, back_keys, choice_keys, project_words, undo_keys
from src.bot.subscription_picker import pause, refused_press
from src.bot.subscription_screen import is_paused, pause_end, paused_words, zone_of
from src.database.models import Sent
from src.database.repositories import messages, mutes, subscriptions, users
from src.database.repositories.subscriptions import Followed
from src.events import SubjectKind
from src.webhook.categories import Category, Level, level
from src.webhook.notifier.request import MUTE_BUTTON
from src.webhook.render import describe_category, describe_subject


def mute_router() -> Router:
    """Its handlers."""
    router = Router(name="mute")
    router.callback_query.register(opened, F.data == MUTE_BUTTON)
    for act, handler in (
        (MuteAct.SUBJECT, subject_muted),
        (MuteAct.UNMUTE, subject_unmuted),
        (MuteAct.PAUSE, project_paused),
        (MuteAct.RESUME, project_resumed),
        (MuteAct.KIND, kind_muted),
        (MuteAct.RESTORE, kind_restored),
        (MuteAct.BACK, left),
    ):
        needs = F.category if act in (MuteAct.KIND, MuteAct.RESTORE) else F.act
        router.callback_query.register(handler, MutePress.filter((F.act == act) & needs))
    return router


async def opened(callback: CallbackQuery, scene: Scene) -> None:
    """What can be muted, in place of the button."""
    found = await _begin(callback, scene)
    if found is None:
        return
    await acknowledge(callback)
    await _swap(callback, scene, choice_keys(_keyboard(callback), found, scene.t))


async def left(callback: CallbackQuery, scene: Scene) -> None:
    """Nothing is muted after all."""
    await acknowledge(callback)
    await _swap(callback, scene, back_keys(_keyboard(callback), scene.t))


async def subject_muted(callback: CallbackQuery, scene: Scene) -> None:
    """No more of this pull request, issue, ..."""
    found = await _begin(callback, scene)
    if found is None:
        return
    sent = found.sent
    async with scene.deps.database.write() as session:
        await mutes.put(
            session,
            project_id=sent.project_id,
            subject_key=sent.subject_key,
            chat_id=sent.chat_id,
            topic_id=found.topic_id,
            now=scene.deps.clock(),
        )
        await messages.drop_subject(session, sent)
    t = scene.t
    what = describe_subject(found.kind, t.language, found.words)
    template = t("Muted: nothing more of {what} is told here, not even mentions. /list_subscriptions shows it.")
    await acknowledge(callback, template.format(what=what))
    await _swap(callback, scene, undo_keys(_keyboard(callback), MutePress(act=MuteAct.UNMUTE), t("🔔 Unmute")))


async def subject_unmuted(callback: CallbackQuery, scene: Scene) -> None:
    """It is told again."""
    found = await _begin(callback, scene)
    if found is None:
        return
    sent = found.sent
    async with scene.deps.database.write() as session:
        await mutes.remove(
            session,
            project_id=sent.project_id,
            subject_key=sent.subject_key,
            chat_id=sent.chat_id,
            topic_id=found.topic_id,
        )
    await acknowledge(callback, scene.t("It is told again from now on."))
    await _swap(callback, scene, back_keys(_keyboard(callback), scene.t))


async def project_paused(callback: CallbackQuery, callback_data: MutePress, scene: Scene) -> None:
    """Nothing of the project for an hour, or till somebody says."""
    found = await _begin(callback, scene)
    if found is None:
        return
    async with scene.deps.database.read() as session:
        chat = await users.get_chat(session, found.sent.chat_id)
    zone = zone_of(chat.time_zone)
    until = pause_end(callback_data.length, scene.deps.clock(), zone)
    await pause(scene, found.followed, until)
    t = scene.t
    await acknowledge(callback, project_words(found, paused_words(until, zone, t)))
    await _swap(callback, scene, undo_keys(_keyboard(callback), MutePress(act=MuteAct.RESUME), t("▶️ Resume")))


async def project_resumed(callback: CallbackQuery, scene: Scene) -> None:
    """The project is told again."""
    found = await _begin(callback, scene)
    if found is None:
        return
    await pause(scene, found.followed, None)
    await acknowledge(callback, scene.t("It is told again from now on."))
    await _swap(callback, scene, back_keys(_keyboard(callback), scene.t))


async def kind_muted(callback: CallbackQuery, callback_data: MutePress, scene: Scene) -> None:
    """This kind of news of the project is no longer told."""
    found, category = await _begin(callback, scene), callback_data.category
    if found is None or category is None:
        return
    t = scene.t
    before = level(found.followed.subscription.levels, category)
    await _set(scene, found, category, "off")
    kind = describe_category(category, t.language, found.words)
    await acknowledge(callback, project_words(found, t("{kind}: off. /notifications changes it.").format(kind=kind)))
    if before == "off":
        return  # a second tap: the button that is there by now brings back what was before the first
    back = MutePress(act=MuteAct.RESTORE, category=category, before=before)
    await _swap(callback, scene, undo_keys(_keyboard(callback), back, t("↩️ Undo")))


async def kind_restored(callback: CallbackQuery, callback_data: MutePress, scene: Scene) -> None:
    """This kind is told as it was before."""
    found, category = await _begin(callback, scene), callback_data.category
    if found is None or category is None:
        return
    await _set(scene, found, category, level({category: callback_data.before}, category))
    await acknowledge(callback, scene.t("It is told again from now on."))
    await _swap(callback, scene, back_keys(_keyboard(callback), scene.t))


async def _begin(callback: CallbackQuery, scene: Scene) -> Muting | None:
    """What the message is about. `None`: it is not known any more, or they may not; the press is then answered."""
    if await refused_press(callback, scene):
        return None
    t = scene.t
    number = 0 if callback.message is None else callback.message.message_id
    async with scene.deps.database.read() as session:
        sent = await messages.find_sent(
            session, bot_id=scene.bot.id, chat_id=scene.visit.chat_id, telegram_message_id=number
        )
        followed = None if sent is None else await _followed(session, sent)
        found = await _muting(session, scene, sent, followed) if sent is not None and followed is not None else None
    if sent is None or not isinstance(callback.message, Message):
        words = t("This message is too old for that: /list_subscriptions pauses a project, /notifications mutes kinds.")
        await acknowledge(callback, **alert(words))
        return None
    if found is None:
        await acknowledge(callback, **alert(t("This project is no longer followed here: nothing is told of it.")))
    return found


async def _followed(session: AsyncSession, sent: Sent) -> Followed | None:
    """The subscription that it was told for: the place's own, or the one whose topic could not be written to."""
    ours = await subscriptions.of_chat(session, sent.chat_id)
    same = [item for item in ours if item.project.id == sent.project_id]
    return min(same, key=lambda item: item.subscription.topic_id != sent.topic_id, default=None)


async def _muting(session: AsyncSession, scene: Scene, sent: Sent, followed: Followed) -> Muting:
    forge = scene.deps.forge(followed.project.forge_id) or scene.deps.forges[0]
    places = await mutes.places(session, project_id=sent.project_id, subject_keys=(sent.subject_key,))
    return Muting(
        sent=sent,
        followed=followed,
        kind=SubjectKind(sent.subject_key.partition(":")[0]),
        words=scene.deps.type_of(forge),
        is_muted=(sent.chat_id, followed.subscription.topic_id) in places,
        is_paused=is_paused(followed.subscription, scene.deps.clock()),
    )


async def _set(scene: Scene, found: Muting, category: Category, wanted: Level) -> None:
    async with scene.deps.database.write() as session:
        again = await subscriptions.get(session, found.followed.subscription.id)
        if again is not None:
            await subscriptions.set_levels(session, again.subscription, {category: wanted}, scene.deps.clock())


def _keyboard(callback: CallbackQuery) -> InlineKeyboardMarkup | None:
    return callback.message.reply_markup if isinstance(callback.message, Message) else None


async def _swap(callback: CallbackQuery, scene: Scene, keyboard: InlineKeyboardMarkup) -> None:
    if callback.message is not None:
        await swap_keyboard(scene.bot, scene.visit, callback.message.message_id, keyboard)
