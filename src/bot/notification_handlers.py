"""`/notifications`: each category on, silent or off, for one subscription or all."""

from aiogram import Router


def notification_router() -> Router:
    """Its handlers."""
    return Router(name="notification")
