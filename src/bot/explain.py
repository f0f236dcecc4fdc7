"""What went wrong with a forge, in one sentence that says what to do. Pure."""

from datetime import datetime
from math import ceil

from aiogram.utils.formatting import Text

from src.forge import ForgeError, ForgeType, MissingPermission, NotFound, RateLimited, Rejected, Unauthorized
from src.i18n import Translator
from src.webhook.render import compose, literal
from src.webhook.render.content import clean

_SAID = 300  # characters of what the forge said


def explain(error: ForgeError, forge: ForgeType, t: Translator, now: datetime) -> Text:
    """The sentence for the person. `now` is aware UTC."""
    match error:
        case Unauthorized():
            template = t("{forge} refuses your token: it is wrong, expired or revoked. Set a new one with {command}.")
        case MissingPermission():
            template = t("Your token lacks a right for this. {said}")
        case NotFound():
            template = t("{forge} does not show this any more: it was deleted, or your token no longer sees it.")
        case RateLimited():
            minutes = max(1, ceil((error.until - now).total_seconds() / 60))
            template = t.n(
                "{forge} has had too many requests with your token: try again in {n} minute.",
                "{forge} has had too many requests with your token: try again in {n} minutes.",
                minutes,
            )
            return compose(template, forge=forge.title, n=minutes)
        case Rejected():
            template = t("{forge} refused: {said}")
        case _:
            template = t("{forge} does not answer right now; your token is not to blame. Try again in a few minutes.")
    said = literal(clean(str(error))[:_SAID])
    return compose(template, forge=forge.title, said=said, command=token_command(forge.kind))


def token_command(kind: str) -> str:
    """The command that sets the token of a kind of forge."""
    return f"/set_{kind}_token"
