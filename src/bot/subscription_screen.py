"""One subscription in `/list_subscriptions`: what is told, what rests, and its buttons. Pure but for `look`."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.formatting import Bold, Text

from src.bot.deps import Scene
from src.bot.keyboards import Act, Keys, markup
from src.bot.poll_texts import polled
from src.bot.states import Menu
from src.bot.subscription_picker import forge_name
from src.bot.subscription_summary import Sponsor, sponsored
from src.database.models import Poll, Subscription
from src.database.repositories import accounts, mutes, polls, users
from src.database.repositories.subscriptions import FOREVER, Followed
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.categories import Category, level
from src.webhook.render import compose, describe_category, link
from src.webhook.render.content import clean
from src.webhook.render.nodes import joined

_MORNING = time(9)
_HOUR = timedelta(hours=1)
PAUSES = ("hour", "tomorrow", "forever")  # in the order of their buttons


@dataclass(frozen=True, slots=True)
class View:
    """A subscription with what its screen says besides."""

    followed: Followed
    muted: int
    sponsor: Sponsor | None  # in groups
    zone: ZoneInfo
    is_paused: bool
    poll: Poll | None = None  # where the project is looked at


async def look(scene: Scene, followed: Followed) -> View:
    """Read what the screen needs."""
    subscription = followed.subscription
    place = {"chat_id": subscription.chat_id, "topic_id": subscription.topic_id}
    async with scene.deps.database.read() as session:
        muted = await mutes.count(session, project_id=subscription.project_id, **place)
        chat = await users.get_chat(session, subscription.chat_id)
        poll = (await polls.running(session, [subscription.project_id])).get(subscription.project_id)
        sponsor = None
        if not scene.visit.private and subscription.account_id is not None:
            owner = await users.get_user(session, subscription.owner_id)
            account = await accounts.get(session, subscription.account_id)
            sponsor = Sponsor(owner.name, account.login)
    paused = is_paused(subscription, scene.deps.clock())
    return View(followed, muted, sponsor, zone_of(chat.time_zone), paused, poll)


def is_paused(subscription: Subscription, now: datetime) -> bool:
    """Whether nothing is told of it for now."""
    return subscription.paused_until is not None and subscription.paused_until > now


def zone_of(name: str | None) -> ZoneInfo:
    """A chat's time zone; UTC where it has none, or one that is not known here."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def pause_end(choice: str, now: datetime, zone: ZoneInfo) -> datetime:
    """When one of `PAUSES` ends, aware UTC: till tomorrow is till nine in the morning there."""
    if choice == "hour":
        return now + _HOUR
    if choice == "tomorrow":
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, _MORNING, zone).astimezone(UTC)
    return FOREVER


def paused_words(until: datetime, zone: ZoneInfo, t: Translator) -> str:
    """Till when it is paused."""
    if until >= FOREVER:
        return t("Paused till you resume it")
    local = until.astimezone(zone)
    return t("Paused till {time}").format(time=f"{local:%Y-%m-%d %H:%M} {zone.key}")


def describe(scene: Scene, view: View) -> Text:
    """The screen's text."""
    t, subscription, project = scene.t, view.followed.subscription, view.followed.project
    count = len({event.split(".")[0] for event in subscription.events})
    kinds = t.n("{n} kind of events", "{n} kinds of events", count).format(n=count)
    scope = t("only what concerns you") if subscription.scope == "mine" else t("whoever it concerns")
    forge = scene.deps.forge(project.forge_id)
    lines = [
        Bold(link(clean(project.path), project.url)),
        Text(" · ".join(part for part in (forge_name(scene.deps, project), kinds, scope) if part)),
    ]
    if view.poll is not None:
        lines.append(polled(view.poll, t, scene.deps.clock()))
    if view.is_paused and subscription.paused_until is not None:
        lines.append(Text("⏸ ", paused_words(subscription.paused_until, view.zone, t)))
    if forge is not None:
        lines += _levels(subscription, scene.deps.type_of(forge), t)
    if view.muted:
        lines.append(Text("🔕 ", t("Muted: {n}").format(n=view.muted)))
    if view.sponsor is not None and forge is not None:
        lines.append(sponsored(view.sponsor, scene.deps.type_of(forge), t))
    return joined(lines, "\n")


def _levels(subscription: Subscription, forge_type: ForgeType, t: Translator) -> list[Text]:
    """What is told without a sound, and what is not told."""
    lines = []
    for wanted, template in (("silent", t("🔕 Without a sound: {kinds}")), ("off", t("🚫 Not told: {kinds}"))):
        found = [category for category in Category if level(subscription.levels, category) == wanted]
        names = ", ".join(describe_category(category, t.language, forge_type) for category in found)
        if found:
            lines.append(compose(template, kinds=names))
    return lines


def subscription_keys(menu: Menu, view: View, t: Translator) -> InlineKeyboardMarkup:
    """The screen's buttons."""
    keys = Keys(menu, t)
    rows = [[keys.key(t("✏️ Change events"), Act.EDIT), keys.key(t("🔔 Loud or silent"), Act.LEVELS)]]
    if view.is_paused:
        rows.append([keys.key(t("▶️ Resume"), Act.RESUME)])
    else:
        rows.append([keys.key(t("⏸ 1 hour"), Act.PAUSE, 0), keys.key(t("⏸ Till tomorrow"), Act.PAUSE, 1)])
        rows.append([keys.key(t("⏸ Till I say"), Act.PAUSE, 2)])
    if view.muted:
        rows.append([keys.key(t("🔔 Unmute all ({n})").format(n=view.muted), Act.UNMUTE)])
    rows.append([keys.key(t("🗑 Remove"), Act.REMOVE, style="danger")])
    return markup([*rows, [keys.back(), keys.key(t("Close"), Act.CANCEL)]])
