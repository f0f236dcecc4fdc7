"""`/start`, `/invite`, `/people`: who gets in, and who let them."""

from aiogram import Router


def access_router() -> Router:
    """Its handlers."""
    return Router(name="access")
