"""`/language`: the person's, or the group's."""

from aiogram import Router


def language_router() -> Router:
    """Its handlers."""
    return Router(name="language")
