"""Writes down that a message is being sent and how that ended: each a transaction of its own."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.away import insist
from src.database.database import Database
from src.database.lease import LeaseLost
from src.database.models import Message, Sent
from src.database.repositories import event_log, messages, outgoing, users
from src.database.repositories.messages import Outgoing
from src.database.repositories.outgoing import Waiting
from src.events import CommentEvent, Event
from src.webhook import chats
from src.webhook.categories import categories
from src.webhook.notifier.digests import MOST, Digests
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

Holds = Callable[[AsyncSession, datetime], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that is ours to send now, as it stood when we took it."""

    outgoing: Outgoing
    fence: int
    attempts: int  # with this one
    until: datetime  # the request begins before then, or not at all: afterwards it may be another sender's
    gathered: tuple[Outgoing, ...] = ()  # what is told in one with it; then it is a digest

    @property
    def gathered_ids(self) -> list[int]:
        """Of the messages behind the first."""
        return [one.message.id for one in self.gathered]


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
        holds: Holds | None = None,
        digests: Digests | None = None,
    ) -> None:
        """`holds` says, within the transaction that claims, whether we are still the one that sends."""
        self._database = database
        self._bot_id = bot_id
        self._owner = owner
        self._lease = lease
        self._clock = clock
        self._jitter = jitter
        self._digests = digests
        self._holds = holds

    async def take_back(self) -> int:
        """Requeue what an earlier sender began and did not end; only before anything is claimed."""
        async with self._database.write() as session:
            return await messages.take_back(session, now=self._clock())

    async def take_over(self) -> int:
        """Requeue what another sender marked when it was none any more: it stood still, and did not know."""
        async with self._database.write(shared=True) as session:
            return await messages.take_back(session, now=self._clock(), but=self._owner)

    async def waiting(self) -> list[Waiting]:
        """All chats that something waits for, due or not."""
        async with self._database.read() as session:
            return await outgoing.waiting(session)

    async def due(self, chat_id: int) -> Waiting | None:
        """The chat as it is now, if something is due in it."""
        async with self._database.read() as session:
            found = await outgoing.waiting(session, chat_id=chat_id)
        return next((chat for chat in found if chat.due <= self._clock()), None)

    async def claim(self, chat: Waiting) -> Claim | None:
        """The chat's next message, marked as being sent. `None`: nothing is due any more, or the chat has moved."""
        lost = False  # an answer of the database, and with it whether the message is marked as ours

        async def once() -> Claim | None:
            nonlocal lost
            was_lost, lost = lost, True
            claim = await self._claim(chat, was_lost=was_lost)
            lost = False
            return claim

        return await insist(once, seconds=self._lease.total_seconds())

    async def _claim(self, chat: Waiting, *, was_lost: bool) -> Claim | None:
        async with self._database.write(shared=True) as session:
            now = self._clock()
            if self._holds is not None and not await self._holds(session, now):
                raise LeaseLost("another process sends for this bot: nothing more is begun here")
            if was_lost:
                await messages.give_back(session, chat.chat_id, owner=self._owner)
            # Read again: while the chat waited for its turn, reasons were added, or the chat was switched off.
            head = await messages.head(session, chat.chat_id, now=now)
            if head is None or head.chat.telegram_id != chat.telegram_id:
                return None
            fence = await messages.begin(session, head.message, owner=self._owner, now=now, lease=self._lease)
            if fence is None:
                return None
            gathered = await self._gather(session, head.message, now)
        return Claim(head, fence, head.message.attempts, until=now + self._lease, gathered=tuple(gathered))

    async def _gather(self, session: AsyncSession, first: Message, now: datetime) -> list[Outgoing]:
        """What is told in one with the first, marked as it is."""
        if self._digests is None or not self._digests.are_due(first, now):
            return []
        behind = await outgoing.behind(session, first, now=now, limit=MOST - 1)
        chosen = self._digests.choose(first, behind)
        if not chosen:
            return []
        taken = await outgoing.gather(session, first, chosen, owner=self._owner, now=now, lease=self._lease)
        return await outgoing.look_at(session, taken)

    async def give_back(self, claim: Claim) -> str:
        """It was not sent; it is to be, by whoever sends now. The outcome."""
        async with self._database.write(shared=True) as session:
            await self._again(session, claim)
        return "late"

    async def refuse(self, claim: Claim, outcome: str, reason: str) -> str:
        """The message will never be sent. The outcome."""

        async def once() -> str:
            async with self._database.write(shared=True) as session:
                return await self._refused(session, claim, outcome, reason)

        return await insist(once, seconds=self._lease.total_seconds())

    async def record(self, claim: Claim, event: Event | None, verdict: Verdict) -> str:
        """Write how sending ended, if need be when the database is back. The outcome in a word.

        `event`: what was told; `None` of a digest.
        """
        return await insist(lambda: self._record(claim, event, verdict), seconds=self._lease.total_seconds())

    async def _record(self, claim: Claim, event: Event | None, verdict: Verdict) -> str:
        # What changes more than this message and its chat must not meet another writer.
        is_shared = not isinstance(verdict, ShutOut | Migrated | TopicGone)
        async with self._database.write(shared=is_shared) as session:
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
                    return await self._refused(session, claim, "refused", verdict.reason)
                case Failed():
                    return await self._failed(session, claim, verdict)
                case _:
                    assert_never(verdict)

    async def _sent(self, session: AsyncSession, claim: Claim, event: Event | None, verdict: Delivered) -> str:
        now = self._clock()
        ended = await self._end(session, claim, state="sent", sent_at=now, error=None)
        if claim.gathered:
            log.info("message %d: a digest of %d", claim.outgoing.message.id, len(claim.gathered) + 1)
            return "sent"  # and in `sent` nothing: a digest is about no single subject that could be muted or answered
        if ended and event is not None and verdict.telegram_message_id is not None:
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
                categories=[str(category) for category in categories(event, reasons_of(message.reasons))],
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
        later = self._clock() + wait
        await self._end(session, claim, state="new", digest_of=None, not_before=later, error=verdict.reason)
        return "retried"

    async def _refused(self, session: AsyncSession, claim: Claim, outcome: str, reason: str) -> str:
        """Nothing is wrong with the chat: the text is not taken. Of a digest, each is tried by itself."""
        if not claim.gathered:
            return await self._dead(session, claim, outcome, reason)
        values = {"state": "new", "digest_of": None, "attempts": claim.attempts - 1}
        if await self._end(session, claim, tried=False, alone=True, **values):
            count = len(claim.gathered) + 1
            text = f"a digest of {count} messages was not sent ({outcome}), so each is told by itself: {reason}"
            log.warning("message %d: %s", claim.outgoing.message.id, text)
        return "scattered"

    async def _dead(self, session: AsyncSession, claim: Claim, outcome: str, reason: str) -> str:
        message, event = claim.outgoing.message, claim.outgoing.event
        error = "blocked" if outcome == "blocked" else reason
        if await self._end(session, claim, state="dead", digest_of=None, error=error):
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
        await self._end(session, claim, tried=False, state="new", digest_of=None, attempts=claim.attempts - 1)

    async def _end(
        self, session: AsyncSession, claim: Claim, *, tried: bool = True, alone: bool = False, **values: object
    ) -> bool:
        """Write the end of the first; what was gathered and is not sent goes back into the queue with it.

        It goes back as it was but for `tried` (it counts as an attempt) and `alone` (it is not gathered any more).
        """
        number = claim.outgoing.message.id
        if alone:
            values["alone"] = True
        ended = await messages.end(session, number, fence=claim.fence, **values)
        if not ended:
            log.warning("message %d is no longer ours: nothing recorded", number)
        if claim.gathered and values["state"] == "sent":
            await outgoing.end_gathered(session, number, claim.gathered_ids, owner=self._owner, **values)
        elif claim.gathered:
            await outgoing.scatter(session, number, claim.gathered_ids, owner=self._owner, tried=tried, alone=alone)
        return ended
