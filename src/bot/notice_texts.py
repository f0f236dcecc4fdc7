"""What the bot says of itself, unasked: a sentence or two for each notice, with the command that mends it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from aiogram.utils.formatting import Code, Text

from src.bot.explain import token_command
from src.database.models import Account, Forge, Project
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.manager import ManualReason
from src.webhook.notices import Notice
from src.webhook.render import compose, link, literal, name
from src.webhook.render.content import clean, cut
from src.webhook.render.nodes import joined

_NAME = 60  # characters of a person's name
_PATH = 100  # of a project's
_PATHS = 8  # projects that are named
_MISSED_PATHS = 2  # in each of three sentences
_SAID = 300  # of what a forge said


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a notice speaks of, as it is when it is said; `None` where it has none, or it is gone."""

    account: Account | None = None
    project: Project | None = None
    forge: Forge | None = None  # of either
    type: ForgeType | None = None
    shows_host: bool = False  # whether there are several instances of the forge's kind
    is_well: bool = False  # whether the project's webhook is in order (again)


def word(notice: Notice, params: Mapping[str, Any], facts: Facts, t: Translator) -> Text | None:
    """The message; `None` where it is no longer so, and nothing is to be said."""
    match notice:
        case Notice.TOKEN_DEAD | Notice.TOKEN_POOR | Notice.TOKEN_WELL:
            return _of_token(notice, facts, t)
        case Notice.HOOK_BROKEN | Notice.HOOK_LOST:
            return _of_hook(notice, params, facts, t)
        case Notice.CAUGHT_UP | Notice.MISSED:
            return _of_missed(params, t)
        case Notice.SPONSOR_LEFT:
            template = t(
                "{name} has left me, so this group no longer hears of {projects}. "
                "Someone else who administers it can follow again: /subscribe"
            )
            return compose(template, name=_person(params), projects=_projects(params, t))
        case Notice.TOPIC_GONE:
            template = t(
                "A topic that I wrote to is gone: I now tell here of {projects}. "
                "To change that, /list_subscriptions or, in another topic, /subscribe"
            )
            return compose(template, projects=_projects(params, t))
        case Notice.GUESSING:
            template = t(
                "{name} ({number}) keeps trying codes to get in. None was right, and I now answer more slowly. "
                "Nothing is to be done; /people shows who is in."
            )
            return compose(template, name=_person(params), number=Code(str(params.get("telegram_id", "?"))))
        case Notice.BAD_SIGNATURES:
            return _of_signatures(params, facts, t)
        case _:
            assert_never(notice)


def _of_token(notice: Notice, facts: Facts, t: Translator) -> Text | None:
    account, forge = facts.account, facts.forge
    if account is None or forge is None or facts.type is None:
        return None
    values = {
        "forge": _instance(forge, facts.type, shows_host=facts.shows_host),
        "token": Code(f"••••{account.token_last4}"),
        "login": name(clean(account.login)[:_NAME]),
        "command": token_command(forge.kind),
    }
    if notice is Notice.TOKEN_WELL:
        template = t("{forge} takes your token {token} ({login}) again: nothing is to be done.")
        return compose(template, **values) if account.dead_at is None else None
    if notice is Notice.TOKEN_DEAD:
        template = t(
            "{forge} no longer takes your token {token} ({login}): what needs it rests until you set a new one "
            "with {command}"
        )
        return compose(template, **values) if account.dead_at is not None else None
    if account.dead_at is not None or not account.missing:
        return None
    template = t(
        "Your {forge} token {token} ({login}) lacks {scopes}, so not all can be told: "
        "set one that has it with {command}"
    )
    return compose(template, **values, scopes=joined([Code(scope) for scope in account.missing], ", "))


def _of_hook(notice: Notice, params: Mapping[str, Any], facts: Facts, t: Translator) -> Text | None:
    if facts.project is None or facts.type is None or facts.is_well:
        return None
    project = link(cut(clean(facts.project.path), _PATH), facts.project.url)
    if notice is Notice.HOOK_LOST:
        template = t(
            "Nobody who follows {project} may look after its webhook any more. If it stops, nothing is told: "
            "ask somebody who administers the project to /subscribe with me once."
        )
        return compose(template, project=project)
    said = literal(cut(clean(str(params.get("message") or "")), _SAID))
    return compose(_why(params, t), project=project, forge=facts.type.title, said=said)


