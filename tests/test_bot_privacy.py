"""`/privacy` and `/delete_me`: what is said is what is so, down to the bytes of the file."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from src.bot.bot import AccessRule
from src.bot.fsm_storage import DatabaseStorage
from src.database.database import Database
from src.database.models import (
    Account,
    Base,
    Chat,
    Delivery,
    DialogState,
    Hook,
    Job,
    Message,
    Project,
    Sent,
    StoredEvent,
    User,
    utc_now,
)
from src.database.repositories import arrivals, event_log, people
from src.database.repositories.deliveries import NewDelivery
from src.database.retention import RETENTION_JOB, retention_job
from src.demo.telegram import Person
from src.forges import FORGE_TYPES
from src.webhook.enrich import Enricher
from src.webhook.inbox import compress, decompress
from src.webhook.metrics import Metrics
from src.webhook.notices import NOTICE_JOB
from src.webhook.pipeline import Pipeline
from tests.bot_stage import Stage, labels, polling, staged

LOGIN = "zx-annabel-q7"
TOKEN = "tok_zx_annabel_q7_secret_of_hers"
OWN = f"{LOGIN}/dotfiles"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """With the dialogs in the database, as the program has them."""
    async with staged(tmp_path, polled=False) as found:
        found.github.add_user(LOGIN, name="Annabel", emails=[f"{LOGIN}@example.org"])
        found.github.add_token(TOKEN, LOGIN)
        found.github.add_project("acme/lander", private=True, members={LOGIN: "admin", "ann": "admin"})
        found.github.add_project(OWN, private=True, members={LOGIN: "admin"})
        async with polling(found.tg, found.deps, DatabaseStorage(found.database)):
            yield found


async def follow(stage: Stage, person: Person, path: str) -> None:
    await stage.to_events(person, path=path)
    await stage.step(person, "Continue")
    await stage.step(person, "Confirm")


async def rows(database: Database, table: type[Base]) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def happen(stage: Stage, path: str, number: int, by: str = LOGIN) -> None:
    """An issue is opened: the delivery comes in and is worked off."""
    async with stage.database.write() as session:
        project = await session.scalar(select(Project).where(Project.path == path))
        assert project is not None
        hook = await session.scalar(select(Hook).where(Hook.project_id == project.id))
        assert hook is not None
        person = {"login": by, "id": 4711, "type": "User"}
        owner, name = path.split("/")
        payload = {
            "action": "opened",
            "issue": {
                "id": number, "number": number, "title": "Countdown", "user": person, "labels": [], "state": "open",
                "assignee": None, "assignees": [], "created_at": "2026-03-02T08:00:00Z",
                "updated_at": "2026-03-02T08:00:00Z", "body": "It hangs.", "html_url": f"https://x.example.org/{number}",
            },
            "repository": {
                "id": int(project.external_id), "name": name, "full_name": path, "private": True,
                "owner": {"login": owner, "id": 1, "type": "User"}, "html_url": f"https://x.example.org/{path}",
                "default_branch": "main",
            },
            "sender": person,
        }  # fmt: skip
        one = NewDelivery(
            hook_id=hook.id,
            key=f"guid-{number}",
            replay_key=None,
            event="issues",
            headers={"x-github-event": "issues", "X-GitHub-Event": "issues"},
            body=compress(json.dumps(payload).encode()),
            received_at=utc_now(),
        )
    await arrivals.put(stage.database, [one])
    await work(stage)


async def work(stage: Stage) -> None:
    """The worker, until nothing waits."""
    stop = asyncio.Event()

    async def checkpoint(_name: str) -> None:
        return None

    pipeline = Pipeline(
        stage.database,
        Enricher(stage.database, stage.deps.credentials, clock=utc_now),
        FORGE_TYPES,
        Metrics(),
        owner="test",
        lease=timedelta(seconds=60),
        queued=lambda: None,
        clock=utc_now,
        checkpoint=checkpoint,
    )
    async with asyncio.timeout(40), asyncio.TaskGroup() as tasks:
        tasks.create_task(pipeline.run(stop))
        while True:
            async with stage.database.read() as session:
                waiting = await session.scalar(select(Delivery.id).where(Delivery.state.in_(("new", "taken"))))
            if waiting is None:
                break
            await asyncio.sleep(0.05)
        stop.set()


def stored(number: int) -> bytes:
    """The bytes of an integer in a row of SQLite, without leading zeros."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def traces(folder: Path, needles: dict[str, bytes]) -> set[tuple[str, str]]:
    """Which needle is in which file of the folder, whatever its case."""
    found = set()
    for file in sorted(folder.iterdir()):
        raw = file.read_bytes()
        found |= {(file.name, what) for what, needle in needles.items() if needle in raw or needle in raw.lower()}
    return found


