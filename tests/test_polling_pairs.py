"""The same act by a webhook and by a look has the same happening: each is told once, whichever way it comes."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from src.database.models import utc_now
from src.demo.forge import CommitSpec, ForgeEmulator
from src.events import Event
from src.forge import ProjectRef
from src.forges import FORGE_TYPES
from tests import hook_stage
from tests.hook_stage import PATH
from tests.polling_stage import Looks, looking

_AN_HOUR, _A_MINUTE = timedelta(hours=1), timedelta(minutes=1)
Act = Callable[[ForgeEmulator], Awaitable[Any]]

DOCS = CommitSpec(title="Explain", added=("docs/guide.md",), modified=("src/engine.py",))


async def _pull(forge: ForgeEmulator, **more: Any) -> int:
    return await forge.open_pull_request(PATH, "bob", "Warp", source="warp", **more)


async def _closed(forge: ForgeEmulator) -> None:
    await forge.open_issue(PATH, "bob", "Leak")
    await forge.close_issue(PATH, "bob", 1)


async def _shut(forge: ForgeEmulator) -> None:
    await _pull(forge)
    await forge.close(PATH, "bob", 1)


# What is there before the first look, then what happens after it, by name.
ACTS: dict[str, tuple[Act | None, Act]] = {
    "issue opened": (None, lambda f: f.open_issue(PATH, "bob", "Leak", body="cc @carl", assignees=["carl"])),
    "issue closed": (lambda f: f.open_issue(PATH, "bob", "Leak"), lambda f: f.close_issue(PATH, "ann", 1)),
    "issue reopened": (_closed, lambda f: f.reopen_issue(PATH, "ann", 1)),
    "issue assigned": (lambda f: f.open_issue(PATH, "bob", "Leak"), lambda f: f.assign_issue(PATH, "ann", 1, ["carl"])),
    "pull request opened": (
        None,
        lambda f: f.open_pull_request(PATH, "bob", "Warp", body="@carl look", reviewers=["ann"], assignees=["bob"]),
    ),
    "pull request closed": (_pull, lambda f: f.close(PATH, "ann", 1)),
    "pull request merged": (_pull, lambda f: f.merge(PATH, "ann", 1)),
    "pull request reopened": (_shut, lambda f: f.reopen(PATH, "ann", 1)),
    "draft made ready": (lambda f: _pull(f, draft=True), lambda f: f.set_draft(PATH, "bob", 1, False)),
    "review requested": (_pull, lambda f: f.request_review(PATH, "bob", 1, ["ann", "carl"])),
    "review request removed": (
        lambda f: _pull(f, reviewers=["ann"]),
        lambda f: f.remove_review_request(PATH, "bob", 1, ["ann"]),
    ),
    "pull request assigned": (_pull, lambda f: f.assign_pull_request(PATH, "bob", 1, ["carl"])),
    "new commits": (_pull, lambda f: f.push_to_pull_request(PATH, "bob", 1)),
    "approved": (_pull, lambda f: f.review(PATH, "ann", 1, "approved", body="")),
    "commented": (lambda f: f.open_issue(PATH, "bob", "Leak"), lambda f: f.comment(PATH, "ann", "issue", 1, "@carl?")),
    "pull request commented": (_pull, lambda f: f.comment(PATH, "ann", "pull_request", 1, "Hm @bob")),
    "line commented": (_pull, lambda f: f.comment(PATH, "ann", "review", 1, "Here", file="a.py", line=3)),
    "documentation pushed": (None, lambda f: f.push(PATH, "bob", "main", [DOCS])),
    "pipeline failed": (None, lambda f: f.run_pipeline(PATH, "bob", "main", "failed", failed_jobs=["test"])),
    "pipeline succeeded": (None, lambda f: f.run_pipeline(PATH, "bob", "main", "success")),
    "release published": (None, lambda f: f.publish_release(PATH, "ann", "v1.0", body="Notes")),
    "tag pushed": (None, lambda f: f.push_tag(PATH, "ann", "v0.1")),
    "wiki edited": (None, lambda f: f.edit_wiki(PATH, "ann", "created", "Manual")),
}
# What a list shows without the number that the webhook has; see `twins`.
LIKE = {("wiki edited", "gitlab")}


@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize("name", ACTS)
async def test_a_look_and_a_webhook_tell_of_one_happening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str
) -> None:
    before, act = ACTS[name]
    # A second that turned in the midst of an act would be in the one of the two and not in the other.
    moment = utc_now()
    monkeypatch.setattr(hook_stage, "utc_now", lambda: moment)
    async with looking(tmp_path, kind, one_clock=True) as looks:
        forge, type_ = looks.life.forge, FORGE_TYPES[kind]
        if before is not None:
            await before(forge)
        looks.life.clock.ahead += _AN_HOUR
        client, ref = looks.life.client("ann"), ProjectRef(external_id=_id(looks), path=PATH)
        first = await client.poll(ref, type_.polled_names, None)
        assert first.deliveries == ()
        await act(forge)
        second = await client.poll(ref, type_.polled_names, first.state)
        polled = [event for found in second.deliveries for event in looks.parse(found)]
        told = _as_webhooks(looks, kind)
        assert sorted(e.names[0] for e in polled) == sorted(e.names[0] for e in told)
        if (name, kind) not in LIKE:
            assert sorted(event.happening for event in polled) == sorted(event.happening for event in told)
        by = {event.happening: event for event in told}
        for event in polled:
            twin = by.get(event.happening)
            if twin is not None:
                assert _who(event) == _who(twin)
        assert (await client.poll(ref, type_.polled_names, second.state)).deliveries == ()


def _as_webhooks(looks: Looks, kind: str) -> list[Event]:
    """What the webhooks of the act would have said, were there any."""
    codec, header = FORGE_TYPES[kind].codec, {"github": "x-github-event", "gitlab": "x-gitlab-event"}[kind]
    events: list[Event] = []
    project = looks.life.forge.world.project(PATH)  # type: ignore[attr-defined]  # the emulators' own
    for item in project.history:
        if item.at >= looks.life.clock() - _A_MINUTE:
            events += codec.parse({header: item.event}, orjson.dumps(item.payload))
    names = FORGE_TYPES[kind].polled_names
    return [event for event in events if event.names[0] in names]


def _who(event: Event) -> Any:
    people = event.people
    targets = event.addressed
    return (
        event.subject.key,
        event.actor.login if event.actor else None,
        people.author.id if people.author else None,
        sorted(person.login or "" for person in people.assignees),
        sorted(person.login or "" for person in people.reviewers),
        sorted(people.mentioned),
        sorted(person.login or "" for person in targets.people) if targets else None,
        event.excerpt,
    )


def _id(looks: Looks) -> str:
    return str(looks.life.forge.world.project(PATH).id)  # type: ignore[attr-defined]  # the emulators' own
