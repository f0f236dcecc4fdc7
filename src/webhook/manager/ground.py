"""What all parts of the manager stand on: the database, the tokens, and that one at a time deals with a place."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.credentials import Credentials
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Account, Hook, Project
from src.database.repositories import accounts, event_log, forges, hook_care, hooks, leases, projects, subscriptions
from src.forge import ForgeClient, ForgeError, MissingPermission, NotFound, Unauthorized, Unavailable
from src.webhook import tokens
from src.webhook.manager.task import Task, new_secret

_TERM = timedelta(seconds=90)  # longer than what is done under it takes
_PATIENCE = timedelta(seconds=45)  # for another process to finish
_LOOK_AGAIN = 0.1  # seconds

T = TypeVar("T")


class Busy(Unavailable):
    """Another process does not come to an end with hooks of the same place; the forge is not to blame."""


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """What came of asking with one token after the other: who could, and what the others were told."""

    value: T | None
    account: Account | None
    refusals: tuple[ForgeError, ...]


class Ground:
    """See the module. One instance in a process."""

    def __init__(
        self, database: Database, credentials: Credentials, *, public_url: str | None, clock: Callable[[], datetime]
    ) -> None:
        self.database = database
        self.credentials = credentials
        self.public_url = public_url  # changes where a tunnel gives us another; a task keeps the one it was made with
        self.clock = clock
        self._owner = secrets.token_hex(8)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def box(self) -> SecretBox:
        """Seals and opens the hooks' secrets."""
        return self.credentials.box

    # One at a time

    @asynccontextmanager
    async def alone(self, forge_id: int, path: str) -> AsyncIterator[None]:
        """Nobody else, in this process or another, deals with hooks of the same namespace meanwhile.

        `path` is a project's or a group's; its first part is what counts, so that both are held by the same lock.
        Not for use within itself. Raises `Busy` where another process does not come to an end.
        """
        # Hashed: a namespace is somebody's login, too, and locks are kept for good.
        name = f"hooks:{forge_id}:{sha256(path.split('/')[0].casefold().encode()).hexdigest()[:32]}"
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            fence = await self._acquire(name)
            try:
                yield
            finally:
                async with self.database.write() as session:
                    await leases.release(session, name, owner=self._owner, fence=fence, now=self.clock())

    async def _acquire(self, name: str) -> int:
        rounds = int(_PATIENCE.total_seconds() / _LOOK_AGAIN)
        for _ in range(rounds):
            async with self.database.write() as session:
                fence = await leases.acquire(session, name, owner=self._owner, now=self.clock(), term=_TERM)
            if fence is not None:
                return fence
            await asyncio.sleep(_LOOK_AGAIN)
        raise Busy("another process is at the webhooks of the same place")

    async def where(self, project_id: int) -> tuple[int, str]:
        """Forge and path of a project: what `alone` takes."""
        async with self.database.read() as session:
            project = await projects.get(session, project_id)
        return project.forge_id, project.path

    # What is to be done

    async def task(
        self,
        session: AsyncSession,
        hook: Hook,
        covered: Sequence[Project],
        *,
        asking: Account | None = None,
    ) -> Task:
        """All about a hook. Without `asking` whoever looks after it is tried first, and it is made exact.

        Writes where the hook's secret is lost with its key: the forge has to be given another.
        """
        is_lost = not self.box.opens(hook.secret)
        if is_lost:
            hook.secret = self.box.seal(new_secret())
            hook.next_secret = hook.secret  # until the forge has it, also where nobody may tell it now
        forge = await forges.get(session, hook.forge_id)
        keeper = await hook_care.keeper(session, hook)
        ids = [project.id for project in covered]
        helpers = await hook_care.helpers(session, ids)
        first = (asking, keeper) if asking is not None else (keeper,)
        names = [await subscriptions.chosen_names(session, project_id) for project_id in ids]
        forge_type = self.credentials.types[forge.kind]
        needed = forge_type.codec.hook_events(frozenset[str]().union(*names))
        upcoming = hook.next_secret if hook.next_secret and self.box.opens(hook.next_secret) else None
        return Task(
            hook=hook,
            forge=forge,
            type=forge_type,
            projects=tuple(covered),
            candidates=_once([account for account in (*first, *helpers) if account is not None]),
            # Who follows without choosing anything takes nothing away.
            needed=needed or frozenset(hook.events),
            is_followed=await hooks.is_followed(session, ids),
            public_url=self.public_url,
            secret=self.box.open(hook.secret),
            next_secret=None if upcoming is None else self.box.open(upcoming),
            is_renewed=is_lost,
            is_exact=asking is None,
            keeper=keeper if asking is not None else None,
            left_behind=tuple(await hooks.left_behind(session, hook)),
        )

    def new_hook(self, forge_id: int, *, project_id: int | None = None, group_path: str | None = None) -> Hook:
        """A row, stored before the forge hears of it, so that a crash loses nothing."""
        return Hook(
            public_id=secrets.token_urlsafe(18),
            forge_id=forge_id,
            project_id=project_id,
            group_path=group_path,
            origin="managed",
            secret=self.box.seal(new_secret()),
            events=[],
            created_at=self.clock(),
        )

    # Who can

    async def ask(
        self, task: Task, action: Callable[[ForgeClient, Account], Awaitable[T]], *, asking: Account | None = None
    ) -> Attempt[T]:
        """Try with each token until one may.

        Raises what has nothing to do with the token (`Unavailable`, `RateLimited`, `Rejected`), and `Unauthorized`
        where it is the token of `asking`.
        """
        refusals: list[ForgeError] = []
        for account in task.candidates:
            try:
                value = await action(self.credentials.client(task.forge, account), account)
            except (MissingPermission, NotFound) as error:
                refusals.append(error)
            except Unauthorized as error:
                is_asking = asking is not None and account.id == asking.id
                async with self.database.write() as session:
                    # Who asks is told at once, by whoever called.
                    note = accounts.mark_dead if is_asking else tokens.refused
                    await note(session, account, self.clock())
                if is_asking:
                    raise
                refusals.append(error)
            else:
                return Attempt(value, account, tuple(refusals))
        return Attempt(None, None, tuple(refusals))

    async def log(self, task: Task, outcome: str, message: str) -> None:
        """What became of a hook, where people look."""
        async with self.database.write() as session:
            await event_log.add(
                session,
                kind="hook",
                outcome=outcome,
                message=message,
                now=self.clock(),
                hook_id=task.hook.id,
                project_id=task.hook.project_id,
            )


def _once(found: Sequence[Account]) -> tuple[Account, ...]:
    return tuple({account.id: account for account in found}.values())
