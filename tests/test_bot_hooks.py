"""What can be done about webhooks in the chat: the test event, repair, one for a whole group, new secrets."""

from asyncio import Event as Stop
from asyncio import TaskGroup
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import update

from src.database.jobs import JobRunner
from src.database.models import Hook, User, utc_now
from src.demo.ports import free_port
from src.demo.telegram import Chat, Message, Person
from src.forge import ProjectRef
from src.forges import FORGE_TYPES
from src.webhook.bodies import Budget
from src.webhook.enrich import Enricher
from src.webhook.handlers import Receiver, complaints, known_hooks
from src.webhook.inbox import Inbox
from src.webhook.metrics import Metrics
from src.webhook.pipeline import Pipeline
from src.webhook.server import SERVER_OPTIONS, create_app
from src.webhook.upkeep import hook_jobs
from tests.bot_stage import Stage, labels, staged


@asynccontextmanager
async def wired(folder: Path, *, relay: bool = True) -> AsyncIterator[Stage]:
    """The bot, and where the forges are told to send; without `relay` nobody listens there."""
    port = free_port()
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(staged(folder, public_url=f"http://127.0.0.1:{port}"))
        stage.deps.waits.test, stage.deps.waits.look = 60.0 if relay else 0.3, 0.02
        if relay:
            await stack.enter_async_context(listening(stage, port))
        yield stage


@asynccontextmanager
async def listening(stage: Stage, port: int) -> AsyncIterator[None]:
    """The relay and its pipeline."""
    metrics, stop = Metrics(), Stop()
    pipeline = Pipeline(
        stage.database,
        Enricher(stage.database, stage.deps.credentials, clock=utc_now),
        FORGE_TYPES,
        metrics,
        owner="tests",
        lease=timedelta(seconds=30),
        queued=lambda: None,
        clock=utc_now,
        checkpoint=_nothing,
    )
    inbox = Inbox(stage.database, metrics, stored=pipeline.wake)
    receiver = Receiver(
        stage.database, stage.box, FORGE_TYPES, inbox, Budget(), metrics, utc_now, known_hooks(0), complaints()
    )
    app = create_app(receiver, stage.database, metrics, instance="tests", is_migrated=_true, waits={})
    server = TestServer(app, port=port)
    await server.start_server(**SERVER_OPTIONS)
    try:
        async with TaskGroup() as tasks:
            tasks.create_task(inbox.run())
            tasks.create_task(pipeline.run(stop))
            try:
                yield
            finally:
                stop.set()
                inbox.close()
    finally:
        await server.close()


async def _nothing(_name: str) -> None:
    return None


async def _true() -> bool:
    return True


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with wired(tmp_path) as found:
        yield found


async def subscriber(stage: Stage, login: str = "ann", kind: str = "github", in_: Chat | None = None) -> Person:
    person = stage.tg.person(login)
    await stage.give_token(person, kind)
    await stage.subscribe(person, kind, in_=in_)
    return person


async def to_hook(stage: Stage, person: Person, in_: Chat | None = None, *, command: str = "/status") -> Message:
    """From a command to the project's webhook."""
    await stage.say(person, command, in_)
    await stage.step(person, "Webhooks", in_)
    return await stage.step(person, "acme/rocket", in_)


async def ended(stage: Stage, person: Person, button: str, words: str, in_: Chat | None = None) -> Message:
    """Press, and wait for what it comes to."""
    chat = in_ or person.private
    mark = chat.mark()
    await person.press(button, in_=in_)
    return await chat.wait_for(lambda message: message.from_bot and words in message.text, since=mark, timeout=50)


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_send_test_event_proves_the_way_back_and_reports_each_leg(stage: Stage, kind: str) -> None:
    ann = await subscriber(stage, kind=kind)
    before = await to_hook(stage, ann)
    assert before.text.startswith("acme/rocket\n✓ ")
    assert labels(before) == ["Send test event", "Repair", "‹ Back", "Close"]

    after = await ended(stage, ann, "Send test event", "It works: what happens there arrives here.")

    title = FORGE_TYPES[kind].title
    assert after.text == (
        f"Test event for acme/rocket\n1. {title} took it ✓\n2. it arrived here ✓\n3. told to you ✓\n"
        "It works: what happens there arrives here."
    )
    assert after.id == before.id, "the message is edited as the legs come in"
    again = await stage.step(ann, "‹ Back")
    assert "• acme/rocket: ✓ last event just now" in again.text


