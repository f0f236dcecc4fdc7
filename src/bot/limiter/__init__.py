"""The one pacer of all calls to the Bot API: Telegram's limits, with answers to persons ahead of notifications."""

from src.bot.limiter.limiter import Limiter, Past, scaled

__all__ = ["Limiter", "Past", "scaled"]
