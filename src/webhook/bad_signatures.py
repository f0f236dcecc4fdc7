"""Bursts of deliveries with a wrong signature: counted, and told to those who run the bot, once a day for each hook."""

import logging
from collections import deque
from collections.abc import Collection
from datetime import datetime, timedelta

from src.database.database import Database
from src.database.models import Hook
from src.database.repositories import event_log, people
from src.webhook.notices import Notice, post

log = logging.getLogger(__name__)

MANY = 10  # wrong signatures of one hook within `WITHIN` are a burst
WITHIN = timedelta(minutes=10)
TOLD_AGAIN = timedelta(days=1)
_HOOKS = 1_000  # that are remembered; a stranger has to know the address of each

_KIND, _OUTCOME = "webhook_error", "signature_burst"


class Bursts:
    """Remembers when each hook's last wrong signatures came."""

    def __init__(self) -> None:
        self._recent: dict[int, deque[datetime]] = {}
        self._told: dict[int, datetime] = {}

    def wrong(self, hook_id: int, now: datetime) -> bool:
        """One more. Whether that makes a burst of which nothing was said within a day."""
        recent = self._recent.pop(hook_id, None) or deque(maxlen=MANY)
        recent.append(now)
        self._recent[hook_id] = recent  # the last of all
        if len(self._recent) > _HOOKS:
            del self._recent[next(iter(self._recent))]
        told = self._told.get(hook_id)
        if len(recent) < MANY or now - recent[0] > WITHIN or (told is not None and now - told < TOLD_AGAIN):
            return False
        self._told = {of: at for of, at in self._told.items() if now - at < TOLD_AGAIN} | {hook_id: now}
        return True


async def tell(database: Database, hook: Hook, admin_ids: Collection[int], now: datetime) -> None:
    """Tell those who run the bot, unless another process did, or this one before it was started again."""
    async with database.write() as session:
        before = await event_log.last_at(session, kind=_KIND, outcome=_OUTCOME, hook_id=hook.id)
        if before is not None and now - before < TOLD_AGAIN:
            return
        message = f"many deliveries with a wrong signature: {MANY} within {WITHIN.seconds // 60} minutes"
        await event_log.add(
            session, kind=_KIND, outcome=_OUTCOME, message=message, now=now, hook_id=hook.id, project_id=hook.project_id
        )
        params = {"forge_id": hook.forge_id, "project_id": hook.project_id, "origin": hook.origin}
        for chat_id in await people.admin_chats(session, admin_ids):
            await post(session, Notice.BAD_SIGNATURES, chat_id=chat_id, key=str(hook.id), now=now, params=params)
    log.warning("hook %d: many deliveries with a wrong signature", hook.id)