async def test_a_test_event_is_not_said_to_be_told_where_no_message_of_it_comes(stage: Stage) -> None:
    ann = stage.tg.person("ann")
    await stage.give_token(ann, "github")
    group = stage.tg.group("Rocket team", admins=[ann])
    await stage.subscribe(ann, in_=group)
    await to_hook(stage, ann, group)
    after = await ended(stage, ann, "Send test event", "It works: what happens there arrives here.", group)
    assert "2. it arrived here ✓\n3. understood ✓\n" in after.text


async def test_a_test_event_that_does_not_arrive_says_what_to_look_at(tmp_path: Path) -> None:
    async with wired(tmp_path, relay=False) as stage:
        ann = await subscriber(stage)
        await to_hook(stage, ann)

        after = await ended(stage, ann, "Send test event", "PUBLIC_URL")

        assert "1. GitHub took it ✓\n2. it arrived here ✗\n3. told to you –\n" in after.text
        assert "Press Repair" in after.text
        assert "Repair" in labels(after)


async def test_a_forge_that_tries_at_once_and_fails_is_believed(tmp_path: Path) -> None:
    async with wired(tmp_path, relay=False) as stage:
        ann = await subscriber(stage, kind="gitlab")
        await to_hook(stage, ann)

        after = await ended(stage, ann, "Send test event", "PUBLIC_URL")

        assert "2. it arrived here ✗" in after.text


async def test_while_a_test_event_is_awaited_one_may_go_back(tmp_path: Path) -> None:
    async with wired(tmp_path, relay=False) as stage:
        stage.deps.waits.test = 60
        ann = await subscriber(stage)
        await to_hook(stage, ann)
        await ended(stage, ann, "Send test event", "2. it arrived here …")

        listed = await ended(stage, ann, "‹ Back", "Webhooks of what this chat follows")

        assert "acme/rocket" in labels(listed)


async def test_a_forge_that_is_down_blames_no_token(stage: Stage) -> None:
    ann = await subscriber(stage)
    await to_hook(stage, ann)
    stage.github.outage("down")

    after = await ended(stage, ann, "Send test event", "your token is not to blame")

    assert "Send test event" in labels(after), "and may be pressed again"


async def test_repair_makes_a_hook_that_was_deleted_by_hand(stage: Stage) -> None:
    ann = await subscriber(stage)
    await stage.deps.credentials.with_token(stage.deps.forges[0], "tok_ann").delete_hook(*await place(stage))
    assert stage.github.hooks("acme/rocket") == ()
    await to_hook(stage, ann)

    after = await ended(stage, ann, "Repair", "✓ The webhook is made.")

    assert after.text.startswith("acme/rocket\n✓ ")
    assert len(stage.github.hooks("acme/rocket")) == 1


async def place(stage: Stage) -> tuple[ProjectRef, str]:
    """Where the only hook is, and its number there."""
    row = await stage.hook()
    project = await stage.deps.credentials.with_token(stage.deps.forges[0], "tok_ann").project_by_path("acme/rocket")
    return ProjectRef(external_id=project.external_id, path=project.path), row.remote_id or ""


async def test_repair_shows_a_secret_in_private_alone(stage: Stage) -> None:
    carl = stage.tg.person("carl")
    await stage.give_token(carl)
    group = stage.tg.group("Rocket team", admins=[carl])
    await stage.subscribe(carl, in_=group)
    await to_hook(stage, carl, group)

    after = await ended(stage, carl, "Repair", "I sent you the steps in private", group)

    assert "whsec_" not in after.text
    assert "whsec_" in carl.private.last.text


async def test_in_a_group_administrators_alone_touch_the_webhooks(stage: Stage) -> None:
    ann, bob = stage.tg.person("ann"), stage.tg.person("bob")
    await stage.give_token(ann)
    await stage.give_token(bob)
    group = stage.tg.group("Rocket team", admins=[ann], members=[bob])
    await stage.subscribe(ann, in_=group)
    await to_hook(stage, ann, group)

    answer = await bob.press("Repair", in_=group)

    assert answer.show_alert
    assert answer.text == "This is ann's dialog."


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_one_hook_for_many_projects(stage: Stage, kind: str) -> None:
    forge = stage.forge(kind)
    forge.add_project("acme/lander", private=True, members={"ann": "admin"})
    forge.add_group("acme", ["ann"])
    ann = await subscriber(stage, kind=kind)
    await stage.to_events(ann, kind, path="acme/lander")
    await stage.step(ann, "Continue")
    await stage.step(ann, "Confirm")
    await to_hook(stage, ann)
    question = await stage.step(ann, "One webhook for all of acme")
    assert "their own webhooks are then removed" in question.text

    after = await ended(stage, ann, "Make one for all", "One webhook tells of all of acme now.")

    assert "one webhook for all of acme" in after.text
    assert "One webhook for all of acme" not in labels(after)
    assert forge.hooks("acme/rocket") == forge.hooks("acme/lander") == ()
    living = [hook for hook in await stage.all_hooks() if hook.removed_at is None]
    assert [hook.group_path for hook in living] == ["acme"]


