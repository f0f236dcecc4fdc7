"""When a backlog is told in one message, and how that reads. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiogram.methods import SendMessage
from aiogram.types import LinkPreviewOptions

from src.database.models import Message
from src.database.repositories.messages import Outgoing
from src.database.repositories.outgoing import Behind
from src.events import PipelineEvent, load
from src.webhook.notifier.request import is_silent, keyboard, reasons_of
from src.webhook.render import MOST_ASKS, ForgeWords, Gathered, asks, render_digest

MOST = 200  # messages in one digest: reading them takes a hundredth of a second or two


@dataclass(frozen=True, slots=True)
class Digests:
    """A chat and topic for which more than `more_than` wait, the oldest for `waited` or longer, is told in one.

    Ten a person reads; five seconds let what came by itself go by itself, a private chat takes five messages in them.
    """

    more_than: int = 10
    waited: timedelta = timedelta(seconds=5)

    def are_due(self, first: Message, now: datetime) -> bool:
        """Whether it is worth looking what waits behind this message."""
        return not first.alone and first.op == "send" and now - first.created_at >= self.waited

    def choose(self, first: Message, behind: Sequence[Behind]) -> list[int]:
        """Which of those behind it are told with the first: the oldest of them, with no more asks than fit."""
        if len(behind) < self.more_than:
            return []
        left = MOST_ASKS - asks(reasons_of(first.reasons))
        chosen: list[int] = []
        for one in behind:
            left -= asks(reasons_of(one.reasons))
            if left < 0:
                break
            chosen.append(one.id)
        return chosen


def compose_digest(
    outgoing: Sequence[Outgoing], *, words: Mapping[str, ForgeWords], default_language: str, now: datetime
) -> SendMessage:
    """The request, as loud as the loudest of what was gathered. Raises as `compose` does."""
    first = outgoing[0]
    notification = render_digest(
        [_gathered(one, words) for one in outgoing], language=first.chat.language or default_language, now=now
    )
    return SendMessage(
        chat_id=first.chat.telegram_id,
        message_thread_id=first.message.topic_id or None,
        reply_markup=keyboard(notification.buttons),
        link_preview_options=LinkPreviewOptions(is_disabled=True),
        disable_notification=all(is_silent(one.message) for one in outgoing),
        **notification.content.as_kwargs(),
    )


def _gathered(one: Outgoing, words: Mapping[str, ForgeWords]) -> Gathered:
    event = load(one.event.body)
    return Gathered(
        event=event,
        reasons=tuple(reasons_of(one.message.reasons)),
        words=words[one.forge_kind],
        since=min(event.occurred_at or one.message.created_at, one.message.created_at),
        series=one.event.series if isinstance(event, PipelineEvent) else None,
    )
