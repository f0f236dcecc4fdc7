"""Reviews of pull requests: asked for, begun, reported, ended."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Project, Review, Speaker, Subscription, User
from src.database.repositories import jobs
from src.database.upsert import insert_if_new

REVIEW_JOB = "review"  # key: see `job_key`
OPEN = ("waiting", "running")
BY_ITSELF = ("webhook", "poll")  # triggers; the others are people


def job_key(project_id: int, number: int) -> str:
    """One review of a pull request runs at a time, and one waits."""
    return f"{project_id}:{number}"


async def ask(
    session: AsyncSession,
    *,
    project_id: int,
    number: int,
    trigger: str,
    now: datetime,
    user_id: int | None = None,
    chat_id: int | None = None,
    topic_id: int = 0,
) -> Review:
    """Ask for a review: it is done soon. What the same asked for and still waits is not doubled."""
    asked = {"project_id": project_id, "number": number, "trigger": trigger, "user_id": user_id, "chat_id": chat_id}
    waits = [getattr(Review, name) == value for name, value in asked.items()]
    found = await session.scalar(select(Review).where(*waits, Review.topic_id == topic_id, Review.state == "waiting"))
    if found is None:
        found = Review(
            **asked, topic_id=topic_id, state="waiting", done=0, total=0, counts={}, worst=[], posted=0, resolved=0,
            unread=0, created_at=now,
        )  # fmt: skip
        session.add(found)
        await session.flush()
    await jobs.put(session, REVIEW_JOB, job_key(project_id, number), now=now)
    return found


async def find(session: AsyncSession, review_id: int) -> Review | None:
    """One of them, as it stands."""
    return await session.get(Review, review_id, populate_existing=True)


async def is_known(session: AsyncSession, project_id: int, number: int, head_sha: str) -> bool:
    """Whether this very commit of the pull request was the last one that was reviewed, or is being.

    One that comes back after another one is looked at anew: what was said of it was mended, as far as people see.
    """
    query = select(Review.head_sha).where(
        Review.project_id == project_id,
        Review.number == number,
        Review.state.in_(("running", "done")),
        Review.head_sha.is_not(None),
    )
    return await session.scalar(query.order_by(Review.started_at.desc(), Review.id.desc()).limit(1)) == head_sha


async def is_wanted(session: AsyncSession, project_id: int) -> bool:
    """Whether somebody who follows the project has chosen to hear of reviews, and so wants them done."""
    query = select(Subscription.id).join(User, User.id == Subscription.owner_id)
    wanted = query.where(Subscription.project_id == project_id, _chosen(), User.barred_at.is_(None))
    return await session.scalar(wanted.limit(1)) is not None


async def sponsors(session: AsyncSession, project_id: int) -> Sequence[Account]:
    """The living accounts of those who have chosen to hear of a project's reviews, who did first before others."""
    query = (
        select(Account)
        .join(Subscription, Subscription.account_id == Account.id)
        .join(User, User.id == Subscription.owner_id)
        .where(Subscription.project_id == project_id, _chosen(), User.barred_at.is_(None), Account.dead_at.is_(None))
        .order_by(Subscription.id)
    )
    return list(dict.fromkeys(await session.scalars(query)))


async def voices(session: AsyncSession, project_id: int) -> frozenset[str]:
    """The forge's ids of the accounts that have ever spoken for us in the project."""
    return frozenset(await session.scalars(select(Speaker.account).where(Speaker.project_id == project_id)))


async def speaks(session: AsyncSession, project_id: int, account: str) -> None:
    """An account is about to speak for us in the project: `account` is the forge's id of it."""
    theirs = select(Project.id, literal(account)).where(Project.id == project_id)
    await session.execute(insert_if_new(session, Speaker).from_select(["project_id", "account"], theirs))


