"""The bot's words that a forge takes its time: the answer takes their place, so nobody who walks may stop at them."""

from src.demo.telegram import Message
from src.forges import FORGE_TYPES
from src.i18n import translator

WORDS = (
    "Still loading: {forge} takes its time…",
    "Still setting it up: {forge} takes its time…",
    "Still checking your token: {forge} takes its time…",
    "Still at it: {forge} takes its time…",
)


def is_answer(message: Message, language: str) -> bool:
    """Whether it is from the bot, and not such a word to a reader of this language."""
    said = translator(language)
    titles = [forge.title for forge in FORGE_TYPES.values()]
    waiting = {said(word).format(forge=title) for word in WORDS for title in titles}
    return message.from_bot and message.text not in waiting
