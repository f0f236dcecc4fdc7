"""What a hook was sent, and sending it again.

GitHub's documentation: "REST API endpoints for repository webhooks", "... organization webhooks", "Handling failed
webhook deliveries". To read it takes what reading the hook takes; to repeat it, what changing the hook takes.
"""

from src.forge import HookPlace, NotFound, RemoteDelivery, Unsupported
from src.forge_http import read_list
from src.github_api.api import GitHubApi
from src.github_api.hooks import one
from src.github_api.resources import Delivery

_PAGES = 100  # of a hundred: what GitHub keeps of three days of a busy organisation


async def listed(api: GitHubApi, place: HookPlace, hook_id: str, since: str | None) -> tuple[RemoteDelivery, ...]:
    """``GET .../hooks/{hook_id}/deliveries``, page after page by cursor, until the one seen last."""
    address, where = await one(api, place, hook_id)
    found: list[RemoteDelivery] = []
    try:
        async for data in api.pages(address + "/deliveries{?per_page}", limit=_PAGES, **where):
            page = read_list(Delivery, data)
            new = [delivery for delivery in page if since is None or _is_later(delivery.id, since)]
            found += [delivery.delivery() for delivery in new if delivery.event != "ping"]
            if len(new) < len(page):
                break
    except NotFound:
        await api.item(address, **where)  # raises, unless the hook is there
        raise Unsupported("This GitHub keeps no list of deliveries: that takes GitHub Enterprise Server 3.2.") from None
    return tuple(found)


async def again(api: GitHubApi, place: HookPlace, hook_id: str, delivery_id: str) -> None:
    """``POST .../hooks/{hook_id}/deliveries/{delivery_id}/attempts``."""
    address, where = await one(api, place, hook_id)
    await api.call("POST", address + "/deliveries/{delivery_id}/attempts", {**where, "delivery_id": delivery_id})


def _is_later(number: str, since: str) -> bool:
    return (len(number), number) > (len(since), since)  # decimal, without zeros in front
