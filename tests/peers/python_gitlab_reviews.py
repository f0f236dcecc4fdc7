"""What python-gitlab sees of a review on the GitLab emulator; run as ``python_gitlab_reviews.py URL``.

Prints one JSON object, which `test_gitlab_review_peer.py` judges. Imports nothing of ours.
"""

import json
import sys
from typing import Any

from gitlab import Gitlab, GitlabCreateError  # type: ignore[import-not-found]  # lives in an environment of its own


def place(request: Any, **line: int) -> dict[str, Any]:
    """A position on the newest version of a merge request, as GitLab's documentation makes one."""
    newest = request.diffs.list(get_all=True)[0]
    return {
        "base_sha": newest.base_commit_sha, "start_sha": newest.start_commit_sha, "head_sha": newest.head_commit_sha,
        "position_type": "text", "old_path": "fuel.py", "new_path": "fuel.py", **line,
    }  # fmt: skip


def talk(request: Any) -> dict[str, object]:
    """A thread on a line, a refused one, an answer, a resolution; and a note on the whole."""
    thread = request.discussions.create({"body": "Why?", "position": place(request, new_line=2)})
    try:
        request.discussions.create({"body": "Why?", "position": place(request, new_line=1)})
        refused = [0, "was let in"]
    except GitlabCreateError as error:
        refused = [error.response_code, error.error_message]
    thread.notes.create({"body": "Because."})
    thread.resolved = True
    thread.save()
    request.notes.create({"body": "In all: good."})
    found = request.discussions.list(get_all=True)
    on_lines = [one.attributes["notes"] for one in found if "position" in one.attributes["notes"][0]]
    return {
        "refused": refused,
        "threads": [[[note["body"], note["type"], note["resolved"]] for note in notes] for notes in on_lines],
        "position": {key: on_lines[0][0]["position"][key] for key in ("new_path", "new_line", "old_line")},
        "resolved by": on_lines[0][0]["resolved_by"]["username"],
        "others": [one.attributes["notes"][0]["body"] for one in found if one.attributes["individual_note"]],
    }


def main(url: str) -> None:
    """Go through everything once."""
    client = Gitlab(url, private_token="tok_ann", per_page=2, retry_transient_errors=False)
    project = client.projects.get("acme/rocket")
    request = project.mergerequests.get(1)
    commit = project.commits.get(request.sha)
    commit.statuses.create({"state": "pending", "name": "review"})
    commit.statuses.create({"state": "failed", "name": "review", "description": "1 problem"})
    file = project.files.get("fuel.py", ref=request.sha)
    result = {
        "talk": talk(request),
        "statuses": [[s.name, s.status, s.description] for s in commit.statuses.list(get_all=True)],
        "file": file.decode().decode(),
        "base": project.repository_merge_base(["main", request.sha])["id"] == request.diff_refs["base_sha"],
        "versions": len(request.diffs.list(get_all=True)),
        "version": [d["new_path"] for d in request.diffs.get(request.diffs.list(get_all=True)[0].id).diffs],
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
