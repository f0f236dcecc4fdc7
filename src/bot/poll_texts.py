"""What the bot says of projects that it looks at because no webhook tells of them. Pure."""

from collections.abc import Collection
from datetime import datetime

from aiogram.utils.formatting import Text

from src.bot.hook_health import ago
from src.bot.hook_texts import linked
from src.database.models import Hook, Poll, Project
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.manager import HookState, ManualReason
from src.webhook.render import compose, describe, literal
from src.webhook.render.content import clean, cut
from src.webhook.render.nodes import joined

_NAMED = 4  # of the events that no look finds
_ERROR = 200  # characters


def instead(state: HookState, project: Project, names: Collection[str], forge: ForgeType, t: Translator) -> Text:
    """What is done while there is no webhook, and what it cannot find of what was chosen."""
    if state.why is ManualReason.NO_PUBLIC_URL:
        lines = [
            compose(t("✓ {project} is followed here now."), project=linked(project)),
            Text(t("I look at it about once a minute and tell what I find: there is nothing left to do.")),
        ]
    else:
        lines = [Text(t("Until there is one, I look at the project about once a minute: you are told all the same."))]
    unseen = sorted(name for name in names if name not in forge.polled_names)
    if unseen:
        lines.append(Text(_unseen(unseen, forge, t)))
    if state.why is ManualReason.NO_PUBLIC_URL:
        told = t("A webhook would tell at once. For that my operator has to give me a public address (PUBLIC_URL).")
        lines.append(Text(told))
    return joined(lines, "\n")


def _unseen(names: Collection[str], forge: ForgeType, t: Translator) -> str:
    listed = list(dict.fromkeys(describe(name, t.language, forge) for name in names))
    more = len(listed) - _NAMED
    shown = ", ".join(listed[:_NAMED])
    if more > 0:
        shown = t.n("{names} and {n} more", "{names} and {n} more", more).format(names=shown, n=more)
    return t("What only a webhook tells: {names}.").format(names=shown)


def state_of(hook: Text, poll: Poll | None, t: Translator, now: datetime, *, is_there: bool) -> Text:
    """How a project does: its webhook, in the words `hook`, where one `is_there`, and the looks at it."""
    if poll is None or poll.stopped_at is not None:
        return hook
    line = polled(poll, t, now)
    return Text(hook, "\n", line) if is_there else line


def polled(poll: Poll, t: Translator, now: datetime) -> Text:
    """How often the project is looked at, when that was last, and why it fails if it does."""
    last = t("not looked at yet") if poll.looked_at is None else _last(poll.looked_at, now, t)
    if poll.error is not None:
        error = literal(cut(clean(poll.error), _ERROR))
        return Text(compose(t("⚠ I cannot look at it: {error}"), error=error), "\n", last)
    minutes = max(1, round(poll.seconds / 60))
    often = t.n("looked at every minute", "looked at every {n} minutes", minutes).format(n=minutes)
    return Text(f"👁 {often}, {last}")


def _last(moment: datetime, now: datetime, t: Translator) -> str:
    # Translators: when a project was last looked at
    return t("last {ago}").format(ago=ago(moment, now, t))


def is_made(hook: Hook | None) -> bool:
    """Whether there is, or was asked for, a webhook that is worth a line of its own."""
    if hook is None or hook.remote_id is not None:
        return hook is not None
    # Without a public address there is nothing that anybody could make by hand.
    return hook.origin == "manual" and (hook.last_event_at is not None or "://" in (hook.address or ""))