async def bodies(database: Database) -> list[tuple[str, bytes]]:
    """What is left of the deliveries, by project, as it came over the wire."""
    async with database.read() as session:
        query = select(Project.path, Delivery.body).join(Hook, Hook.id == Delivery.hook_id)
        found = await session.execute(query.join(Project, Project.id == Hook.project_id).order_by(Delivery.id))
        return [(path, decompress(body)) for path, body in found if body is not None]


async def everything(database: Database) -> str:
    """All that stands in any row, bodies as they came over the wire."""
    said = []
    async with database.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in (await session.execute(select(table))).mappings():
                body = row["body"] if table is Delivery.__table__ else None
                said.append(f"{table.name}: {dict(row)} {decompress(body) if body else b''!r}")
    return "\n".join(said)


async def test_delete_me_then_a_search_of_every_row(stage: Stage) -> None:
    annabel = stage.tg.person("Annabel")
    await stage.say(annabel, f"/set_github_token {TOKEN}")
    await follow(stage, annabel, OWN)
    await happen(stage, OWN, 1)
    await stage.say(annabel, "/subscribe")  # and leaves it open
    (account,) = await stage.accounts()
    needles = (repr(account.token), LOGIN, str(annabel.id))
    before = await everything(stage.database)
    assert TOKEN not in before
    assert all(needle in before for needle in needles)

    await stage.say(annabel, "/delete_me")
    await stage.step(annabel, "Delete everything")
    left = await everything(stage.database)
    assert not [line for line in left.splitlines() for needle in needles if needle in line]
    assert "guid-1" in left, "what tells deliveries apart stays"


@pytest.mark.sqlite_file
async def test_delete_me_then_a_search_of_the_database_file_and_backups(stage: Stage, tmp_path: Path) -> None:
    """Nothing is left but what `/privacy` says: what others' projects were sent."""
    annabel, bob = stage.tg.person("Annabel"), stage.tg.person("Bob")
    team = stage.tg.group("Team", admins=[annabel], members=[bob])
    await stage.say(annabel, f"/set_github_token {TOKEN}")
    await stage.give_token(bob)
    for path in ("acme/lander", OWN):
        await follow(stage, annabel, path)
    await stage.say(annabel, "/subscribe", team)
    await stage.step(annabel, "GitHub", team)
    await stage.step(annabel, "acme/lander", team)
    await stage.step(annabel, "Continue", team)
    await stage.step(annabel, "Confirm", team)
    ann = stage.tg.person("Ann")
    await stage.give_token(ann)
    await follow(stage, ann, "acme/lander")
    for number, path in enumerate(("acme/lander", OWN, "acme/lander"), start=1):
        await happen(stage, path, number)
    await stage.say(annabel, "/subscribe")  # and leaves it open
    (account,) = [row for row in await stage.accounts() if row.login == LOGIN]
    needles = {
        "token": TOKEN.encode(),
        "encrypted token": account.token,
        "login": LOGIN.encode(),
        "chat id as text": str(annabel.id).encode(),
        "chat id as a number": stored(annabel.id),
    }
    await stage.database.checkpoint()
    before = {what for _, what in traces(tmp_path, needles)}
    assert before == set(needles) - {"token"}, "the search finds what is there, and no token lies open"

    await stage.say(annabel, "/delete_me")
    said = await stage.step(annabel, "Delete everything")
    assert "Deleted:" in said.text
    async with stage.database.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute(f"VACUUM INTO '{tmp_path / 'backup.db'}'")
    left = traces(tmp_path, needles)
    assert {what for _, what in left} <= {"login"}, left
    # Of her login: the events of the project that Ann still follows, stored as /privacy says, and their bodies.
    async with stage.database.read() as session:
        events = list(await session.execute(select(StoredEvent.body, Project.path).join(Project)))
        named = [path for body, path in events if LOGIN in body]
        assert {path for _, path in events} == {"acme/lander"}
        assert named == ["acme/lander", "acme/lander"]
    kept = await bodies(stage.database)
    assert [path for path, body in kept if LOGIN.encode() in body] == ["acme/lander", "acme/lander"]
    assert len(kept) == 2
    async with stage.database.write() as session:  # what those are is all there is
        await session.execute(text("delete from messages"))
        await session.execute(text("delete from events"))
        await session.execute(text("update deliveries set body = null"))
    await stage.database.checkpoint()
    (tmp_path / "backup.db").unlink()
    assert traces(tmp_path, needles) == set()
    privacy = await stage.say(bob, "/privacy")
    assert "what others follow stays" in privacy.text


