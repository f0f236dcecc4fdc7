"""Updates posted to a webhook on loopback, in order, each until it is taken."""

from aiohttp import ClientError, ClientSession, ClientTimeout

from src.demo.telegram.world import World

_LOOPBACK = "http://127.0.0.1:"
_WAIT = ClientTimeout(total=10)


async def deliver(world: World) -> None:
    """Posts what is pending (core.telegram.org/bots/api#setwebhook); stops at the first that is not taken.

    Addresses that are not on loopback are never called: their updates stay pending. An answer other than 2xx stands
    in getWebhookInfo afterwards. Methods in the answer's body are not carried out.
    """
    queue = world.queue
    hook = queue.webhook
    if not hook.url.startswith(_LOOPBACK) or not queue.pending:
        return
    headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
    async with queue.delivering, ClientSession(timeout=_WAIT, headers=headers) as session:
        while queue.pending and queue.webhook is hook:
            update = queue.pending[0]
            try:
                async with session.post(hook.url, json=update) as response:
                    problem = None if response.ok else f"Wrong response from the webhook: {response.status}"
            except (ClientError, TimeoutError) as error:
                problem = f"Connection failed: {type(error).__name__}"
            hook.last_error = problem
            hook.last_error_at = int(world.now()) if problem else None
            if problem:
                return
            queue.pending = [waiting for waiting in queue.pending if waiting is not update]
