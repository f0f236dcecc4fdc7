"""What PyGithub sees of the GitHub emulator; run with a Python that has PyGithub: ``pygithub_session.py URL HOOK_URL``.

Prints one JSON object, which `test_independent_clients.py` judges. Imports nothing of ours.
"""

import json
import sys
from typing import Any

from github import (  # type: ignore[import-not-found]  # PyGithub lives in an environment of its own
    Auth,
    Github,
    GithubException,
)

SECRET = "hook-secret-0123456789"  # what the receiver verifies with
PACE: dict[str, Any] = {"seconds_between_requests": None, "seconds_between_writes": None}


def refused(url: str, token: str, path: str) -> list[object]:
    """Status and message of a request that must fail."""
    try:
        Github(auth=Auth.Token(token), base_url=url, retry=None, **PACE).get_repo(path).get_hooks()[0]
    except GithubException as error:
        return [error.status, error.data["message"]]
    return [0, "was let in"]


def hooks(repo: Any, hook_url: str) -> dict[str, object]:
    """Make, ping, change and remove a hook."""
    hook = repo.create_hook("web", {"url": hook_url, "content_type": "json", "secret": SECRET}, ["push", "issues"])
    try:
        repo.create_hook("web", {"url": hook_url, "content_type": "json"}, ["push"])
        duplicate = "was made"
    except GithubException as error:
        duplicate = error.data["errors"][0]["message"]
    hook.ping()
    hook.edit("web", {"url": hook_url, "content_type": "json", "secret": SECRET}, events=["*"])
    seen = repo.get_hook(hook.id)
    deliveries = [(d.event, d.status_code) for d in repo.get_hook_deliveries(hook.id)]
    return {
        "id": hook.id,
        "events": seen.events,
        "config": seen.config,
        "duplicate": duplicate,
        "deliveries": deliveries,
    }


def threads(repo: Any) -> dict[str, object]:
    """Open, talk, review, merge."""
    issue = repo.create_issue("Rocket leaks", body="It does.", assignees=["bob"], labels=["bug"])
    comment = issue.create_comment("Where?")
    comment.edit("Where exactly?")
    issue.edit(state="closed")
    pull = repo.get_pull(1)
    files = [(f.filename, f.status, f.patch) for f in pull.get_files()]
    pull.create_issue_comment("Nice")
    review = pull.create_review(body="Go", event="APPROVE")
    merged = pull.merge()
    return {
        "issue": [issue.number, issue.state, issue.user.login, [a.login for a in issue.assignees]],
        "comments": [c.body for c in issue.get_comments()], "files": files, "review": review.state,
        "reviews": [(r.user.login, r.state) for r in pull.get_reviews()], "merged": merged.merged,
        "state": repo.get_pull(1).state, "head": pull.head.ref, "author": pull.user.login,
    }  # fmt: skip


def main(url: str, hook_url: str) -> None:
    """Go through everything once."""
    client = Github(auth=Auth.Token("tok_ann"), base_url=url, per_page=2, retry=None, **PACE)
    me = client.get_user()
    repo = client.get_repo("acme/rocket")
    run = repo.get_workflow_runs()[0]
    result = {
        "me": [me.login, me.id, me.name], "emails": [e.email for e in me.get_emails()], "scopes": client.oauth_scopes,
        "repos": [r.full_name for r in me.get_repos(sort="full_name")], "private": repo.private,
        "by_id": client.get_repo(repo.id).full_name, "renamed": client.get_repo("acme/old").full_name,
        "permissions": repo.permissions.admin, "hooks": hooks(repo, hook_url), "threads": threads(repo),
        "run": [run.name, run.conclusion, [(j.name, j.conclusion) for j in run.jobs()]],
        "commit": repo.get_commit(repo.get_pull(1).head.sha).commit.author.email,
        "team": [m.login for m in client.get_organization("acme").get_team_by_slug("core").get_members()],
        "limit": client.get_rate_limit().rate.limit,
        "refused": {
            "unknown token": refused(url, "nonsense", "acme/rocket"), "stranger": refused(url, "tok_dora", "acme/plan"),
            "writer": refused(url, "tok_bob", "acme/rocket"),
        },
    }  # fmt: skip
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
