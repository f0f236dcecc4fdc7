"""What became of a project's webhook, for the person who subscribed. Pure."""

from typing import assert_never

from aiogram.utils.formatting import Code, ExpandableBlockQuote, Text

from src.bot.states import Scope
from src.database.models import Project
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.manager import HookState, ManualReason
from src.webhook.render import compose, link, literal
from src.webhook.render.content import clean
from src.webhook.render.nodes import joined

_SAID = 300  # characters of what the forge said


def done(project: Project, scope: Scope, t: Translator, *, existing: bool = False) -> Text:
    """Nothing is left to do: the hook is no matter of the person's. `existing`: it was followed before."""
    told = (
        t("You will be told here of what concerns you.")
        if scope == "mine"
        else t("Everything chosen will be told here.")
    )
    template = t("✓ {project}: your choice is stored.") if existing else t("✓ {project} is followed here now.")
    return Text(compose(template, project=linked(project)), "\n", told)


def by_hand(
    state: HookState, project: Project, forge: ForgeType, t: Translator, *, meanwhile: Text | None = None
) -> Text:
    """What to do, or to ask an administrator for. Holds the hook's secret: for a private chat alone.

    `meanwhile`: what is done until somebody has done it.
    """
    stored = compose(t("✓ Your subscription to {project} is stored."), project=linked(project))
    after = Text(t("Once that is done, /status in the chat that follows it shows whether events arrive."))
    if meanwhile is not None:  # the steps are long enough: of this the first sentence shows
        after = ExpandableBlockQuote(meanwhile, "\n", after)
    return Text(stored, "\n", steps_by_hand(state, project, forge, t), "\n", after)


def steps_by_hand(state: HookState, project: Project, forge: ForgeType, t: Translator) -> Text:
    """How a webhook is made or changed by hand. Holds its secret: for a private chat alone."""
    lines = [_why(state, forge, t)]
    if project.url and forge.hooks_page:
        lines.append(link(t("Open the webhooks' page"), f"{project.url}/{forge.hooks_page}"))
    lines.append(compose(t("Address: {address}"), address=Code(state.address)))
    if state.secret is not None:
        lines.append(compose(t("Secret: {secret}"), secret=Code(state.secret)))
        lines.append(compose(t("Content type, if it asks: {type}"), type=Code("application/json")))
    lines.append(Text(t("Tick: {events}").format(events=", ".join(state.events))))
    return joined(lines, "\n")


def sent_privately(project: Project, t: Translator, *, reached: bool) -> Text:
    """What a group reads of a hook to be made by hand."""
    template = (
        t("✓ {project} is followed here. Its webhook has to be set by hand: I sent you the steps in private.")
        if reached
        else t(
            "✓ {project} is followed here. Its webhook has to be set by hand, and I may not write to you: "
            "open a private chat with me, press Start, then /subscribe here again."
        )
    )
    return compose(template, project=linked(project))


def _why(state: HookState, forge: ForgeType, t: Translator) -> Text:
    match state.why:
        case ManualReason.LACKS_EVENTS:
            return Text(t("Its webhook lacks events that you chose. Ask an administrator of the project to add them:"))
        case ManualReason.UNCHECKED:
            return Text(
                t(
                    "I may not look whether its webhook is still there. If nothing arrives, ask an administrator of "
                    "the project to subscribe with me once: I then put it in order. It needs:"
                )
            )
        case ManualReason.BY_HAND:
            return Text(t("Its webhook was made by hand and delivers. It should have at least:"))
        case ManualReason.NO_PUBLIC_URL:
            return Text(
                t("My public address (PUBLIC_URL) is not set. Make the webhook by hand and put that address in front:")
            )
        case ManualReason.REJECTED:
            said = literal(clean(state.message)[:_SAID])
            template = t("{forge} refused the webhook: {said}\nAsk an administrator of the project to make it:")
            return compose(template, forge=forge.title, said=said)
        case ManualReason.NO_RIGHT | None:
            return Text(
                t("Your token is not allowed to make its webhook. Ask an administrator of the project to make it:")
            )
        case _:
            assert_never(state.why)


def linked(project: Project) -> Text:
    """Its path, with its address."""
    return link(clean(project.path), project.url)
