"""`/set_..._token`: a token is taken in private, its message deleted at once, checked on the forge, kept encrypted."""

import secrets
from dataclasses import replace

from aiogram import Bot, F, Router
from aiogram.exceptions import ClientDecodeError, TelegramAPIError
from aiogram.filters import Command, CommandObject, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message
from aiogram.utils.formatting import Bold, Code, Text

from src.bot.conversation import acknowledge, belongs, leave, refuse_stale, rewrite, say, take_away
from src.bot.deps import BotDeps, Scene, Visit
from src.bot.explain import explain
from src.bot.keyboards import Act, Press, token_keyboard
from src.bot.states import TokenPrompt, TokenStates, finish, prompt_in, save
from src.bot.token_guard import NOT_DELETED, burnt, exposes
from src.bot.token_input import TokenInput, TokenProblem, matching, read_token
from src.bot.waiting import patiently, still
from src.database.models import Forge
from src.database.repositories import accounts
from src.forge import ForgeError, Identity, MissingPermission, Unauthorized
from src.i18n import N_, Translator
from src.webhook.render import compose, link, name
from src.webhook.render.content import clean
from src.webhook.render.nodes import joined

_PROBLEMS = {
    TokenProblem.SPACES: N_("A token has no spaces in it: send the token alone."),
    TokenProblem.TOO_LONG: N_("This is too long for a token: send the token alone."),
    TokenProblem.STRANGE: N_("A token has only Latin letters, digits and signs: copy it again, please."),
}


def token_router(kinds: tuple[str, ...]) -> Router:
    """The commands for these kinds of forge, and the question that they ask."""
    router = Router(name="tokens")
    commands = Command(*[f"set_{kind}_token" for kind in kinds], ignore_case=True)
    router.message.register(set_token, commands)
    router.edited_message.register(set_token, commands, exposes)
    return router


def answer_router() -> Router:
    """The answers to the question for a token; behind all commands."""
    router = Router(name="token answers")
    router.message.register(token_sent, StateFilter(TokenStates.waiting), F.text, ~F.text.startswith("/"))
    router.edited_message.register(
        token_sent, StateFilter(TokenStates.waiting), F.text, ~F.text.startswith("/"), exposes
    )
    router.message.register(no_text_sent, StateFilter(TokenStates.waiting), ~F.text)
    router.callback_query.register(token_cancelled, StateFilter(TokenStates.waiting), Press.filter(F.act == Act.CANCEL))
    return router


async def set_token(message: Message, command: CommandObject, scene: Scene) -> None:
    """The command, with or without a token behind it."""
    bot, deps, visit, t = scene.bot, scene.deps, scene.visit, scene.t
    kind = command.command.lower().removeprefix("set_").removesuffix("_token")
    if not visit.private:
        await _not_here(scene, message, exposed=bool(command.args))
        return
    await leave(scene.state)
    given = read_token(command.args or "")
    if (given.token or given.problem) and not await take_away(message):
        await say(bot, visit, t(NOT_DELETED))
    forge = _instance(deps, kind, given.address)
    if forge is None:
        await say(bot, visit, _known_instances(deps, kind, t))
    elif given.token is None and given.problem is None:
        await _ask(scene, forge, _question(deps, forge, t))
    else:
        await _take(scene, forge, given)


async def token_sent(message: Message, scene: Scene) -> None:
    """The next message after the question."""
    bot, deps, visit, state, t = scene.bot, scene.deps, scene.visit, scene.state, scene.t
    if not await take_away(message):
        await say(bot, visit, t(NOT_DELETED))
    prompt = await prompt_in(state)
    asked = deps.forge(prompt.forge_id) if prompt else None
    await state.clear()
    if prompt is None or asked is None:
        await say(bot, visit, t("I no longer know which site this token is for: start again, please."))
        return
    given = read_token(message.text or "")
    forge = _instance(deps, asked.kind, given.address) if given.address else asked
    if forge is None:
        await _ask(scene, asked, _known_instances(deps, asked.kind, t), prompt.message_id)
    else:
        await _take(scene, forge, given, prompt)


async def no_text_sent(message: Message, bot: Bot, visit: Visit, t: Translator) -> None:
    """A picture or a file in place of the token."""
    await say(bot, visit, t("Send the token as text, or /cancel."), reply_to=message)


async def token_cancelled(
    callback: CallbackQuery, callback_data: Press, bot: Bot, visit: Visit, state: FSMContext, t: Translator
) -> None:
    """The button under the question."""
    if not await belongs(callback, state, callback_data):
        await refuse_stale(callback, state, callback_data, t)
        return
    await acknowledge(callback)
    await cancel_prompt(bot, visit, state, t)


async def cancel_prompt(bot: Bot, visit: Visit, state: FSMContext, t: Translator) -> None:
    """Take the question back."""
    prompt = await prompt_in(state)
    await state.clear()
    if prompt is not None:
        await finish(state, prompt.nonce)
        await rewrite(bot, visit, prompt.message_id, t("Cancelled: no token was stored."))


async def _not_here(scene: Scene, message: Message, *, exposed: bool) -> None:
    """In a group others may have read the token."""
    t = scene.t
    if exposed:
        await burnt(message, scene)
        return
    await say(scene.bot, scene.visit, t("Tokens are for a private chat with me alone."), reply_to=message)


async def _ask(scene: Scene, forge: Forge, text: Text | str, message_id: int | None = None) -> None:
    """Wait for a token. The question stands in `message_id`, or in a new message."""
    prompt = TokenPrompt(nonce=secrets.token_hex(4), forge_id=forge.id)
    keyboard = token_keyboard(prompt.nonce, scene.t)
    if message_id is None:
        message_id = (await say(scene.bot, scene.visit, text, keyboard)).message_id
    else:
        message_id = await rewrite(scene.bot, scene.visit, message_id, text, keyboard)
    await scene.state.set_state(TokenStates.waiting)
    await save(scene.state, replace(prompt, message_id=message_id))


