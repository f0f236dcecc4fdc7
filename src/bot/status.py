"""What `/status` shows. Pure but for `gather`, which reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aiogram.utils.formatting import Bold, Code, Text

from src.bot.deps import BotDeps, Visit
from src.bot.explain import token_command
from src.bot.folding import SCREEN, folded
from src.bot.hook_health import health
from src.bot.poll_texts import is_made, state_of
from src.bot.subscription_screen import is_paused, paused_words, zone_of
from src.database.models import Account, Forge, Hook, Poll
from src.database.repositories import accounts, forges, hooks, polls, subscriptions, users
from src.database.repositories.subscriptions import Followed
from src.i18n import Translator
from src.webhook.render import compose, link, name
from src.webhook.render.content import clean, cut, units
from src.webhook.render.nodes import joined

# A message has 4,096 UTF-16 units and a hundred entities; this leaves room for "and N more".
_UNITS = 3_900
_ENTITIES = 90
_PATH = 100  # characters of a path
_LOGIN = 60
_ACCOUNT_LINES = 9  # of the screen: what is followed needs the rest


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a person and a chat."""

    accounts: Sequence[tuple[Account, Forge]]
    followed: Sequence[Followed]
    hooks: dict[int, Hook]  # by project: a group's before its own, and one of ours before one made by hand
    polls: dict[int, Poll]  # by project: those that are looked at
    forges: dict[int, Forge]  # by id
    dead: frozenset[int]  # accounts whose tokens no longer work, in a group those of its sponsors
    time_zone: str | None  # of the chat


async def gather(deps: BotDeps, visit: Visit) -> Status:
    """Read it; accounts in a private chat only."""
    async with deps.database.read() as session:
        known = {forge.id: forge for forge in await forges.every(session)}
        own = await accounts.of_user(session, visit.user_id) if visit.private else []
        followed = await subscriptions.of_chat(session, visit.chat_id)
        by_project: dict[int, Hook] = {}
        for project in {item.project.id: item.project for item in followed}.values():
            if (hook := await hooks.telling(session, project)) is not None:
                by_project[project.id] = hook
        polled = await polls.running(session, [item.project.id for item in followed] if deps.polls else [])
        speaking = {item.subscription.account_id for item in followed}
        sponsors = await accounts.by_ids(session, [number for number in speaking if number is not None])
        chat = await users.get_chat(session, visit.chat_id)
    return Status(
        accounts=[(account, known[account.forge_id]) for account in own],
        followed=followed,
        hooks=by_project,
        polls=polled,
        forges=known,
        dead=frozenset(account.id for account in sponsors if account.dead_at is not None),
        time_zone=chat.time_zone,
    )


def describe_status(status: Status, deps: BotDeps, *, private: bool, t: Translator) -> Text:
    """The message."""
    if not private:
        return _subscriptions(status, deps, t, before=Text(), room=SCREEN)
    accounts_shown = _accounts(status, deps, t)
    room = SCREEN - _ACCOUNT_LINES - 1
    return joined([accounts_shown, _subscriptions(status, deps, t, before=accounts_shown, room=room)], "\n\n")


def _fitting(first: Text, blocks: Sequence[Text], *, before: Text, share: int = 1) -> list[Text]:
    """`first` and as many blocks after it as fit, with what stands before them, into that share of a message."""
    text, entities = joined([before, first], "\n\n").render()
    size, marks = units(text), len(entities)
    shown = [first]
    for block in blocks:
        text, entities = block.render()
        size, marks = size + 1 + units(text), marks + len(entities)
        if size > _UNITS // share or marks > _ENTITIES // share:
            break
        shown.append(block)
    return shown


def _accounts(status: Status, deps: BotDeps, t: Translator) -> Text:
    title = Bold(t("Accounts"))
    if not status.accounts:
        commands = ", ".join(token_command(kind) for kind in deps.kinds)
        return Text(title, "\n", t("None yet: {commands}").format(commands=commands))
    blocks = [account_line(account, forge, deps, t) for account, forge in status.accounts]
    lines = _fitting(title, blocks, before=Text(), share=2)
    more = len(blocks) - len(lines) + 1
    if more > 0:
        lines.append(Text(t.n("and {n} more", "and {n} more", more).format(n=more)))
    return folded(lines, _ACCOUNT_LINES)


def _instance(forge: Forge, deps: BotDeps) -> Text:
    """What the forge is called, with its host where people may use several of its kind."""
    forge_type = deps.type_of(forge)
    if len(deps.instances(forge.kind)) < 2:
        return Text(forge_type.title)
    host = forge_type.web_url(forge.base_url).partition("://")[2]
    return Text(forge_type.title, " (", name(host), ")")


def account_line(account: Account, forge: Forge, deps: BotDeps, t: Translator) -> Text:
    """Login, the token's last four, its scopes; whether it works, and what it lacks."""
    login = name(cut(clean(account.login), _LOGIN))
    line = Text(_instance(forge, deps), ": ", login, " · ", Code(f"••••{account.token_last4}"))
    if account.dead_at is not None:
        template = t("the token no longer works: {command}")
        return Text(line, "\n⚠ ", template.format(command=token_command(forge.kind)))
    if account.scopes:
        line = Text(line, "\n", compose(t("may: {scopes}"), scopes=Code(", ".join(account.scopes))))
    if account.missing:
        template = t("lacks {scopes}: {command}")
        scopes = Code(", ".join(account.missing))
        return Text(line, "\n⚠ ", compose(template, scopes=scopes, command=token_command(forge.kind)))
    return line


def _subscriptions(status: Status, deps: BotDeps, t: Translator, *, before: Text, room: int) -> Text:
    title = Bold(t("This chat follows"))
    if not status.followed:
        return Text(title, "\n", t("Nothing yet: /subscribe"))
    now = deps.clock()
    blocks: list[Text] = []
    for item in status.followed:
        forge = _instance(status.forges[item.project.forge_id], deps)
        lines = [_subscription(item, forge, t)]
        if item.subscription.account_id in status.dead:
            lines.append(Text(t("⏸ rests until the token works again")))
        lines += _pause(item, status.time_zone, t, now)
        hook = status.hooks.get(item.project.id)
        poll = status.polls.get(item.project.id)
        lines.append(state_of(health(hook, t, now), poll, t, now, is_there=is_made(hook)))
        blocks.append(joined(lines, "\n"))
    lines = _fitting(title, blocks, before=before)
    more = len(blocks) - len(lines) + 1
    if more > 0:
        lines.append(Text(t.n("and {n} more project", "and {n} more projects", more).format(n=more)))
    return folded(lines, room)


def _subscription(item: Followed, forge: Text, t: Translator) -> Text:
    count = len({event.split(".")[0] for event in item.subscription.events})
    kinds = t.n("{n} kind of events", "{n} kinds of events", count).format(n=count)
    scope = t("only what concerns you") if item.subscription.scope == "mine" else t("whoever it concerns")
    project = link(cut(clean(item.project.path), _PATH), item.project.url)
    topic = t(" (in a topic)") if item.subscription.topic_id else ""
    return Text("• ", forge, " ", project, f"{topic}: {kinds}, {scope}")


def _pause(item: Followed, time_zone: str | None, t: Translator, now: datetime) -> list[Text]:
    until = item.subscription.paused_until
    if until is None or not is_paused(item.subscription, now):
        return []
    return [Text("⏸ ", paused_words(until, zone_of(time_zone), t))]