def _why(params: Mapping[str, Any], t: Translator) -> str:
    """Why a hook does not work and what mends it."""
    try:
        reason = ManualReason(str(params.get("reason")))
    except ValueError:
        reason = ManualReason.NO_RIGHT  # of another version
    match reason:
        case ManualReason.NO_PUBLIC_URL:
            return t(
                "{project}: its webhook no longer reaches me, for my public address (PUBLIC_URL) is not set. "
                "That is for my operator to mend; /status shows how it stands."
            )
        case ManualReason.REJECTED:
            return t(
                "{project}: its webhook no longer works, and {forge} refuses to have it repaired: {said}\n"
                "/subscribe shows how to make it by hand."
            )
        case ManualReason.LACKS_EVENTS:
            return t(
                "{project}: its webhook lacks events that you chose, and I may not add them. "
                "/subscribe shows what an administrator of the project has to tick."
            )
        case ManualReason.UNCHECKED | ManualReason.BY_HAND | ManualReason.NO_RIGHT:
            return t(
                "{project}: its webhook no longer works, and I may not repair it. Ask somebody who administers the "
                "project to /subscribe with me once, or /subscribe again to see how to make it by hand."
            )
        case _:
            assert_never(reason)


def _of_missed(params: Mapping[str, Any], t: Translator) -> Text | None:
    """What came late, and what nobody can bring any more."""
    came, lost, gaps = (int(params.get(state, 0)) for state in ("recovered", "lost", "gap"))
    lines = []
    if came:
        template = t.n(
            "{n} event of {projects} had not reached me. I had it sent again, and tell it as usual.",
            "{n} events of {projects} had not reached me. I had them sent again, and tell them as usual.",
            came,
        )
        lines.append(
            _counted(template, came, _projects(params, t, "recovered_in", "recovered_more", most=_MISSED_PATHS))
        )
    if lost:
        template = t.n(
            "⚠ {n} event of {projects} is lost: it cannot be sent again. Look there what happened.",
            "⚠ {n} events of {projects} are lost: they cannot be sent again. Look there what happened.",
            lost,
        )
        lines.append(_counted(template, lost, _projects(params, t, "lost_in", "lost_more", most=_MISSED_PATHS)))
    if gaps:
        template = t("⚠ The webhook of {projects} was switched off for a while. Look there what happened meanwhile.")
        lines.append(compose(template, projects=_projects(params, t, "gap_in", "gap_more", most=_MISSED_PATHS)))
    return joined(lines, "\n") if lines else None


def _counted(template: str, count: int, projects: Text) -> Text:
    return compose(template, n=str(count), projects=projects)


def _of_signatures(params: Mapping[str, Any], facts: Facts, t: Translator) -> Text | None:
    """Who runs the bot need not be one who may see a private project: it is not named."""
    project = facts.project
    if facts.forge is None or facts.type is None or (project is None and params.get("project_id") is not None):
        return None
    if params.get("origin") == "environment":
        template = t(
            "{forge} webhooks made by hand: deliveries with a wrong signature keep coming, and I refuse them. "
            "Either somebody is guessing, or one has another secret than my settings."
        )
    elif params.get("origin") == "manual":
        template = t(
            "{project}: deliveries with a wrong signature keep coming to its webhook, and I refuse them. "
            "Either somebody is guessing, or it was given another secret: "
            "its followers find the right one by /subscribe."
        )
    else:
        template = t(
            "{project}: deliveries with a wrong signature keep coming to its webhook, and I refuse them. "
            "Either somebody is guessing, or its secret was changed by hand: then I set it right. Nothing to be done."
        )
    if project is not None and not project.private:
        place = link(cut(clean(project.path), _PATH), project.url)
    else:
        place = Text(t("A private project") if project is not None else t("A whole group"))
    return compose(template, forge=_instance(facts.forge, facts.type, shows_host=facts.shows_host), project=place)


def _instance(forge: Forge, forge_type: ForgeType, *, shows_host: bool) -> Text:
    if not shows_host:
        return Text(forge_type.title)
    host = forge_type.web_url(forge.base_url).partition("://")[2]
    return Text(forge_type.title, " (", name(host), ")")


def _person(params: Mapping[str, Any]) -> Text:
    return name(cut(clean(str(params.get("name") or "")), _NAME) or "?")


def _projects(
    params: Mapping[str, Any], t: Translator, named: str = "paths", besides: str = "more", *, most: int = _PATHS
) -> Text:
    """The paths, and how many more there are."""
    paths = list(params.get(named, ()))
    shown = [name(cut(clean(str(path)), _PATH)) for path in paths[:most]]
    more = int(params.get(besides, 0)) + len(paths[most:])
    if more:
        shown.append(Text(t.n("{n} more", "{n} more", more).format(n=more)))
    return joined(shown, ", ")
