"""What forges give may be longer than a column of PostgreSQL takes: it is told all the same, and once."""

import random
import string
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from src.events import ALL_NAMES, CommentEvent, CommentOn, Refs
from tests.outbox import open_outbox
from tests.payloads import document
from tests.relay import Relay, running_relay
from tests.rendering import PR, shared


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path) as running:
        yield running


def words(length: int) -> str:
    """Such as cannot be compressed: an index of PostgreSQL takes some 2,700 bytes of those."""
    chosen = random.Random(length)  # noqa: S311 - no secret
    return "".join(chosen.choice(string.ascii_letters) for _ in range(length))


def changed(name: str, *changes: tuple[tuple[str, ...], str]) -> bytes:
    """A fixture with other words at these places."""
    body: dict[str, Any] = document(name)
    for path, value in changes:
        place = body
        for step in path[:-1]:
            place = place[step]
        assert path[-1] in place
        place[path[-1]] = value
    return orjson.dumps(body)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("github/issues__opened", [(("repository", "full_name"), f"acme/{words(600)}")]),
        ("gitlab/issue_hook__open", [(("project", "path_with_namespace"), f"acme/{words(600)}")]),
        ("github/push__branch", [(("ref",), f"refs/heads/{words(4000)}"), (("after",), words(300))]),
        ("gitlab/push_hook__commits", [(("ref",), f"refs/heads/{words(4000)}"), (("after",), words(300))]),
        ("github/workflow_run__completed_failure", [(("workflow_run", "head_branch"), words(4000))]),
        ("gitlab/pipeline_hook__failed", [(("object_attributes", "ref"), words(4000))]),
    ],
)
async def test_what_is_overlong_is_told_at_the_first_try(
    relay: Relay, name: str, changes: list[tuple[tuple[str, ...], str]]
) -> None:
    kind = name.partition("/")[0]
    project = await relay.add_project(kind)
    carl = await relay.follow("carl", project, kind=kind, names=ALL_NAMES, scope="all")
    await relay.deliver(await relay.add_hook(project, kind), name, body=changed(name, *changes))
    assert [(row.state, row.attempts, row.error) for row in await relay.deliveries()] == [("done", 1, None)]
    assert len(await relay.told(carl)) == 1


async def test_overlong_ids_of_a_comment_are_not_remembered_and_it_is_sent_once(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, speed=200) as box:
        ann = box.tg.person("Ann", started=True)
        sha = words(300)
        await box.put(
            await box.chat(ann.id),
            CommentEvent(
                **shared(PR, refs=Refs(head_sha=sha)), on=CommentOn.REVIEW, comment_id=sha, discussion_id="d4"
            ),
        )
        await box.drain()
        (sent,) = await box.sent()
        assert (sent.comment_id, sent.discussion_id, sent.head_sha) == (None, "d4", None)
        assert await box.states() == ["sent"]
        assert len(box.tg.server.requests_for("sendMessage")) == 1
