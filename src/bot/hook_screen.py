"""The screens of a chat's webhooks: what they say and which buttons they have. Pure but for what reads the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup
from aiogram.utils.formatting import Bold, Code, Text
from sqlalchemy.ext.asyncio import AsyncSession

from src.bot.deps import Scene
from src.bot.folding import folded
from src.bot.hook_health import health, memory
from src.bot.keyboards import Act, Keys, markup, shortened
from src.bot.poll_texts import is_made, state_of
from src.bot.states import Menu
from src.database.models import Forge, Hook, Poll, Project
from src.database.repositories import forges, hooks, polls, subscriptions
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.manager import HookOutcome, HookState, ManualReason, TestProgress
from src.webhook.render import compose, link, literal, name
from src.webhook.render.content import clean, cut
from src.webhook.render.nodes import joined

PER_PAGE = 8
_PATH = 100  # characters of a project's path
_GROUP = 60
_BUTTON_GROUP = 12  # on a button, beside the other words
_SAID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A project that the chat follows, and the webhook that tells of it."""

    project: Project
    forge: Forge
    hook: Hook | None
    poll: Poll | None = None  # where it is looked at
    group: str | None = None  # that one webhook could be made for, where that would serve several projects


async def followed(session: AsyncSession, chat_id: int) -> list[Project]:
    """The projects of a chat with all its topics, each once, by path."""
    found = await subscriptions.of_chat(session, chat_id)
    return list({item.project.id: item.project for item in found}.values())


async def look(session: AsyncSession, scene: Scene, project_id: int) -> View | None:
    """One of them; `None`: the chat does not follow it any more."""
    project = next((found for found in await followed(session, scene.visit.chat_id) if found.id == project_id), None)
    if project is None:
        return None
    forge = await forges.get(session, project.forge_id)
    hook = await hooks.telling(session, project)
    group = None
    groups = scene.deps.type_of(forge).hook_groups(project.path)
    if groups and (hook is None or hook.group_path is None):
        imagined = Hook(forge_id=forge.id, group_path=groups[0])
        if len(await hooks.covered_projects(session, imagined)) > 1:
            group = groups[0]
    poll = (await polls.running(session, [project.id])).get(project.id) if scene.deps.polls else None
    return View(project=project, forge=forge, hook=hook, group=group, poll=poll)


