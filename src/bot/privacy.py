"""What `/privacy` says, and what goes item by item with `/delete_me`. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, TextLink

from src.bot.farewell import Farewell
from src.bot.folding import folded
from src.bot.fsm_storage import DIALOGS_KEPT
from src.database.retention import BODIES_KEPT, EVENTS_KEPT, KEYS_KEPT, LOG_KEPT, REVIEWS_KEPT, SENT_KEPT
from src.i18n import N_, Translator
from src.webhook.manager import Unreleased
from src.webhook.render import compose, name
from src.webhook.render.content import clean, cut
from src.webhook.render.nodes import joined, page_url

_NAMED = 10  # hooks that are named one by one
_HAND_LINES = 9  # of the screen for them, beside what else there is to say
_PATH = 100  # characters of a project's path
_LOGIN = 60
_REVOKE = N_("To be safe, revoke the token where you made it, too.")


def describe_privacy(t: Translator, *, private: bool) -> Text:
    """What is kept, how long, and who sees it: the gist, and the details folded away."""
    gist = [
        Bold(t("What I keep of you")),
        Text(t("• your Telegram ID, name and language")),
        Text(t("• your tokens, encrypted, with the login and e-mail addresses of their accounts")),
        Text(t("• what you follow, and what I told you")),
        Text(t("I pass nothing on. Whoever runs my server can read it; what I tell in a group, all its members.")),
        Text(t("Delete everything: /delete_me") if private else t("Delete everything: /delete_me in our private chat")),
    ]
    return Text(joined(gist, "\n"), "\n", ExpandableBlockQuote(joined(_details(t), "\n")))


def _details(t: Translator) -> list[Text]:
    """Each with its period."""
    lines = [
        t("Tokens: until you remove them (/status). I use them only for requests in your name."),
        t("What you follow: until you /unsubscribe. An unfinished dialog: {days}.").format(days=_days(t, DIALOGS_KEPT)),
        t("What is sent to me of a project, word for word, with the names of who did what: {days}.").format(
            days=_days(t, BODIES_KEPT)
        ),
        t("What it means, and my messages about it: {days}.").format(days=_days(t, EVENTS_KEPT)),
        t("Which message is about what, for its buttons and replies: {days}.").format(days=_days(t, SENT_KEPT)),
        t("What my reviews of code came to, and who asked for them: {days}. The code is read and not kept.").format(
            days=_days(t, REVIEWS_KEPT)
        ),
        t("Which accounts posted my reviews in a project (their numbers there): as long as I know the project."),
        t("Where the operator set a language model (LLM_BASE_URL), it is sent the code of reviews for an opinion."),
        t("The log of what became of it, with projects but not people: {days}.").format(days=_days(t, LOG_KEPT)),
        t("The numbers by which I know what is sent twice: {days}.").format(days=_days(t, KEYS_KEPT)),
        remains(t),
        t("Of a group: its name, its language, what it follows and who asked for that."),
        t("Copies that the operator makes of the database are theirs to delete. The key to the tokens is kept apart."),
        t("Those who run this bot see who uses it: name and Telegram ID."),
    ]
    return [Text("• ", line) for line in lines]


def remains(t: Translator) -> str:
    """What is left of a person who is forgotten."""
    template = t(
        "After /delete_me: what others follow stays, that is the names of their projects and, for {days} at most, what "
        "was sent of these or through webhooks of theirs, with the names of who did what. Nothing else is left of you."
    )
    return template.format(days=_days(t, BODIES_KEPT))


def _days(t: Translator, period: timedelta) -> str:
    return t.n("{n} day", "{n} days", period.days).format(n=period.days)


def question(t: Translator, *, tokens: int, own: int, in_groups: int) -> Text:
    """What would go, asked once."""
    lines: list[Text] = [Bold(t("Delete all that I keep of you? It cannot be undone."))]
    if tokens:
        lines.append(_item(t.n("{n} token", "{n} tokens", tokens).format(n=tokens)))
    if own:
        lines.append(_item(t.n("{n} subscription here", "{n} subscriptions here", own).format(n=own)))
    if in_groups:
        lines.append(_item(_of_groups(in_groups, t)))
    if own or in_groups:
        lines.append(_item(t("the webhooks that nobody else needs")))
        lines.append(_item(t("what I know of the messages here")))
    lines.append(_item(t("your Telegram ID, name and language")))
    return joined(lines, "\n")


def account_of(farewell: Farewell, t: Translator, *, may_return: bool) -> Text:
    """What went, item by item; what somebody has to do by hand; and how one comes back."""
    parts = [joined([Bold(t("Deleted:")), *map(_item, _gone(farewell, t))], "\n")]
    if farewell.unreleased:
        parts.append(by_hand(farewell.unreleased, t))
    if farewell.forgotten.tokens:
        parts.append(Text(t(_REVOKE)))
    parts.append(Text(t("What I wrote here stays in this chat until you delete the chat.")))
    parts.append(Text(t("Write to me, and we begin anew.") if may_return else _out(t)))
    return joined(parts, "\n\n")


def _gone(farewell: Farewell, t: Translator) -> list[str]:
    gone, items = farewell.forgotten, []
    groups = sum(len(place.paths) for place in gone.left)
    if gone.tokens:
        items.append(t.n("{n} token", "{n} tokens", gone.tokens).format(n=gone.tokens))
    if gone.subscriptions:
        template = t.n("{n} subscription here", "{n} subscriptions here", gone.subscriptions)
        items.append(template.format(n=gone.subscriptions))
    if groups:
        template = t.n("{n} subscription of a group", "{n} subscriptions of groups", groups)
        items.append(template.format(n=groups))
    if (gone.subscriptions or groups) and not farewell.unreleased:
        items.append(t("the webhooks that nobody else needs"))
    if gone.messages:
        template = t.n("{n} message in my records", "{n} messages in my records", gone.messages)
        items.append(template.format(n=gone.messages))
    return [*items, t("your Telegram ID, name and language")]


def _out(t: Translator) -> str:
    return t("You are out: only a new code from whoever runs this bot (/invite) lets you in again.")


def by_hand(unreleased: Sequence[Unreleased], t: Translator) -> Text:
    """The webhooks that are still on the forge, each with the page where it can be removed."""
    lines = [Text(t("⚠ I could not remove these webhooks. Please delete them by hand; what they send is ignored:"))]
    for item in unreleased[:_NAMED]:
        path, url = cut(clean(item.path), _PATH), page_url(item.page)
        lines.append(Text("• ", TextLink(path, url=url) if url else name(path)))
    more = len(unreleased) - _NAMED
    if more > 0:
        lines.append(Text(t.n("and {n} more", "and {n} more", more).format(n=more)))
    return folded(lines, _HAND_LINES)


def token_question(forge: str, last4: str, login: str, *, own: int, in_groups: int, t: Translator) -> Text:
    """What would go with one token."""
    template = t("Remove your {forge} token {token} ({login})?")
    lines = [compose(template, forge=forge, token=Code(f"••••{last4}"), login=name(cut(clean(login), _LOGIN)))]
    if own + in_groups:
        lines.append(Text(t("These end with it, and so do the webhooks that nobody else needs:")))
    if own:
        lines.append(_item(t.n("{n} subscription here", "{n} subscriptions here", own).format(n=own)))
    if in_groups:
        lines.append(_item(_of_groups(in_groups, t)))
    if own + in_groups:
        lines.append(Text(t("To replace the token, set the new one instead: then nothing ends.")))
    return joined(lines, "\n")


def token_gone(last4: str, farewell: Farewell, t: Translator) -> Text:
    """After the removal of one token; what somebody has to do by hand is said, too."""
    lines = [compose(t("Deleted: the token {token}."), token=Code(f"••••{last4}"))]
    ended = farewell.forgotten.subscriptions + sum(len(place.paths) for place in farewell.forgotten.left)
    if ended:
        template = t.n("{n} subscription ended with it.", "{n} subscriptions ended with it.", ended)
        lines.append(Text(template.format(n=ended)))
    if farewell.unreleased:
        lines.append(by_hand(farewell.unreleased, t))
    lines.append(Text(t(_REVOKE)))
    return joined(lines, "\n")


def _of_groups(count: int, t: Translator) -> str:
    template = t.n(
        "{n} subscription of a group, which is told so", "{n} subscriptions of groups, which are told so", count
    )
    return template.format(n=count)


def _item(text: str) -> Text:
    return Text("• ", text)