async def test_delete_me_asks_once_and_says_item_by_item_what_goes(stage: Stage) -> None:
    annabel, bob = stage.tg.person("Annabel"), stage.tg.person("Bob")
    team = stage.tg.group("Team", admins=[annabel], members=[bob])
    await stage.say(annabel, f"/set_github_token {TOKEN}")
    await follow(stage, annabel, OWN)
    await stage.say(annabel, "/subscribe", team)
    await stage.step(annabel, "GitHub", team)
    await stage.step(annabel, "acme/lander", team)
    await stage.step(annabel, "Continue", team)
    await stage.step(annabel, "Confirm", team)
    await happen(stage, OWN, 1, by="dora")
    asked = await stage.say(annabel, "/delete_me")
    for item in ("1 token", "1 subscription here", "1 subscription of a group", "webhooks that nobody else needs"):
        assert item in asked.text
    said = await stage.step(annabel, "Cancel")
    assert said.text == "Nothing was deleted."
    assert await rows(stage.database, User) == 1
    asked = await stage.say(annabel, "/delete_me")
    said = await stage.step(annabel, "Delete everything")
    assert said.id == asked.id
    assert not said.buttons
    for item in ("1 token", "1 subscription here", "1 subscription of a group", "webhooks", "your Telegram ID, name"):
        assert item in said.text
    for table in (User, Account, Sent, Message, StoredEvent, DialogState):
        assert await rows(stage.database, table) == 0, table
    assert await stage.subscriptions() == []
    assert [hook.removed_at is None for hook in await stage.all_hooks()] == [False, False]
    assert not stage.github.hooks(OWN)
    assert not stage.github.hooks("acme/lander")
    async with stage.database.read() as session:
        chats = list(await session.scalars(select(Chat.title)))
        (notice,) = list(await session.scalars(select(Job).where(Job.kind == NOTICE_JOB)))
    assert chats == ["Team"]
    assert (notice.payload["notice"], notice.payload["params"]["paths"]) == ("sponsor_left", ["acme/lander"])
    # A second tap comes late: it is answered, and makes nobody known again.
    answer = await annabel.press("Delete everything", on=asked)
    assert "no longer open" in (answer.text or "")
    assert await rows(stage.database, User) == 0
    assert await rows(stage.database, DialogState) == 0
    assert "First I need a token" in (await stage.say(annabel, "/subscribe")).text


@pytest.mark.parametrize("press", ["GitHub", "Confirm"])
async def test_a_dialog_that_waits_elsewhere_stores_nothing_after_delete_me(stage: Stage, press: str) -> None:
    annabel = stage.tg.person("Annabel")
    team = stage.tg.group("Team", admins=[annabel])
    await stage.say(annabel, f"/set_github_token {TOKEN}")
    await stage.say(annabel, "/subscribe", team)
    if press == "Confirm":
        for button in ("GitHub", "acme/lander", "Continue"):
            await stage.step(annabel, button, team)
    await stage.say(annabel, "/delete_me")
    stage.github.outage("slow", seconds=10, times=1)  # long enough for what follows, on a busy machine, too
    await annabel.press(press, in_=team)
    assert "Deleted:" in (await stage.step(annabel, "Delete everything")).text
    async with asyncio.timeout(60):
        while True:
            if not stage.deps.waits.open:
                break
            await asyncio.sleep(0.05)
    assert "no longer open" in ((await annabel.press("Cancel", in_=team)).text or ""), "its turn came"
    assert "went wrong" not in team.transcript()
    assert await rows(stage.database, DialogState) == 0
    assert await stage.subscriptions() == []


