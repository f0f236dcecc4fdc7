"""The mute button under every notification."""

from aiogram import Router


def mute_router() -> Router:
    """Its handlers."""
    return Router(name="mute")
