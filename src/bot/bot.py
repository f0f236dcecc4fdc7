"""The bot as a whole: its connection to Telegram, its dispatcher with all handlers, its long polling."""

from aiogram import Bot, Dispatcher, Router
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import BaseRequestMiddleware
from aiogram.client.telegram import TelegramAPIServer
from aiogram.fsm.storage.base import BaseStorage
from aiogram.fsm.storage.memory import SimpleEventIsolation
from aiogram.fsm.strategy import FSMStrategy
from aiogram.types import LinkPreviewOptions

from src.bot.access import AccessRule
from src.bot.access_handlers import access_router
from src.bot.deps import BotDeps
from src.bot.handlers import command_router, fallback_router, on_error
from src.bot.hook_handlers import hook_router
from src.bot.language_handlers import language_router
from src.bot.list_handlers import list_router
from src.bot.membership_handlers import MigrationMiddleware, membership_router
from src.bot.middlewares import CommandMiddleware, VisitMiddleware
from src.bot.mute_handlers import mute_router
from src.bot.notification_handlers import notification_router
from src.bot.polling import poll
from src.bot.privacy_handlers import privacy_router
from src.bot.review_handlers import asking_router, review_router
from src.bot.status_handlers import status_router
from src.bot.subscription_confirm import confirm_router
from src.bot.subscription_events import events_router
from src.bot.subscription_handlers import subscription_router
from src.bot.subscription_projects import search_router
from src.bot.token_handlers import answer_router, token_router
from src.bot.unsubscription_handlers import unsubscription_router
from src.bot.waiting import WaitMiddleware

__all__ = ["AccessRule", "BotDeps", "create_bot", "create_dispatcher", "poll"]


def create_bot(token: str, api_url: str, limiter: BaseRequestMiddleware) -> Bot:
    """A bot on this Bot API server, every call of which passes the limiter. Close it with `bot.session.close()`."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(api_url))
    session.middleware(limiter)
    no_preview = LinkPreviewOptions(is_disabled=True)  # the short form would send a parameter that is no longer one
    return Bot(token, session=session, default=DefaultBotProperties(link_preview=no_preview))


def create_dispatcher(deps: BotDeps, storage: BaseStorage | None = None) -> Dispatcher:
    """All handlers. The order of the routers is the order in which they are asked.

    `storage` keeps how far the dialogs are: by default in memory, which forgets them at the end of the process.
    """
    dispatcher = Dispatcher(
        storage=storage,
        fsm_strategy=FSMStrategy.USER_IN_TOPIC,
        events_isolation=SimpleEventIsolation(),
        disable_fsm=True,  # it is put in place below, behind what must not wait for it
        deps=deps,
    )
    dispatcher.update.outer_middleware(WaitMiddleware(deps.waits.open, dispatcher.fsm))
    dispatcher.update.outer_middleware(dispatcher.fsm)
    visit = VisitMiddleware(deps)
    dispatcher.message.outer_middleware(MigrationMiddleware(deps))
    dispatcher.message.middleware(visit)
    dispatcher.edited_message.middleware(visit)
    dispatcher.callback_query.middleware(visit)
    dispatcher.errors.register(on_error)
    commands = Router(name="all commands")
    commands.message.middleware(CommandMiddleware())
    commands.include_routers(
        access_router(),
        command_router(),
        token_router(deps.kinds),
        subscription_router(),
        unsubscription_router(),
        list_router(),
        notification_router(),
        review_router(),
        status_router(),
        hook_router(),
        language_router(),
        privacy_router(),
    )
    dispatcher.include_routers(
        commands,
        answer_router(),
        asking_router(),
        search_router(),
        events_router(),
        confirm_router(),
        mute_router(),
        membership_router(),
        fallback_router(),
    )
    return dispatcher