async def _take(scene: Scene, forge: Forge, given: TokenInput, prompt: TokenPrompt | None = None) -> None:
    """Check the token and store it; whatever is wrong is said, and the next message may be another one."""
    t, deps = scene.t, scene.deps
    message_id, nonce = (prompt.message_id, prompt.nonce) if prompt else (None, "")
    if given.token is None:
        problem = t(_PROBLEMS[given.problem]) if given.problem else _question(deps, forge, t)
        await _ask(scene, forge, problem, message_id)
        return
    await scene.bot.send_chat_action(scene.visit.telegram_chat_id, "typing")
    shown = message_id

    async def slow() -> None:
        nonlocal shown
        shown = await _still_checking(scene, forge, message_id)

    try:
        ask = deps.credentials.with_token(forge, given.token).whoami
        identity = await patiently(scene, nonce, ask, slow, may_leave=False)
    except ForgeError as error:
        await _ask(scene, forge, _refused(deps, forge, error, t), shown)
        return
    await _store(scene, forge, given.token, identity)
    text = _stored(deps, forge, identity, given.token[-4:], t)
    if shown is None:
        await say(scene.bot, scene.visit, text)
    else:
        await rewrite(scene.bot, scene.visit, shown, text)


async def _store(scene: Scene, forge: Forge, token: str, identity: Identity) -> None:
    """Keep a token that works, encrypted."""
    deps = scene.deps
    async with deps.database.write() as session:
        await accounts.put(
            session,
            user_id=scene.visit.user_id,
            forge_id=forge.id,
            identity=identity,
            token=deps.credentials.box.seal(token),
            last4=token[-4:],
            now=deps.clock(),
        )


async def _still_checking(scene: Scene, forge: Forge, message_id: int | None) -> int | None:
    """Say that it takes long, in the question's message or in one of its own; the message that says so."""
    template = scene.t("Still checking your token: {forge} takes its time…")
    text = template.format(forge=scene.deps.type_of(forge).title)
    if message_id is not None:
        await still(scene, message_id, text)
        return message_id
    try:
        return (await say(scene.bot, scene.visit, text)).message_id
    except (TelegramAPIError, ClientDecodeError):
        return None  # what comes of the check is said anyway


def _instance(deps: BotDeps, kind: str, address: str | None) -> Forge | None:
    """The instance that an address means, the default one where none is given."""
    instances = deps.instances(kind)
    if address is None:
        return instances[0] if instances else None
    web_url = deps.credentials.types[kind].web_url
    found = matching(address, [(forge.base_url, web_url(forge.base_url)) for forge in instances])
    return None if found is None else instances[found]


def _known_instances(deps: BotDeps, kind: str, t: Translator) -> Text:
    """Which addresses may stand before a token."""
    forge_type = deps.credentials.types[kind]
    lines: list[Text] = [compose(t("I do not know this {forge}. I know:"), forge=forge_type.title)]
    lines += [Code(forge_type.web_url(forge.base_url)) for forge in deps.instances(kind)]
    return joined(lines, "\n")


def _question(deps: BotDeps, forge: Forge, t: Translator) -> Text:
    """What to send, and where to get it."""
    forge_type = deps.type_of(forge)
    return compose(
        t("Send me a {forge} token ({example}). It needs {needs}: {page}\nI delete your message at once."),
        forge=Bold(forge_type.title),
        example=Code(forge_type.token_example),
        needs=_scopes(forge_type.token_needs),
        page=link(t("make one"), deps.token_page(forge)),
    )


def _refused(deps: BotDeps, forge: Forge, error: ForgeError, t: Translator) -> Text:
    """Why this token was not stored, and what to do."""
    forge_type = deps.type_of(forge)
    page = link(t("make one"), deps.token_page(forge))
    match error:
        case Unauthorized():
            template = t("{forge} refuses this token: it is wrong, expired or revoked. Send another ({page}).")
        case MissingPermission():
            template = t("This token is not even allowed to say whose it is. Send one with {needs} ({page}).")
        case _:
            waiting = t("The token was not stored: send it again then.")
            return Text(explain(error, forge_type, t, deps.clock()), "\n", waiting)
    return compose(template, forge=forge_type.title, page=page, needs=_scopes(forge_type.token_needs))


def _stored(deps: BotDeps, forge: Forge, identity: Identity, last4: str, t: Translator) -> Text:
    """Whose token it is, and what it lacks."""
    forge_type = deps.type_of(forge)
    template = t("✓ You are {login} on {forge} (token ••••{last4}).")
    lines = [
        compose(template, login=name(clean(identity.login)), forge=forge_type.title, last4=Code(last4)),
    ]
    if identity.missing:
        template = t(
            "It lacks {scopes}: private projects, webhooks or mentions may not work. Better {page} that has all."
        )
        lines.append(
            compose(template, scopes=_scopes(identity.missing), page=link(t("make one"), deps.token_page(forge)))
        )
    elif identity.scopes is None:
        template = t("{forge} does not show what this token may do; I will say so when something is missing.")
        lines.append(compose(template, forge=forge_type.title))
    if identity.expires_at is not None:
        lines.append(Text(t("It expires on {date}.").format(date=f"{identity.expires_at:%Y-%m-%d}")))
    lines.append(Text(t("Next: /subscribe")))
    return joined(lines, "\n")


def _scopes(scopes: tuple[str, ...]) -> Text:
    return joined([Code(scope) for scope in scopes], ", ")
