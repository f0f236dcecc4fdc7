"""Hooks on the forges, for life: made, widened, narrowed, shared, repaired, handed on, rotated and removed."""

from src.webhook.manager.manager import CHECK_JOB, ROTATE_JOB, SETTLE_JOB, HookManager
from src.webhook.manager.states import HookOutcome, HookState, ManualReason, TestProgress, Unreleased

__all__ = [
    "CHECK_JOB",
    "ROTATE_JOB",
    "SETTLE_JOB",
    "HookManager",
    "HookOutcome",
    "HookState",
    "ManualReason",
    "TestProgress",
    "Unreleased",
]
