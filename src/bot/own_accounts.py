"""The accounts that a person may use in a dialog, and what to say where there is none."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, TelegramObject
from aiogram.utils.deep_linking import create_start_link

from src.bot.conversation import acknowledge, close, say
from src.bot.deps import Scene
from src.bot.explain import token_command
from src.bot.keyboards import markup
from src.bot.states import Dialog
from src.database.models import Account
from src.database.repositories import accounts
from src.forge import ForgeError, Unauthorized

START_SUBSCRIBE = "sub"  # the payload of links that open /subscribe: ?start=sub, ?startgroup=sub


async def usable_accounts(scene: Scene) -> Sequence[Account]:
    """The person's accounts whose tokens work, on instances that are still configured."""
    async with scene.deps.database.read() as session:
        own = await accounts.of_user(session, scene.visit.user_id)
    return [account for account in own if account.dead_at is None and scene.deps.forge(account.forge_id) is not None]


async def chosen_account(scene: Scene, dialog: Dialog) -> Account | None:
    """The dialog's account, as long as it is the person's and its token works."""
    return next((account for account in await usable_accounts(scene) if account.id == dialog.account_id), None)


class AccountMiddleware(BaseMiddleware):
    """Ends a `/subscribe` whose account is no longer there: its token can be removed in another chat meanwhile."""

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """See the class. An account whose token died is there: the last step says what to do then."""
        scene, dialog = data["scene"], data["dialog"]
        async with scene.deps.database.read() as session:
            own = await accounts.of_user(session, scene.visit.user_id)
        there = (scene.deps.forge(account.forge_id) for account in own if account.id == dialog.account_id)
        if next(there, None) is not None or not isinstance(event, CallbackQuery):
            return await handler(event, data)
        await acknowledge(event)
        return await close(scene, dialog, scene.t("This account is gone: /subscribe again."))


async def note_refusal(scene: Scene, account: Account, error: ForgeError) -> None:
    """Remember that the forge refuses a token, for `/status`."""
    if isinstance(error, Unauthorized):
        async with scene.deps.database.write() as session:
            await accounts.mark_dead(session, account, scene.deps.clock())


async def ask_for_token(scene: Scene, message: Message) -> None:
    """Nothing goes without a token, for any forge; in a group a button leads to where one is set."""
    t = scene.t
    commands = t(" or ").join(token_command(kind) for kind in scene.deps.kinds)
    template = t("First I need a token of yours, in a private chat with me: {commands}")
    await say(
        scene.bot,
        scene.visit,
        template.format(commands=commands),
        await way_to_private_chat(scene),
        reply_to=message,
    )


async def way_to_private_chat(scene: Scene) -> InlineKeyboardMarkup | None:
    """In a group a button that leads to where tokens are set; in the private chat nothing."""
    return None if scene.visit.private else await private_chat_keyboard(scene)


async def private_chat_keyboard(scene: Scene) -> InlineKeyboardMarkup:
    """A button that leads from a group into the private chat with the bot."""
    url = await create_start_link(scene.bot, START_SUBSCRIBE)
    return markup([[InlineKeyboardButton(text=scene.t("Open our private chat"), url=url)]])


def kind_of(scene: Scene, account: Account) -> str:
    """The kind of the account's forge."""
    forge = scene.deps.forge(account.forge_id)
    return forge.kind if forge else ""


def account_label(scene: Scene, account: Account) -> str:
    """The login and the instance's host."""
    forge = scene.deps.forge(account.forge_id)
    host = scene.deps.type_of(forge).web_url(forge.base_url).partition("://")[2] if forge else ""
    return f"{account.login} · {host}"
