"""`/start` and `/invite`: who gets in, and who let them."""

import secrets

from aiogram import F, Router
from aiogram.filters import Command, CommandObject, CommandStart, StateFilter
from aiogram.types import CallbackQuery, CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup, Message
from aiogram.utils.formatting import Bold, Code, Text

from src.bot.access import INVITE_TERM, code_hash, new_code, plain, start_link
from src.bot.conversation import InMenu, acknowledge, alert, close, open_menu, refuse_stale, rewrite, say
from src.bot.deps import Scene
from src.bot.explain import token_command
from src.bot.keyboards import Act, Keys, Press, markup
from src.bot.own_accounts import START_SUBSCRIBE
from src.bot.people_handlers import FOR_ADMINS, IN_PRIVATE, people_router
from src.bot.profile import publish_in_chat
from src.bot.states import InviteStates, Menu, menu_in
from src.bot.subscription_handlers import subscribe
from src.database.repositories import invites
from src.i18n import N_
from src.webhook.render import compose
from src.webhook.render.nodes import joined

_TAKEN_BACK = N_("Taken back: this code lets nobody in. A new one: /invite")


def access_router() -> Router:
    """Its handlers, and those of `/people`."""
    router = Router(name="access")
    router.message.register(start, CommandStart(ignore_case=True))
    router.message.register(invite, Command("invite", ignore_case=True))
    router.message.register(cancel_code, Command("cancel", ignore_case=True), StateFilter(InviteStates.code))
    step = router.callback_query.register
    step(withdraw_code, StateFilter(InviteStates.code), Press.filter(F.act == Act.WITHDRAW), InMenu())
    step(done, StateFilter(InviteStates.code), Press.filter(F.act == Act.CANCEL), InMenu())
    step(withdraw_earlier_code, Press.filter(F.act == Act.WITHDRAW))
    router.include_router(people_router())
    return router


async def start(message: Message, scene: Scene, command: CommandObject) -> None:
    """What this is, and what to do first. A link may have brought a payload: a code, or what to open."""
    bot, visit, t = scene.bot, scene.visit, scene.t
    if command.args == START_SUBSCRIBE:
        await subscribe(message, scene)
        return
    if not visit.private:
        text = t("Hello! Someone who administers this group can follow a project here: /subscribe")
        await say(bot, visit, text, reply_to=message)
        return
    if visit.is_admin:  # their menu has more in it than that of others
        await publish_in_chat(bot, scene.deps, visit.telegram_chat_id, language=t.language, private=True, admin=True)
    await say(bot, visit, _hello(scene, welcome=_welcome(scene, came_with=command.args)))


def _welcome(scene: Scene, *, came_with: str | None) -> str | None:
    """What there is to say of the code that somebody came with."""
    t, visit = scene.t, scene.visit
    if visit.entered and visit.is_admin:
        return t("You run this bot now. /invite lets somebody in, /people shows who is in.")
    if visit.entered:
        return t("Welcome, you are in.")
    if came_with and scene.deps.access.mode == "pairing":
        return t("You are in already: whoever needs the code can still use it.")
    return None


def _hello(scene: Scene, *, welcome: str | None) -> Text:
    t = scene.t
    commands = joined([Text(token_command(kind)) for kind in scene.deps.kinds], t(" or "))
    lines = [
        Bold(t("Hello! I tell you what happens in your projects.")),
        compose(t("1. Give me a token (one is enough to begin): {commands}"), commands=commands),
        Text(t("2. Choose a project: /subscribe")),
        Text(t("/help lists the commands.")),
    ]
    return joined([Text(welcome), *lines] if welcome else lines, "\n")


