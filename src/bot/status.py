"""What `/status` shows. Pure but for `gather`, which reads it."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiogram.utils.formatting import Bold, Code, Text

from src.bot.deps import BotDeps, Visit
from src.bot.explain import token_command
from src.database.models import Account, Forge, Hook
from src.database.repositories import accounts, forges, hooks, subscriptions
from src.database.repositories.subscriptions import Followed
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.render import compose, link, literal, name
from src.webhook.render.content import clean
from src.webhook.render.nodes import joined

_SHOWN = 20  # subscriptions: a message has 4096 units and a hundred entities
_ERROR = 80  # characters of a hook's last error


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a person and a chat."""

    accounts: Sequence[tuple[Account, Forge]]
    followed: Sequence[Followed]
    hooks: dict[int, Hook]  # by project, the managed one before one made by hand
    kinds: dict[int, str]  # of forge, by the forge's id


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
        kinds={forge.id: forge.kind for forge in known.values()},
    )


def describe_status(status: Status, deps: BotDeps, *, private: bool, t: Translator) -> Text:
    """The message."""
    blocks: list[Text] = []
    if private:
        blocks.append(_accounts(status, deps, t))
    blocks.append(_subscriptions(status, deps, t))
    return joined(blocks, "\n\n")


def _accounts(status: Status, deps: BotDeps, t: Translator) -> Text:
    lines: list[Text] = [Bold(t("Accounts"))]
    lines += [_account(account, deps.type_of(forge), t) for account, forge in status.accounts]
    if not status.accounts:
        commands = ", ".join(token_command(kind) for kind in deps.kinds)
        lines.append(Text(t("None yet: {commands}").format(commands=commands)))
    return joined(lines, "\n")


def _account(account: Account, forge_type: ForgeType, t: Translator) -> Text:
    line = Text(forge_type.title, ": ", name(clean(account.login)), " · ", Code(f"••••{account.token_last4}"))
    if account.dead_at is not None:
        template = t("the token no longer works: {command}")
        return Text(line, "\n⚠ ", template.format(command=token_command(forge_type.kind)))
    if account.missing:
        scopes = joined([Code(scope) for scope in account.missing], ", ")
        return Text(line, "\n⚠ ", compose(t("lacks {scopes}"), scopes=scopes))
    return line


def _subscriptions(status: Status, deps: BotDeps, t: Translator) -> Text:
    lines: list[Text] = [Bold(t("This chat follows"))]
    if not status.followed:
        lines.append(Text(t("Nothing yet: /subscribe")))
    for item in status.followed[:_SHOWN]:
        forge = deps.credentials.types[status.kinds[item.project.forge_id]]
        lines += [_subscription(item, forge, t), _hook(status.hooks.get(item.project.id), t)]
    more = len(status.followed) - _SHOWN
    if more > 0:
        lines.append(Text(t.n("and {n} more project", "and {n} more projects", more).format(n=more)))
    return joined(lines, "\n")


def _subscription(item: Followed, forge: ForgeType, t: Translator) -> Text:
    count = len({event.split(".")[0] for event in item.subscription.events})
    kinds = t.n("{n} kind of events", "{n} kinds of events", count).format(n=count)
    scope = t("only what concerns you") if item.subscription.scope == "mine" else t("everything")
    project = link(clean(item.project.path), item.project.url)
    return Text("• ", forge.title, " ", project, f": {kinds}, {scope}")


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