async def test_delete_me_in_a_group_says_where_and_privacy_too(stage: Stage) -> None:
    annabel = stage.tg.person("Annabel")
    team = stage.tg.group("Team", admins=[annabel])
    said = await stage.say(annabel, "/delete_me", team)
    assert "in our private chat" in said.text
    assert labels(said) == ["Open our private chat"]
    assert "/delete_me in our private chat" in (await stage.say(annabel, "/privacy", team)).text
    assert await rows(stage.database, User) == 1


async def test_privacy_says_what_is_kept_how_long_and_who_sees_it(stage: Stage) -> None:
    said = await stage.say(stage.tg.person("Annabel"), "/privacy")
    for words in (
        "tokens, encrypted",
        "30 days",
        "60 days",
        "90 days",
        "180 days",
        "7 days",
        "/delete_me",
        "pass nothing on",
    ):
        assert words in said.text
    (quote,) = [entity for entity in said.entities if entity.type == "expandable_blockquote"]
    assert quote.offset < 500, "the gist fits a phone; the rest is folded away"
    russian = await stage.say(stage.tg.person("Анна", language="ru"), "/privacy")
    assert "30 дней" in russian.text


async def test_who_deletes_themselves_under_pairing_is_out_and_hears_so(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with staged(tmp_path / "other", access=AccessRule("pairing"), polled=False) as paired:
        dora = paired.tg.person("Dora")
        async with paired.database.write() as session:
            user = User(telegram_id=dora.id, name="Dora", created_at=utc_now())
            session.add(user)
            await people.admit(session, user, as_admin=False, now=utc_now())
        async with polling(paired.tg, paired.deps):
            await paired.say(dora, "/delete_me")
            said = await paired.step(dora, "Delete everything")
            assert "only a new code" in said.text
            assert "/invite" in said.text
            assert await rows(paired.database, User) == 0
            await paired.say(dora, "/status")
            assert await rows(paired.database, User) == 0


async def test_a_webhook_that_cannot_be_removed_is_named_with_its_page(stage: Stage) -> None:
    annabel = stage.tg.person("Annabel")
    await stage.say(annabel, f"/set_github_token {TOKEN}")
    await follow(stage, annabel, OWN)
    stage.github.revoke_token(TOKEN)
    await stage.say(annabel, "/delete_me")
    said = await stage.step(annabel, "Delete everything")
    assert "by hand" in said.text
    assert OWN in said.text
    assert await rows(stage.database, User) == 0


async def test_the_log_of_outcomes_names_no_person(stage: Stage) -> None:
    annabel = stage.tg.person("Annabel")
    await stage.say(annabel, f"/set_github_token {TOKEN}")
    await follow(stage, annabel, "acme/lander")
    await happen(stage, "acme/lander", 1)
    async with stage.database.read() as session:
        lines = [entry.message for entry in await event_log.latest(session)]
    assert lines
    assert not [line for line in lines if LOGIN in line or str(annabel.id) in line]


@pytest.mark.sqlite_file
async def test_where_a_backup_holds_the_log_back_retention_empties_it_soon(stage: Stage, tmp_path: Path) -> None:
    annabel = stage.tg.person("Annabel")
    await stage.say(annabel, f"/set_github_token {TOKEN}")
    async with stage.database.read() as backup:
        await backup.execute(select(Account))
        await stage.say(annabel, "/delete_me")
        await stage.step(annabel, "Delete everything")
    async with stage.database.read() as session:
        job = await session.scalar(select(Job).where(Job.kind == RETENTION_JOB))
    assert job is not None
    assert job.run_at <= utc_now()
    await retention_job(stage.database)(job)
    assert not traces(tmp_path, {"login": LOGIN.encode(), "chat id": stored(annabel.id)})
