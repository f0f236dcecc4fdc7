"""Webhooks of a project, and of a group for all projects in it and in its subgroups.

Hooks of a group need the Owner role and a paid tier; elsewhere GitLab has no such address and says `NotFound`.
"""

from typing import assert_never

from src.forge import GroupRef, HookPlace, HookSpec, NothingToTest, ProjectRef, Rejected, RemoteHook
from src.forge_http import read, read_list, segment
from src.gitlab_api.api import GitLabApi
from src.gitlab_api.projects import below
from src.gitlab_api.resources import Hook

_PAGES = 5  # GitLab allows a hundred hooks for each project
_LAST_RESORT = "push_events"  # a test may be of what the hook is not set to, and all but empty projects have commits
_TEST_TRIES = 3  # of the five test requests a minute that GitLab allows

# Every event that a hook may have: those not wanted are sent as false, for push_events is on by default.
_EVENTS = (
    "push_events", "tag_push_events", "issues_events", "confidential_issues_events", "merge_requests_events",
    "note_events", "confidential_note_events", "job_events", "pipeline_events", "wiki_page_events",
    "deployment_events", "feature_flag_events", "releases_events", "milestone_events", "emoji_events",
    "resource_access_token_events", "vulnerability_events",
)  # fmt: skip

# Which to try a hook with, those first that hardly any project lacks the data for.
_TRIGGERS = (
    "push_events", "issues_events", "merge_requests_events", "note_events", "pipeline_events", "job_events",
    "wiki_page_events", "tag_push_events", "releases_events", "deployment_events", "confidential_issues_events",
    "emoji_events", "feature_flag_events", "milestone_events", "resource_access_token_events",
)  # fmt: skip


async def listed(api: GitLabApi, place: HookPlace) -> tuple[RemoteHook, ...]:
    """``GET /projects/:id/hooks`` or ``GET /groups/:id/hooks``, all pages."""
    pages = api.pages(_hooks(place), limit=_PAGES)
    return tuple([hook.hook() async for data in pages for hook in read_list(Hook, data)])


async def create(api: GitLabApi, place: HookPlace, spec: HookSpec) -> RemoteHook:
    """``POST .../hooks``."""
    if not spec.secret:
        raise Rejected("A hook is made with a secret, or its deliveries could be anybody's.")
    data, _ = await api.call("POST", _hooks(place), data=_body(spec))
    return read(Hook, data).hook()


async def update(api: GitLabApi, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
    """``PUT .../hooks/:hook_id``.

    GitLab forgets the secret of a hook whose address changes, so a new address without a secret is `Rejected` here.
    A hook that it has switched off stays off until a test of it succeeds.
    """
    address = address_of(place, hook_id)
    if spec.secret is None and (await at(api, address)).url != spec.url:
        raise Rejected("GitLab forgets the secret of a hook whose address changes: set both together.")
    data, _ = await api.call("PUT", address, data=_body(spec))
    return read(Hook, data).hook()


async def delete(api: GitLabApi, place: HookPlace, hook_id: str) -> None:
    """``DELETE .../hooks/:hook_id``."""
    await api.call("DELETE", address_of(place, hook_id))


async def test(api: GitLabApi, place: HookPlace, hook_id: str) -> None:
    """``POST .../hooks/:hook_id/test/:trigger`` with an event that the hook is set to, or else with a push.

    GitLab makes the test delivery from what is in the project, or in a project of the group, and where there is nothing
    it says "Ensure the project has ...": then the next event. A delivery that failed is not repeated, for GitLab
    switches a hook off after four; one that succeeds switches it on again.
    """
    address = address_of(place, hook_id)
    events = (await at(api, address)).events
    chosen = [trigger for trigger in _TRIGGERS if trigger in events]
    *others, last = dict.fromkeys([*chosen[: _TEST_TRIES - 1], _LAST_RESORT])
    for trigger in others:
        try:
            await _try(api, f"{address}/test/{trigger}")
        except NothingToTest:
            continue
        return
    await _try(api, f"{address}/test/{last}")


async def _try(api: GitLabApi, address: str) -> None:
    try:
        await api.call("POST", address)
    except Rejected as error:
        if "ensure the" in str(error).lower():
            raise NothingToTest(str(error)) from None
        raise


async def at(api: GitLabApi, address: str) -> RemoteHook:
    """The hook at an address below the API."""
    return read(Hook, await api.item(address)).hook()


def address_of(place: HookPlace, hook_id: str) -> str:
    """Where a hook is, below the API."""
    return f"{_hooks(place)}/{segment(hook_id)}"


def _hooks(place: HookPlace) -> str:
    match place:
        case ProjectRef():
            return below(place, "hooks")
        case GroupRef():
            return f"groups/{segment(place.path)}/hooks"
        case _:
            assert_never(place)


def _body(spec: HookSpec) -> dict[str, object]:
    body: dict[str, object] = {name: name in spec.events for name in (*_EVENTS, *sorted(spec.events))}
    body |= {"url": spec.url, "enable_ssl_verification": spec.url.lower().startswith("https:")}
    return body if spec.secret is None else {**body, "token": spec.secret}
