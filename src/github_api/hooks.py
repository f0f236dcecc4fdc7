"""Webhooks of a repository, and of an organisation for all of its repositories.

A repository's are reached by its id: a path may belong to somebody else by now, and a hook there would tell us of a
stranger's repository, or them of ours. An organisation is addressed by its name, as GitHub has no other address for
its hooks; who may not manage them (an owner with the scope ``admin:org_hook`` may) is told `NotFound`.
"""

from typing import assert_never

from src.forge import GroupRef, HookPlace, HookSpec, NotFound, ProjectRef, Rejected, RemoteHook
from src.forge_http import read, read_list
from src.github_api.api import GitHubApi
from src.github_api.projects import by_id, parts
from src.github_api.resources import Hook

_OF_REPOSITORY = "/repos/{owner}/{repo}/hooks"
_OF_ORGANISATION = "/orgs/{org}/hooks"
_PAGES = 5  # GitHub allows 20 hooks for each event


async def listed(api: GitHubApi, place: HookPlace) -> tuple[RemoteHook, ...]:
    """``GET /repos/{owner}/{repo}/hooks`` or ``GET /orgs/{org}/hooks``, all pages."""
    hooks, where = await _where(api, place)
    pages = api.pages(hooks + "{?per_page}", limit=_PAGES, **where)
    return tuple([hook.hook() async for data in pages for hook in read_list(Hook, data)])


async def create(api: GitHubApi, place: HookPlace, spec: HookSpec) -> RemoteHook:
    """``POST .../hooks``."""
    if not spec.secret:
        raise Rejected("A hook is made with a secret, or its deliveries could be anybody's.")
    body = {"name": "web", "active": True, "events": sorted(spec.events), "config": _config(spec)}
    hooks, where = await _where(api, place)
    data, _ = await api.call("POST", hooks, where, body)
    return read(Hook, data).hook()


async def update(api: GitHubApi, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
    """``PATCH .../hooks/{hook_id}``.

    A ``config`` without a secret would take the secret away, so without one the address is changed through
    ``PATCH .../config``, which leaves the rest alone.
    """
    address, where = await one(api, place, hook_id)
    body: dict[str, object] = {"active": True, "events": sorted(spec.events)}
    if spec.secret is not None:
        body["config"] = _config(spec)
    data, _ = await api.call("PATCH", address, where, body)
    hook = read(Hook, data).hook()
    if spec.secret is None and hook.url != spec.url:
        await api.call("PATCH", address + "/config", where, _config(spec))
        hook = read(Hook, await api.item(address, **where)).hook()
    return hook


async def delete(api: GitHubApi, place: HookPlace, hook_id: str) -> None:
    """``DELETE .../hooks/{hook_id}``."""
    await api.call("DELETE", *await one(api, place, hook_id))


async def ping(api: GitHubApi, place: HookPlace, hook_id: str) -> None:
    """``POST .../hooks/{hook_id}/pings``: works whatever the hook's events are."""
    address, where = await one(api, place, hook_id)
    await api.call("POST", address + "/pings", where)


async def one(api: GitHubApi, place: HookPlace, hook_id: str) -> tuple[str, dict[str, str]]:
    """The URI template of a hook, and what belongs into it."""
    hooks, where = await _where(api, place)
    return hooks + "/{hook_id}", {**where, "hook_id": hook_id}


async def _where(api: GitHubApi, place: HookPlace) -> tuple[str, dict[str, str]]:
    """The URI template of the place's hooks, and what belongs into it."""
    match place:
        case ProjectRef():
            return _OF_REPOSITORY, parts((await by_id(api, place.external_id)).path)
        case GroupRef():
            if "/" in place.path:
                raise NotFound("An organisation on GitHub is addressed by its name alone.")
            return _OF_ORGANISATION, {"org": place.path}
        case _:
            assert_never(place)


def _config(spec: HookSpec) -> dict[str, str]:
    config = {"url": spec.url, "content_type": "json", "insecure_ssl": "0"}
    return config if spec.secret is None else {**config, "secret": spec.secret}
