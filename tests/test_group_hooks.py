"""One hook of a group for many projects: made where the token may, believed for its group alone, given up in time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select

from src.database.models import Job, Project, Subscription, utc_now
from src.database.repositories import hooks
from src.demo.ports import free_port
from src.forge import HookSpec, Unavailable
from src.forges import FORGE_TYPES
from src.webhook.manager import HookOutcome, ManualReason
from src.webhook.manager.groups import in_turn
from src.webhook.upkeep import SWEEP_JOB, hook_jobs
from tests.bot_stage import staged
from tests.group_stage import NAMES, PATHS, Place, deliver, relay, signed


@pytest.fixture(params=["github", "gitlab"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """Ann owns the group and follows its three projects, each of which has a hook of its own."""
    port = free_port()
    async with staged(tmp_path, public_url=f"http://127.0.0.1:{port}", polled=False) as stage, relay(stage, port):
        found = Place(kind=request.param, stage=stage, hooks=stage.deps.hooks, ids={})
        found.forge.add_group("acme", ["ann"])
        for path in (*PATHS[1:], "acme/later", "acmenot/boat"):
            found.forge.add_project(path, private=True, members={"ann": "admin", "bob": "read"})
        for path in PATHS:
            await found.follow(path)
            assert (await found.ensure(path)).outcome is HookOutcome.CREATED
        yield found


async def test_one_hook_for_many_projects(place: Place) -> None:
    own = [place.forge.hooks(path)[0] for path in PATHS]
    assert (await place.unite()).outcome is HookOutcome.CREATED
    (row,) = await place.living(is_group=True)
    assert (row.group_path, row.project_id, row.account_id) == ("acme", None, place.account_id)
    assert place.group_hooks == [row.address]
    assert place.forge.hooks("acme")[0].secret == place.stage.box.open(row.secret)
    assert place.project_hooks() == [0, 0, 0]
    assert await place.living(is_group=False) == []
    before = len(place.forge.deliveries)
    for path in PATHS:
        await place.forge.open_issue(path, "bob", "The tank leaks")
    assert [record.status for record in place.news(before)] == [202, 202, 202]
    assert await place.told() == list(PATHS)
    # What was under way to the hooks of before is answered, and not told again.
    late = place.news(before)[0]
    for number, hook in enumerate(own):
        await deliver(hook.url, late.body, signed(place, hook, late, f"late-{number}"))
    assert await place.told() == list(PATHS)


async def test_a_project_subscribed_later_needs_no_hook_of_its_own(place: Place) -> None:
    await place.unite()
    await place.follow("acme/later", names=("issue.opened", "wiki.created"))
    state = await place.ensure("acme/later")
    assert (state.outcome, [state.address]) == (HookOutcome.WIDENED, place.group_hooks)
    assert place.project_hooks(*PATHS, "acme/later") == [0, 0, 0, 0]
    wanted = FORGE_TYPES[place.kind].codec.hook_events(["issue.opened", "wiki.created"])
    assert place.forge.hooks("acme")[0].events == wanted
    assert (await place.ensure("acme/later")).outcome is HookOutcome.SHARED
    await place.forge.open_issue("acme/later", "bob", "Too late")
    assert await place.told() == ["acme/later"]


async def test_the_hook_is_narrowed_and_goes_with_the_last_subscriber_of_all(place: Place) -> None:
    await place.follow(PATHS[0], names=("issue.opened", "wiki.created"))
    await place.unite()
    assert await place.leave(PATHS[0]) is HookOutcome.NARROWED
    assert place.forge.hooks("acme")[0].events == FORGE_TYPES[place.kind].codec.hook_events(NAMES)
    assert await place.leave(PATHS[1]) is HookOutcome.SHARED
    assert len(place.group_hooks) == 1
    assert await place.leave(PATHS[2]) is HookOutcome.REMOVED
    assert place.group_hooks == []
    assert await place.living(is_group=True) == await place.living(is_group=False) == []


async def test_who_may_not_gets_no_group_hook_and_loses_nothing(place: Place) -> None:
    place.forge.set_owner("acme", "ann", False)
    before = [(row.id, row.public_id, row.events) for row in await place.stage.all_hooks()]
    state = await place.unite()
    assert (state.outcome, state.why, state.secret) == (HookOutcome.MANUAL, ManualReason.NO_RIGHT, None)
    assert place.group_hooks == []
    assert place.project_hooks() == [1, 1, 1]
    assert [(row.id, row.public_id, row.events) for row in await place.stage.all_hooks()] == before
    for path in PATHS:
        assert (await place.ensure(path)).outcome is HookOutcome.SHARED


@pytest.mark.parametrize(
    ("kind", "path", "groups"),
    [
        ("github", "acme/rocket", ("acme",)),
        ("gitlab", "acme/rocket", ("acme",)),
        ("gitlab", "acme/deep/sea/rocket", ("acme/deep/sea", "acme/deep", "acme")),
        ("gitlab", "rocket", ()),
    ],
)
def test_the_groups_of_a_project_the_nearest_first(kind: str, path: str, groups: tuple[str, ...]) -> None:
    assert FORGE_TYPES[kind].hook_groups(path) == groups


@pytest.mark.parametrize("place", ["gitlab"], indirect=True)  # organisations have no groups in them
async def test_the_nearest_group_that_the_token_may(place: Place) -> None:
    place.forge.add_group("acme/deep", ["bob"])
    place.forge.add_project("acme/deep/sea", members={"ann": "admin"})
    await place.follow("acme/deep/sea")
    assert (await place.unite("acme/deep/sea")).outcome is HookOutcome.CREATED
    assert (len(place.group_hooks), place.forge.hooks("acme/deep")) == (1, ())
    await place.forge.open_issue("acme/deep/sea", "bob", "Deep")
    assert await place.told() == ["acme/deep/sea"]


async def test_a_person_has_no_group(place: Place) -> None:
    place.forge.add_project("ann/toy", members={"ann": "admin"})
    await place.follow("ann/toy")
    state = await place.unite("ann/toy")
    assert (state.outcome, state.why) == (HookOutcome.MANUAL, ManualReason.NO_RIGHT)


async def test_a_forge_that_is_down_changes_nothing(place: Place) -> None:
    place.forge.outage("down")
    with pytest.raises(Unavailable):
        await place.unite()
    place.forge.clear_outages()
    assert place.group_hooks == []
    assert place.project_hooks() == [1, 1, 1]
    assert (await place.unite()).outcome is HookOutcome.CREATED
    assert place.project_hooks() == [0, 0, 0]
    assert len(await place.living(is_group=True)) == 1


async def test_uniting_twice_makes_one_hook(place: Place) -> None:
    states = await asyncio.gather(place.unite(PATHS[0]), place.unite(PATHS[1]))
    assert sorted(state.outcome for state in states) == [HookOutcome.CREATED, HookOutcome.SHARED]
    assert len(place.group_hooks) == len(await place.living(is_group=True)) == 1


async def test_a_group_hook_deleted_by_hand_is_made_again(place: Place) -> None:
    await place.unite()
    place.forge.remove_hook("acme", place.forge.hooks("acme")[0].id)
    assert await place.check() is HookOutcome.CREATED
    assert (len(place.group_hooks), place.project_hooks()) == (1, [0, 0, 0])
    await place.forge.open_issue(PATHS[1], "bob", "Again")
    assert await place.told() == [PATHS[1]]


async def test_a_group_hook_that_was_switched_off_or_moved_is_repaired(place: Place) -> None:
    await place.unite()
    number = place.forge.hooks("acme")[0].id
    address = place.group_hooks[0]
    place.forge.switch_off_hook("acme", number)
    assert await place.check() is HookOutcome.REPAIRED
    path = address.removeprefix("http://")
    place.forge.point_hook("acme", place.forge.hooks("acme")[0].id, f"https://old.example.org/{path.partition('/')[2]}")
    assert await place.check() is HookOutcome.REPAIRED
    assert place.group_hooks == [address]
    await place.forge.open_issue(PATHS[2], "bob", "Well again")
    assert await place.told() == [PATHS[2]]


async def test_a_group_hook_that_can_not_be_made_again_gives_way_to_the_projects_own(place: Place) -> None:
    await place.unite()
    place.forge.remove_hook("acme", place.forge.hooks("acme")[0].id)
    place.forge.set_owner("acme", "ann", False)
    await place.check()
    assert await place.living(is_group=True) == []
    assert (place.group_hooks, place.project_hooks()) == ([], [1, 1, 1])
    for path in PATHS:
        await place.forge.open_issue(path, "bob", "Back again")
    assert sorted(await place.told()) == sorted(PATHS)  # of several hooks, side by side


async def test_a_group_hook_that_no_project_could_replace_is_kept(place: Place) -> None:
    await place.unite()
    place.forge.set_owner("acme", "ann", False)
    for path in PATHS:
        place.forge.set_member(path, "ann", "read")
    assert await place.check() is HookOutcome.LOST
    assert len(await place.living(is_group=True)) == len(place.group_hooks) == 1
    await place.forge.open_issue(PATHS[0], "bob", "Still delivered")
    assert await place.told() == [PATHS[0]]


async def test_news_of_a_project_outside_the_group_are_not_believed(place: Place) -> None:
    await place.unite()
    (group,) = place.forge.hooks("acme")
    await place.follow("acmenot/boat")
    await place.ensure("acmenot/boat")
    (own,) = place.forge.hooks("acmenot/boat")
    address = own.url
    place.forge.point_hook("acmenot/boat", own.id, "http://127.0.0.1:9/lost")
    await place.forge.open_issue("acmenot/boat", "bob", "The boat leaks")
    (lost,) = place.news(-1)
    # Whoever has the secret of the group's hook signs news of another group's project with it.
    await deliver(group.url, lost.body, signed(place, group, lost, "forged-1"))
    assert await place.told() == []
    assert [entry.outcome for entry in await place.stage.log()].count("quarantined") == 1
    await deliver(address, lost.body, signed(place, own, lost, "genuine-1"))
    assert await place.told() == ["acmenot/boat"]


async def test_the_path_of_a_group_is_compared_without_its_case(place: Place) -> None:
    await place.unite()
    async with place.stage.database.write() as session:
        (row,) = await place.living(is_group=True)
        (await session.merge(row)).group_path = "ACME"
    await place.forge.open_issue(PATHS[0], "bob", "Shouted")
    assert await place.told() == [PATHS[0]]
    assert (await place.ensure(PATHS[0])).outcome is HookOutcome.SHARED


async def test_a_project_that_leaves_the_group_gets_a_hook_of_its_own(place: Place) -> None:
    await place.unite()
    place.forge.rename_project(PATHS[0], "acmenot/rocket")
    await place.check()
    assert len(place.group_hooks) == 1
    async with place.stage.database.read() as session:
        waiting = (await session.scalars(select(Job).where(Job.kind == "hook_settle"))).all()
    assert [job.key for job in waiting] == [str(place.ids[PATHS[0]])]
    assert await place.hooks.settle(place.ids[PATHS[0]]) is HookOutcome.CREATED
    await place.forge.open_issue("acmenot/rocket", "bob", "From elsewhere")
    assert await place.told() == ["acmenot/rocket"]


async def test_a_group_that_is_renamed_keeps_its_hook_and_no_news_is_lost(place: Place) -> None:
    await place.unite()
    place.forge.rename_group("acme", "apex")
    await place.forge.open_issue("apex/lander", "bob", "Under another name")
    assert await place.waiting() == ["bears another name"]
    assert await place.check() is HookOutcome.SHARED
    (row,) = await place.living(is_group=True)
    assert row.group_path == "apex"
    assert await place.living(is_group=False) == []
    assert [len(place.forge.hooks(path)) for path in ("apex", "apex/rocket", "apex/lander", "apex/probe")] == [
        1,
        0,
        0,
        0,
    ]
    await place.wake()
    await place.forge.open_issue("apex/probe", "bob", "Of another project")
    assert sorted(await place.told()) == ["apex/lander", "apex/probe"]


async def test_a_group_hook_with_too_little_leaves_a_project_its_own(place: Place) -> None:
    await place.unite()
    place.forge.set_owner("acme", "ann", False)
    await place.follow(PATHS[0], names=("issue.opened", "wiki.created"))
    assert (await place.ensure(PATHS[0])).outcome is HookOutcome.CREATED
    assert (len(place.group_hooks), place.project_hooks()) == (1, [1, 0, 0])
    before = len(place.forge.deliveries)
    await place.forge.open_issue(PATHS[0], "bob", "Twice delivered")
    assert [record.status for record in place.news(before)] == [202, 202]
    assert await place.told() == [PATHS[0]]


async def test_what_a_hook_made_by_hand_and_a_group_hook_both_bring_is_told_once(place: Place) -> None:
    await place.unite()
    (group,) = place.forge.hooks("acme")
    async with place.stage.database.write() as session:
        forge_id = place.stage.deps.instances(place.kind)[0].id
        row = place.hooks.ground.new_hook(forge_id, project_id=place.ids[PATHS[0]])
        row.origin = "manual"
        await hooks.add(session, row)
    spec = HookSpec(
        url=f"{place.hooks.ground.public_url}/webhook/{place.kind}/{row.public_id}",
        events=group.events,
        secret=place.stage.box.open(row.secret),
    )
    client = place.stage.deps.credentials.with_token(place.stage.deps.instances(place.kind)[0], "tok_ann")
    await client.create_hook((await client.project_by_path(PATHS[0])).ref, spec)
    before = len(place.forge.deliveries)
    await place.forge.open_issue(PATHS[0], "bob", "Twice delivered")
    assert [record.status for record in place.news(before)] == [202, 202]
    assert await place.told() == [PATHS[0]]
    await place.check()
    assert place.project_hooks() == [1, 0, 0]  # it is not ours to remove


async def test_a_test_delivery_goes_through_the_group_hook(place: Place) -> None:
    await place.unite()
    project_id = place.ids[PATHS[1]]
    since = await place.hooks.send_test(project_id, place.account_id)
    await place.forge.delivered()
    assert await place.told() == []
    progress = await place.hooks.test_progress(project_id, since)
    assert (progress.accepted, progress.arrived, progress.told, progress.error) == (True, True, True, None)


async def test_the_secret_of_a_group_hook_is_rotated(place: Place) -> None:
    await place.unite()
    (before,) = place.forge.hooks("acme")
    secret = before.secret
    (row,) = await place.living(is_group=True)
    assert await place.hooks.rotate(row.id)
    (after,) = place.forge.hooks("acme")
    assert secret not in (None, after.secret)
    await place.forge.open_issue(PATHS[0], "bob", "Signed anew")
    assert await place.told() == [PATHS[0]]


async def test_a_group_hook_is_handed_on_to_another_owner(place: Place) -> None:
    await place.unite()
    place.forge.set_owner("acme", "bob", True)
    await place.follow(PATHS[2], login="bob")
    place.forge.revoke_token("tok_ann")
    assert await place.check() is HookOutcome.SHARED
    (row,) = await place.living(is_group=True)
    assert row.account_id not in (None, place.account_id)
    assert (len(place.group_hooks), place.project_hooks()) == (1, [0, 0, 0])


def test_of_a_large_group_a_few_projects_are_asked_for_in_each_look() -> None:
    many = tuple(Project(id=number, path=f"acme/{number}") for number in range(25))
    begin = utc_now()
    looks = [in_turn(many, begin + number * timedelta(minutes=3)) for number in range(3)]
    assert max(map(len, looks)) == 10
    assert {project for look in looks for project in look} == set(many)
    assert in_turn(many[:3], begin) == many[:3]
    assert in_turn((), begin) == ()


async def test_what_a_group_hook_tells_of_holds_up_no_writer(place: Place) -> None:
    """The look for projects without a hook comes every few minutes, and must not hold up who writes."""
    await place.unite()
    async with place.stage.database.write() as session:
        (first,) = await session.scalars(select(Subscription).where(Subscription.project_id == place.ids[PATHS[0]]))
        forge_id = (await session.get_one(Project, first.project_id)).forge_id
        for number in range(50):
            path = f"Acme/of-many-{number}"
            project = Project(forge_id=forge_id, external_id=f"m{number}", path=path, private=True)
            session.add(project)
            await session.flush()
            kept = {"owner_id": first.owner_id, "account_id": first.account_id, "created_at": utc_now()}
            session.add(
                Subscription(
                    project_id=project.id, chat_id=first.chat_id, scope="all", events=[*NAMES], levels={}, filters={},
                    updated_at=utc_now(), **kept,
                )
            )  # fmt: skip
    asked: list[str] = []
    engine = place.stage.database.engine.sync_engine  # the writer's
    event.listen(engine, "before_cursor_execute", lambda _conn, _cursor, statement, *_: asked.append(statement))
    await hook_jobs(place.hooks)[SWEEP_JOB](Job(kind=SWEEP_JOB, key=""))
    assert asked == []
    async with place.stage.database.read() as session:
        assert (await session.scalars(select(Job.kind).where(Job.kind == "hook_settle"))).all() == []
