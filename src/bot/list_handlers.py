"""`/list_subscriptions`: edit, pause, remove."""

from aiogram import Router


def list_router() -> Router:
    """Its handlers."""
    return Router(name="list")
