"""The HTTP side: what is answered to whom, and that what is answered 202 is on disk."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import orjson
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from src.app import Instance, Site, prepare
from src.database.crypto import SecretBox
from src.database.models import Hook, Project, utc_now
from src.events import ALL_NAMES
from src.forges import FORGE_TYPES
from src.webhook import bodies
from src.webhook.bodies import Budget
from tests.payloads import document, load, sign_github
from tests.relay import SECRET, Relay, running_relay

OPENED = "github/pull_request__opened"


@pytest.fixture
async def relay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path) as running:
        yield running
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
async def hook(relay: Relay) -> str:
    return await relay.add_hook(await relay.add_project())


async def test_accepted_means_stored(relay: Relay, hook: str) -> None:
    assert await relay.deliver(hook, OPENED, settle=False) == 202
    (delivery,) = await relay.deliveries()
    assert delivery.event == "pull_request"
    assert set(delivery.headers) <= {"x-github-event", "content-type"}


async def test_unknown_hook_and_unknown_forge(relay: Relay, hook: str) -> None:
    headers, body = load(OPENED)
    headers |= sign_github(body, SECRET)
    for address in ("/webhook/github/nothing", "/webhook/gitlab/hook1", "/webhook/svn/hook1", "/webhook/github"):
        assert await relay.post(address, headers, body) == 404
    assert await relay.deliveries() == []


@pytest.mark.parametrize(
    "signature",
    [{}, {"X-Hub-Signature-256": "sha256=00"}, {"X-Hub-Signature": "sha1=00"}, {"X-Hub-Signature-256": "ÿÿ"}],
    ids=["missing", "wrong", "only SHA-1", "not ASCII"],
)
async def test_bad_signature(relay: Relay, hook: str, signature: dict[str, str]) -> None:
    headers, body = load(OPENED)
    assert await relay.post(hook, headers | signature, body) == 401
    assert await relay.deliveries() == []
    (entry,) = await relay.log()
    assert (entry.kind, entry.outcome) == ("webhook_error", "bad_signature")


async def test_many_bad_signatures_do_not_fill_the_log(relay: Relay, hook: str) -> None:
    headers, body = load(OPENED)
    for _ in range(20):
        assert await relay.post(hook, headers, body) == 401
    assert [entry.outcome for entry in await relay.log()] == ["bad_signature", "signature_burst"]


async def test_the_secret_of_another_hook_does_not_open_this_one(relay: Relay, hook: str) -> None:
    headers, body = load(OPENED)
    assert await relay.post(hook, headers | sign_github(body, "another secret"), body) == 401


async def test_previous_secret_is_good_for_its_day_and_no_longer(relay: Relay, hook: str) -> None:
    headers, body = load(OPENED)
    headers |= sign_github(body, "the old secret")
    for offset, status in ((timedelta(hours=1), 202), (timedelta(seconds=-1), 401)):
        async with relay.database.write() as session:
            row = await session.get_one(Hook, 1)
            row.previous_secret, row.previous_secret_until = relay.box.seal("the old secret"), utc_now() + offset
        assert await relay.post(hook, headers, body) == status


async def test_a_removed_hook_still_answers_202_and_tells_nothing(relay: Relay, hook: str) -> None:
    async with relay.database.write() as session:
        (await session.get_one(Hook, 1)).removed_at = utc_now()
    assert await relay.deliver(hook, OPENED) == 202
    assert await relay.deliveries() == []


@pytest.mark.parametrize(("days", "count"), [(0, 1), (2, 0)])
async def test_what_a_removed_hook_brings_late_is_told_to_those_who_still_follow(
    relay: Relay, hook: str, days: int, count: int
) -> None:
    """Another hook took over: what was under way then is news that nobody else brings."""
    carl = await relay.follow("carl", 1)
    async with relay.database.write() as session:
        (await session.get_one(Hook, 1)).removed_at = utc_now() - timedelta(days=days)
    assert await relay.deliver(hook, OPENED) == 202
    assert len(await relay.told(carl)) == count


async def test_a_removed_hook_is_forgotten_after_30_days(relay: Relay, hook: str) -> None:
    for days, status in ((29, 202), (31, 404)):
        async with relay.database.write() as session:
            (await session.get_one(Hook, 1)).removed_at = utc_now() - timedelta(days=days)
        assert await relay.deliver(hook, OPENED) == status
    assert await relay.deliveries() == []


async def test_a_secret_that_the_forge_is_being_told_of_is_good_already(relay: Relay, hook: str) -> None:
    async with relay.database.write() as session:
        (await session.get_one(Hook, 1)).next_secret = relay.box.seal("the next secret")
    headers, body = load(OPENED)
    assert await relay.post(hook, headers | sign_github(body, "the next secret"), body) == 202
    assert await relay.post(hook, headers | sign_github(body, SECRET), body) == 202


async def test_what_is_known_by_heart_is_looked_up_anew_before_a_delivery_is_refused(tmp_path: Path) -> None:
    headers, body = load(OPENED)
    async with running_relay(tmp_path, work=False, remember=60) as relay:
        hook = await relay.add_hook(await relay.add_project())
        assert await relay.deliver(hook, OPENED, settle=False) == 202
        async with relay.database.write() as session:
            (await session.get_one(Hook, 1)).secret = relay.box.seal("changed by another process")
        assert await relay.post(hook, headers | sign_github(body, "changed by another process"), body) == 202
        assert await relay.post(hook, headers | sign_github(body, "of nobody"), body) == 401
        assert await relay.post(hook, headers | sign_github(body, SECRET), body) == 401  # it was forgotten, too


async def test_an_old_secret_that_cannot_be_decrypted_does_no_harm(relay: Relay, hook: str) -> None:
    lost = SecretBox([Fernet.generate_key().decode()]).seal("lost with its key")
    async with relay.database.write() as session:
        row = await session.get_one(Hook, 1)
        row.previous_secret, row.previous_secret_until = lost, utc_now() + timedelta(hours=1)
        row.next_secret = lost
    assert await relay.deliver(hook, OPENED) == 202


@pytest.mark.parametrize(("group", "state"), [("acme", "done"), ("Acme", "done"), ("acm", "quarantined")])
async def test_the_hook_of_a_group_speaks_of_its_own_projects_only(relay: Relay, group: str, state: str) -> None:
    project = await relay.add_project()
    carl = await relay.follow("carl", project)
    address = await relay.add_hook(None)
    async with relay.database.write() as session:
        (await session.get_one(Hook, 1)).group_path = group
    assert await relay.deliver(address, OPENED) == 202
    assert [delivery.state for delivery in await relay.deliveries()] == [state]
    assert len(await relay.told(carl)) == (state == "done")


async def test_who_knows_the_secret_of_a_hook_made_by_hand_opens_no_private_project(relay: Relay) -> None:
    """The payload calls the project public and by another name: that would let everybody read of it."""
    project = await relay.add_project(private=True, path="acme/vault")
    carl = await relay.follow("carl", project, scope="all")
    relay.forge.no_access.add("token-of-carl")
    assert await relay.deliver(await relay.add_hook(project, origin="manual"), OPENED) == 202
    assert await relay.told(carl) == []
    async with relay.database.read() as session:
        row = await session.get_one(Project, project)
    assert (row.path, row.private) == ("acme/vault", True)


@pytest.mark.parametrize(
    ("trouble", "age", "count"),
    [(None, timedelta(), 0), ("gone", timedelta(), 1), (None, timedelta(hours=1), 1)],
    ids=["in order", "in trouble", "not looked at"],
)
async def test_a_hook_made_by_hand_is_not_believed_beside_one_of_ours_that_delivers(
    relay: Relay, hook: str, trouble: str | None, age: timedelta, count: int
) -> None:
    """What happened, ours brings; what only the other brings may be made up by who knows its secret."""
    carl = await relay.follow("carl", 1)
    async with relay.database.write() as session:
        ours = await session.get_one(Hook, 1)
        ours.remote_id, ours.last_error, ours.checked_at = "7", trouble, utc_now() - age
    assert await relay.deliver(await relay.add_hook(1, origin="manual"), OPENED) == 202
    assert len(await relay.told(carl)) == count
    await relay.deliver(hook, OPENED)
    assert len(await relay.told(carl)) == 1


async def test_hook_of_the_environment(relay: Relay) -> None:
    project = await relay.add_project()
    address = await relay.add_hook(None, origin="environment")
    carl = await relay.follow("carl", project)
    assert await relay.deliver(address, OPENED) == 202
    assert len(await relay.told(carl)) == 1


async def test_a_secret_taken_out_of_the_environment_is_good_no_longer(relay: Relay) -> None:
    await relay.add_project()
    forge = Instance(kind="github", base_url="https://forge.example.org")
    headers, body = load(OPENED)
    headers |= sign_github(body, SECRET)
    for secrets, status in (({"github": SECRET}, 202), ({}, 404), ({"github": SECRET}, 202)):
        site = Site(types=dict(FORGE_TYPES), instances=(forge,), hook_secrets=secrets)
        await prepare(relay.database, site, relay.box)
        assert await relay.post("/webhook/github", headers, body) == status


async def test_a_secret_that_cannot_be_decrypted_is_a_503_said_once(
    relay: Relay, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with relay.database.write() as session:
        (await session.get_one(Hook, 1)).secret = SecretBox([Fernet.generate_key().decode()]).seal(SECRET)
    headers, body = load(OPENED)
    for _ in range(3):
        assert await relay.post(hook, headers | sign_github(body, SECRET), body) == 503
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert "SECRET_KEYS" in said
    caplog.clear()


async def test_one_projects_hook_cannot_speak_of_another(relay: Relay) -> None:
    project = await relay.add_project()
    other = await relay.add_project(external_id="777", path="acme/other")
    address = await relay.add_hook(other)
    carl = await relay.follow("carl", project)
    assert await relay.deliver(address, OPENED) == 202
    assert await relay.told(carl) == []
    (delivery,) = await relay.deliveries()
    assert (delivery.state, delivery.error) == ("quarantined", "speaks of another project")


async def test_compressed_and_oversized_bodies_are_refused_unread(relay: Relay, hook: str) -> None:
    headers, body = load(OPENED)
    headers |= sign_github(body, SECRET)
    assert await relay.post(hook, headers | {"Content-Encoding": "gzip"}, body) == 415
    too_large = BytesIO(b"x" * (bodies.MAX_BODY + 1))
    async with relay.client.post(hook, headers=headers, data=too_large) as response:
        assert response.status == 413


async def test_a_body_without_declared_length_is_bounded_too(relay: Relay, hook: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(26):
            yield b"x" * 1024 * 1024

    async with relay.client.post(hook, data=endless()) as response:
        assert response.status == 413


async def test_a_body_that_trickles_is_cut(relay: Relay, hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_SECONDS", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.5)
        yield b"}"

    async with relay.client.post(hook, data=slow()) as response:
        assert response.status == 408


async def test_the_budget_of_bytes_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    from aiohttp import web

    monkeypatch.setattr(bodies, "_PATIENCE", 0.02)
    budget = Budget(large=100, small=100, reserve=0)
    announced = 25 * 1024 * 1024
    async with budget.share(announced) as one, budget.share(announced) as other, budget.share(50) as small:
        await one.charge(60)  # what was announced costs nothing, what came does
        with pytest.raises(web.HTTPServiceUnavailable) as refused:
            await other.charge(60)
        assert refused.value.headers["Retry-After"] == "10"
        await small.charge(100)  # small bodies have memory of their own
    async with budget.share(announced) as one:
        await one.charge(100)  # all of it is free again


BAD_BODIES = {
    "invalid UTF-8": b'{"action": "\xff\xfe"}',
    "NaN": b'{"action": NaN}',
    "nested": b"[" * 5000 + b"]" * 5000,
    "a lone surrogate": b'{"action": "\\ud800"}',
    "an array": b"[]",
    "nothing": b"",
    "not JSON": b"action=opened",
    "null fields": b'{"action": "opened", "pull_request": null, "repository": null, "sender": null}',
    "missing fields": b'{"action": "opened"}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_an_authentic_delivery_is_accepted_whatever_is_in_it(relay: Relay, hook: str, body: bytes) -> None:
    assert await relay.deliver(hook, OPENED, body=body) == 202
    (delivery,) = await relay.deliveries()
    assert delivery.state == "quarantined"
    (entry,) = await relay.log()
    assert (entry.kind, entry.outcome, entry.delivery_id) == ("webhook_error", "quarantined", delivery.id)
    assert body.decode(errors="replace")[:40] not in entry.message or not body


async def test_null_and_missing_project_fields_on_gitlab(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project("gitlab"), "gitlab")
    for field in ("project", "object_attributes", "user"):
        payload = document("gitlab/merge_request_hook__open") | {field: None}
        assert await relay.deliver(hook, "gitlab/merge_request_hook__open", body=orjson.dumps(payload)) == 202
    assert {delivery.state for delivery in await relay.deliveries()} <= {"quarantined", "done"}


async def test_event_names_never_seen_are_counted_and_logged(relay: Relay, hook: str) -> None:
    headers, body = load(OPENED)
    headers |= sign_github(body, SECRET) | {"X-GitHub-Event": "teleport"}
    assert await relay.post(hook, headers, body) == 202
    await relay.settle()
    (delivery,) = await relay.deliveries()
    assert delivery.state == "unknown"
    assert (await relay.log())[0].message == "unknown event teleport"
    await _counted(relay, 'git_assistant_unknown_events_total{forge="github"} 1.0')


async def test_form_encoded_deliveries(relay: Relay, hook: str) -> None:
    from urllib.parse import urlencode

    dora = await relay.follow("carl", 1, names=ALL_NAMES)
    headers, body = load(OPENED)
    form = urlencode({"payload": body.decode()}).encode()
    headers |= {"Content-Type": "application/x-www-form-urlencoded"} | sign_github(form, SECRET)
    assert await relay.post(hook, headers, form) == 202
    await relay.settle()
    assert len(await relay.told(dora)) == 1


async def test_a_failed_delivery_that_arrives_again_is_tried_again(relay: Relay, hook: str) -> None:
    carl = await relay.follow("carl", 1)
    await relay.deliver(hook, OPENED, key="again")
    async with relay.database.write() as session:
        for table in ("messages", "events"):
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - names of ours
        await session.execute(text("UPDATE deliveries SET state = 'failed'"))
    await relay.deliver(hook, OPENED, key="again")
    assert len(await relay.told(carl)) == 1


async def test_a_database_that_cannot_be_written_is_a_503(
    relay: Relay, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    if relay.database.is_sqlite:
        refuse = "CREATE TRIGGER refusal BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'no'); END"
        accept = "DROP TRIGGER refusal"
    else:
        refuse = "ALTER TABLE deliveries ADD CONSTRAINT refusal CHECK (false) NOT VALID"
        accept = "ALTER TABLE deliveries DROP CONSTRAINT refusal"
    async with relay.database.write() as session:
        await session.execute(text(refuse))
    assert await relay.deliver(hook, OPENED, settle=False) == 503
    async with relay.database.write() as session:
        await session.execute(text(accept))
    assert await relay.deliver(hook, OPENED, settle=False) == 202
    caplog.clear()  # the 503 logs its cause


async def test_health_readiness_and_metrics(relay: Relay, hook: str) -> None:
    await relay.deliver(hook, OPENED)
    async with relay.client.get("/healthz") as response:
        assert await response.json() == {"status": "ok", "instance": "tests"}
    async with relay.client.get("/readyz") as response:
        assert response.status == 200
        assert (await response.json())["parts"] == {"database": "ok", "migrations": "ok"}
    metrics = await _metrics(relay)
    assert 'git_assistant_webhook_requests_total{forge="github",status="202"} 1.0' in metrics
    await _counted(relay, 'git_assistant_deliveries_total{forge="github",outcome="done"} 1.0')


async def test_deliveries_that_wait_together_are_committed_together(relay: Relay, hook: str) -> None:
    answers = await asyncio.gather(
        *(relay.deliver(hook, OPENED, body=_numbered(number), settle=False) for number in range(60))
    )
    assert set(answers) == {202}
    await relay.settle()
    assert len(await relay.deliveries()) == 60
    commits = next(line for line in (await _metrics(relay)).splitlines() if "commit_deliveries_count" in line)
    assert float(commits.split()[-1]) < 60


async def _metrics(relay: Relay) -> str:
    async with relay.client.get("/metrics") as response:
        return await response.text()


def _numbered(number: int) -> bytes:
    payload = document(OPENED)
    payload["number"] = payload["pull_request"]["number"] = 100 + number
    return orjson.dumps(payload)


async def _counted(relay: Relay, line: str) -> None:
    """What is done is counted a moment after it stands in the database."""
    async with asyncio.timeout(30):
        while line not in await _metrics(relay):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
