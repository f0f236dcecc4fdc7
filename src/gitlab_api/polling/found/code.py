"""Pipelines, pushes, the wiki, releases: what is about no thread."""

from collections.abc import Iterator
from datetime import datetime

from src.gitlab_api.polling.found.look import TOLD_PIPELINES, Act, Json, Look, moment_of, user

_WIKI = {"created": "create", "updated": "update", "deleted": "delete", "destroyed": "delete"}
_NO_COMMIT = "0" * 40


def code_acts(look: Look) -> Iterator[Act]:
    """What happened beside the threads."""
    yield from _pipelines(look)
    for event in look.fresh.get("events", []):
        yield from _event(look, event)
    for release in look.fresh.get("releases", []):
        yield _release(release)


def _pipelines(look: Look) -> Iterator[Act]:
    for short in look.changed_pipelines:
        run = look.pipelines.get(short["id"], short)
        if run["status"] not in TOLD_PIPELINES:
            continue
        commit = look.commits.get(run["sha"])
        attributes = {
            name: run.get(name)
            for name in ("id", "name", "ref", "tag", "sha", "source", "status", "created_at", "finished_at", "duration")
        } | {"url": run.get("web_url")}
        author = commit and {"name": commit.get("author_name"), "email": commit.get("author_email")}
        payload = {
            "object_kind": "pipeline",
            "object_attributes": attributes,
            "user": user(run.get("user")),
            "commit": commit and {"id": commit["id"], "title": commit.get("title"), "author": author},
        }
        key = f"pipeline:{run['id']}:{run['status']}:{run.get('finished_at')}"
        yield Act(moment_of(run, "updated_at"), "Pipeline Hook", key, payload)


def _event(look: Look, event: Json) -> Iterator[Act]:
    """Pushes and the wiki, from the project's list of events."""
    at, key = moment_of(event, "created_at"), f"event:{event['id']}"
    if event.get("push_data"):
        yield _push(look, event, at, key)
    elif event.get("target_type") == "WikiPage::Meta" and event.get("wiki_page"):
        action = _WIKI.get(event["action_name"])
        if action is not None:
            slug = event["wiki_page"]["slug"]
            attributes = {
                "slug": slug, "title": event["wiki_page"].get("title") or event.get("target_title"), "action": action,
                "url": f"{look.home['web_url']}/-/wikis/{slug}", "version_id": key, "created_at": event["created_at"],
            }  # fmt: skip
            payload = {
                "object_kind": "wiki_page", "user": user(event.get("author")), "object_attributes": attributes,
            }  # fmt: skip
            yield Act(at, "Wiki Page Hook", key, payload)


def _push(look: Look, event: Json, at: datetime, key: str) -> Act:
    push, by = event["push_data"], event.get("author") or {}
    is_tag = push["ref_type"] == "tag"
    after, found = push.get("commit_to") or _NO_COMMIT, look.compared.get(push.get("commit_to") or "")
    payload = {
        "object_kind": "tag_push" if is_tag else "push",
        "ref": f"refs/{'tags' if is_tag else 'heads'}/{push['ref']}",
        "before": push.get("commit_from") or _NO_COMMIT,
        "after": after,
        "checkout_sha": push.get("commit_to"),
        "user_id": by.get("id"),
        "user_name": by.get("name"),
        "user_username": by.get("username"),
        "commits": _commits(found) if found and not is_tag else [],
        "total_commits_count": push.get("commit_count"),
    }
    return Act(at, "Tag Push Hook" if is_tag else "Push Hook", key, payload)


def _commits(found: Json) -> list[Json]:
    """The commits of a comparison. Which of them touched a file it does not say: the newest is given all."""
    commits: list[Json] = [
        {
            "id": one["id"],
            "title": one.get("title"),
            "message": one.get("message"),
            "url": one.get("web_url"),
            "author": {"name": one.get("author_name"), "email": one.get("author_email")},
        }
        for one in found.get("commits") or []
    ]
    if commits:
        files = found.get("diffs") or []
        gone = [file["old_path"] for file in files if file.get("deleted_file") or file.get("renamed_file")]
        new = [file["new_path"] for file in files if file.get("new_file") or file.get("renamed_file")]
        touched = [file["new_path"] for file in files if file["new_path"] not in (*gone, *new)]
        commits[-1] |= {"added": new, "modified": touched, "removed": gone}
    return commits


def _release(release: Json) -> Act:
    payload = {
        "object_kind": "release",
        "action": "create",
        "tag": release["tag_name"],
        "name": release.get("name"),
        "description": release.get("description"),
        "url": (release.get("_links") or {}).get("self"),
        "created_at": release["created_at"],
        "released_at": release.get("released_at"),
        "commit": {"id": (release.get("commit") or {}).get("id")},
    }
    return Act(moment_of(release, "created_at"), "Release Hook", f"release:{release['tag_name']}"[:100], payload)
