"""Bursts of bad signatures are counted, and told to those who run the bot: once a day for each hook."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from src.bot.notice_texts import Facts, word
from src.bot.notices import notice_job
from src.database.jobs import JobRunner
from src.database.models import Forge, Hook, Job, LogEntry, Project, User, utc_now
from src.database.repositories import users
from src.forges import FORGE_TYPES
from src.i18n import translator
from src.webhook.bad_signatures import MANY, TOLD_AGAIN, WITHIN, Bursts, tell
from src.webhook.notices import NOTICE_JOB, Notice
from tests.outbox import Outbox, open_outbox
from tests.payloads import load, sign_github
from tests.relay import SECRET, Relay, running_relay

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
OPENED = "github/pull_request__opened"


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path, work=False) as running:
        yield running


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Outbox]:
    async with open_outbox(tmp_path) as opened:
        yield opened


def test_many_within_ten_minutes_are_a_burst_and_few_or_slow_ones_are_not() -> None:
    slow, fast = Bursts(), Bursts()
    step = WITHIN / MANY
    assert not any(slow.wrong(1, NOW + step * 1.2 * number) for number in range(50))
    assert [fast.wrong(1, NOW + step * number) for number in range(MANY + 5)] == [False] * (MANY - 1) + [True] + [
        False
    ] * 5


def test_each_hook_has_its_own_day() -> None:
    bursts = Bursts()

    def said(hook_id: int, at: datetime) -> bool:
        answers = [bursts.wrong(hook_id, at) for _ in range(MANY)]
        return any(answers)

    assert [said(hook_id, NOW) for hook_id in (1, 2, 1, 2)] == [True, True, False, False]
    assert not said(1, NOW + TOLD_AGAIN - timedelta(minutes=1))
    assert said(1, NOW + TOLD_AGAIN)


def test_what_is_remembered_is_bounded() -> None:
    bursts = Bursts()
    for hook_id in range(5_000):
        bursts.wrong(hook_id, NOW)
    assert len(bursts._recent) == 1_000


async def _notices(relay: Relay) -> list[Job]:
    async with relay.database.read() as session:
        return list((await session.scalars(select(Job).where(Job.kind == NOTICE_JOB))).all())


async def test_bursts_of_bad_signatures_are_counted_and_told_to_the_admin_once(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project, origin="manual")
    ann, _ = await relay.follow("ann", project), await relay.follow("bob", project)
    async with relay.database.write() as session:
        (await session.scalars(select(User).where(User.name == "ann"))).one().is_admin = True
    headers, body = load(OPENED)
    for _ in range(MANY * 3):
        assert await relay.post(hook, headers | sign_github(body, "a guess"), body) == 401
    (job,) = await _notices(relay)
    assert (job.payload["notice"], job.payload["chat_id"]) == (str(Notice.BAD_SIGNATURES), ann)
    assert job.payload["params"]["origin"] == "manual"
    assert SECRET not in str(job.payload)
    outcomes = [entry.outcome for entry in await relay.log()]
    assert outcomes == ["bad_signature", "signature_burst"]
    assert f'bad_signatures_total{{forge="github"}} {MANY * 3:.1f}' in relay.metrics.render().decode()


async def test_a_few_bad_signatures_are_counted_and_nobody_is_told(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    headers, body = load(OPENED)
    for _ in range(MANY - 1):
        assert await relay.post(hook, headers, body) == 401
    assert await _notices(relay) == []
    assert f'bad_signatures_total{{forge="github"}} {MANY - 1:.1f}' in relay.metrics.render().decode()


async def test_a_removed_hook_is_nobodys_trouble(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    async with relay.database.write() as session:
        (await session.get_one(Hook, 1)).removed_at = utc_now()
    headers, body = load(OPENED)
    for _ in range(MANY * 2):
        assert await relay.post(hook, headers, body) == 401
    assert "signature_burst" not in [entry.outcome for entry in await relay.log()]


async def test_a_restart_or_another_process_does_not_tell_it_again(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    await box.chat(ann.id)
    async with box.database.write() as session:
        await users.ensure_user(session, ann.id, name="Ann", language="en", now=NOW)
    hooks = await _two_hooks(box)

    async def minutes(number: float) -> int:
        for hook in hooks:
            await tell(box.database, hook, {ann.id}, NOW + timedelta(minutes=number))
        handler = notice_job(box.bot, box.database, FORGE_TYPES, box.time.now)
        await JobRunner(box.database, {NOTICE_JOB: handler}, owner="tests", clock=box.time.now).run_due()
        return len([message for message in ann.private.messages() if message.from_bot])

    box.time.skip((NOW - box.time.now()).total_seconds() + 1)
    assert await minutes(0) == 2
    assert await minutes(1) == 2
    box.time.skip(86_400)
    assert await minutes(24 * 60) == 4
    assert "keep coming" in ann.private.last.text
    async with box.database.read() as session:
        assert len((await session.scalars(select(LogEntry))).all()) == 4


async def _two_hooks(box: Outbox) -> list[Hook]:
    async with box.database.write() as session:
        project = (await session.scalars(select(Project))).one()
        made = [
            Hook(
                public_id=f"hook{number}", forge_id=project.forge_id, project_id=project.id, origin="managed",
                secret=b"", events=[], created_at=NOW,
            )
            for number in range(2)
        ]  # fmt: skip
        session.add_all(made)
    return made


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    ("origin", "private", "project", "begins"),
    [
        ("managed", False, True, "acme/rocket: "),
        ("manual", False, True, "acme/rocket: "),
        ("managed", True, True, "A private project: "),  # who runs the bot need not be one who may see it
        ("managed", False, False, "A whole group: "),
        ("environment", False, False, "GitHub webhooks made by hand: "),
    ],
)
def test_what_is_said_names_no_private_project_and_what_mends_it(
    language: str, origin: str, private: bool, project: bool, begins: str
) -> None:
    row = Project(id=1, path="acme/rocket", url="https://github.com/acme/rocket", forge_id=1, private=private)
    facts = Facts(
        project=row if project else None,
        forge=Forge(id=1, kind="github", base_url="https://api.github.com"),
        type=FORGE_TYPES["github"],
    )
    params = {"origin": origin, "project_id": 1 if project else None, "forge_id": 1}
    text = word(Notice.BAD_SIGNATURES, params, facts, translator(language))
    assert text is not None
    said = text.render()[0]
    assert ("acme/rocket" in said) is (begins == "acme/rocket: ")
    assert len(said) < 320
    if language == "en":
        assert said.startswith(begins)


def test_of_a_project_that_is_gone_nothing_is_said() -> None:
    facts = Facts(forge=Forge(id=1, kind="github", base_url="x"), type=FORGE_TYPES["github"])
    assert word(Notice.BAD_SIGNATURES, {"origin": "managed", "project_id": 1}, facts, translator("en")) is None
