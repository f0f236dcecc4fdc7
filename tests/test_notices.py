"""What the bot says unasked: a short sentence for each notice, in the chat's language, once, to whom it can reach."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from src.bot.notice_texts import Facts, word
from src.bot.notices import notice_job
from src.database.jobs import JobRunner
from src.database.models import Account, Forge, Hook, Job, Project
from src.database.repositories import users
from src.forges import FORGE_TYPES
from src.i18n import translator
from src.webhook.manager import ManualReason
from src.webhook.notices import NOTICE_JOB, Notice, post
from src.webhook.render.content import units
from tests.outbox import Outbox, open_outbox, titles

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
PARAMS: dict[Notice, dict[str, Any]] = {
    Notice.TOKEN_DEAD: {"account_id": 1},
    Notice.TOKEN_POOR: {"account_id": 1, "missing": ["repo"]},
    Notice.TOKEN_WELL: {"account_id": 1},
    Notice.HOOK_BROKEN: {"project_id": 1, "reason": "rejected", "message": "Hook limit reached"},
    Notice.HOOK_LOST: {"project_id": 1},
    Notice.CAUGHT_UP: {"recovered": 50, "recovered_in": ["acme/rocket", "acme/lander"], "recovered_more": 2},
    Notice.MISSED: {
        "recovered": 1,
        "recovered_in": ["acme/rocket"],
        "lost": 2,
        "lost_in": ["acme/rocket"],
        "gap": 1,
        "gap_in": ["acme/lander"],
    },
    Notice.SPONSOR_LEFT: {"paths": ["acme/rocket", "acme/lander"], "name": "Ann"},
    Notice.TOPIC_GONE: {"paths": [f"acme/rocket{number}" for number in range(13)]},
    Notice.GUESSING: {"name": "Eve", "telegram_id": 77},
    Notice.BAD_SIGNATURES: {"forge_id": 1, "project_id": 1, "origin": "manual"},
}
MENDS = {
    Notice.TOKEN_DEAD: "/set_github_token",
    Notice.TOKEN_POOR: "/set_github_token",
    Notice.HOOK_BROKEN: "/subscribe",
    Notice.HOOK_LOST: "/subscribe",
    Notice.SPONSOR_LEFT: "/subscribe",
    Notice.TOPIC_GONE: "/list_subscriptions",
    Notice.GUESSING: "/people",
    Notice.BAD_SIGNATURES: "/subscribe",
}


def facts(*, dead: bool = True, missing: tuple[str, ...] = ("repo",), shows_host: bool = False) -> Facts:
    return Facts(
        account=Account(
            id=1, login="ann", token_last4="x9_z", missing=list(missing), dead_at=NOW if dead else None, forge_id=1
        ),
        project=Project(id=1, path="acme/rocket", url="https://github.example.org/acme/rocket", forge_id=1),
        forge=Forge(id=1, kind="github", base_url="https://github.example.org/api/v3"),
        type=FORGE_TYPES["github"],
        shows_host=shows_host,
    )


def said(notice: Notice, known: Facts, language: str = "en", **params: Any) -> str | None:
    text = word(notice, PARAMS[notice] | params, known, translator(language))
    return None if text is None else text.render()[0]


@pytest.mark.parametrize("notice", Notice)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_notice_is_a_short_message_with_the_command_that_mends_it(notice: Notice, language: str) -> None:
    text = said(notice, facts(dead=notice is Notice.TOKEN_DEAD), language)
    assert text is not None
    assert units(text) < 320
    assert MENDS.get(notice, "") in text
    assert (text != said(notice, facts(dead=notice is Notice.TOKEN_DEAD))) is (language == "ru")


@pytest.mark.parametrize("reason", [*ManualReason, "of another version"])
def test_each_reason_of_a_broken_hook_has_its_next_step(reason: str) -> None:
    text = said(Notice.HOOK_BROKEN, facts(), reason=str(reason))
    assert text is not None
    assert text.startswith("acme/rocket: ")
    assert "/subscribe" in text or "/status" in text


@pytest.mark.parametrize(
    ("notice", "dead", "missing"),
    [
        (Notice.TOKEN_DEAD, False, ()),  # it works again
        (Notice.TOKEN_WELL, True, ()),  # it died again
        (Notice.TOKEN_POOR, True, ("repo",)),  # the worse news was said
        (Notice.TOKEN_POOR, False, ()),  # it has them again
    ],
)
def test_what_is_no_longer_so_is_not_said(notice: Notice, dead: bool, missing: tuple[str, ...]) -> None:
    assert said(notice, facts(dead=dead, missing=missing)) is None


@pytest.mark.parametrize("notice", [n for n in Notice if "token" in n or "hook" in n])
def test_of_what_is_gone_nothing_is_said(notice: Notice) -> None:
    assert said(notice, Facts()) is None


def test_many_projects_are_counted_after_ten() -> None:
    assert "acme/rocket7, 5 more." in (said(Notice.TOPIC_GONE, facts()) or "")


def test_what_came_late_and_what_did_not_stand_in_lines_of_their_own() -> None:
    assert (said(Notice.CAUGHT_UP, facts()) or "").startswith("50 events of acme/rocket, acme/lander, 2 more had not")
    came, lost, off = (said(Notice.MISSED, facts()) or "").splitlines()
    assert came.startswith("1 event of acme/rocket had not reached me")
    assert lost.startswith("⚠ 2 events of acme/rocket are lost")
    assert off.startswith("⚠ The webhook of acme/lander was switched off")
    assert word(Notice.CAUGHT_UP, {}, Facts(), translator("en")) is None


def test_of_several_instances_the_one_is_named() -> None:
    assert "GitHub (github.example.org) no longer" in (said(Notice.TOKEN_DEAD, facts(shows_host=True)) or "")


def test_a_name_that_telegram_would_act_on_is_shown_as_it_is() -> None:
    text = word(Notice.GUESSING, {"name": "@everyone", "telegram_id": 5}, Facts(), translator("en"))
    assert text is not None
    assert [entity.type for entity in text.render()[1]] == ["code", "code"]


# ---------------------------------------------------------------------------------------------------
# The job


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Outbox]:
    async with open_outbox(tmp_path, speed=200) as opened:
        yield opened


def runner(box: Outbox) -> JobRunner:
    handlers = {NOTICE_JOB: notice_job(box.bot, box.database, FORGE_TYPES, box.time.now)}
    return JobRunner(box.database, handlers, owner="test", clock=box.time.now)


async def ask(box: Outbox, chat_id: int, *, key: str = "1", topic_id: int = 0, **params: Any) -> None:
    async with box.database.write() as session:
        values = PARAMS[Notice.GUESSING] | params
        now = box.time.now()
        await post(session, Notice.GUESSING, chat_id=chat_id, key=key, now=now, topic_id=topic_id, params=values)


async def jobs(box: Outbox) -> list[Job]:
    async with box.database.read() as session:
        return list(await session.scalars(select(Job)))


async def test_a_notice_is_said_once_in_the_chats_language(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id, language="ru")
    await ask(box, chat.id)
    await ask(box, chat.id)

    await runner(box).run_due()

    (message,) = [m for m in ann.private.messages() if m.from_bot]
    assert "подбирает коды" in message.text
    assert await jobs(box) == []


async def test_topic_deleted_falls_back_to_the_chat_once_and_says_so(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    forum = box.tg.group("Rockets", members=[ann], forum=True)
    topic = forum.topic("Builds")
    chat = await box.chat(forum.id, type_="supergroup")
    await box.subscribe(chat, topic_id=topic.topic_id or 0)
    first = await box.put(chat, topic_id=topic.topic_id or 0)
    topic.delete()
    await box.drain()
    second = await box.put(chat, topic_id=topic.topic_id or 0)
    await box.drain()

    await runner(box).run_due()

    assert titles(forum.general) == [first, second]
    told = [m.text for m in forum.general.messages() if m.from_bot and "is gone" in m.text]
    assert len(told) == 1
    assert told[0].startswith("A topic that I wrote to is gone: I now tell here of acme/rocket.")


async def test_a_closed_topic_is_not_said_to_be_gone(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    forum = box.tg.group("Rockets", members=[ann], forum=True)
    topic = forum.topic("Builds")
    chat = await box.chat(forum.id, type_="supergroup")
    await box.subscribe(chat, topic_id=topic.topic_id or 0)
    await box.put(chat, topic_id=topic.topic_id or 0)
    topic.close()
    await box.drain()
    assert await jobs(box) == []


async def test_a_notice_for_a_topic_that_is_gone_is_said_in_the_chat_itself(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    forum = box.tg.group("Rockets", members=[ann], forum=True)
    topic = forum.topic("Builds")
    chat = await box.chat(forum.id, type_="supergroup")
    topic.delete()
    await ask(box, chat.id, topic_id=topic.topic_id or 0)

    await runner(box).run_due()

    assert [m.text.startswith("Eve (77)") for m in forum.general.messages() if m.from_bot] == [True]


async def test_who_blocked_the_bot_is_left_alone(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    ann.block()
    await ask(box, chat.id)
    await runner(box).run_due()
    assert (await box.row(chat)).off_at is not None
    await ask(box, chat.id, key="2")
    await runner(box).run_due()
    assert len(box.tg.server.requests_for("sendMessage")) == 1


async def test_a_group_that_moved_is_told_under_its_new_number(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    group = box.tg.group("Rockets", members=[ann])
    chat = await box.chat(group.id, type_="group")
    group.migrate()
    await ask(box, chat.id)

    await runner(box).run_due()

    assert "Eve (77)" in group.last.text
    assert (await box.row(chat)).telegram_id == group.id


async def test_a_chat_that_wants_quiet_is_told_later(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    until = datetime(2027, 1, 1, tzinfo=UTC)
    async with box.database.write() as session:
        await users.wait(session, chat.id, until)
    await ask(box, chat.id)

    await runner(box).run_due()

    (job,) = await jobs(box)
    assert (job.state, job.run_at) == ("new", until)
    assert box.tg.server.requests_for("sendMessage") == []


async def test_an_outage_of_telegram_costs_no_notice(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, speed=1) as box:  # so that the pause is not over before it is looked at
        await _outage_costs_no_notice(box)


async def _outage_costs_no_notice(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    await ask(box, chat.id)
    box.tg.server.fail_next("sendMessage", kind="502")

    await runner(box).run_due()
    (job,) = await jobs(box)
    assert job.state == "new"
    box.time.skip(120)
    await runner(box).run_due()

    assert "Eve (77)" in ann.private.last.text
    assert await jobs(box) == []


@pytest.mark.parametrize(("told_at", "count"), [(None, 0), (NOW, 1)], ids=["well again", "still lost"])
async def test_a_lost_webhook_that_is_well_again_before_it_is_said_is_not_said(
    box: Outbox, told_at: datetime | None, count: int
) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    await box.subscribe(chat)
    async with box.database.write() as session:
        project = (await session.scalars(select(Project))).one()
        session.add(
            Hook(
                public_id="hook1", forge_id=project.forge_id, project_id=project.id, origin="managed", remote_id="7",
                secret=b"", events=[], created_at=NOW, told_at=told_at,
            )
        )  # fmt: skip
        params = {"project_id": project.id}
        await post(session, Notice.HOOK_LOST, chat_id=chat.id, key="0:1", now=box.time.now(), params=params)
    await runner(box).run_due()
    assert len([message for message in ann.private.messages() if message.from_bot]) == count
    assert await jobs(box) == []
