"""What is on a forge, as JSON for the page. No secret of a webhook is ever in it."""

import re

from src.demo import standing
from src.demo.forge import DeliveryRecord, Hook
from src.demo.forge.state import Comment, Group, HookHome, Issue, Project, PullRequest, Run
from src.demo.playground.traffic import Emulator, Json, delivery_view, homes_of, hooks_of
from src.forges import FORGE_TYPES
from src.markdown import is_marked

_SHOWN = 200  # deliveries of a project
_SUGGESTION = re.compile(r"(?ms)^(`{3,})suggestion[^\n]*\n(.*?\n)\1\n*")


def overview(forge: Emulator) -> Json:
    """The forge with its projects; those with a webhook first."""
    rows = [
        {
            "path": project.path, "private": project.private, "hooks": sum(1 for _ in hooks_of(forge, project)),
            "pulls": sum(pull.state == "open" for pull in project.pulls.values()),
        }
        for project in sorted(forge.world.projects.values(), key=lambda project: project.path)
    ]  # fmt: skip
    rows.sort(key=lambda row: not row["hooks"])
    return {"kind": forge.kind, "url": forge.web_url, "outage": forge.present_outage or "well", "projects": rows}


def project_page(forge: Emulator, project: Project) -> Json:
    """All that is in a project, newest first."""
    return {
        "forge": forge.kind, "path": project.path, "private": project.private, "members": dict(project.members),
        "mark": FORGE_TYPES[forge.kind].pull_request_mark,
        "pulls": [_pull(project, pull) for pull in reversed(project.pulls.values())],
        "issues": [_issue(project, issue) for issue in reversed(project.issues.values())],
        "hooks": [_hook(forge, home, hook) for home, hook in hooks_of(forge, project)],
        "deliveries": [delivery_view(record) for record in deliveries_of(forge, project)[:_SHOWN]],
    }  # fmt: skip


def deliveries_of(forge: Emulator, project: Project) -> list[DeliveryRecord]:
    """Those of its webhooks, gone ones too, and of those of the groups above it; newest first."""
    records = [record for home in homes_of(forge, project) for record in home.deliveries.values()]
    return sorted(records, key=lambda record: record.number, reverse=True)


def _pull(project: Project, pull: PullRequest) -> Json:
    verdicts = {review.author: review.state for review in pull.reviews if review.state != "commented"}
    verdicts |= {login: state.replace("requested_changes", "changes_requested")
                 for login, state in pull.verdicts.items() if state != "unreviewed"}  # fmt: skip
    runs = [run for run in project.runs.values() if run.pull_request == pull.number or run.branch == pull.source]
    return {
        "number": pull.number, "title": pull.title, "body": pull.body, "author": pull.author,
        "state": "draft" if pull.draft and pull.state == "open" else pull.state, "source": pull.source,
        "target": pull.target, "reviewers": [*pull.reviewers, *pull.teams], "verdicts": verdicts,
        "comments": [_comment(comment) for comment in project.comments_on("pull_request", pull.number)],
        "threads": [_line_thread(one) for one in standing.threads(project, pull.number)],
        "review": _status(project, pull),
        "runs": [_run(run) for run in runs], "commits": _commits(project, pull),
    }  # fmt: skip


def _commits(project: Project, pull: PullRequest) -> int:
    """How many commits lie between the default branch's and the pull request's."""
    count, sha = 0, pull.head_sha
    while sha != pull.base_sha and sha in project.commits:
        count += 1
        parents = project.commits[sha].parents
        sha = parents[0] if parents else pull.base_sha
    return count


def _issue(project: Project, issue: Issue) -> Json:
    return {
        "number": issue.number, "title": issue.title, "body": issue.body, "author": issue.author, "state": issue.state,
        "assignees": issue.assignees, "confidential": issue.confidential,
        "comments": [_comment(comment) for comment in project.comments_on("issue", issue.number)],
    }  # fmt: skip


def _comment(comment: Comment) -> Json:
    """What a review wrote is shown as a page shows it, a change that it offers apart."""
    body, offered = comment.body, None
    if is_marked(body):
        found = _SUGGESTION.search(body)
        offered = found[2].rstrip("\n") if found else None
        body = re.sub(r"\*\*|`+", "", standing.as_read(_SUGGESTION.sub("", body)))
    return {"author": comment.author, "body": body, "offered": offered, "at": comment.updated_at.timestamp()}


def _line_thread(one: standing.Standing) -> Json:
    return {
        "id": one.thread.id, "place": one.place, "resolved_by": one.thread.resolved_by,
        "comments": [_comment(comment) for comment in one.comments],
    }  # fmt: skip


def _status(project: Project, pull: PullRequest) -> Json | None:
    """What the newest commit says of its review."""
    status = standing.status(project, pull.number)
    return None if status is None else {"state": status.state, "text": status.description}


def _run(run: Run) -> Json:
    jobs = [job.name for job in run.jobs if job.status == "failed"]
    return {"name": run.name, "number": run.number, "status": run.status, "failed": jobs}


def _hook(forge: Emulator, home: HookHome, hook: Hook) -> Json:
    return {
        "id": hook.id, "home": home.path, "group": isinstance(home, Group), "url": hook.url,
        "events": sorted(hook.events), "active": hook.active and forge.may_receive(hook), "status": hook.last_status,
        "failures": hook.failures, "secret": bool(hook.secret or hook.signing_token),
    }  # fmt: skip
