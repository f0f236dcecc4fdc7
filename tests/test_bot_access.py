"""Who gets in: codes, links, the list of people; strangers, and strangers who guess."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiogram.types import User as Sender
from sqlalchemy import select

from src.bot.access import AccessRule, announce_first_code, first_code, new_code, plain, settle_access
from src.bot.bot import create_bot
from src.bot.guesses import Guesses
from src.bot.pairing import Door, Opened, Outcome, Slowed, Wrong
from src.database.models import Invite, Job, LogEntry, User, utc_now
from src.database.repositories import subscriptions, users
from src.demo.telegram import Person
from src.webhook.manager import HookManager, Unreleased
from tests.bot_stage import Log, Stage, Unpaced, labels, polling, staged

PAIRING = AccessRule("pairing")
TOKEN = "ghp_1a2b3c4d5e6f7g8h"
NOT_GOOD = "this code is not good"
ONLY_INVITED = "Sorry, this bot is for invited people only"


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **spans: float) -> None:
        """Time goes by."""
        self.now += timedelta(**spans)


@asynccontextmanager
async def paired(folder: Path, access: AccessRule = PAIRING) -> AsyncIterator[tuple[Stage, Clock]]:
    """The bot with codes, and its clock."""
    clock = Clock()
    async with staged(folder, access=access, polled=False) as stage:
        deps = replace(stage.deps, clock=clock)
        async with polling(stage.tg, deps):
            yield replace(stage, deps=deps), clock


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with paired(tmp_path) as (found, _):
        yield found


async def code_of_start(stage: Stage) -> str:
    """What a start prints."""
    code = await first_code(stage.database, stage.deps.access, stage.deps.clock())
    assert code is not None
    return code


async def admin(stage: Stage, name: str = "ann") -> Person:
    """Somebody who runs the bot."""
    person = stage.tg.person(name)
    said = await stage.say(person, f"/start {await code_of_start(stage)}")
    assert said.text.startswith("You run this bot now.")
    return person


async def invited(stage: Stage, by: Person) -> str:
    """A code from `/invite`, as it stands in the link."""
    said = await stage.say(by, "/invite")
    found = re.search(r"\?start=(\w+)", said.text)
    assert found is not None
    return found[1]


async def rows(stage: Stage) -> list[User]:
    async with stage.database.read() as session:
        return list(await session.scalars(select(User).order_by(User.id)))


async def notices(stage: Stage) -> list[Job]:
    async with stage.database.read() as session:
        return list(await session.scalars(select(Job).where(Job.kind == "notice")))


def bot_said(person: Person) -> list[str]:
    return [message.text for message in person.private.messages() if message.from_bot]


async def test_the_first_start_prints_a_code_that_makes_its_sender_the_admin(tmp_path: Path) -> None:
    async with paired(tmp_path) as (stage, clock):
        log, bot = Log(), create_bot(stage.tg.token, stage.tg.url, Unpaced())
        logging.getLogger("src.bot.access").addHandler(log)
        try:
            await announce_first_code(stage.database, stage.deps.access, bot, clock())
            (line,) = log.lines
            code = line.partition("/start ")[2].partition(",")[0]
            username = (await bot.me()).username
            assert f"https://t.me/{username}?start={plain(code)}" in line
            ann = stage.tg.person("ann")
            assert "You run this bot now" in (await stage.say(ann, f"/start {code}")).text
            assert "/invite" in (await stage.say(ann, "/help")).text
            await announce_first_code(stage.database, stage.deps.access, bot, clock())
            assert len(log.lines) == 1, "there is an admin: no second code"
        finally:
            logging.getLogger("src.bot.access").removeHandler(log)
            await bot.session.close()
        bob = stage.tg.person("bob")
        assert NOT_GOOD in (await stage.say(bob, f"/start {code}")).text, "it is good once"
        (row,) = await rows(stage)
        assert (row.is_admin, row.admitted_at) == (True, clock())


async def test_the_code_is_in_the_log_where_telegram_does_not_tell_the_bots_name(stage: Stage) -> None:
    log, bot = Log(), create_bot("42:another", stage.tg.url, Unpaced())
    logging.getLogger("src.bot.access").addHandler(log)
    await announce_first_code(stage.database, stage.deps.access, bot, utc_now())
    logging.getLogger("src.bot.access").removeHandler(log)
    await bot.session.close()
    (line,) = log.lines
    assert re.search(r"/start \w{4}-\w{4}-\w{4}$", line)


async def test_a_page_in_place_of_telegrams_answer_does_not_keep_the_code_from_the_log(stage: Stage) -> None:
    log, bot = Log(), create_bot(stage.tg.token, stage.tg.url, Unpaced())
    logging.getLogger("src.bot.access").addHandler(log)
    stage.tg.server.fail_next("getMe", kind="502")
    await announce_first_code(stage.database, stage.deps.access, bot, utc_now())
    logging.getLogger("src.bot.access").removeHandler(log)
    await bot.session.close()
    assert "/start " in log.lines[-1]


async def test_a_later_start_ends_the_code_of_the_one_before(stage: Stage) -> None:
    before, after = await code_of_start(stage), await code_of_start(stage)
    ann = stage.tg.person("ann")
    assert NOT_GOOD in (await stage.say(ann, f"/start {before}")).text
    assert "You run this bot" in (await stage.say(ann, f"/start {after}")).text


async def test_no_code_is_printed_where_the_settings_name_an_admin(stage: Stage) -> None:
    for rule in (AccessRule("pairing", frozenset({7})), AccessRule("open"), AccessRule("list", frozenset({7}))):
        assert await first_code(stage.database, rule, utc_now()) is None
    assert await first_code(stage.database, AccessRule("pairing", allowed_ids=frozenset({7})), utc_now())


async def test_when_the_last_admin_deletes_themselves_a_code_is_printed_again(stage: Stage) -> None:
    ann, log = await admin(stage), Log()
    logging.getLogger("src.bot.access").addHandler(log)
    await stage.say(ann, "/delete_me")
    mark = ann.private.mark()
    await ann.press("Delete everything")
    await ann.private.wait_for(lambda message: not message.buttons, since=mark)
    assert (await stage.say(ann, "/status")).text.startswith(ONLY_INVITED)
    logging.getLogger("src.bot.access").removeHandler(log)
    lines = [line for line in log.lines if "/start " in line]
    assert len(lines) == 1
    code = lines[0].partition("/start ")[2].partition(",")[0]
    assert "You run this bot" in (await stage.say(stage.tg.person("bob"), f"/start {code}")).text


@pytest.mark.sqlite_file
async def test_only_the_hash_of_a_code_is_kept(stage: Stage, tmp_path: Path) -> None:
    code = await invited(stage, await admin(stage))
    async with stage.database.read() as session:
        kept = (await session.scalars(select(Invite.code_hash).where(Invite.used_at.is_(None)))).all()
    assert [len(value) for value in kept] == [64]
    stored = b"".join((tmp_path / file).read_bytes() for file in ("test.db", "test.db-wal"))
    assert code.encode() not in stored


@pytest.mark.parametrize("written", [str.lower, lambda code: f" {code} ", lambda code: code.replace("-", " "), plain])
async def test_a_code_may_be_written_in_other_ways(stage: Stage, written: Callable[[str], str]) -> None:
    code = await code_of_start(stage)
    assert "You run this bot" in (await stage.say(stage.tg.person("ann"), f"/start {written(code)}")).text


def test_codes_are_random_and_look_alikes_are_one() -> None:
    codes = {new_code() for _ in range(100)}
    assert len(codes) == 100
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}", code) for code in codes)
    assert plain("oil0-abcd-EFGH") == plain("0110abcdefgh")


async def test_an_invitation_lets_one_person_in_for_a_day(tmp_path: Path) -> None:
    async with paired(tmp_path) as (stage, clock):
        ann, bob, carl = await admin(stage), stage.tg.person("bob"), stage.tg.person("carl")
        said = await stage.say(ann, "/invite")
        (copied,) = [button.copy_text for button in said.buttons if button.copy_text]
        assert copied is not None
        assert copied in said.text
        code = copied.partition("?start=")[2]
        assert (await stage.say(bob, f"/start {code}")).text.startswith("Welcome, you are in.")
        assert NOT_GOOD in (await stage.say(carl, f"/start {code}")).text
        assert "Only whoever runs this bot" in (await stage.say(bob, "/invite")).text
        assert "Only whoever runs this bot" in (await stage.say(bob, "/people")).text
        late = await invited(stage, ann)
        clock.pass_(days=1)
        assert NOT_GOOD in (await stage.say(carl, f"/start {late}")).text
        assert [user.is_admin for user in await rows(stage)] == [True, False]


async def test_a_second_tap_on_the_link_says_that_one_is_in(stage: Stage) -> None:
    code, bob = await invited(stage, await admin(stage)), stage.tg.person("bob")
    assert "Welcome" in (await stage.say(bob, f"/start {code}")).text
    assert (await stage.say(bob, f"/start {code}")).text == "You are in already. This code lets nobody else in."
    assert (await stage.say(bob, "/start")).text.startswith("Hello!")
    assert NOT_GOOD in (await stage.say(stage.tg.person("carl"), f"/start {code}")).text


async def test_an_invitation_is_taken_back(stage: Stage) -> None:
    ann, bob = await admin(stage), stage.tg.person("bob")
    code = await invited(stage, ann)
    assert "Taken back" in (await stage.step(ann, "Take it back")).text
    assert NOT_GOOD in (await stage.say(bob, f"/start {code}")).text
    cancelled = await invited(stage, ann)
    assert "Taken back" in (await stage.say(ann, "/cancel")).text
    assert NOT_GOOD in (await stage.say(bob, f"/start {cancelled}")).text
    kept = await invited(stage, ann)
    said = await stage.step(ann, "Done")
    assert kept in said.text
    assert not said.buttons
    assert "Welcome" in (await stage.say(bob, f"/start {kept}")).text


async def test_an_earlier_invitation_can_still_be_taken_back_by_its_maker(stage: Stage) -> None:
    ann, bob = await admin(stage), stage.tg.person("bob")
    code = await invited(stage, ann)
    shown = ann.private.last
    assert (await stage.say(ann, "/people")).buttons, "something else is open now"
    mark = ann.private.mark()
    answer = await ann.press("Take it back", on=shown)
    said = await ann.private.wait_for(since=mark)
    assert (said.id, answer.text) == (shown.id, None)
    assert said.text == "Taken back: this code lets nobody in. A new one: /invite"
    assert NOT_GOOD in (await stage.say(bob, f"/start {code}")).text
    assert "no longer open" in ((await ann.press("Take it back", on=shown)).text or ""), "an older view of it"


async def test_an_invitation_that_was_used_is_too_late_to_take_back(stage: Stage) -> None:
    ann, bob = await admin(stage), stage.tg.person("bob")
    code = await invited(stage, ann)
    await stage.say(bob, f"/start {code}")
    assert "Too late" in (await stage.step(ann, "Take it back")).text


async def test_a_code_stays_good_when_somebody_sends_it_who_is_in(stage: Stage) -> None:
    ann, bob = await admin(stage), stage.tg.person("bob")
    code = await invited(stage, ann)
    assert "You are in already" in (await stage.say(ann, f"/start {code}")).text
    assert "Welcome" in (await stage.say(bob, f"/start {code}")).text


async def test_somebody_on_the_operators_list_becomes_the_admin_by_the_first_code(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("ann")
        deps = replace(stage.deps, access=AccessRule("pairing", allowed_ids=frozenset({ann.id})))
        stage = replace(stage, deps=deps)
        async with polling(stage.tg, deps):
            assert "Only whoever runs this bot" in (await stage.say(ann, "/invite")).text
            said = await stage.say(ann, f"/start {await code_of_start(stage)}")
            assert said.text.startswith("You run this bot now")


async def test_a_link_opens_subscribe(stage: Stage) -> None:
    ann = await admin(stage)
    await stage.give_token(ann)
    assert "GitHub" in labels(await stage.say(ann, "/start sub"))


async def test_a_code_in_a_group_is_not_looked_at(stage: Stage) -> None:
    code, ann = await code_of_start(stage), stage.tg.person("ann")
    group = stage.tg.group("Team", admins=[ann], bot_admin=True)
    said = await stage.say(ann, f"/start {code}", group)
    assert said.text.startswith(ONLY_INVITED)
    assert await rows(stage) == []
    assert code not in group.transcript(), "all could use it"
    assert "You run this bot" in (await stage.say(ann, f"/start {code}")).text
    assert "in our private chat" in (await stage.say(ann, "/invite", group)).text
    assert "in our private chat" in (await stage.say(ann, "/people", group)).text


async def test_a_stranger_gets_one_polite_sentence_and_nothing_else_works(tmp_path: Path) -> None:
    async with paired(tmp_path) as (stage, _):
        ann, eve = await admin(stage), stage.tg.person("eve")
        said = await stage.say(eve, "/start")
        assert said.text.startswith(ONLY_INVITED)
        assert "/start CODE" in said.text
        for text in ("hello", "/subscribe", "/status", "/invite", "/people", "/start sub", "/cancel", "/delete_me"):
            await eve.send(text)
        group = stage.tg.group("Team", admins=[ann, eve])
        await stage.give_token(ann)
        shown = await stage.say(ann, "/subscribe", group)
        answer = await eve.press("Cancel", on=shown)
        assert (answer.text or "").startswith(ONLY_INVITED)
        assert answer.show_alert
        assert "Choose" in group.current(shown).text or "Cancel" in labels(group.current(shown))
        sent = await eve.send("hello")
        await eve.edit(sent, "/status")
        await stage.say(ann, "/help")
        assert [user.name for user in await rows(stage)] == ["ann"]
        assert len(bot_said(eve)) == 1


async def test_a_strangers_token_is_deleted_and_is_no_code(stage: Stage) -> None:
    eve = stage.tg.person("eve")
    for text in (f"hi {TOKEN}", f"/start {TOKEN}"):
        sent = await eve.send(text)
        await eve.private.wait_deleted(sent)
    assert [text for text in bot_said(eve) if "so I deleted it: revoke it" in text]
    assert not [text for text in bot_said(eve) if NOT_GOOD in text]


async def test_guessing_is_slowed_and_says_for_how_long(tmp_path: Path) -> None:
    async with paired(tmp_path) as (stage, clock):
        code, eve = await code_of_start(stage), stage.tg.person("eve")
        for _ in range(2):
            assert "ask whoever gave it to you" in (await stage.say(eve, f"/start {new_code()}")).text
        assert "please wait 10 seconds before you try another" in (await stage.say(eve, f"/start {new_code()}")).text
        clock.pass_(seconds=3.5)
        assert "please wait 7 seconds, then send it again" in (await stage.say(eve, f"/start {code}")).text
        clock.pass_(seconds=6.5)
        assert "please wait 20 seconds" in (await stage.say(eve, f"/start {new_code()}")).text
        clock.pass_(seconds=20)
        assert "You run this bot now" in (await stage.say(eve, f"/start {code}")).text


async def test_pairing_guessed_1000_times_no_entry_the_admin_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knocks: asyncio.Queue[Outcome] = asyncio.Queue()
    knock = Door.knock

    async def noted(door: Door, sender: Sender, code: str) -> Outcome:
        outcome = await knock(door, sender, code)
        knocks.put_nowait(outcome)
        return outcome

    monkeypatch.setattr(Door, "knock", noted)
    async with paired(tmp_path) as (stage, clock):
        ann, bob = await admin(stage), stage.tg.person("bob")
        code = await invited(stage, ann)
        thieves = [stage.tg.person(f"eve{number}") for number in range(5)]
        assert isinstance(await knocks.get(), Opened)
        outcomes = []
        for number in range(1_000):
            await thieves[number % 5].send(f"/start {new_code()}")
            outcomes.append(await knocks.get())
            clock.pass_(seconds=7)
        assert all(isinstance(outcome, Wrong | Slowed) for outcome in outcomes)
        assert sum(isinstance(outcome, Wrong) for outcome in outcomes) < 60, "the others were not even looked at"
        assert "Welcome" in (await stage.say(bob, f"/start {code}")).text, "guests with a good code are not held up"
        assert [user.name for user in await rows(stage)] == ["ann", "bob"]
        (told,) = await notices(stage)
        assert told.payload["notice"] == "guessing"
        assert told.payload["params"]["name"].startswith("eve")
        (logged,) = [row for row in await stage.log() if row.outcome == "guessing"]
        assert (logged.kind, "wrong codes" in logged.message) == ("access", True)
        heard = sum(len(bot_said(thief)) for thief in thieves)
        assert heard < 150, "who guesses is answered seldom"
        for thief in thieves:
            assert not [text for text in bot_said(thief) if "Welcome" in text]


async def test_the_admin_is_told_once_over_a_restart_and_again_another_day(tmp_path: Path) -> None:
    clock = Clock()
    async with staged(tmp_path, access=PAIRING, polled=False) as stage:
        deps = replace(stage.deps, clock=clock)
        stage = replace(stage, deps=deps)
        async with polling(stage.tg, deps):
            await admin(stage)
        eve = stage.tg.person("eve")
        counts = []
        for _ in range(3):
            async with polling(stage.tg, deps):
                for _ in range(12):
                    await eve.send(f"/start {new_code()}")
                await stage.say(stage.tg.person("dora"), "hello")
            counts.append(len([row for row in await stage.log() if row.outcome == "guessing"]))
            clock.pass_(hours=13)
        assert counts == [1, 1, 2]


def test_one_who_guesses_holds_up_nobody_else() -> None:
    now, guesses = utc_now(), Guesses()
    for _ in range(1_000):
        if not guesses.wait(1, now):
            guesses.wrong(1, now)
        now += timedelta(seconds=1)
    assert guesses.are_many(now)
    assert guesses.wait(2, now) == 0, "the first code of each is looked at at once"
    assert guesses.wrong(2, now) == 10, "but no wrong one is free any more"
    assert guesses.wait(2, now) == 10


def test_the_delay_grows_to_an_hour_and_ends_with_a_day_of_quiet() -> None:
    now, guesses, waits = utc_now(), Guesses(), []
    for _ in range(40):
        waits.append(guesses.wrong(1, now))
        now += timedelta(hours=1)
    assert waits[:5] == [0, 0, 10, 20, 40]
    assert set(waits[12:]) == {3_600}
    now += timedelta(days=1)
    assert guesses.wrong(1, now) == 0


def test_what_is_remembered_of_strangers_is_bounded() -> None:
    now, guesses = utc_now(), Guesses()
    for person in range(10_050):
        guesses.wrong(person, now + timedelta(hours=person))
    assert guesses.wait(1, now) == 0
    assert guesses.wait(0, now) == 0


async def test_people_shows_who_is_in_and_takes_somebody_out(stage: Stage) -> None:
    ann, bob = await admin(stage), stage.tg.person("bob")
    await stage.say(bob, f"/start {await invited(stage, ann)}")
    await stage.give_token(bob)
    await invited(stage, ann)
    said = await stage.say(ann, "/people")
    assert "2 people use me" in said.text
    assert "• ann – you, runs me" in said.text
    assert "1 code is not used yet." in said.text
    assert labels(said) == ["Take out bob", "Done"]
    assert "Take bob out?" in (await stage.step(ann, "Take out bob")).text
    assert "2 people use me" in (await stage.step(ann, "Back")).text
    await stage.step(ann, "Take out bob")
    assert "bob is out" in (await stage.step(ann, "Take out")).text
    assert [user.name for user in await rows(stage)] == ["ann"]
    assert await stage.accounts() == []
    assert (await stage.say(bob, "/status")).text.startswith(ONLY_INVITED), "at once"
    assert [row.outcome for row in await stage.log() if row.kind == "access"] == ["admin", "admitted", "removed"]
    assert not [row for row in await stage.log() if str(bob.id) in row.message], "the log does not know who it was"


async def test_of_a_long_name_a_button_shows_the_beginning(stage: Stage) -> None:
    ann, bob = await admin(stage), stage.tg.person("Bartholomew Featherstonehaugh the Third of Rocketville")
    await stage.say(bob, f"/start {await invited(stage, ann)}")
    (label, _) = labels(await stage.say(ann, "/people"))
    assert label == "Take out Bartholomew Featherst…"


async def test_who_is_taken_out_is_out_while_a_forge_is_slow_to_let_go(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, bob = await admin(stage), stage.tg.person("bob")
    await stage.say(bob, f"/start {await invited(stage, ann)}")
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_manager: HookManager, _user_id: int) -> tuple[Unreleased, ...]:
        asked.set()
        await go_on.wait()
        page = "https://git.example.org/acme/rocket/hooks"
        return (Unreleased(path="acme/rocket", page=page, reason="it is down"),)

    monkeypatch.setattr(HookManager, "release_for", slow)
    await stage.say(ann, "/people")
    await stage.step(ann, "Take out bob")
    await ann.press("Take out")
    await asked.wait()
    assert (await stage.say(bob, "/status")).text.startswith(ONLY_INVITED)
    mark = ann.private.mark()
    go_on.set()
    said = await ann.private.wait_for(lambda message: "bob is out" in message.text, since=mark)
    assert "• acme/rocket" in said.text, "what somebody has to remove by hand"


async def test_an_old_button_of_people_takes_nobody_out(stage: Stage) -> None:
    ann, bob = await admin(stage), stage.tg.person("bob")
    await stage.say(bob, f"/start {await invited(stage, ann)}")
    await stage.say(ann, "/people")
    asked = await stage.step(ann, "Take out bob")
    await stage.step(ann, "Cancel")
    answer = await ann.press("Take out", on=asked)
    assert not answer.show_alert
    assert [user.name for user in await rows(stage)] == ["ann", "bob"]


async def test_who_ran_the_bot_no_longer_can_at_the_last_press(stage: Stage) -> None:
    ann, bob = await admin(stage), stage.tg.person("bob")
    await stage.say(bob, f"/start {await invited(stage, ann)}")
    code = await invited(stage, ann)
    await stage.say(ann, "/people")
    await stage.step(ann, "Take out bob")
    async with stage.database.write() as session:
        (await session.scalars(select(User).where(User.telegram_id == ann.id))).one().is_admin = False
    answer = await ann.press("Take out")
    assert (answer.show_alert, answer.text) == (True, "Only whoever runs this bot can do that.")
    assert [user.name for user in await rows(stage)] == ["ann", "bob"]
    assert NOT_GOOD in (await stage.say(stage.tg.person("carl"), f"/start {code}")).text, "nor do their codes open"


async def test_two_who_take_each_other_out_at_once_leave_one_who_runs_the_bot(stage: Stage) -> None:
    ann, bob = await admin(stage), stage.tg.person("bob")
    await stage.say(bob, f"/start {await invited(stage, ann)}")
    async with stage.database.write() as session:
        (await session.scalars(select(User).where(User.telegram_id == bob.id))).one().is_admin = True
    for person, other in ((ann, "bob"), (bob, "ann")):
        await stage.say(person, "/people")
        await stage.step(person, f"Take out {other}")
    await asyncio.gather(ann.press("Take out"), bob.press("Take out"))
    async with asyncio.timeout(30):
        while True:
            left = await rows(stage)
            if len(left) < 2:
                break
            await asyncio.sleep(0.02)
    assert [user.is_admin for user in left] == [True]
    async with stage.database.read() as session:
        said = list(await session.scalars(select(LogEntry.message).where(LogEntry.outcome == "removed")))
    assert len(said) == 1


async def test_the_operators_people_cannot_be_taken_out_in_the_chat(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann, bob = stage.tg.person("ann"), stage.tg.person("bob")
        rule = AccessRule("pairing", frozenset({ann.id}), frozenset({bob.id}))
        deps = replace(stage.deps, access=rule)
        async with polling(stage.tg, deps):
            await stage.say(bob, "/start")
            said = await stage.say(ann, "/people")
            assert "• bob – on the operator's list" in said.text
            assert "• ann – you, runs me, on the operator's list" in said.text
            assert labels(said) == ["Done"]
            assert "Closed" in (await stage.step(ann, "Done")).text


async def test_many_people_are_paged(stage: Stage) -> None:
    ann = await admin(stage)
    async with stage.database.write() as session:
        for number in range(10):
            user = await users.ensure_user(session, 5_000 + number, name=f"P{number}", language="en", now=utc_now())
            user.admitted_at = utc_now()
    assert "11 people use me" in (await stage.say(ann, "/people")).text
    said = await stage.step(ann, "›")
    assert labels(said) == ["Take out P7", "Take out P8", "Take out P9", "‹", "Done"]
    assert "Take P8 out?" in (await stage.step(ann, "Take out P8")).text
    assert labels(await stage.step(ann, "Back")) == labels(said)


@pytest.mark.parametrize(("mode", "says"), [("open", "ACCESS=open"), ("list", "ACCESS=list")])
async def test_access_open_and_list_are_as_before(tmp_path: Path, mode: str, says: str) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann, bob, eve = (stage.tg.person(name) for name in ("ann", "bob", "eve"))
        lists = (frozenset({ann.id}), frozenset({bob.id}))
        rule = AccessRule("open", *lists) if mode == "open" else AccessRule("list", *lists)
        async with polling(stage.tg, replace(stage.deps, access=rule)):
            for person in (ann, bob):
                assert "Hello" in (await stage.say(person, "/start XXXX-XXXX-XXXX")).text
            assert says in (await stage.say(ann, "/invite")).text
            said = await stage.say(ann, "/people")
            assert says in said.text
            assert labels(said) == ["Done"]
            heard = (await stage.say(eve, "/start")).text
            assert heard.startswith("Hello" if mode == "open" else ONLY_INVITED)
            assert (str(eve.id) in heard) == (mode == "list")


async def test_everybody_of_the_earlier_lists_goes_on_when_access_is_unset(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann, bob = stage.tg.person("ann"), stage.tg.person("bob")
        lists = (frozenset({ann.id}), frozenset({bob.id}))
        for rule in (AccessRule("list", *lists), AccessRule("pairing", *lists)):
            async with stage.database.write() as session:
                await settle_access(session, rule, utc_now())
            async with polling(stage.tg, replace(stage.deps, access=rule)):
                for person in (ann, bob):
                    assert "Nothing yet" in (await stage.say(person, "/status")).text


async def test_who_is_taken_off_the_list_is_told_nothing_more_until_they_are_back(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.tg.person("ann")
        await stage.give_token(ann)
        await stage.subscribe(ann)
        (followed,) = await stage.subscriptions()

        async def told(rule: AccessRule) -> int:
            async with stage.database.write() as session:
                await settle_access(session, rule, utc_now())
            async with stage.database.read() as session:
                return len(await subscriptions.followers(session, followed.project_id, utc_now()))

        assert await told(AccessRule("list", frozenset({ann.id}))) == 1
        assert await told(AccessRule("list", frozenset({1}))) == 0
        assert await told(AccessRule("pairing")) == 0
        assert await told(AccessRule("pairing", allowed_ids=frozenset({ann.id}))) == 1
        assert await told(AccessRule("open")) == 1


async def test_a_code_wakes_what_somebody_followed_before(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("ann")
        async with polling(stage.tg, stage.deps):
            await stage.say(ann, "/start")
        async with stage.database.write() as session:
            await settle_access(session, PAIRING, utc_now())
        assert [user.barred_at is None for user in await rows(stage)] == [False]
        code = await first_code(stage.database, PAIRING, utc_now())
        async with polling(stage.tg, replace(stage.deps, access=PAIRING)):
            assert "You run this bot" in (await stage.say(ann, f"/start {code}")).text
        assert [user.barred_at for user in await rows(stage)] == [None]


async def test_a_stranger_reads_it_in_russian(stage: Stage) -> None:
    eve = stage.tg.person("eve", language="ru")
    for text in ("/start", f"/start {new_code()}", f"/start {new_code()}", f"/start {new_code()}"):
        assert re.search("[а-я]", (await stage.say(eve, text)).text)


async def test_who_is_no_longer_admitted_may_still_have_all_deleted(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("Ann")
        async with polling(stage.tg, stage.deps):
            await stage.say(ann, "/start")
        closed = replace(stage.deps, access=AccessRule("list"))
        async with stage.database.write() as session:
            await settle_access(session, closed.access, utc_now())
        async with polling(stage.tg, closed):
            assert "invited" in (await stage.say(ann, "/status")).text
            asked = await stage.say(ann, "/delete_me")
            await ann.press("Delete")
            await ann.private.wait_for(lambda message: not message.keyboard, since=asked.revision)
        assert await rows(stage) == []
