"""What is muted in a chat is told to everybody else, and to nobody there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.database.models import utc_now
from src.database.repositories import mutes
from src.events import ALL_NAMES, PipelineEvent, PipelineStatus, Refs
from src.webhook.fanout import subject_keys
from tests.relay import Relay, running_relay
from tests.rendering import RUN, shared


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path) as found:
        yield found


async def mute(relay: Relay, chat_id: int, subject_key: str, topic_id: int = 0) -> None:
    async with relay.database.write() as session:
        await mutes.put(
            session, project_id=1, subject_key=subject_key, chat_id=chat_id, topic_id=topic_id, now=utc_now()
        )


async def test_a_muted_subject_is_not_told_in_that_chat_and_topic(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    here, there = [await relay.follow("dora", 1, names=ALL_NAMES, scope="all", group=-1000 - n) for n in range(2)]
    await relay.deliver(hook, "github/pull_request__opened")
    (first,) = await relay.told(here)
    await mute(relay, here, first.event.subject.key)
    await mute(relay, there, first.event.subject.key, topic_id=9)
    await relay.deliver(hook, "github/pull_request__closed_merged")
    assert [told.name for told in await relay.told(here)] == ["pull_request.opened"]
    assert [told.name for told in await relay.told(there)] == ["pull_request.opened", "pull_request.merged"]
    assert any("1 muted" in entry.message for entry in await relay.log())


async def test_another_subject_is_still_told(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    here = await relay.follow("dora", 1, names=ALL_NAMES, scope="all", group=-1000)
    await mute(relay, here, "issue:12345")
    await relay.deliver(hook, "github/pull_request__opened")
    assert len(await relay.told(here)) == 1


async def test_a_silent_category_is_told_silently_and_one_that_is_off_is_not(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    dora = await relay.follow("dora", 1, names=ALL_NAMES, scope="all", group=-1000)
    await relay.change_subscription(dora, levels={"comments": "silent", "pull_requests": "off"})
    await relay.deliver(hook, "github/issue_comment__created")
    await relay.deliver(hook, "github/pull_request__opened")
    assert [(told.name, told.level) for told in await relay.told(dora)] == [("comment.issue", "silent")]


def test_a_muted_pull_request_takes_its_pipelines_with_it() -> None:
    run = PipelineEvent(**shared(RUN, refs=Refs(pull_request=5)), status=PipelineStatus.FAILED)
    assert subject_keys(run) == ("pipeline:3001", "pull_request:5")
