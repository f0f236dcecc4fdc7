"""When all chats have to be quiet because several were told to."""

from datetime import datetime, timedelta

_CHATS = 3  # so many different ones that are flooded...
_WITHIN = timedelta(seconds=10)  # ...in so short a time mean that it is not about one chat


class FloodGuard:
    """Remembers which chats Telegram wanted quiet in; one flooded chat delays no other, several do."""

    def __init__(self) -> None:
        self._recent: dict[int, tuple[datetime, datetime]] = {}
        self.until: datetime | None = None

    def flooded(self, chat_id: int, *, now: datetime, until: datetime) -> None:
        """A chat is to be quiet until then."""
        self._recent = {chat: at for chat, at in self._recent.items() if at[0] > now - _WITHIN}
        self._recent[chat_id] = (now, until)
        if len(self._recent) >= _CHATS:
            longest = max(quiet for _, quiet in self._recent.values())
            self.until = longest if self.until is None else max(self.until, longest)

    def pause(self, now: datetime) -> timedelta | None:
        """How long all have to be quiet still; `None`: not at all."""
        if self.until is None or self.until <= now:
            self.until = None
            return None
        return self.until - now
