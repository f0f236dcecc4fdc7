"""Outbox -> Telegram: order, pace, retry; the only sender of notifications."""

from src.webhook.notifier.digests import Digests
from src.webhook.notifier.sender import CHECKPOINTS, Checkpoint, Notifier, Pacer

__all__ = ["CHECKPOINTS", "Checkpoint", "Digests", "Notifier", "Pacer"]
