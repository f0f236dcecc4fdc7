"""Webhooks of a project."""

from src.forge import HookSpec, ProjectRef, Rejected, RemoteHook
from src.forge_http import read, read_list, segment
from src.gitlab_api.api import GitLabApi
from src.gitlab_api.projects import below
from src.gitlab_api.resources import Hook

_PAGES = 5  # GitLab allows a hundred hooks for each project
_TEST_TRIES = 3  # of the five test requests a minute that GitLab allows

# Every event a project hook may have: those not wanted are sent as false, for push_events is on by default.
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


async def listed(api: GitLabApi, project: ProjectRef) -> tuple[RemoteHook, ...]:
    """``GET /projects/:id/hooks``, all pages."""
    pages = api.pages(below(project, "hooks"), limit=_PAGES)
    return tuple([hook.hook() async for data in pages for hook in read_list(Hook, data)])


async def create(api: GitLabApi, project: ProjectRef, spec: HookSpec) -> RemoteHook:
    """``POST /projects/:id/hooks``."""
    if not spec.secret:
        raise Rejected("A hook is made with a secret, or its deliveries could be anybody's.")
    data, _ = await api.call("POST", below(project, "hooks"), data=_body(spec))
    return read(Hook, data).hook()


async def update(api: GitLabApi, project: ProjectRef, hook_id: str, spec: HookSpec) -> RemoteHook:
    """``PUT /projects/:id/hooks/:hook_id``.

    GitLab forgets the secret of a hook whose address changes, so a new address without a secret is `Rejected` here.
    """
    address = _address(project, hook_id)
    if spec.secret is None and (await _one(api, address)).url != spec.url:
        raise Rejected("GitLab forgets the secret of a hook whose address changes: set both together.")
    data, _ = await api.call("PUT", address, data=_body(spec))
    return read(Hook, data).hook()


async def delete(api: GitLabApi, project: ProjectRef, hook_id: str) -> None:
    """``DELETE /projects/:id/hooks/:hook_id``."""
    await api.call("DELETE", _address(project, hook_id))


async def test(api: GitLabApi, project: ProjectRef, hook_id: str) -> None:
    """``POST /projects/:id/hooks/:hook_id/test/:trigger`` with an event that the hook has.

    GitLab makes the test delivery from what is in the project, and where there is nothing it says "Ensure the project
    has ...": then the next event. A delivery that failed is not repeated, for GitLab switches a hook off after four.
    """
    address = _address(project, hook_id)
    events = (await _one(api, address)).events
    triggers = [trigger for trigger in _TRIGGERS if trigger in events] or ["push_events"]
    *others, last = triggers[:_TEST_TRIES]
    for trigger in others:
        try:
            await api.call("POST", f"{address}/test/{trigger}")
        except Rejected as error:
            if "ensure the project" not in str(error).lower():
                raise
        else:
            return
    await api.call("POST", f"{address}/test/{last}")


async def _one(api: GitLabApi, address: str) -> RemoteHook:
    return read(Hook, await api.item(address)).hook()


def _address(project: ProjectRef, hook_id: str) -> str:
    return below(project, f"hooks/{segment(hook_id)}")


def _body(spec: HookSpec) -> dict[str, object]:
    body: dict[str, object] = {name: name in spec.events for name in (*_EVENTS, *sorted(spec.events))}
    body |= {"url": spec.url, "enable_ssl_verification": spec.url.lower().startswith("https:")}
    return body if spec.secret is None else {**body, "token": spec.secret}