async def listing(session: AsyncSession, scene: Scene, menu: Menu) -> tuple[Menu, Text, InlineKeyboardMarkup]:
    """A page of the chat's webhooks, and the menu as it stands on it."""
    t, now = scene.t, scene.deps.clock()
    every = await followed(session, scene.visit.chat_id)
    last = max(1, -(-len(every) // PER_PAGE))
    page = min(max(1, menu.page), last)
    shown = every[(page - 1) * PER_PAGE : page * PER_PAGE]
    menu = _on(menu, page, shown)
    if not every:
        text = Text(t("This chat follows nothing yet: /subscribe"))
        return menu, text, markup([_leaving(menu, t)])
    polled = await polls.running(session, [project.id for project in shown] if scene.deps.polls else [])
    lines: list[Text] = [Bold(t("Webhooks of what this chat follows"))]
    for project in shown:
        hook = await hooks.telling(session, project)
        state = state_of(health(hook, t, now), polled.get(project.id), t, now, is_there=is_made(hook))
        lines.append(Text("• ", link(cut(clean(project.path), _PATH), project.url), ": ", state))
    return menu, folded(lines), _listing_keys(menu, t, shown, last)


def _on(menu: Menu, page: int, shown: Sequence[Project]) -> Menu:
    offered = tuple(project.id for project in shown)
    return replace(menu, page=page, offered=offered, chosen=None, screen=menu.screen + 1)


def _listing_keys(menu: Menu, t: Translator, shown: Sequence[Project], last: int) -> InlineKeyboardMarkup:
    keys = Keys(menu, t)
    rows = [[keys.key(shortened(project.path), Act.HOOK, index)] for index, project in enumerate(shown)]
    turning = []
    if menu.page > 1:
        turning.append(keys.key("‹", Act.PAGE, menu.page - 1))
    if menu.page < last:
        turning.append(keys.key("›", Act.PAGE, menu.page + 1))
    return markup([*rows, *([turning] if turning else []), _leaving(menu, t)])


def _leaving(menu: Menu, t: Translator) -> list[InlineKeyboardButton]:
    """Back, where there is a step before, and Close."""
    keys = Keys(menu, t)
    closing = keys.key(t("Close"), Act.CANCEL)
    return [keys.back(), closing] if menu.back_to is not None else [closing]


def title(view: View, t: Translator, scene: Scene) -> Text:
    """The project, and how its webhook does."""
    project = link(cut(clean(view.project.path), _PATH), view.project.url)
    now = scene.deps.clock()
    state = state_of(health(view.hook, t, now), view.poll, t, now, is_there=is_made(view.hook))
    text = Text(Bold(project), "\n", state)
    lost = memory(view.hook, scene.deps.type_of(view.forge).title, t)
    return text if lost is None else Text(text, "\n", lost)


def hook_keys(menu: Menu, t: Translator, view: View) -> InlineKeyboardMarkup:
    """What can be done about one webhook."""
    keys = Keys(menu, t)
    rows = []
    if view.hook is not None and view.hook.remote_id is not None:
        rows.append([keys.key(t("Send test event"), Act.TEST), keys.key(t("Repair"), Act.REPAIR)])
    else:
        rows.append([keys.key(t("Repair"), Act.REPAIR)])
    if view.group is not None:
        label = t("One webhook for all of {group}").format(group=cut(clean(view.group), _BUTTON_GROUP))
        rows.append([keys.key(label, Act.UNITE)])
    return markup([*rows, [keys.back(), keys.key(t("Close"), Act.CANCEL)]])


def leaving_keys(menu: Menu, t: Translator) -> InlineKeyboardMarkup:
    """While something is under way."""
    keys = Keys(menu, t)
    return markup([[keys.back(), keys.key(t("Close"), Act.CANCEL)]])


def unite_question(view: View, t: Translator) -> Text:
    """Before many webhooks become one."""
    template = t(
        "One webhook on {group} would tell of all its projects that are followed through me; their own webhooks are "
        "then removed. For that you have to administer {group}."
    )
    return compose(template, group=name(cut(clean(view.group), _GROUP)))


def unite_keys(menu: Menu, t: Translator) -> InlineKeyboardMarkup:
    """Under that question."""
    keys = Keys(menu, t)
    return markup([[keys.key(t("Make one for all"), Act.CONFIRM, style="success")], [keys.back(), keys.cancel()]])


def outcome(state: HookState, t: Translator) -> str:
    """What came of a repair."""
    match state.outcome:
        case HookOutcome.CREATED:
            return t("✓ The webhook is made.")
        case HookOutcome.SHARED:
            return t("✓ The webhook is in order: nothing had to be done.")
        case HookOutcome.NOTHING:
            return t("Nothing could be done about the webhook now. I go on trying.")
        case HookOutcome.WIDENED | HookOutcome.NARROWED | HookOutcome.REPAIRED:
            return t("✓ The webhook is put in order.")
        case HookOutcome.REMOVED:
            return t("The webhook is removed: nobody follows the project any more.")
        case HookOutcome.LOST | HookOutcome.MANUAL:
            return t("The webhook has to be set by hand; ask somebody who administers the project to /subscribe.")
        case _:
            assert_never(state.outcome)


def united(state: HookState, view: View, forge: ForgeType, t: Translator) -> Text:
    """What came of making one webhook for many."""
    group = name(cut(clean(view.group), _GROUP))
    if state.outcome is not HookOutcome.MANUAL:
        return compose(t("✓ One webhook tells of all of {group} now."), group=group)
    match state.why:
        case ManualReason.NO_PUBLIC_URL:
            return Text(
                t("I cannot make webhooks: my public address (PUBLIC_URL) is not set. My operator can do that.")
            )
        case ManualReason.REJECTED:
            said = literal(cut(clean(state.message), _SAID))
            template = t("{forge} refused it: {said}\nThe webhooks stay as they are.")
            return compose(template, forge=forge.title, said=said)
        case _:
            template = t(
                "Your token may not give {group} a webhook. That takes somebody who administers it, and {needs}. "
                "The webhooks stay as they are."
            )
            return compose(template, group=group, needs=Code(", ".join(forge.group_hook_needs)))


def legs(
    view: View,
    forge: str,
    progress: TestProgress | None,
    t: Translator,
    *,
    is_over: bool,
    seconds: int,
    is_told: bool = True,
) -> Text:
    """How far a test event has come: each leg with its mark, and what to look at where one fails.

    `progress`: `None` while the forge has not answered; `is_over`: nothing more is waited for.
    `is_told`: whether a message comes here of it, which only whose webhook it is gets, and in private.
    """
    accepted = progress is not None and progress.accepted
    arrived = progress is not None and progress.arrived
    told = progress is not None and progress.told
    waiting = "✗" if is_over else "…"
    marks = ["✓" if accepted else waiting]
    marks.append("✓" if arrived else waiting if accepted else "–")
    marks.append("✓" if told else waiting if arrived else "–")
    last = t("3. told to you {mark}") if is_told else t("3. understood {mark}")
    lines: list[Text] = [
        compose(t("Test event for {project}"), project=Bold(cut(clean(view.project.path), _PATH))),
        Text(t("1. {forge} took it {mark}").format(forge=forge, mark=marks[0])),
        Text(t("2. it arrived here {mark}").format(mark=marks[1])),
        Text(last.format(mark=marks[2])),
    ]
    if told:
        lines.append(Text(t("It works: what happens there arrives here.")))
    elif is_over:
        lines.append(_advice(progress, t, arrived=arrived, seconds=seconds))
    return joined(lines, "\n")


def _advice(progress: TestProgress | None, t: Translator, *, arrived: bool, seconds: int) -> Text:
    """Where to look when a leg did not come to its end."""
    said = literal(cut(clean(progress.error if progress else None), _SAID))
    if arrived:
        text = Text(t("It arrived, but I could not make sense of it: my operator finds the reason in my log."))
    else:
        template = t.n(
            "Nothing came within {n} second. Press Repair; if it stays so, my address cannot be reached from there: "
            "my operator has to look at PUBLIC_URL and the way to it.",
            "Nothing came within {n} seconds. Press Repair; if it stays so, my address cannot be reached from there: "
            "my operator has to look at PUBLIC_URL and the way to it.",
            seconds,
        )
        text = Text(template.format(n=seconds))
    return text if not said.render()[0] else Text(text, "\n", compose(t("Last trouble: {said}"), said=said))