async def test_who_may_not_give_the_group_a_hook_is_told_so_and_nothing_changes(stage: Stage) -> None:
    stage.github.add_project("acme/lander", private=True, members={"ann": "admin"})
    ann = await subscriber(stage)
    await stage.to_events(ann, path="acme/lander")
    await stage.step(ann, "Continue")
    await stage.step(ann, "Confirm")
    await to_hook(stage, ann)
    await stage.step(ann, "One webhook for all of acme")

    after = await ended(stage, ann, "Make one for all", "Your token may not give acme a webhook")

    assert "Send test event" in labels(after)
    assert len(stage.github.hooks("acme/rocket")) == len(stage.github.hooks("acme/lander")) == 1


async def test_one_webhook_for_all_while_the_forge_is_down_hides_nothing_that_works(stage: Stage) -> None:
    stage.github.add_project("acme/lander", private=True, members={"ann": "admin"})
    ann = await subscriber(stage)
    await stage.to_events(ann, path="acme/lander")
    await stage.step(ann, "Continue")
    await stage.step(ann, "Confirm")
    await to_hook(stage, ann)
    await stage.step(ann, "One webhook for all of acme")
    stage.github.outage("down")

    after = await ended(stage, ann, "Make one for all", "does not answer right now")

    assert "no webhook yet" not in after.text
    assert {"Send test event", "One webhook for all of acme"} <= set(labels(after))


async def test_rotate_gives_all_webhooks_new_secrets_and_asks_first(stage: Stage) -> None:
    ann = await administrator(stage)
    before = await stage.hook()
    asked = await stage.say(ann, "/rotate")
    assert asked.text.startswith("Give 1 webhook a new secret?")

    done = await stage.step(ann, "New secrets")
    await JobRunner(stage.database, hook_jobs(stage.deps.hooks), owner="test").run_due()

    assert done.text == "✓ 1 webhook gets a new secret in the next minutes. /status shows how it does."
    after = await stage.hook()
    assert stage.box.open(after.secret) != stage.box.open(before.secret)
    assert after.previous_secret is not None
    assert stage.box.open(after.previous_secret) == stage.box.open(before.secret)


async def administrator(stage: Stage) -> Person:
    """Somebody who runs the bot and follows a project whose webhook's secret is a month old."""
    person = await subscriber(stage)
    async with stage.database.write() as session:
        await session.execute(update(User).values(is_admin=True))
        await session.execute(update(Hook).values(secret_made_at=utc_now() - timedelta(days=30)))
    return person


async def test_rotate_can_be_cancelled(stage: Stage) -> None:
    ann = await administrator(stage)
    await stage.say(ann, "/rotate")
    after = await stage.step(ann, "Cancel")
    assert after.text == "Cancelled: nothing was changed."


async def test_rotate_is_for_those_who_run_the_bot(stage: Stage) -> None:
    ann = await subscriber(stage)
    answer = await stage.say(ann, "/rotate")
    assert answer.text == "Only whoever runs this bot can do that."
    assert labels(answer) == []


@pytest.mark.parametrize("command", ["/status", "/list_subscriptions"])
async def test_back_leads_to_where_the_webhooks_were_opened_and_close_ends_it(stage: Stage, command: str) -> None:
    ann = await subscriber(stage, kind="gitlab")
    opened = await stage.say(ann, command)
    await stage.step(ann, "Webhooks")
    assert (await stage.step(ann, "‹ Back")).text == opened.text
    await stage.step(ann, "Webhooks")
    await stage.step(ann, "acme/rocket")

    after = await stage.step(ann, "Close")

    assert (after.id, labels(after)) == (opened.id, [])


async def test_a_hook_whose_failures_cannot_be_mended_says_so(stage: Stage) -> None:
    ann = await subscriber(stage)
    assert "is lost" not in (await to_hook(stage, ann)).text
    async with stage.database.write() as session:
        await session.execute(update(Hook).values(uncaught="unsupported"))
    shown = await to_hook(stage, ann)
    assert shown.text.splitlines()[-1] == "What it fails to bring is lost: this version of GitHub cannot send it again."
