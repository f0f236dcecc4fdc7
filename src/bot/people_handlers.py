"""`/people`: who may use the bot, and taking somebody out."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.formatting import Bold, Text

from src.bot.conversation import (
    InMenu,
    acknowledge,
    alert,
    close,
    finish_dialog,
    leave,
    open_menu,
    rewrite,
    say,
    show,
)
from src.bot.deps import Scene
from src.bot.farewell import say_goodbye
from src.bot.folding import folded
from src.bot.keyboards import Act, Keys, Press, markup
from src.bot.profile import publish_in_chat
from src.bot.states import Menu, PeopleStates
from src.bot.waiting import patiently, still
from src.database.models import User
from src.database.repositories import event_log, invites, people
from src.i18n import N_, Translator
from src.webhook.manager import Unreleased
from src.webhook.render import compose, link, name
from src.webhook.render.content import clean, cut
from src.webhook.render.nodes import joined

FOR_ADMINS = N_("Only whoever runs this bot can do that.")
IN_PRIVATE = N_("Send me this in our private chat, please: it is nothing for a group to read.")

_PER_PAGE = 8
_NAME = 60
_SHOWN = 22  # characters of a name on a button


@dataclass(frozen=True, slots=True)
class _Page:
    shown: Sequence[User]
    removable: Sequence[User]
    number: int
    total: int
    codes: int

    @property
    def last(self) -> int:
        return max(1, -(-self.total // _PER_PAGE))


def people_router() -> Router:
    """The command and its steps."""
    router = Router(name="people")
    router.message.register(people_, Command("people", ignore_case=True))
    step, listed = router.callback_query.register, StateFilter(PeopleStates.list)
    asked = StateFilter(PeopleStates.removal)
    step(chosen, listed, Press.filter(F.act == Act.PERSON), InMenu())
    step(turned, listed, Press.filter(F.act == Act.PAGE), InMenu())
    step(turned, asked, Press.filter(F.act == Act.BACK), InMenu())
    step(removed, asked, Press.filter(F.act == Act.CONFIRM), InMenu())
    step(done, StateFilter(PeopleStates.list, PeopleStates.removal), Press.filter(F.act == Act.CANCEL), InMenu())
    return router


async def people_(message: Message, scene: Scene) -> None:
    """Show who may use the bot."""
    if not scene.visit.is_admin:
        await say(scene.bot, scene.visit, scene.t(FOR_ADMINS), reply_to=message)
        return
    if not scene.visit.private:
        await say(scene.bot, scene.visit, scene.t(IN_PRIVATE), reply_to=message)
        return
    page = await _page(scene, 1)
    menu = Menu(nonce=secrets.token_hex(4), offered=tuple(user.id for user in page.removable))
    await open_menu(scene, message, menu, PeopleStates.list, _listed(scene, page), _list_keys(scene, menu, page))


async def turned(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """Another page of the list, or back to it."""
    if await _may_not(callback, scene):
        return
    await acknowledge(callback)
    await _show_list(scene, menu, callback_data.index or menu.page)


async def chosen(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """Ask once before somebody is taken out."""
    if await _may_not(callback, scene):
        return
    await acknowledge(callback)
    user = await _offered(scene, menu, callback_data)
    if user is None:
        await _show_list(scene, menu, menu.page)
        return
    t, asking = scene.t, replace(menu, chosen=user.id)
    keys = Keys(asking, t)
    text = compose(
        t(
            "Take {name} out? I delete what I keep about them: tokens, subscriptions, messages. "
            "They can only come back with a new code."
        ),
        name=name(_named(user)),
    )
    rows = [[keys.key(t("Take out"), Act.CONFIRM, style="danger")], [keys.back(), keys.cancel()]]
    await show(scene, asking, PeopleStates.removal, text, markup(rows))


async def removed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Take somebody out, and forget them."""
    if await _may_not(callback, scene):
        return
    await acknowledge(callback)
    deps, t = scene.deps, scene.t
    async with deps.database.read() as session:
        user = None if menu.chosen is None else await people.get(session, menu.chosen)
    if user is None or not _is_removable(scene, user):
        await _show_list(scene, replace(menu, chosen=None), menu.page)
        return
    if not await _bar(scene, user):
        await leave(scene.state)
        await rewrite(scene.bot, scene.visit, menu.message_id, t(FOR_ADMINS))
        return
    await finish_dialog(scene.state, menu.nonce)

    async def slow() -> None:
        await still(scene, menu.message_id, t("Deleting… taking the webhooks away needs some time."))

    farewell = await patiently(scene, menu.nonce, lambda: say_goodbye(deps, user.id), slow, may_leave=False)
    if user.is_admin:
        await publish_in_chat(scene.bot, deps, user.telegram_id, language=None, private=True, admin=False)
    await rewrite(scene.bot, scene.visit, menu.message_id, _taken_out(user, farewell.unreleased, t))


