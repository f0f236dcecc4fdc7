"""What a hook was sent, and sending it again.

GitLab's documentation: "Project webhooks API", "Group webhooks API": "Get a list of webhook events" (17.2), "Resend a
webhook event" (17.1), each for who may manage the hook; the key that an event keeps came with 17.4. While a hook is
switched off nothing is put on this list.
"""

from src.forge import HookPlace, NotFound, RemoteDelivery, Unsupported
from src.forge_http import read_list, segment
from src.gitlab_api.api import GitLabApi
from src.gitlab_api.hooks import address_of, at
from src.gitlab_api.resources import HookEvent

_PAGES = 200
_PER_PAGE = "40"  # each comes with its whole payload


async def listed(api: GitLabApi, place: HookPlace, hook_id: str, since: str | None) -> tuple[RemoteDelivery, ...]:
    """``GET .../hooks/:hook_id/events``, page after page until the one seen last."""
    address = address_of(place, hook_id)
    hook = await at(api, address)
    found: list[RemoteDelivery] = []
    try:
        async for data in api.pages(f"{address}/events", limit=_PAGES, per_page=_PER_PAGE):
            page = read_list(HookEvent, data)
            new = [event for event in page if since is None or int(event.id) > int(since)]
            found += [event.delivery(_key(event), hook.url) for event in new]
            if len(new) < len(page):
                break
    except NotFound:
        raise Unsupported("This GitLab keeps no list of webhook events: that takes version 17.4.") from None
    return tuple({delivery.id: delivery for delivery in found}.values())  # pages move on while they are read


async def again(api: GitLabApi, place: HookPlace, hook_id: str, delivery_id: str) -> None:
    """``POST .../hooks/:hook_id/events/:hook_event_id/resend``. GitLab tries at once, and says how it went."""
    await api.call("POST", f"{address_of(place, hook_id)}/events/{segment(delivery_id)}/resend")


def _key(event: HookEvent) -> str:
    if event.key is None:
        raise Unsupported("This GitLab does not say which event was sent: that takes version 17.4.")
    return event.key
