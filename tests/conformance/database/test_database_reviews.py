"""Reviews in rows, on both databases."""

from datetime import timedelta

from sqlalchemy import delete

from src.database.models import Review, Subscription
from src.database.repositories import erasure, reviews
from tests.conformance.database.cast import NOON, Ground

HEAD = "5" * 40


async def test_who_speaks_in_a_project_is_noted_once_and_for_that_project(ground: Ground) -> None:
    async with ground.database.write() as session:
        for account in ("7001", "7002", "7001"):
            await reviews.speaks(session, ground.project_id, account)
        await reviews.speaks(session, ground.project_id + 1, "7003")  # nobody knows it any more
    async with ground.database.read() as session:
        assert await reviews.voices(session, ground.project_id) == {"7001", "7002"}
        assert await reviews.voices(session, ground.project_id + 1) == frozenset()


async def test_a_fault_is_found_at_any_time_or_around_the_end_of_the_review(ground: Ground) -> None:
    minute = timedelta(minutes=1)
    async with ground.database.write() as session:
        review = await reviews.ask(session, project_id=ground.project_id, number=5, trigger="api", now=NOON)
        await reviews.begin(session, ground.project_id, 5, NOON)
        await reviews.report(session, [review.id], head_sha=HEAD, counts={"critical": 1})

    async def found(after: timedelta | None) -> bool:
        around = None if after is None else (NOON + after, minute)
        async with ground.database.read() as session:
            return await reviews.found_fault(session, ground.project_id, HEAD, around=around)

    assert await found(5 * minute)  # it is under way: its status may just have been set
    async with ground.database.write() as session:
        assert await reviews.end(session, [review.id], "done", NOON)
    assert [await found(after) for after in (None, -minute, minute, 2 * minute, -2 * minute)] == [
        True, True, True, False, False,
    ]  # fmt: skip
    async with ground.database.write() as session:
        (await session.get_one(Review, review.id)).counts = {"style": 3}
    assert not await found(None)


async def test_who_spoke_in_a_project_is_forgotten_with_what_came_in_of_it(ground: Ground) -> None:
    async with ground.database.write() as session:
        await reviews.speaks(session, ground.project_id, "7001")
        await session.execute(delete(Subscription))
        await erasure.forget_unfollowed(session, [ground.project_id])
    async with ground.database.read() as session:
        assert await reviews.voices(session, ground.project_id) == frozenset()
