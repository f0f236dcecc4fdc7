"""What can be done about a webhook: test event, repair, one for the whole group; `/rotate` for admins."""

from aiogram import Router


def hook_router() -> Router:
    """Its handlers."""
    return Router(name="hook")
