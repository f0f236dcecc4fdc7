"""Workflow runs, pushes, tags, the wiki, releases: what is about no thread."""

from collections.abc import Iterator

from src.github_api.polling.found.look import Act, Json, Look, is_nothing, moment_of


def code_acts(look: Look) -> Iterator[Act]:
    """What happened beside the threads."""
    yield from _runs(look)
    yield from _pushes(look)
    yield from _events(look)
    yield from _releases(look)


def _runs(look: Look) -> Iterator[Act]:
    for run in look.fresh.get("runs", []):
        action = {"completed": "completed", "in_progress": "in_progress"}.get(run.get("status") or "")
        if action is not None:
            ended = run.get("conclusion") if action == "completed" else action
            key = f"run:{run['id']}:{run.get('run_attempt') or 1}:{ended}"
            payload = {"action": action, "workflow_run": run, "workflow": {"name": run.get("name")}}
            by = run.get("triggering_actor") or run.get("actor")
            yield Act(moment_of(run, "updated_at"), "workflow_run", key, payload, by)


def _pushes(look: Look) -> Iterator[Act]:
    page = look.repository.get("html_url")
    for act in look.fresh.get("activity", []):
        before, after, found = act["before"], act["after"], look.compared.get(act["after"])
        payload = {
            "ref": act["ref"], "before": before, "after": after, "created": is_nothing(before),
            "deleted": is_nothing(after), "forced": act["activity_type"] == "force_push",
            "compare": f"{page}/compare/{before[:12]}...{after[:12]}" if found else None,
            "commits": _commits(found) if found else [],
            "repository": {**look.repository, "pushed_at": act["timestamp"]},
        }  # fmt: skip
        yield Act(moment_of(act, "timestamp"), "push", f"push:{act['id']}", payload, act.get("actor"))


def _commits(found: Json) -> list[Json]:
    """The commits of a comparison. Which of them touched a file it does not say: the newest is given all."""
    commits: list[Json] = [
        {
            "id": one["sha"],
            "message": one["commit"].get("message"),
            "url": one.get("html_url"),
            "author": {**(one["commit"].get("author") or {}), "username": (one.get("author") or {}).get("login")},
        }
        for one in found.get("commits") or []
    ]
    if commits:
        files = found.get("files") or []
        gone = [file["filename"] for file in files if file["status"] == "removed"]
        gone += [file["previous_filename"] for file in files if file.get("previous_filename")]
        new = [file["filename"] for file in files if file["status"] in ("added", "renamed", "copied")]
        touched = [file["filename"] for file in files if file["filename"] not in (*gone, *new)]
        commits[-1] |= {"added": new, "modified": touched, "removed": gone}
    return commits


def _events(look: Look) -> Iterator[Act]:
    """What only the general list of events tells: the wiki, tags, comments on commits."""
    for event in look.fresh.get("events", []):
        at, found, by = moment_of(event, "created_at"), event.get("payload") or {}, event.get("actor")
        repository = {**look.repository, "pushed_at": event["created_at"]}
        key = f"event:{event['id']}"
        match event["type"]:
            case "GollumEvent":
                yield Act(at, "gollum", key, {"pages": found["pages"]}, by)
            case "CreateEvent" | "DeleteEvent" if found.get("ref_type") == "tag":
                word = "create" if event["type"] == "CreateEvent" else "delete"
                payload = {"ref": found["ref"], "ref_type": "tag", "repository": repository}
                yield Act(at, word, key, payload, by)
            case "CommitCommentEvent":
                yield Act(at, "commit_comment", key, {"action": "created", "comment": found["comment"]}, by)
            case _:
                continue  # the other lists tell of it, sooner and more


def _releases(look: Look) -> Iterator[Act]:
    for release in look.fresh.get("releases", []):
        if not release.get("draft"):
            payload = {"action": "published", "release": release}
            at = moment_of(release, "published_at")
            yield Act(at, "release", f"release:{release['id']}:published", payload, release.get("author"))