async def _bar(scene: Scene, user: User) -> bool:
    """They are out at once, however long the forges take. `False`: who asks for it was taken out a moment ago."""
    access, now = scene.deps.access, scene.deps.clock()
    async with scene.deps.database.write() as session:
        # Held: two who take each other out at the same moment would leave nobody who runs the bot.
        asking = await people.hold(session, scene.visit.user_id)
        if asking is None or not (access.admits(asking.telegram_id, asking) and access.is_admin(asking)):
            return False
        await people.bar(session, user.id, now)
        said = f"person {user.id} was taken out by person {asking.id}"
        await event_log.add(session, kind="access", outcome="removed", message=said, now=now)
    return True


def _taken_out(user: User, unreleased: Sequence[Unreleased], t: Translator) -> Text:
    lines = [compose(t("{name} is out. Who is in: /people"), name=name(_named(user)))]
    if unreleased:
        lines.append(Text(t("These webhooks I could not remove; somebody who administers the project can:")))
        lines += [Text("• ", link(clean(item.path), item.page)) for item in unreleased[:_PER_PAGE]]
    if len(unreleased) > _PER_PAGE:
        more = len(unreleased) - _PER_PAGE
        lines.append(Text(t.n("and {n} more", "and {n} more", more).format(n=more)))
    return folded(lines)


async def done(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Leave it."""
    await acknowledge(callback)
    await close(scene, menu, scene.t("Closed. Who is in: /people"))


async def _may_not(callback: CallbackQuery, scene: Scene) -> bool:
    """Answer the press of somebody who does not run the bot any more."""
    if not scene.visit.is_admin:
        await acknowledge(callback, **alert(scene.t(FOR_ADMINS)))
        return True
    return False


async def _offered(scene: Scene, menu: Menu, press: Press) -> User | None:
    """Whom the pressed button stands for, if they may (still) be taken out."""
    if press.screen != menu.screen or not 0 <= press.index < len(menu.offered):
        return None
    async with scene.deps.database.read() as session:
        user = await people.get(session, menu.offered[press.index])
    return user if user is not None and _is_removable(scene, user) else None


def _is_removable(scene: Scene, user: User) -> bool:
    """Those whom a code let in, but oneself: for that there is /delete_me."""
    access = scene.deps.access
    return access.mode == "pairing" and not access.lists(user.telegram_id) and user.id != scene.visit.user_id


async def _show_list(scene: Scene, menu: Menu, number: int) -> None:
    page = await _page(scene, number)
    fresh = replace(
        menu,
        page=page.number,
        screen=menu.screen + 1,
        offered=tuple(user.id for user in page.removable),
        chosen=None,
    )
    await show(scene, fresh, PeopleStates.list, _listed(scene, page), _list_keys(scene, fresh, page))


async def _page(scene: Scene, number: int) -> _Page:
    async with scene.deps.database.read() as session:
        shown, total = await people.admitted(session, page=number, size=_PER_PAGE)
        if not shown and number > 1:  # the last of a page was taken out meanwhile
            number = max(1, -(-total // _PER_PAGE))
            shown, total = await people.admitted(session, page=number, size=_PER_PAGE)
        codes = await invites.count_good(session, scene.deps.clock())
    removable = [user for user in shown if _is_removable(scene, user)]
    return _Page(shown, removable, number, total, codes)


def _listed(scene: Scene, page: _Page) -> Text:
    t, total = scene.t, page.total
    lines: list[Text] = [
        Bold(t.n("{n} person uses me", "{n} people use me", total).format(n=total)),
        *[_line(scene, user) for user in page.shown],
    ]
    match scene.deps.access.mode:
        case "pairing":
            last = t("Let somebody in: /invite")
            if page.codes:
                last = t.n("{n} code is not used yet.", "{n} codes are not used yet.", page.codes).format(n=page.codes)
        case "open":
            last = t("Everybody may use me (ACCESS=open).")
        case "list":
            last = t("The operator's list says who may use me (ACCESS=list).")
    return joined([*lines, Text(last)], "\n")


def _line(scene: Scene, user: User) -> Text:
    t, access = scene.t, scene.deps.access
    marks = []
    if user.id == scene.visit.user_id:
        marks.append(t("you"))
    if access.is_admin(user):
        marks.append(t("runs me"))
    if access.lists(user.telegram_id):
        marks.append(t("on the operator's list"))
    shown = Text("• ", name(_named(user)))
    return Text(shown, " – ", ", ".join(marks)) if marks else shown


def _list_keys(scene: Scene, menu: Menu, page: _Page) -> InlineKeyboardMarkup:
    t, keys = scene.t, Keys(menu, scene.t)
    rows = [
        [keys.key(t("Take out {name}").format(name=cut(_named(user), _SHOWN)), Act.PERSON, index)]
        for index, user in enumerate(page.removable)
    ]
    turning = []
    if page.number > 1:
        turning.append(keys.key("‹", Act.PAGE, page.number - 1))
    if page.number < page.last:
        turning.append(keys.key("›", Act.PAGE, page.number + 1))
    return markup([*rows, *([turning] if turning else []), [keys.key(t("Done"), Act.CANCEL)]])


def _named(user: User) -> str:
    return clean(user.name)[:_NAME] or str(user.telegram_id)