async def invite(message: Message, scene: Scene) -> None:
    """Make a code for one person, and show it with its link."""
    visit, deps, t = scene.visit, scene.deps, scene.t
    if not visit.is_admin:
        await say(scene.bot, visit, t(FOR_ADMINS), reply_to=message)
        return
    if not visit.private:
        await say(scene.bot, visit, t(IN_PRIVATE), reply_to=message)
        return
    match deps.access.mode:
        case "open":
            await say(scene.bot, visit, t("Nobody needs a code: the operator lets everybody in (ACCESS=open)."))
            return
        case "list":
            await say(scene.bot, visit, t("A code would let nobody in: the operator's list decides (ACCESS=list)."))
            return
        case "pairing":
            pass
    code, now = new_code(), deps.clock()
    async with deps.database.write() as session:
        await invites.sweep(session, now)
        made = await invites.add(
            session,
            code_hash=code_hash(code),
            is_admin=False,
            created_by=visit.user_id,
            now=now,
            expires_at=now + INVITE_TERM,
        )
    link = start_link((await scene.bot.me()).username or "", plain(code))
    menu = Menu(nonce=secrets.token_hex(4), chosen=made.id)
    await open_menu(scene, message, menu, InviteStates.code, _invitation(scene, code, link), _keys(scene, menu, link))


def _invitation(scene: Scene, code: str, link: str) -> Text:
    t = scene.t
    return joined(
        [
            Text(t("This link lets one person in. It is good once, for a day:")),
            Text(link),
            compose(t("Without the link, they send me: {command}"), command=Code(f"/start {code}")),
        ],
        "\n\n",
    )


def _keys(scene: Scene, menu: Menu, link: str) -> InlineKeyboardMarkup:
    t, keys = scene.t, Keys(menu, scene.t)
    return markup(
        [
            [InlineKeyboardButton(text=t("Copy the link"), copy_text=CopyTextButton(text=link))],
            [
                keys.key(t("Take it back"), Act.WITHDRAW, menu.chosen or 0, style="danger"),
                keys.key(t("Done"), Act.CANCEL),
            ],
        ]
    )


async def withdraw_code(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """The code lets nobody in any more."""
    if not scene.visit.is_admin:
        await acknowledge(callback, **alert(scene.t(FOR_ADMINS)))
        return
    await acknowledge(callback)
    await _withdraw(scene, menu)


async def withdraw_earlier_code(callback: CallbackQuery, callback_data: Press, scene: Scene) -> None:
    """The same where something else was begun meanwhile: the code is still good, and this button all there is."""
    visit, t = scene.visit, scene.t
    if not visit.is_admin:
        await acknowledge(callback, **alert(t(FOR_ADMINS)))
        return
    async with scene.deps.database.write() as session:
        taken_back = await invites.withdraw(session, callback_data.index, visit.user_id)
    if not taken_back or callback.message is None:
        await refuse_stale(callback, scene.state, callback_data, t)
        return
    await acknowledge(callback)
    await rewrite(scene.bot, visit, callback.message.message_id, t(_TAKEN_BACK))


async def cancel_code(message: Message, scene: Scene) -> None:
    """`/cancel` while a code is shown: it was made already, so it is taken back."""
    menu = await menu_in(scene.state)
    if menu is None:
        await scene.state.clear()
        await say(scene.bot, scene.visit, scene.t("Nothing is open."), reply_to=message)
        return
    text = await _withdraw(scene, menu)
    await say(scene.bot, scene.visit, text, reply_to=message)


async def _withdraw(scene: Scene, menu: Menu) -> str:
    t = scene.t
    async with scene.deps.database.write() as session:
        taken_back = menu.chosen is not None and await invites.withdraw(session, menu.chosen, scene.visit.user_id)
    text = t("Too late: somebody came in with it. /people shows who is in.")
    if taken_back:
        text = t(_TAKEN_BACK)
    await close(scene, menu, text)
    return text


async def done(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Leave the code standing. It is shown nowhere else, so its message stays, without the buttons."""
    await acknowledge(callback)
    shown = callback.message if isinstance(callback.message, Message) else None
    if shown is not None and shown.text:
        await close(scene, menu, Text.from_entities(shown.text, shown.entities or []))
        return
    await rewrite(scene.bot, scene.visit, menu.message_id, scene.t("The code is good for a day."))
