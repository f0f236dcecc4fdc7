"""Long polling and webhooks (core.telegram.org/bots/api#getting-updates)."""

import re

from src.demo.telegram.errors import bad_request
from src.demo.telegram.methods.registry import method
from src.demo.telegram.params import Params
from src.demo.telegram.updates import Webhook
from src.demo.telegram.wire import Json
from src.demo.telegram.world import World

# "Values between 1-100 are accepted"; the server waits 50 seconds at most, whatever is asked for.
MAX_UPDATES = 100
MAX_WAIT = 50
# secret_token: "1-256 characters. Only characters A-Z, a-z, 0-9, _ and - are allowed".
MAX_SECRET = 256
_SECRET = re.compile(r"[A-Za-z0-9_-]+")


@method("getUpdates")
async def get_updates(world: World, params: Params) -> object:
    """The updates from `offset` on, waiting up to `timeout` seconds."""
    world.queue.allow(params.words("allowed_updates"))
    limit = min(max(params.integer("limit", MAX_UPDATES), 1), MAX_UPDATES)
    timeout = min(max(params.integer("timeout"), 0), MAX_WAIT)
    return await world.queue.receive(params.integer("offset"), limit, timeout)


@method("setWebhook")
async def set_webhook(world: World, params: Params) -> object:
    """Updates are posted to `url` from now on; an empty one goes back to polling."""
    secret = params.text("secret_token")
    if len(secret) > MAX_SECRET:
        raise bad_request("secret token is too long")
    if secret and not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    connections = min(max(params.integer("max_connections", 40), 1), 100)
    hook = Webhook(params.text("url"), secret, connections, params.text("ip_address") or None)
    if not hook.url:
        return await delete_webhook(world, params)
    world.queue.set_webhook(hook)
    world.queue.allow(params.words("allowed_updates"))
    if params.flag("drop_pending_updates"):
        world.queue.drop()
    return True


@method("deleteWebhook")
async def delete_webhook(world: World, params: Params) -> object:
    """Back to polling."""
    world.queue.set_webhook(Webhook())
    if params.flag("drop_pending_updates"):
        world.queue.drop()
    return True


@method("getWebhookInfo")
async def get_webhook_info(world: World, params: Params) -> object:  # noqa: ARG001 (every method is called alike)
    """WebhookInfo; an empty `url` while the bot polls."""
    hook = world.queue.webhook
    info: Json = {
        "url": hook.url,
        "has_custom_certificate": False,
        "pending_update_count": len(world.queue.pending),
    }
    if hook.url:
        info["max_connections"] = hook.max_connections
        if hook.ip_address:
            info["ip_address"] = hook.ip_address
        if hook.last_error is not None and hook.last_error_at is not None:
            info.update(last_error_date=hook.last_error_at, last_error_message=hook.last_error)
    if world.queue.allowed is not None:
        info["allowed_updates"] = sorted(world.queue.allowed)
    return info
