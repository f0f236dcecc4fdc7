"""Who may use the bot. Pure."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class AccessRule:
    """`open` admits everybody, `list` those whose Telegram number is on one of the two lists."""

    mode: Literal["open", "list"]
    admin_ids: frozenset[int] = frozenset()
    allowed_ids: frozenset[int] = frozenset()

    def admits(self, telegram_id: int) -> bool:
        """Whether this person may use the bot."""
        return self.mode == "open" or telegram_id in self.admin_ids or telegram_id in self.allowed_ids
