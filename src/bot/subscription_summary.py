"""The summary of `/subscribe`: what was chosen, what changes by it, and on whose account. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from aiogram.utils.formatting import Bold, Text

from src.bot.folding import folded
from src.bot.selection import KindOfEvents, offered_kinds
from src.bot.states import Dialog
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.render import compose, describe, describe_kind, name
from src.webhook.render.content import clean
from src.webhook.render.nodes import joined

_CHANGED_LINES = 6  # of the screen, beside what is chosen
_NAMED = 3  # changed events of a kind that are named one by one


@dataclass(frozen=True, slots=True)
class Choice:
    """What is told: ``mine`` or ``all``, of these events."""

    scope: str
    names: Collection[str]


@dataclass(frozen=True, slots=True)
class Sponsor:
    """On whose account a group follows a project: the name on Telegram and the login on the forge."""

    name: str
    login: str


def chosen(dialog: Dialog, forge_type: ForgeType, t: Translator) -> Text:
    """The project and what will be told of it."""
    lines: list[Text] = [
        Bold(name(clean(dialog.project.path if dialog.project else ""))),
        Text(t("Only what concerns you") if dialog.scope == "mine" else t("Everything, whoever it concerns")),
    ]
    kinds = [kind for kind in offered_kinds(forge_type.codec.names) if kind.chosen(dialog.names)]
    lines += [Text("• ", line) for line in _kind_lines(kinds, dialog, forge_type, t)]
    return joined(lines, "\n")


def changes(before: Choice, after: Choice, forge_type: ForgeType, t: Translator) -> Text:
    """What confirming would change in a subscription that is there already."""
    lines: list[str] = []
    if before.scope != after.scope:
        lines.append(
            t("only what concerns you, no longer everything")
            if after.scope == "mine"
            else t("everything, no longer only what concerns you")
        )
    kinds = offered_kinds(forge_type.codec.names)
    added, removed = set(after.names) - set(before.names), set(before.names) - set(after.names)
    for sign, names in (("+", added), ("−", removed)):
        lines += [f"{sign} {line}" for kind in kinds for line in _changed(kind, names, forge_type, t)]
    if not lines:
        return Text(t("Nothing changes."))
    return folded([Text(t("This changes:")), *map(Text, lines)], _CHANGED_LINES)


def in_group(sponsor: Sponsor, earlier: str | None, forge_type: ForgeType, t: Translator, *, private: bool) -> Text:
    """What a group should know: whose account is used, in place of whose, and that all will read what is private."""
    lines = [sponsored(sponsor, forge_type, t)]
    if earlier is not None:
        lines.append(compose(t("Until now: {name}."), name=name(clean(earlier))))
    if private:
        lines.append(Text(t("🔒 The project is private: all in this group will read what I tell of it.")))
    return joined(lines, "\n")


def reviewing(login: str, forge_type: ForgeType, t: Translator) -> Text:
    """What choosing automatic reviews has us do, and as whom."""
    template = t(
        "I read every {pr} that is opened or gets new commits, and comment on it under your name ({login}), "
        "unless my operator gave me an account of my own."
    )
    return compose(template, pr=forge_type.pull_request_word, login=name(clean(login)))


def sponsored(sponsor: Sponsor, forge_type: ForgeType, t: Translator) -> Text:
    """On whose account a group follows a project."""
    # Translators: in a group, whose account on the forge is used for a subscription
    template = t("On the account of {name}: {login} on {forge}.")
    return compose(template, name=name(clean(sponsor.name)), login=name(clean(sponsor.login)), forge=forge_type.title)


def _changed(kind: KindOfEvents, names: Collection[str], forge_type: ForgeType, t: Translator) -> Iterator[str]:
    """The changed events of a kind: a few by name, more as the kind."""
    touched = [name_ for name_ in kind.names if name_ in names]
    label = describe_kind(kind.kind, t.language, forge_type)
    if not touched:
        return
    if len(touched) == len(kind.names):
        yield label
    elif len(touched) > _NAMED:
        yield t("{kind}: {n} of {all}").format(kind=label, n=len(touched), all=len(kind.names))
    else:
        yield from (describe(name_, t.language, forge_type) for name_ in touched)


def _kind_lines(kinds: Sequence[KindOfEvents], dialog: Dialog, forge_type: ForgeType, t: Translator) -> list[str]:
    lines = []
    for kind in kinds:
        label, count = describe_kind(kind.kind, t.language, forge_type), kind.chosen(dialog.names)
        whole = count == len(kind.names)
        lines.append(label if whole else t("{kind}: {n} of {all}").format(kind=label, n=count, all=len(kind.names)))
    return lines
