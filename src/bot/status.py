"""What `/status` shows. Pure but for `gather`, which reads it."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiogram.utils.formatting import Bold, Code, Text

from src.bot.deps import BotDeps, Visit
from src.bot.explain import token_command
from src.database.models import Account, Forge, Hook
from src.database.repositories import accounts, forges, hooks, subscriptions
from src.database.repositories.subscriptions import Followed
from src.i18n import Translator
from src.webhook.render import compose, link, literal, name
from src.webhook.render.content import clean, units
from src.webhook.render.nodes import joined

# A message has 4,096 UTF-16 units and a hundred entities; this leaves room for "and N more".
_UNITS = 3_900
_ENTITIES = 90
_ERROR = 80  # characters of a hook's last error


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a person and a chat."""

    accounts: Sequence[tuple[Account, Forge]]
    followed: Sequence[Followed]
    hooks: dict[int, Hook]  # by project, the managed one before one made by hand
    forges: dict[int, Forge]  # by id


async def gather(deps: BotDeps, visit: Visit) -> Status:
    """Read it; accounts in a private chat only."""
    async with deps.database.read() as session:
        known = {forge.id: forge for forge in await forges.every(session)}
        own = await accounts.of_user(session, visit.user_id) if visit.private else []
        followed = await subscriptions.of_chat(session, visit.chat_id)
        found = await hooks.of_projects(session, [item.project.id for item in followed])
    by_hand_first = sorted(found, key=lambda hook: hook.origin == "managed")
    return Status(
        accounts=[(account, known[account.forge_id]) for account in own],
        followed=followed,
        hooks={hook.project_id: hook for hook in by_hand_first if hook.project_id is not None},
        forges=known,
    )


def describe_status(status: Status, deps: BotDeps, *, private: bool, t: Translator) -> Text:
    """The message."""
    if not private:
        return _subscriptions(status, deps, t, before=Text())
    accounts_shown = _accounts(status, deps, t)
    return joined([accounts_shown, _subscriptions(status, deps, t, before=accounts_shown)], "\n\n")


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
    blocks = [_account(account, forge, deps, t) for account, forge in status.accounts]
    lines = _fitting(title, blocks, before=Text(), share=2)
    more = len(blocks) - len(lines) + 1
    if more > 0:
        lines.append(Text(t.n("and {n} more", "and {n} more", more).format(n=more)))
    return joined(lines, "\n")


def _instance(forge: Forge, deps: BotDeps) -> Text:
    """What the forge is called, with its host where people may use several of its kind."""
    forge_type = deps.type_of(forge)
    if len(deps.instances(forge.kind)) < 2:
        return Text(forge_type.title)
    host = forge_type.web_url(forge.base_url).partition("://")[2]
    return Text(forge_type.title, " (", name(host), ")")


def _account(account: Account, forge: Forge, deps: BotDeps, t: Translator) -> Text:
    line = Text(_instance(forge, deps), ": ", name(clean(account.login)), " · ", Code(f"••••{account.token_last4}"))
    if account.dead_at is not None:
        template = t("the token no longer works: {command}")
        return Text(line, "\n⚠ ", template.format(command=token_command(forge.kind)))
    if account.missing:
        scopes = joined([Code(scope) for scope in account.missing], ", ")
        return Text(line, "\n⚠ ", compose(t("lacks {scopes}"), scopes=scopes))
    return line


def _subscriptions(status: Status, deps: BotDeps, t: Translator, *, before: Text) -> Text:
    title = Bold(t("This chat follows"))
    if not status.followed:
        return Text(title, "\n", t("Nothing yet: /subscribe"))
    blocks: list[Text] = []
    for item in status.followed:
        forge = _instance(status.forges[item.project.forge_id], deps)
        blocks.append(Text(_subscription(item, forge, t), "\n", _hook(status.hooks.get(item.project.id), t)))
    lines = _fitting(title, blocks, before=before)
    more = len(blocks) - len(lines) + 1
    if more > 0:
        lines.append(Text(t.n("and {n} more project", "and {n} more projects", more).format(n=more)))
    return joined(lines, "\n")


def _subscription(item: Followed, forge: Text, t: Translator) -> Text:
    count = len({event.split(".")[0] for event in item.subscription.events})
    kinds = t.n("{n} kind of events", "{n} kinds of events", count).format(n=count)
    scope = t("only what concerns you") if item.subscription.scope == "mine" else t("everything")
    project = link(clean(item.project.path), item.project.url)
    return Text("• ", forge, " ", project, f": {kinds}, {scope}")


def _hook(hook: Hook | None, t: Translator) -> Text:
    """How the project's hook does."""
    if hook is None:
        return Text(t("no webhook yet: /subscribe again"))
    if hook.last_error is not None:
        return compose(t("webhook trouble: {error}"), error=literal(clean(hook.last_error)[:_ERROR]))
    if hook.last_event_at is not None:
        return Text(t("last event {time} UTC").format(time=f"{hook.last_event_at:%Y-%m-%d %H:%M}"))
    if hook.origin == "manual":
        return Text(t("waits for a webhook made by hand"))
    if hook.remote_id is None:
        return Text(t("no webhook yet: /subscribe again"))
    return Text(t("waiting for the first event"))
