"""Webhooks of a repository.

They are reached by the repository's id: a path may belong to somebody else by now, and a hook there would tell us
of a stranger's repository, or them of ours.
"""

from src.forge import HookSpec, ProjectRef, Rejected, RemoteHook
from src.forge_http import read, read_list
from src.github_api.api import GitHubApi
from src.github_api.projects import by_id, parts
from src.github_api.resources import Hook

_HOOKS = "/repos/{owner}/{repo}/hooks"
_HOOK = _HOOKS + "/{hook_id}"
_PAGES = 5  # GitHub allows 20 hooks for each event


async def listed(api: GitHubApi, project: ProjectRef) -> tuple[RemoteHook, ...]:
    """``GET /repos/{owner}/{repo}/hooks``, all pages."""
    where = await _where(api, project)
    pages = api.pages(_HOOKS + "{?per_page}", limit=_PAGES, **where)
    return tuple([hook.hook() async for data in pages for hook in read_list(Hook, data)])


async def create(api: GitHubApi, project: ProjectRef, spec: HookSpec) -> RemoteHook:
    """``POST /repos/{owner}/{repo}/hooks``."""
    if not spec.secret:
        raise Rejected("A hook is made with a secret, or its deliveries could be anybody's.")
    body = {"name": "web", "active": True, "events": sorted(spec.events), "config": _config(spec)}
    data, _ = await api.call("POST", _HOOKS, await _where(api, project), body)
    return read(Hook, data).hook()


async def update(api: GitHubApi, project: ProjectRef, hook_id: str, spec: HookSpec) -> RemoteHook:
    """``PATCH /repos/{owner}/{repo}/hooks/{hook_id}``.

    A ``config`` without a secret would take the secret away, so without one the address is changed through
    ``PATCH .../config``, which leaves the rest alone.
    """
    where = {**await _where(api, project), "hook_id": hook_id}
    body: dict[str, object] = {"active": True, "events": sorted(spec.events)}
    if spec.secret is not None:
        body["config"] = _config(spec)
    data, _ = await api.call("PATCH", _HOOK, where, body)
    hook = read(Hook, data).hook()
    if spec.secret is None and hook.url != spec.url:
        await api.call("PATCH", _HOOK + "/config", where, _config(spec))
        hook = read(Hook, await api.item(_HOOK, **where)).hook()
    return hook


async def delete(api: GitHubApi, project: ProjectRef, hook_id: str) -> None:
    """``DELETE /repos/{owner}/{repo}/hooks/{hook_id}``."""
    await api.call("DELETE", _HOOK, {**await _where(api, project), "hook_id": hook_id})


async def ping(api: GitHubApi, project: ProjectRef, hook_id: str) -> None:
    """``POST /repos/{owner}/{repo}/hooks/{hook_id}/pings``: works whatever the hook's events are."""
    await api.call("POST", _HOOK + "/pings", {**await _where(api, project), "hook_id": hook_id})


async def _where(api: GitHubApi, project: ProjectRef) -> dict[str, str]:
    return parts((await by_id(api, project.external_id)).path)


def _config(spec: HookSpec) -> dict[str, str]:
    config = {"url": spec.url, "content_type": "json", "insecure_ssl": "0"}
    return config if spec.secret is None else {**config, "secret": spec.secret}
