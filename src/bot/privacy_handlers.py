"""`/privacy` and `/delete_me`."""

from aiogram import Router


def privacy_router() -> Router:
    """Its handlers."""
    return Router(name="privacy")
