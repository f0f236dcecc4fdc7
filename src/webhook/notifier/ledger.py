"""Writes down that a message is being sent and how that ended: each a transaction of its own."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.database import Database
from src.database.models import Chat, Sent
from src.database.repositories import event_log, messages, users
from src.database.repositories.messages import Outgoing
from src.events import CommentEvent, Event
from src.webhook import chats
from src.webhook.categories import categories
from src.webhook.notifier.request import reasons_of
from src.webhook.notifier.verdict import (
    Delivered,
    Failed,
    Flooded,
    Migrated,
    Refused,
    ShutOut,
    TopicGone,
    Verdict,
    pause,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that is ours to send now, as it stood when we took it."""

    outgoing: Outgoing
    fence: int
    attempts: int  # with this one


class Ledger:
    """The notifier's view of the database."""

    def __init__(
        self,
        database: Database,
        *,
        bot_id: int,
        owner: str,
        lease: timedelta,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
    ) -> None:
        self._database = database
        self._bot_id = bot_id
        self._owner = owner
        self._lease = lease
        self._clock = clock
        self._jitter = jitter

    async def take_back(self) -> int:
        """Requeue what an earlier sender began and did not end; only before anything is claimed."""
        async with self._database.write() as session:
            return await messages.take_back(session, now=self._clock())

    async def waiting(self, *, limit: int, without: set[int]) -> tuple[list[Chat], datetime | None]:
        """Chats with something due, and the moment when the next becomes so."""
        async with self._database.read() as session:
            now = self._clock()
            found = await messages.heads(session, now=now, limit=limit, without=without) if limit else []
            return [outgoing.chat for outgoing in found], await messages.next_due(session, now)

    async def due(self, chat_id: int) -> Chat | None:
        """The chat as it is now, if something is due in it."""
        async with self._database.read() as session:
            head = await messages.head(session, chat_id, now=self._clock())
        return None if head is None else head.chat

    async def claim(self, chat: Chat) -> Claim | None:
        """The chat's next message, marked as being sent. `None`: nothing is due any more, or the chat has moved."""
        async with self._database.write() as session:
            now = self._clock()
            # Read again: while the chat waited for its turn, reasons were added, or the chat was switched off.
            head = await messages.head(session, chat.id, now=now)
            if head is None or head.chat.telegram_id != chat.telegram_id:
                return None
            fence = await messages.begin(session, head.message, owner=self._owner, now=now, lease=self._lease)
            if fence is None:
                return None
            await session.refresh(head.message)  # with the reasons that came until this very moment
        return Claim(head, fence, head.message.attempts)

    async def refuse(self, claim: Claim, outcome: str, reason: str) -> str:
        """The message will never be sent. The outcome."""
        async with self._database.write() as session:
            await self._dead(session, claim, outcome, reason)
        return outcome

    async def record(self, claim: Claim, event: Event, verdict: Verdict) -> str:
        """Write how sending ended. The outcome in a word."""
        async with self._database.write() as session:
            match verdict:
                case Delivered():
                    return await self._sent(session, claim, event, verdict)
                case Flooded():
                    return await self._flooded(session, claim, verdict)
                case ShutOut():
                    return await self._shut_out(session, claim, verdict)
                case Migrated():
                    return await self._migrated(session, claim, verdict)
                case TopicGone():
                    return await self._left_topic(session, claim, verdict)
                case Refused():
                    return await self._dead(session, claim, "refused", verdict.reason)
                case Failed():
                    return await self._failed(session, claim, verdict)
                case _:
                    assert_never(verdict)

    async def _sent(self, session: AsyncSession, claim: Claim, event: Event, verdict: Delivered) -> str:
        now = self._clock()
        if not await self._end(session, claim, state="sent", sent_at=now, error=None):
            return "sent"
        if verdict.telegram_message_id is not None:
            message = claim.outgoing.message
            comment = event if isinstance(event, CommentEvent) else None
            sent = Sent(
                bot_id=self._bot_id,
                chat_id=message.chat_id,
                topic_id=message.topic_id,
                telegram_message_id=verdict.telegram_message_id,
                project_id=claim.outgoing.event.project_id,
                subject_key=message.subject_key,
                discussion_id=comment.discussion_id if comment else None,
                comment_id=comment.comment_id if comment else None,
                head_sha=event.refs.head_sha,
                categories=[str(category) for category in categories(event, reasons_of(message))],
                sent_at=now,
            )
            await messages.add_sent(session, sent)
        return "sent"

    async def _flooded(self, session: AsyncSession, claim: Claim, verdict: Flooded) -> str:
        await self._again(session, claim)
        until = self._clock() + timedelta(seconds=verdict.seconds)
        await users.wait(session, claim.outgoing.chat.id, until)
        return "flooded"

    async def _shut_out(self, session: AsyncSession, claim: Claim, verdict: ShutOut) -> str:
        chat = claim.outgoing.chat
        await self._dead(session, claim, "blocked", verdict.reason)
        await chats.shut_out(session, chat.id, reason=verdict.reason, now=self._clock())
        return "blocked"

    async def _migrated(self, session: AsyncSession, claim: Claim, verdict: Migrated) -> str:
        chat = claim.outgoing.chat
        await self._again(session, claim)
        await chats.moved(session, chat.id, verdict.telegram_id, now=self._clock())
        return "migrated"

    async def _left_topic(self, session: AsyncSession, claim: Claim, verdict: TopicGone) -> str:
        message = claim.outgoing.message
        await self._again(session, claim)
        place = (message.chat_id, message.topic_id)
        await chats.left_topic(session, *place, for_good=verdict.for_good, now=self._clock())
        return "topic_gone"

    async def _failed(self, session: AsyncSession, claim: Claim, verdict: Failed) -> str:
        wait = pause(claim.attempts, self._clock() - claim.outgoing.message.created_at, self._jitter)
        if wait is None:
            reason = f"given up after {claim.attempts} attempts: {verdict.reason}"
            return await self._dead(session, claim, "given_up", reason)
        await self._end(session, claim, state="new", not_before=self._clock() + wait, error=verdict.reason)
        return "retried"

    async def _dead(self, session: AsyncSession, claim: Claim, outcome: str, reason: str) -> str:
        message, event = claim.outgoing.message, claim.outgoing.event
        error = "blocked" if outcome == "blocked" else reason
        if await self._end(session, claim, state="dead", error=error):
            text = f"message {message.id} ({event.name}) was not sent: {reason}"
            log.warning("%s", text)
            await event_log.add(
                session,
                kind="message_error",
                outcome=outcome,
                message=text,
                now=self._clock(),
                delivery_id=event.delivery_id,
                project_id=event.project_id,
            )
        return outcome

    async def _again(self, session: AsyncSession, claim: Claim) -> None:
        """Back into the queue as if it had not been tried."""
        await self._end(session, claim, state="new", attempts=claim.attempts - 1)

    async def _end(self, session: AsyncSession, claim: Claim, **values: object) -> bool:
        ended = await messages.end(session, claim.outgoing.message.id, fence=claim.fence, **values)
        if not ended:
            log.warning("message %d is no longer ours: nothing recorded", claim.outgoing.message.id)
        return ended
