"""`/unsubscribe`: choose a subscription, confirm, gone."""

from aiogram import Router


def unsubscription_router() -> Router:
    """Its handlers."""
    return Router(name="unsubscription")
