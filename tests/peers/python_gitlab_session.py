"""What python-gitlab sees of the GitLab emulator; run as ``python_gitlab_session.py URL HOOK_URL``.

Prints one JSON object, which `test_independent_clients.py` judges. Imports nothing of ours.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from gitlab import Gitlab, GitlabError  # type: ignore[import-not-found]  # lives in an environment of its own

SECRET = "hook-secret-0123456789"  # what the receiver verifies with


def refused(act: Callable[[], object]) -> list[object]:
    """Status and message of a request that must fail."""
    try:
        act()
    except GitlabError as error:
        return [error.response_code, error.error_message]
    return [0, "was let in"]


def hooks(project: Any, hook_url: str) -> dict[str, object]:
    """Make, test, change and remove a hook."""
    hook = project.hooks.create({"url": hook_url, "token": SECRET, "issues_events": True, "push_events": False})
    made = [hook.issues_events, hook.push_events, hook.note_events, hasattr(hook, "token")]
    hook.merge_requests_events = True
    hook.note_events = True
    hook.save()
    hook.test("push_events")
    again = project.hooks.get(hook.id)
    return {
        "made": made,
        "changed": [again.issues_events, again.merge_requests_events, again.note_events],
        "id": hook.id,
    }


def threads(project: Any) -> dict[str, object]:
    """Open, talk, approve, merge."""
    issue = project.issues.create({"title": "Rocket leaks", "description": "It does.", "labels": ["bug"]})
    note = issue.notes.create({"body": "Where?"})
    note.body = "Where exactly?"
    note.save()
    issue.state_event = "close"
    issue.save()
    request = project.mergerequests.get(1)
    request.notes.create({"body": "Nice"})
    request.approve()
    request.merge()
    return {
        "issue": [issue.iid, issue.state, issue.author["username"]], "notes": [n.body for n in issue.notes.list()],
        "participants": sorted(p["username"] for p in request.participants()),
        "diffs": [(d["new_path"], d["new_file"], d["diff"]) for d in project.http_list_diffs(request)],
        "changes": [c["new_path"] for c in request.changes()["changes"]],
        "state": project.mergerequests.get(1).state, "source": request.source_branch,
    }  # fmt: skip


def main(url: str, hook_url: str) -> None:
    """Go through everything once."""
    client = Gitlab(url, private_token="tok_ann", per_page=2, retry_transient_errors=False)
    client.auth()
    project = client.projects.get("acme/rocket")
    reader = Gitlab(url, private_token="tok_reads")
    # python-gitlab has no method for a merge request's diffs, only for their versions.
    type(project).http_list_diffs = lambda self, mr: client.http_list(
        f"/projects/{self.id}/merge_requests/{mr.iid}/diffs", get_all=True
    )
    pipeline = project.pipelines.list(get_all=False)[0]
    group = client.groups.get("acme/core")
    result = {
        "me": [client.user.username, client.user.id, client.user.name],
        "token": client.personal_access_tokens.get("self").scopes, "version": client.version()[0],
        "projects": [p.path_with_namespace for p in client.projects.list(membership=True, order_by="path", sort="asc",
        get_all=True)],
        "found": [p.path_with_namespace for p in client.projects.list(search="rock", get_all=True)],
        "by_id": client.projects.get(project.id).path_with_namespace, "visibility": project.visibility,
        "level": project.permissions["project_access"]["access_level"], "hooks": hooks(project, hook_url),
        "threads": threads(project), "pipeline": [pipeline.status, [(j.name,
        j.status) for j in pipeline.jobs.list(get_all=True)]],
        "commit": project.commits.get(project.mergerequests.get(1).sha).author_email,
        "members": sorted(m.username for m in group.members_all.list(get_all=True)),
        "refused": {
            "unknown token": refused(lambda: Gitlab(url, private_token="nonsense").auth()),
            "stranger": refused(lambda: Gitlab(url, private_token="tok_dora").projects.get("acme/plan")),
            "writer": refused(Gitlab(url, private_token="tok_bob").projects.get("acme/rocket").hooks.list),
            "reader": refused(lambda: reader.projects.get("acme/rocket").issues.create({"title": "x"})),
            "nowhere": refused(lambda: client.projects.get("acme/nowhere")),
        },
    }  # fmt: skip
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
