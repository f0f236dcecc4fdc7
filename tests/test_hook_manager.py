"""The hook of a project: made once with exactly what is needed, widened, shared, repaired, or left to a person."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from src.database.crypto import SecretBox
from src.database.models import Hook, utc_now
from src.database.repositories import accounts, hooks, projects, subscriptions, users
from src.forge import ForgeClient, HookSpec, ProjectRef, RateLimited, RemoteHook, Unauthorized, Unavailable
from src.forges import FORGE_TYPES
from src.webhook.manager import HookManager, HookOutcome, HookState, ManualReason
from tests.bot_stage import PUBLIC_URL, Stage, staged

PATH = "acme/rocket"
NUMBERS = {"ann": 1, "bob": 2, "carl": 3}


@pytest.fixture(params=["github", "gitlab"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, polled=False) as found:
        yield found


async def follow(stage: Stage, kind: str, login: str, names: Sequence[str]) -> tuple[int, int]:
    """A subscription, without the bot. Returns the ids of the project and the account."""
    forge = stage.deps.instances(kind)[0]
    client = stage.deps.credentials.with_token(forge, f"tok_{login}")
    identity, remote = await client.whoami(), await client.project_by_path(PATH)
    now, number = stage.deps.clock(), NUMBERS[login]
    async with stage.database.write() as session:
        user = await users.ensure_user(session, number, name=login, language="en", now=now)
        chat = await users.ensure_chat(session, number, type_="private", title=login, language="en")
        sealed = stage.box.seal(f"tok_{login}")
        account = await accounts.put(
            session, user_id=user.id, forge_id=forge.id, identity=identity, token=sealed, last4="last", now=now
        )
        project = await projects.ensure(session, forge.id, remote)
        await subscriptions.put(
            session, project_id=project.id, chat_id=chat.id, topic_id=0, owner_id=user.id, account_id=account.id,
            scope="mine", events=names, now=now,
        )  # fmt: skip
    return project.id, account.id


async def ensured(stage: Stage, kind: str, login: str, *names: str) -> HookState:
    return await stage.deps.hooks.ensure(*await follow(stage, kind, login, names))


async def test_a_hook_is_made_with_exactly_the_needed_events(stage: Stage, kind: str) -> None:
    state = await ensured(stage, kind, "ann", "pull_request.opened", "push.pushed")
    (there,) = stage.forge(kind).hooks(PATH)
    row = await stage.hook()
    assert state == HookState(outcome=HookOutcome.CREATED, address=f"{PUBLIC_URL}/webhook/{kind}/{row.public_id}")
    assert there.events == FORGE_TYPES[kind].codec.hook_events(["pull_request.opened", "push.pushed"])
    assert (there.url, there.secret) == (state.address, stage.box.open(row.secret))
    assert (row.remote_id, row.address, frozenset(row.events)) == (str(there.id), there.url, there.events)
    assert len(row.public_id) <= 32
    assert (there.secret or "").startswith("whsec_")
    (entry,) = await stage.log()
    assert (entry.kind, entry.outcome, entry.hook_id, entry.project_id) == ("hook", "created", row.id, row.project_id)
    assert (there.secret or "") not in entry.message


async def test_a_second_subscriber_shares_and_widens(stage: Stage, kind: str) -> None:
    stage.forge(kind).set_member(PATH, "bob", "admin")
    first = await ensured(stage, kind, "ann", "pull_request.opened")
    assert (await ensured(stage, kind, "bob", "pull_request.merged")).outcome is HookOutcome.SHARED
    widened = await ensured(stage, kind, "bob", "wiki.created")
    assert (widened.outcome, widened.address) == (HookOutcome.WIDENED, first.address)
    (there,) = stage.forge(kind).hooks(PATH)
    assert there.events == FORGE_TYPES[kind].codec.hook_events(["pull_request.opened", "wiki.created"])
    assert there.secret == stage.box.open((await stage.hook()).secret)


async def test_who_may_not_widen_borrows_the_keepers_token(stage: Stage, kind: str) -> None:
    await ensured(stage, kind, "ann", "pull_request.opened")
    keeper = (await stage.hook()).account_id
    assert (await ensured(stage, kind, "carl", "wiki.created")).outcome is HookOutcome.WIDENED
    assert (await stage.hook()).account_id == keeper


async def test_a_keeper_whose_token_died_is_noted_and_the_person_asked(stage: Stage, kind: str) -> None:
    await ensured(stage, kind, "ann", "pull_request.opened")
    stage.forge(kind).revoke_token("tok_ann")
    assert (await ensured(stage, kind, "carl", "pull_request.merged")).outcome is HookOutcome.SHARED
    state = await ensured(stage, kind, "carl", "wiki.created")
    assert (state.outcome, state.why, state.secret) == (HookOutcome.MANUAL, ManualReason.LACKS_EVENTS, None)
    assert (await stage.hook()).origin == "managed"
    assert [account.dead_at is not None for account in await stage.accounts()] == [True, False]


async def test_no_right_leaves_the_hook_to_a_person_and_a_right_takes_it_over(stage: Stage, kind: str) -> None:
    state = await ensured(stage, kind, "carl", "pull_request.opened")
    row = await stage.hook()
    assert (state.outcome, state.why, state.secret) == (
        HookOutcome.MANUAL, ManualReason.NO_RIGHT, stage.box.open(row.secret),
    )  # fmt: skip
    assert (row.origin, row.remote_id, row.address) == ("manual", None, state.address)
    assert state.events == (("Pull requests",) if kind == "github" else ("Merge request events",))
    assert (state.secret or "x") not in repr(state)
    taken = await ensured(stage, kind, "ann", "pull_request.opened")
    after = await stage.hook()
    assert (taken.outcome, after.origin, after.public_id) == (HookOutcome.CREATED, "managed", row.public_id)
    (there,) = stage.forge(kind).hooks(PATH)
    # What was shown to people is no longer the secret, and what the forge has is ours.
    assert there.secret not in (state.secret, "typed wrong")
    assert there.secret == stage.box.open((await stage.hook()).secret)


async def test_a_hook_that_was_made_by_hand_is_adopted_not_doubled(stage: Stage, kind: str) -> None:
    state = await ensured(stage, kind, "carl", "pull_request.opened")
    forge = stage.deps.instances(kind)[0]
    client = stage.deps.credentials.with_token(forge, "tok_ann")
    remote = await client.project_by_path(PATH)
    events = FORGE_TYPES[kind].codec.hook_events(["pull_request.opened"])
    await client.create_hook(remote.ref, HookSpec(url=state.address, events=events, secret="typed wrong"))
    assert (await ensured(stage, kind, "ann", "pull_request.opened")).outcome is HookOutcome.REPAIRED
    (there,) = stage.forge(kind).hooks(PATH)
    # What was shown to people is no longer the secret, and what the forge has is ours.
    assert there.secret not in (state.secret, "typed wrong")
    assert there.secret == stage.box.open((await stage.hook()).secret)


async def test_the_secret_of_a_working_hook_is_not_shown_to_others(stage: Stage, kind: str) -> None:
    first = await ensured(stage, kind, "carl", "pull_request.opened")
    row = await stage.hook()
    async with stage.database.write() as session:
        await hooks.heard(session, row.id, stage.deps.clock())
    stage.forge(kind).set_member(PATH, "bob", "read")
    second = await ensured(stage, kind, "bob", "pull_request.opened")
    assert first.secret is not None
    assert (second.outcome, second.secret) == (HookOutcome.MANUAL, None)
    assert (await ensured(stage, kind, "carl", "pull_request.opened")).secret == first.secret


async def test_no_public_url_leaves_the_hook_to_a_person(tmp_path: Path, kind: str) -> None:
    async with staged(tmp_path, public_url=None, polled=False) as stage:
        state = await ensured(stage, kind, "ann", "pull_request.opened")
        row = await stage.hook()
        assert (state.outcome, state.why) == (HookOutcome.MANUAL, ManualReason.NO_PUBLIC_URL)
        assert (state.address, state.secret) == (f"/webhook/{kind}/{row.public_id}", stage.box.open(row.secret))
        assert stage.forge(kind).hooks(PATH) == ()


async def test_a_rejected_hook_is_left_to_a_person_with_the_forges_words(
    stage: Stage, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = HookManager(stage.database, stage.deps.credentials, public_url="ftp://nowhere")
    state = await manager.ensure(*await follow(stage, kind, "ann", ["pull_request.opened"]))
    assert (state.outcome, state.why) == (HookOutcome.MANUAL, ManualReason.REJECTED)
    assert state.message
    assert state.secret


async def test_a_forge_that_refuses_hooks_leaves_it_to_a_person(stage: Stage, kind: str) -> None:
    stage.forge(kind).outage("refuse_hooks")
    state = await ensured(stage, kind, "ann", "pull_request.opened")
    assert (state.outcome, state.why) == (HookOutcome.MANUAL, ManualReason.NO_RIGHT)
    stage.forge(kind).clear_outages()
    assert (await ensured(stage, kind, "ann", "pull_request.opened")).outcome is HookOutcome.CREATED


async def test_two_at_the_same_moment_make_one_hook(stage: Stage, kind: str) -> None:
    stage.forge(kind).set_member(PATH, "bob", "admin")
    one = await follow(stage, kind, "ann", ["pull_request.opened"])
    two = await follow(stage, kind, "bob", ["wiki.created"])
    states = await asyncio.gather(stage.deps.hooks.ensure(*one), stage.deps.hooks.ensure(*two))
    assert {state.outcome for state in states} == {HookOutcome.CREATED, HookOutcome.SHARED}
    assert len(stage.forge(kind).hooks(PATH)) == len(await stage.all_hooks()) == 1


async def test_a_crash_after_making_it_makes_no_second_one(
    stage: Stage, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(Exception):
        pass

    async def crash(*_: object, **__: object) -> None:
        raise Crash

    project_id, account_id = await follow(stage, kind, "ann", ["pull_request.opened"])
    with monkeypatch.context() as patch:
        patch.setattr(hooks, "connected", crash)
        with pytest.raises(Crash):
            await stage.deps.hooks.ensure(project_id, account_id)
    row = await stage.hook()
    assert (row.origin, row.remote_id) == ("managed", None)
    assert len(stage.forge(kind).hooks(PATH)) == 1
    await stage.deps.hooks.ensure(project_id, account_id)
    (there,) = stage.forge(kind).hooks(PATH)
    assert (await stage.hook()).remote_id == str(there.id)


async def test_a_hook_that_was_deleted_by_hand_is_made_again(stage: Stage, kind: str) -> None:
    await ensured(stage, kind, "ann", "pull_request.opened")
    (there,) = stage.forge(kind).hooks(PATH)
    forge = stage.deps.instances(kind)[0]
    client = stage.deps.credentials.with_token(forge, "tok_ann")
    await client.delete_hook((await client.project_by_path(PATH)).ref, str(there.id))
    assert (await ensured(stage, kind, "ann", "pull_request.opened")).outcome is HookOutcome.CREATED
    (again,) = stage.forge(kind).hooks(PATH)
    assert (again.url, again.secret) == (there.url, there.secret)


async def test_a_hook_that_is_deleted_while_it_is_widened_is_made_again(
    stage: Stage, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ensured(stage, kind, "ann", "pull_request.opened")
    project_id, account_id = await follow(stage, kind, "ann", ["wiki.created"])
    forge = stage.deps.instances(kind)[0]
    client_type = type(stage.deps.credentials.with_token(forge, "tok_ann"))
    listed = client_type.hooks

    async def then_gone(self: ForgeClient, project: ProjectRef) -> tuple[RemoteHook, ...]:
        found: tuple[RemoteHook, ...] = await listed(self, project)
        for hook in found:
            await self.delete_hook(project, hook.id)
        return found

    monkeypatch.setattr(client_type, "hooks", then_gone)
    assert (await stage.deps.hooks.ensure(project_id, account_id)).outcome is HookOutcome.CREATED
    assert len(stage.forge(kind).hooks(PATH)) == 1


async def test_a_moved_relay_moves_its_hook_with_its_secret(stage: Stage, kind: str) -> None:
    await ensured(stage, kind, "ann", "pull_request.opened")
    manager = HookManager(stage.database, stage.deps.credentials, public_url="https://new.example.org")
    state = await manager.ensure(*await follow(stage, kind, "ann", ["pull_request.opened"]))
    (there,) = stage.forge(kind).hooks(PATH)
    assert there.url == state.address
    assert there.url.startswith("https://new.example.org/")
    assert there.secret == stage.box.open((await stage.hook()).secret)


@pytest.mark.parametrize(("trouble", "error"), [("down", Unavailable), ("rate_limited", RateLimited)])
async def test_an_outage_is_raised_logged_and_mended_by_trying_again(
    stage: Stage, kind: str, trouble: str, error: type[Exception]
) -> None:
    project_id, account_id = await follow(stage, kind, "ann", ["pull_request.opened"])
    stage.forge(kind).outage(trouble, seconds=2)  # type: ignore[arg-type]  # one of the words
    with pytest.raises(error):
        await stage.deps.hooks.ensure(project_id, account_id)
    assert [entry.outcome for entry in await stage.log()] == ["failed"]
    if trouble == "down":
        stage.forge(kind).clear_outages()
        assert (await stage.deps.hooks.ensure(project_id, account_id)).outcome is HookOutcome.CREATED


async def test_a_refused_token_of_the_person_is_raised_and_noted(stage: Stage, kind: str) -> None:
    project_id, account_id = await follow(stage, kind, "ann", ["pull_request.opened"])
    stage.forge(kind).revoke_token("tok_ann")
    with pytest.raises(Unauthorized):
        await stage.deps.hooks.ensure(project_id, account_id)
    assert (await stage.accounts())[0].dead_at is not None


async def test_a_silent_hook_that_nobody_may_look_at_is_not_called_in_place(stage: Stage, kind: str) -> None:
    await ensured(stage, kind, "ann", "pull_request.opened")
    stage.forge(kind).revoke_token("tok_ann")
    async with stage.database.write() as session:
        (await session.get_one(Hook, 1)).created_at -= timedelta(days=8)
    state = await ensured(stage, kind, "carl", "pull_request.opened")
    assert (state.outcome, state.why, state.secret) == (HookOutcome.MANUAL, ManualReason.UNCHECKED, None)


async def test_a_hook_made_by_hand_that_delivers_is_said_to(stage: Stage, kind: str) -> None:
    await ensured(stage, kind, "carl", "pull_request.opened")
    async with stage.database.write() as session:
        (await session.get_one(Hook, 1)).last_event_at = utc_now()
    state = await ensured(stage, kind, "bob", "pull_request.opened")
    assert (state.outcome, state.why, state.secret) == (HookOutcome.MANUAL, ManualReason.BY_HAND, None)


async def test_a_hook_whose_secret_is_lost_with_its_key_gets_a_new_one(stage: Stage, kind: str) -> None:
    await ensured(stage, kind, "ann", "pull_request.opened")
    async with stage.database.write() as session:
        (await session.get_one(Hook, 1)).secret = SecretBox([Fernet.generate_key().decode()]).seal("lost")
    assert (await ensured(stage, kind, "ann", "pull_request.opened")).outcome is HookOutcome.REPAIRED
    (there,) = stage.forge(kind).hooks(PATH)
    assert there.secret == stage.box.open((await stage.hook()).secret)
