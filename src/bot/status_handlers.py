"""`/status` and what can be done from it about accounts."""

from aiogram import Router


def status_router() -> Router:
    """Its handlers."""
    return Router(name="status")
