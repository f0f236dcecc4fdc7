"""How a webhook does, in a line or two of plain words. Pure."""

from datetime import datetime, timedelta

from aiogram.utils.formatting import Text

from src.database.models import Hook
from src.i18n import Translator
from src.webhook.render import compose, literal, name
from src.webhook.render.content import clean, cut

_ERROR = 200  # characters of a hook's last error
_GROUP = 60  # of a group's path


def health(hook: Hook | None, t: Translator, now: datetime) -> Text:
    """What is known of the hook that tells of a project; `None`: there is none."""
    if hook is None or (hook.remote_id is None and hook.origin == "managed" and hook.last_event_at is None):
        return Text(t("no webhook yet"))
    line = _state(hook, t, now)
    if hook.group_path is None:
        return line
    template = t("one webhook for all of {group}; {state}")
    return compose(template, group=name(cut(clean(hook.group_path), _GROUP)), state=line)


def memory(hook: Hook | None, forge: str, t: Translator) -> str | None:
    """Where what a webhook fails to bring cannot be had again: that, and why."""
    if hook is None or hook.uncaught is None:
        return None
    if hook.uncaught == "forbidden":
        return t("What it fails to bring is lost: no token that I have may ask for it again.")
    return t("What it fails to bring is lost: this version of {forge} cannot send it again.").format(forge=forge)


def _state(hook: Hook, t: Translator, now: datetime) -> Text:
    last = None if hook.last_event_at is None else ago(hook.last_event_at, now, t)
    if hook.last_error is not None:
        trouble = compose(t("⚠ {error}"), error=literal(cut(clean(hook.last_error), _ERROR)))
        return trouble if last is None else Text(trouble, "\n", t("last event {ago}").format(ago=last))
    if last is not None:
        return Text(t("✓ last event {ago}").format(ago=last))
    if hook.origin == "manual":
        return Text(t("waits for a webhook made by hand"))
    return Text(t("✓ in place, no event yet"))


def ago(moment: datetime, now: datetime, t: Translator) -> str:
    """How long that is ago, in the largest unit that fits."""
    passed = max(now - moment, timedelta())
    minutes = int(passed.total_seconds() // 60)
    if minutes < 1:
        return t("just now")
    if minutes < 60:
        return t.n("{n} min ago", "{n} min ago", minutes).format(n=minutes)
    hours = minutes // 60
    if hours < 48:
        return t.n("{n} hour ago", "{n} hours ago", hours).format(n=hours)
    return t.n("{n} day ago", "{n} days ago", passed.days).format(n=passed.days)
