"""Who hears of pipelines: who started them, wrote the commit or opened the pull request; a success only as a mend."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from src.events import DEFAULT_NAMES, Person, PipelineEvent
from tests.payloads import document
from tests.relay import Relay, running_relay


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path) as running:
        yield running


def run(case: str, number: int, minute: int) -> bytes:
    """A workflow run of its own number, at a minute of its own."""
    payload = document(f"github/workflow_run__completed_{case}")
    moment = f"2026-03-02T10:{minute:02}:00Z"
    payload["workflow_run"] |= {"id": 9000 + number, "run_number": number, "created_at": moment, "updated_at": moment}
    return orjson.dumps(payload)


async def test_success_is_told_only_when_it_mends_a_failure(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    ann = await relay.follow("ann", project)
    for number, case in enumerate(("success", "success", "failure", "failure", "success", "success"), start=1):
        await relay.deliver(hook, f"github/workflow_run__completed_{case}", body=run(case, number, number))
    told = await relay.told(ann)
    assert [item.name for item in told] == ["pipeline.failed", "pipeline.failed", "pipeline.success"]
    assert isinstance(told[-1].event, PipelineEvent)
    assert told[-1].event.fixed


async def test_a_failed_run_that_is_tried_again_and_passes_is_fixed(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    ann = await relay.follow("ann", project)
    await relay.deliver(hook, "github/workflow_run__completed_failure", body=run("failure", 1, 1))
    again = orjson.loads(run("success", 1, 2))  # a second attempt keeps the run's number
    again["workflow_run"]["run_attempt"] = 2
    await relay.deliver(hook, "github/workflow_run__completed_success", body=orjson.dumps(again))
    told = await relay.told(ann)
    assert [item.event.names for item in told] == [("pipeline.failed",), ("pipeline.success", "pipeline.fixed")]


async def test_every_success_where_it_was_chosen(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    ann = await relay.follow("ann", project, names=DEFAULT_NAMES | {"pipeline.success"})
    for number in (1, 2):
        await relay.deliver(hook, "github/workflow_run__completed_success", body=run("success", number, number))
    assert len(await relay.told(ann)) == 2


async def test_who_wrote_the_commit_by_e_mail(relay: Relay) -> None:
    project = await relay.add_project("gitlab", private=True)
    hook = await relay.add_hook(project, "gitlab")
    email = document("gitlab/pipeline_hook__failed")["commit"]["author"]["email"]
    dora = await relay.follow("dora", project, kind="gitlab", emails=(email,))
    await relay.deliver(hook, "gitlab/pipeline_hook__failed")
    assert [told.reasons for told in await relay.told(dora)] == [("committed",)]


async def test_who_opened_the_pull_request(relay: Relay) -> None:
    project = await relay.add_project("gitlab", private=True)
    hook = await relay.add_hook(project, "gitlab")
    relay.forge.pull_author = Person(id="14", login="dora")
    dora = await relay.follow("dora", project, kind="gitlab")
    payload = document("gitlab/pipeline_hook__merge_request")
    payload["object_attributes"] |= {"status": "failed", "detailed_status": "failed"}
    await relay.deliver(hook, "gitlab/pipeline_hook__merge_request", body=orjson.dumps(payload))
    assert [told.reasons for told in await relay.told(dora)] == [("author",)]


async def test_failed_jobs_are_named(relay: Relay) -> None:
    project = await relay.add_project("gitlab", private=True)
    hook = await relay.add_hook(project, "gitlab")
    team = await relay.follow("dora", project, kind="gitlab", scope="all", group=-1001)
    await relay.deliver(hook, "gitlab/pipeline_hook__failed")
    (told,) = await relay.told(team)
    assert isinstance(told.event, PipelineEvent)
    assert told.event.failed_jobs
    assert "pipeline" not in relay.forge.calls  # the payload names them


async def test_child_pipelines_only_where_chosen(relay: Relay) -> None:
    project = await relay.add_project("gitlab", private=True)
    hook = await relay.add_hook(project, "gitlab")
    names = {f"pipeline.{status}" for status in ("running", "success", "failed", "canceled", "fixed")}
    without = await relay.follow("ann", project, kind="gitlab", names=names, scope="all", group=-1001)
    with_children = await relay.follow(
        "ann", project, kind="gitlab", names=names | {"pipeline.child"}, scope="all", group=-1002
    )
    await relay.deliver(hook, "gitlab/pipeline_hook__child")
    assert await relay.told(without) == []
    assert len(await relay.told(with_children)) == 1