async def found_fault(
    session: AsyncSession, project_id: int, head_sha: str, *, around: tuple[datetime, timedelta] | None = None
) -> bool:
    """Whether a review said beside this commit that it should not be merged as it is, or was not all read.

    `around`: a moment, and how far from it at most the review ended, which is when it says so.
    """
    query = select(Review.counts, Review.unread).where(
        Review.project_id == project_id, Review.state.in_(("running", "done")), Review.head_sha == head_sha
    )
    if around is not None:
        moment, far = around
        ended = Review.finished_at.between(moment - far, moment + far)
        query = query.where(or_(Review.finished_at.is_(None), ended))
    rows = await session.execute(query)
    return any(unread or counts.get("critical") or counts.get("security") for counts, unread in rows)


def _chosen() -> ColumnElement[bool]:
    """Names have no quotes in them, so that none is found within another one."""
    return cast(Subscription.events, Text).contains('"code_review.', autoescape=True)


async def begin(session: AsyncSession, project_id: int, number: int, now: datetime) -> Sequence[Review]:
    """Take all that wait for a review of this pull request, and what a process left behind that died at it.

    Oldest first. Only one job of a pull request runs at a time.
    """
    theirs = (Review.project_id == project_id, Review.number == number, Review.state.in_(OPEN))
    values = {"state": "running", "started_at": now, "stage": "reading", "done": 0, "total": 0}
    await session.execute(update(Review).where(*theirs).values(values).execution_options(synchronize_session=False))
    query = select(Review).where(*theirs).order_by(Review.id).execution_options(populate_existing=True)
    return (await session.scalars(query)).all()


async def report(session: AsyncSession, ids: Collection[int], **values: Any) -> None:
    """How far they are; any columns."""
    running = (Review.id.in_(ids), Review.state == "running")
    await session.execute(update(Review).where(*running).values(values).execution_options(synchronize_session=False))


async def end(session: AsyncSession, ids: Collection[int], state: str, now: datetime, **values: Any) -> bool:
    """They are over. `False`: they were already, or somebody forgot them meanwhile."""
    result = await session.execute(
        update(Review)
        .where(Review.id.in_(ids), Review.state == "running")
        .values(state=state, finished_at=now, stage=None, **values)
        .returning(Review.id)
        .execution_options(synchronize_session=False)
    )
    return bool(result.all())


async def last_ended(
    session: AsyncSession, project_id: int, number: int, *, without: Collection[int] = ()
) -> Review | None:
    """The newest review of a pull request that was done or failed, but for those with these ids."""
    query = (
        select(Review)
        .where(Review.project_id == project_id, Review.number == number, Review.state.in_(("done", "failed")))
        .where(Review.id.not_in(without))
        .order_by(Review.finished_at.desc(), Review.id.desc())
    )
    return await session.scalar(query.limit(1))


async def failures(
    session: AsyncSession, project_id: int, number: int, *, without: Collection[int] = ()
) -> frozenset[str | None]:
    """Why reviews of a pull request have failed since the last one that was done, but for those with these ids."""
    theirs = (Review.project_id == project_id, Review.number == number, Review.id.not_in(without))
    done = await session.scalar(select(func.max(Review.finished_at)).where(*theirs, Review.state == "done"))
    query = select(Review.error).where(*theirs, Review.state == "failed")
    if done is not None:
        query = query.where(Review.finished_at > done)
    return frozenset(await session.scalars(query))


async def wait_again(session: AsyncSession, ids: Collection[int]) -> None:
    """They wait for another run."""
    running = (Review.id.in_(ids), Review.state == "running")
    await session.execute(
        update(Review).where(*running).values(state="waiting", stage=None).execution_options(synchronize_session=False)
    )


async def are_waiting(session: AsyncSession, project_id: int, number: int) -> bool:
    """Whether somebody asked for another one since one began."""
    query = select(Review.id).where(Review.project_id == project_id, Review.number == number, Review.state == "waiting")
    return await session.scalar(query.limit(1)) is not None
