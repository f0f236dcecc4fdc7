"""Tokens that die, grow poor and come back; notices that say so once, and never for a forge that is down."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiogram import Bot
from sqlalchemy import select

from src.bot.notices import notice_job
from src.database.jobs import JobRunner
from src.database.models import Account, Job, Project, User
from src.database.repositories import jobs
from src.demo.forge.protocol import Outage
from src.demo.telegram import Person
from src.events import Event, IssueAction, IssueEvent, Subject, SubjectKind
from src.forges import FORGE_TYPES
from src.webhook import tokens
from src.webhook.enrich import Enricher, Scene
from src.webhook.notices import NOTICE_JOB
from src.webhook.tokens import TOKEN_JOB, token_job
from tests.bot_stage import Stage, staged
from tests.emulated_bot import bot_on
from tests.rendering import shared


@dataclass
class Upkeep:
    """The jobs beside the bot, on a clock that is moved by hand."""

    stage: Stage
    bot: Bot
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def clock(self) -> datetime:
        return self.now

    async def run(self) -> None:
        """All that is due, the tokens among it."""
        deps = self.stage.deps
        handlers = {
            NOTICE_JOB: notice_job(self.bot, self.stage.database, FORGE_TYPES, self.clock),
            TOKEN_JOB: token_job(self.stage.database, deps.credentials, self.clock),
        }
        async with self.stage.database.write() as session:
            await jobs.put(session, TOKEN_JOB, "", now=self.now)
        await JobRunner(self.stage.database, handlers, owner="test", clock=self.clock).run_due()

    async def later(self, **time: float) -> None:
        """So much later everything that is due by then is done."""
        self.now += timedelta(**time)
        await self.run()

    async def account(self) -> Account:
        (found,) = await self.stage.accounts()
        return found

    async def waiting(self, kind: str) -> list[Job]:
        async with self.stage.database.read() as session:
            return list(await session.scalars(select(Job).where(Job.kind == kind, Job.state == "new")))


@pytest.fixture
async def upkeep(tmp_path: Path) -> AsyncIterator[Upkeep]:
    async with staged(tmp_path) as stage, bot_on(stage.tg) as bot:
        yield Upkeep(stage, bot)


@pytest.fixture
async def ann(upkeep: Upkeep) -> Person:
    person = upkeep.stage.tg.person("ann")
    await upkeep.stage.give_token(person)
    return person


def unasked(person: Person) -> list[str]:
    """What the bot said behind the answer to the token."""
    return [message.text for message in person.private.messages() if message.from_bot][1:]


async def test_a_dead_token_is_told_once_in_one_sentence_with_the_command_that_mends_it(
    upkeep: Upkeep, ann: Person
) -> None:
    upkeep.stage.github.revoke_token("tok_ann")

    await upkeep.later(hours=25)
    await upkeep.later(hours=25)
    await upkeep.later(hours=25)

    (text,) = unasked(ann)
    assert text == (
        "GitHub no longer takes your token ••••_ann (ann): what needs it rests until you set a new one "
        "with /set_github_token"
    )
    assert (await upkeep.account()).dead_at is not None


async def test_a_token_is_tried_once_a_day_and_not_more(upkeep: Upkeep, ann: Person) -> None:
    upkeep.stage.github.revoke_token("tok_ann")
    await upkeep.later(hours=23)
    assert (await upkeep.account()).dead_at is None
    await upkeep.later(hours=2)
    assert (await upkeep.account()).dead_at is not None


@pytest.mark.parametrize("kind", ["down", "html", "rate_limited"])
async def test_a_forge_that_is_down_is_no_reason_to_tell_anyone_to_make_a_new_token(
    upkeep: Upkeep, ann: Person, kind: Outage
) -> None:
    upkeep.stage.github.outage(kind, seconds=7_200)
    before = await upkeep.account()

    await upkeep.later(hours=25)

    after = await upkeep.account()
    assert (after.dead_at, after.checked_at) == (None, before.checked_at), "it is tried again, as if it had not been"
    assert unasked(ann) == []


async def test_after_an_outage_the_tokens_are_tried_soon(upkeep: Upkeep, ann: Person) -> None:
    upkeep.stage.github.outage("down")
    await upkeep.later(hours=25)
    upkeep.stage.github.clear_outages()
    await upkeep.later(minutes=10)
    assert (await upkeep.account()).checked_at == upkeep.now


async def test_a_token_that_works_again_wakes_what_rested_and_says_that_nothing_is_to_be_done(
    upkeep: Upkeep, ann: Person
) -> None:
    await upkeep.stage.subscribe(ann)
    upkeep.stage.github.revoke_token("tok_ann")
    await upkeep.later(hours=25)
    upkeep.stage.github.add_token("tok_ann", "ann")

    await upkeep.later(hours=1)

    assert (await upkeep.account()).dead_at is None
    assert unasked(ann)[-1] == "GitHub takes your token ••••_ann (ann) again: nothing is to be done."
    assert [job.key for job in await upkeep.waiting("hook_settle")] == ["1"], "its webhooks are looked after at once"


async def test_a_token_that_comes_back_before_it_was_said_to_be_dead_is_not_spoken_of(
    upkeep: Upkeep, ann: Person
) -> None:
    async with upkeep.stage.database.write() as session:
        await tokens.refused(session, await upkeep.account(), upkeep.now)
    async with upkeep.stage.database.write() as session:
        identity = await upkeep.stage.deps.credentials.with_token(upkeep.stage.deps.forges[0], "tok_ann").whoami()
        await tokens.works(session, await upkeep.account(), identity, upkeep.now)

    await upkeep.run()

    assert unasked(ann) == []


async def test_a_new_token_of_the_same_person_takes_the_old_ones_place_and_wakes_what_rested(
    upkeep: Upkeep, ann: Person
) -> None:
    await upkeep.stage.subscribe(ann)
    upkeep.stage.github.revoke_token("tok_ann")
    await upkeep.later(hours=25)
    upkeep.stage.github.add_token("tok_new", "ann")

    await upkeep.stage.give_token(ann, token="tok_new")

    found = await upkeep.account()
    assert (found.dead_at, found.token_last4) == (None, "_new")
    assert [(row.account_id) for row in await upkeep.stage.subscriptions()] == [found.id]
    assert [job.key for job in await upkeep.waiting("hook_settle")] == ["1"]


async def test_a_poor_token_is_told_once(upkeep: Upkeep, ann: Person) -> None:
    upkeep.stage.github.add_token("tok_ann", "ann", scopes=["repo"])

    await upkeep.later(hours=25)
    await upkeep.later(hours=25)

    (text,) = unasked(ann)
    assert "lacks " in text
    assert text.endswith("set one that has it with /set_github_token")
    found = await upkeep.account()
    assert found.missing
    assert found.poor_at is not None
    upkeep.stage.github.add_token("tok_ann", "ann")
    await upkeep.later(hours=25)
    assert (await upkeep.account()).poor_at is None
    assert len(unasked(ann)) == 1


async def test_what_a_new_token_lacks_is_said_with_the_answer_and_not_again(upkeep: Upkeep) -> None:
    bob = upkeep.stage.tg.person("bob")
    upkeep.stage.github.add_token("tok_poor", "bob", scopes=["repo"])
    answer = await upkeep.stage.give_token(bob, token="tok_poor")
    assert "lacks" in answer.text

    await upkeep.later(hours=25)

    assert unasked(bob) == []


async def test_who_may_not_use_the_bot_any_more_is_told_nothing(upkeep: Upkeep, ann: Person) -> None:
    async with upkeep.stage.database.write() as session:
        user = (await session.scalars(select(User))).one()
        user.barred_at = upkeep.now
    upkeep.stage.github.revoke_token("tok_ann")

    await upkeep.later(hours=25)

    assert unasked(ann) == []


async def test_a_look_up_that_finds_the_token_dead_tells_its_owner(upkeep: Upkeep, ann: Person) -> None:
    await upkeep.stage.subscribe(ann)
    deps = upkeep.stage.deps
    account = await upkeep.account()
    async with upkeep.stage.database.read() as session:
        project = (await session.scalars(select(Project))).one()
    upkeep.stage.github.revoke_token("tok_ann")
    enricher = Enricher(upkeep.stage.database, deps.credentials, clock=upkeep.clock)
    event: Event = issue(private=True)

    assert not await enricher.may_read(account, event, Scene(project, deps.forges[0], (account,)))
    await upkeep.run()

    assert "no longer takes your token" in unasked(ann)[-1]


def issue(*, private: bool) -> IssueEvent:
    """Somebody opened one."""
    subject = Subject(kind=SubjectKind.ISSUE, id="1", number=1, title="It leaks", url=None)
    found = IssueEvent(**shared(subject), action=IssueAction.OPENED)
    return replace(found, project=replace(found.project, private=private))
