"""`/privacy` and `/delete_me`."""

import secrets

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.types import CallbackQuery, Message

from src.bot.access import announce_first_code
from src.bot.conversation import InMenu, acknowledge, forget_owner, open_menu, rewrite, say, withdraw
from src.bot.deps import Scene
from src.bot.farewell import say_goodbye
from src.bot.keyboards import Act, Keys, Press, markup
from src.bot.own_accounts import private_chat_keyboard
from src.bot.privacy import account_of, describe_privacy, question
from src.bot.profile import publish_in_chat
from src.bot.states import DeletionStates, Menu
from src.bot.waiting import patiently, still
from src.database.repositories import accounts, subscriptions


def privacy_router() -> Router:
    """Its handlers."""
    router = Router(name="privacy")
    router.message.register(privacy, Command("privacy", ignore_case=True))
    router.message.register(delete_me, Command("delete_me", ignore_case=True))
    press, asked = router.callback_query.register, StateFilter(DeletionStates.confirm)
    press(confirmed, asked, Press.filter(F.act == Act.CONFIRM), InMenu())
    press(cancelled, asked, Press.filter(F.act == Act.CANCEL), InMenu())
    return router


async def privacy(message: Message, scene: Scene) -> None:
    """What is kept, how long, who sees it."""
    text = describe_privacy(scene.t, private=scene.visit.private)
    await say(scene.bot, scene.visit, text, reply_to=message)


async def delete_me(message: Message, scene: Scene) -> None:
    """Ask once, and say what would go."""
    visit, t = scene.visit, scene.t
    if not visit.private:
        elsewhere = t("That is between us: send /delete_me in our private chat.")
        await say(scene.bot, visit, elsewhere, await private_chat_keyboard(scene), reply_to=message)
        return
    async with scene.deps.database.read() as session:
        tokens = await accounts.of_user(session, visit.user_id)
        followed = await subscriptions.of_owner(session, visit.user_id)
    own = sum(item.subscription.chat_id == visit.chat_id for item in followed)
    menu = Menu(nonce=secrets.token_hex(4))
    keys = Keys(menu, t)
    keyboard = markup([[keys.key(t("Delete everything"), Act.CONFIRM, style="danger")], [keys.cancel()]])
    text = question(t, tokens=len(tokens), own=own, in_groups=len(followed) - own)
    await open_menu(scene, message, menu, DeletionStates.confirm, text, keyboard)


async def cancelled(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Nothing is deleted."""
    await acknowledge(callback)
    await withdraw(scene, menu, scene.t("Nothing was deleted."))


async def confirmed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Delete it all, and say so item by item."""
    await acknowledge(callback)
    deps, visit, t = scene.deps, scene.visit, scene.t
    # Before, not after: nothing that the storage writes may bring back what is deleted.
    await forget_owner(scene.state, menu.nonce)
    await scene.state.clear()

    async def slow() -> None:
        await still(scene, menu.message_id, t("Deleting… taking the webhooks away needs some time."))

    farewell = await patiently(scene, menu.nonce, lambda: say_goodbye(deps, visit.user_id), slow, may_leave=False)
    # The menu of this chat may be in a language that was chosen, or an admin's.
    await publish_in_chat(scene.bot, deps, visit.telegram_chat_id, language=None, private=True, admin=False)
    may_return = deps.access.admits(visit.telegram_user_id)
    await rewrite(scene.bot, visit, menu.message_id, account_of(farewell, t, may_return=may_return))
    if visit.is_admin:  # where that was the last one, the operator gets a code for the next
        await announce_first_code(deps.database, deps.access, scene.bot, deps.clock())
