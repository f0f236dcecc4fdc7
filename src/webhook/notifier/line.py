"""Which chats have somebody at work on them: not all of thousands at once, and none is left out for ever. Pure."""

from collections.abc import Iterable
from datetime import datetime

from src.database.repositories.outgoing import Waiting

PLACES = 2_048  # at once: most of them wait for their turn, for a group takes a message every three seconds


class Line:
    """Places for chats that are being told something; loud and silent ones have a quarter of them for themselves each.

    Where more wait than there are places a chat gives its place up after each message, and who was served longest ago
    is next.
    """

    def __init__(self, places: int = PLACES) -> None:
        self._places = places
        self._most = places - places // 4  # of one kind
        self._busy: dict[int, bool] = {}  # by our id: whether it is there as a loud one
        self._served: dict[int, int] = {}  # when it last gave up its place, as a number
        self._count = 0
        self.is_crowded = False  # whether somebody who could be told something has no place

    def pick(self, waiting: Iterable[Waiting], now: datetime) -> list[Waiting]:
        """Those of the waiting that get a place now; loud ones first, then by who was served longest ago."""
        chats = {chat.chat_id: chat for chat in waiting}
        self._served = {key: number for key, number in self._served.items() if key in chats or key in self._busy}
        due = [chat for chat in chats.values() if chat.due <= now and chat.chat_id not in self._busy]
        due.sort(key=lambda chat: (not chat.loud, self._served.get(chat.chat_id, 0), chat.head_id))
        picked = [chat for chat in due if self._enter(chat)]
        self.is_crowded = len(picked) < len(due)
        return picked

    def hurried(self, waiting: Iterable[Waiting]) -> list[Waiting]:
        """Those that have a place as silent ones, and something loud waits for them by now."""
        found = [chat for chat in waiting if chat.loud and self._busy.get(chat.chat_id) is False]
        for chat in found:
            self._busy[chat.chat_id] = True
        return found

    def stays(self, chat: Waiting) -> None:
        """It is told another message, which may be loud or not."""
        self._busy[chat.chat_id] = chat.loud

    def leave(self, chat_id: int) -> None:
        """Its place is free."""
        del self._busy[chat_id]
        self._count += 1
        self._served[chat_id] = self._count

    def _enter(self, chat: Waiting) -> bool:
        if len(self._busy) >= self._places:
            return False
        if len(self._busy) >= self._most and sum(loud is chat.loud for loud in self._busy.values()) >= self._most:
            return False
        self._busy[chat.chat_id] = chat.loud
        return True
