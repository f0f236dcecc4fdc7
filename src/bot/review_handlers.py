"""A review that is asked for in a chat: `/review`, the sentence, a link, the button under what was reviewed before."""

from dataclasses import dataclass

from aiogram import Bot, F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message
from aiogram.utils.formatting import Code, Text

from src.agent.asking import Ask, named, parse
from src.bot.conversation import acknowledge, alert, rewrite, say
from src.bot.deps import BotDeps, Scene
from src.bot.explain import explain
from src.bot.own_accounts import note_refusal, way_to_private_chat
from src.bot.review_news import follow
from src.bot.review_places import Places, known_forges, not_found, places_of, without_token
from src.database.models import Forge, Project
from src.database.repositories import messages, projects, reviews, subscriptions
from src.events import SubjectKind
from src.forge import ForgeError, NotFound, RemoteProject, Unauthorized
from src.webhook.notifier.request import REVIEW_BUTTON
from src.webhook.render import compose, name
from src.webhook.render.content import clean, cut

_PATH = 100


def review_router() -> Router:
    """The command."""
    router = Router(name="review")
    router.message.register(review, Command("review", ignore_case=True))
    return router


def asking_router() -> Router:
    """Words that ask for a review, and the button; behind all commands and the question for a token."""
    router = Router(name="asking")
    router.message.register(asked, F.text, ~F.text.startswith("/"), asks)
    router.callback_query.register(again, F.data == REVIEW_BUTTON)
    return router


async def asks(message: Message, bot: Bot, deps: BotDeps) -> bool | dict[str, Ask]:
    """Whether a message asks for a review. In a group only where it is addressed to us. Gives `ask`."""
    text = message.text or ""
    if message.chat.type != "private":
        addressed = await _addressed(message, text, bot)
        if addressed is None:
            return False
        text = addressed
    ask = parse(text, known_forges(deps))
    return False if ask is None else {"ask": ask}


async def _addressed(message: Message, text: str, bot: Bot) -> str | None:
    """What somebody in a group says to us: behind our name, or in answer to a message of ours."""
    mention = f"@{(await bot.me()).username}".casefold()
    first, _, rest = text.strip().partition(" ")
    if first.rstrip(",:").casefold() == mention:
        return rest
    answered = message.reply_to_message
    is_ours = answered is not None and answered.from_user is not None and answered.from_user.id == bot.id
    return text if is_ours else None


async def review(message: Message, command: CommandObject, scene: Scene) -> None:
    """`/review owner/repo 123`."""
    ask = named(command.args or "", known_forges(scene.deps))
    if ask is None:
        homes = dict.fromkeys(forge.web_url.partition("://")[2] for forge in known_forges(scene.deps))
        template = scene.t("Like this: {example}. A link to its page on {forges}, or owner/repo#123, is as good.")
        text = compose(template, example=Code("/review owner/repo 123"), forges=Code(", ".join(homes)))
        await say(scene.bot, scene.visit, text, reply_to=message)
        return
    await asked(message, ask, scene)


async def asked(message: Message, ask: Ask, scene: Scene) -> None:
    """Find the pull request with the person's own account, and have it reviewed."""
    places = await places_of(scene, ask)
    if not places.open:
        words = without_token(places, scene.deps, scene.t)
        await say(scene.bot, scene.visit, words, await way_to_private_chat(scene), reply_to=message)
        return
    text = compose(scene.t("Looking for {project}…"), project=_named(ask.path))
    sent = await say(scene.bot, scene.visit, text, reply_to=message)
    await _begin(scene, ask, places, sent.message_id)


async def again(callback: CallbackQuery, scene: Scene) -> None:
    """The button: once more, in a message of its own."""
    t = scene.t
    number = 0 if callback.message is None else callback.message.message_id
    async with scene.deps.database.read() as session:
        sent = await messages.find_sent(
            session, bot_id=scene.bot.id, chat_id=scene.visit.chat_id, telegram_message_id=number
        )
        project = None if sent is None else await projects.by_id(session, sent.project_id)
    kind, _, found = ("", "", "") if sent is None else sent.subject_key.partition(":")
    forge = None if project is None else scene.deps.forge(project.forge_id)
    if project is None or forge is None or kind != SubjectKind.PULL_REQUEST or not found.isdecimal():
        words = t("This message is too old for that: send me {example}.").format(example="/review owner/repo 123")
        await acknowledge(callback, **alert(words))
        return
    ask = Ask(path=project.path, number=int(found), kind=forge.kind, base_url=forge.base_url)
    places = await places_of(scene, ask)
    if not places.open:
        await acknowledge(callback, **alert(without_token(places, scene.deps, t).render()[0]))
        return
    await acknowledge(callback)
    text = compose(t("Looking for {project}…"), project=_named(ask.path))
    shown = callback.message if isinstance(callback.message, Message) else None
    answer = await say(scene.bot, scene.visit, text, reply_to=shown)
    await _begin(scene, ask, places, answer.message_id)


async def _begin(scene: Scene, ask: Ask, places: Places, message_id: int) -> None:
    """Find it, ask for its review and show how that goes; or say why not."""
    found = await _find(scene, ask, places)
    if isinstance(found, _Missing):
        keyboard = await way_to_private_chat(scene) if found.wants_tokens else None
        await rewrite(scene.bot, scene.visit, message_id, found.words, keyboard)
        return
    forge, remote = found
    if remote.private and not scene.visit.private and not await _is_followed(scene, forge, remote):
        template = scene.t("{project} is private and not followed here: ask me in our private chat.")
        await rewrite(scene.bot, scene.visit, message_id, compose(template, project=_named(remote.path)))
        return
    visit, now = scene.visit, scene.deps.clock()
    async with scene.deps.database.write() as session:
        project = await projects.ensure(session, forge.id, remote)
        row = await reviews.ask(
            session,
            project_id=project.id,
            number=ask.number,
            trigger="chat",
            user_id=visit.user_id,
            chat_id=visit.chat_id,
            topic_id=visit.topic_id or 0,
            now=now,
        )
        await follow(session, row, message_id, now)  # it says all that follows


@dataclass(frozen=True, slots=True)
class _Missing:
    """No such pull request was found: what to tell the person."""

    words: Text
    wants_tokens: bool


async def _find(scene: Scene, ask: Ask, places: Places) -> tuple[Forge, RemoteProject] | _Missing:
    """The first place where there is such a pull request."""
    t, deps = scene.t, scene.deps
    trouble: Text | None = None
    for forge, account in places.open:
        forge_type = deps.type_of(forge)
        try:
            client = deps.credentials.client(forge, account)
            remote = await client.project_by_path(ask.path)
            await client.pull_request(remote.ref, ask.number)
        except NotFound:
            continue
        except Unauthorized as error:
            await note_refusal(scene, account, error)
            places = places.without(forge)
            continue
        except ForgeError as error:
            trouble = trouble or explain(error, forge_type, t, deps.clock())
            continue
        return forge, remote
    looked = list({forge.id: forge for forge, _ in places.open}.values())
    words = not_found(Text(_named(ask.path), f" {ask.number}"), looked, trouble, places, deps, t)
    return _Missing(words, places.want_tokens)


async def _is_followed(scene: Scene, forge: Forge, remote: RemoteProject) -> bool:
    """Whether this group reads of the project anyway."""
    async with scene.deps.database.read() as session:
        project: Project | None = await projects.find(session, forge.id, remote.external_id)
        followed = await subscriptions.of_chat(session, scene.visit.chat_id)
    return project is not None and any(item.project.id == project.id for item in followed)


def _named(path: str) -> Text:
    return name(cut(clean(path), _PATH))
