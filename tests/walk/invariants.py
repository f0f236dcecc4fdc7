"""What holds whatever people did, once the forges are well again and everything that was put off is done."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from src.database.jobs import JobRunner
from src.database.models import Account, Forge, Project, Subscription
from src.database.repositories.jobs import put
from src.demo.forge import ForgeEmulator
from src.webhook.tokens import TOKEN_JOB
from src.webhook.upkeep import SWEEP_JOB
from tests.bot_stage import PUBLIC_URL
from tests.walk.sequences import GROUP, PROJECTS, Troupe

_ROUNDS = 4  # of waiting and working until nothing is put off any more
_PAUSE = timedelta(hours=7)


@dataclass(frozen=True, slots=True)
class Following:
    """A subscription with what proves that its owner may have it."""

    subscription: Subscription
    project: Project
    forge: Forge
    account: Account | None


async def settle(troupe: Troupe, jobs: JobRunner) -> None:
    """The forges are well, everybody gives the bot a token that works, time passes, and all work is done."""
    for forge in troupe.theatre.forges:
        forge.clear_outages()
    troupe.theatre.forget_rate_limits()
    for forge in troupe.theatre.forges:
        for person in troupe.people:
            await troupe.set_token(forge, person)
    for _ in range(_ROUNDS):
        async with troupe.theatre.stage.database.write() as session:
            for kind in (SWEEP_JOB, TOKEN_JOB):  # which a running application has from the start
                await put(session, kind, "", now=troupe.clock())
        await jobs.run_due()
        troupe.clock.skip(_PAUSE)
    await jobs.run_due()


async def broken(troupe: Troupe) -> list[str]:
    """Which invariants do not hold, in words; each is one of the issue's."""
    async with troupe.theatre.stage.database.read() as session:
        rows = await session.execute(
            select(Subscription, Project, Forge, Account)
            .join(Project, Project.id == Subscription.project_id)
            .join(Forge, Forge.id == Project.forge_id)
            .outerjoin(Account, Account.id == Subscription.account_id)
        )
        followed = [Following(*row) for row in rows]
    dialogs = str(await troupe.theatre.dialogs())
    return [
        *troupe.faults,
        *_wrong_hooks(troupe, followed),
        *_without_access(troupe, followed),
        *(f"a token is kept with a dialog: {token}" for token in troupe.ever if token in dialogs),
    ]


def _wrong_hooks(troupe: Troupe, followed: list[Following]) -> Iterator[str]:
    """One hook for each project where somebody subscribes, if any of them may have one; none where nobody does."""
    for forge in troupe.theatre.forges:
        there = [f for f in followed if f.forge.kind == forge.kind]
        shared = _ours(forge, GROUP)
        if shared > bool(there):
            yield f"{shared} hooks on {forge.kind} {GROUP}, of which {len(there)} subscriptions follow something"
        for path in PROJECTS:
            followers = [f for f in there if f.project.path == path]
            able = any(_role(forge, path, follower.account) == "admin" for follower in followers)
            count = _ours(forge, path)
            if followers:
                count += shared  # the group's hook tells of it, too
            if count > bool(followers) or (able and not count):
                yield f"{count} hooks tell of {forge.kind} {path}: {len(followers)} follow it, somebody may: {able}"


def _without_access(troupe: Troupe, followed: list[Following]) -> Iterator[str]:
    """No subscription without an owner whose own, working account reads the project."""
    forges = {forge.kind: forge for forge in troupe.theatre.forges}
    for following in followed:
        account, subscription = following.account, following.subscription
        what = f"subscription {subscription.id} to {following.forge.kind} {following.project.path}"
        if account is None or account.user_id != subscription.owner_id:
            yield f"{what} has no account of its owner"
        elif account.dead_at is not None:
            yield f"{what} has a dead account"
        elif _role(forges[following.forge.kind], following.project.path, account) is None:
            yield f"{what} is {account.login}'s, who may not read it"


def _ours(forge: ForgeEmulator, home: str) -> int:
    return sum(hook.url.startswith(f"{PUBLIC_URL}/webhook/") and hook.active for hook in forge.hooks(home))


def _role(forge: ForgeEmulator, path: str, account: Account | None) -> str | None:
    members: dict[str, str] = vars(forge)["world"].project(path).members
    return members.get(account.login) if account is not None else None
