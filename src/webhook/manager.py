"""Hooks on the forges: made, widened, shared and repaired, or left to be made by hand."""

import asyncio
import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from weakref import WeakValueDictionary

from src.database.credentials import Credentials
from src.database.database import Database
from src.database.models import Account, Forge, Hook, Project, utc_now
from src.database.repositories import accounts, event_log, forges, hooks, projects, subscriptions
from src.forge import (
    ForgeClient,
    ForgeType,
    HookSpec,
    MissingPermission,
    NotFound,
    ProjectRef,
    RateLimited,
    Rejected,
    RemoteHook,
    Unauthorized,
    Unavailable,
)

_HANDOVER = timedelta(minutes=1)
_LATELY = timedelta(days=7)


class HookOutcome(StrEnum):
    """What became of a project's hook."""

    CREATED = "created"
    WIDENED = "widened"
    SHARED = "shared"
    MANUAL = "manual"


class ManualReason(StrEnum):
    """Why a hook has to be made, or changed, by hand."""

    NO_RIGHT = "no_right"
    NO_PUBLIC_URL = "no_public_url"
    REJECTED = "rejected"
    LACKS_EVENTS = "lacks_events"  # there is one, and nobody of us may change it
    UNCHECKED = "unchecked"  # there was one, and nobody of us may look
    BY_HAND = "by_hand"  # it was made by hand and delivers; which events, we cannot know


@dataclass(frozen=True, slots=True, kw_only=True)
class HookState:
    """How a project's hook stands after `HookManager.ensure`. Never holds a token.

    `address` is the whole address, or its path alone where we do not know our own (no PUBLIC_URL). `secret` is given
    where a hook has to be made by hand; `None` in a manual state means that there is one already, which lacks events.
    """

    outcome: HookOutcome
    address: str
    secret: str | None = field(default=None, repr=False)
    events: tuple[str, ...] = ()  # what to tick, as the forge's website calls it
    why: ManualReason | None = None
    message: str | None = None  # what the forge said when it rejected the hook


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """All that deciding about one hook needs."""

    project: Project
    forge: Forge
    type: ForgeType
    hook: Hook
    account: Account  # of the person who asks
    keeper: Account | None  # who looks after the hook, where that is somebody else
    needed: frozenset[str]
    address: str
    secret: str = field(repr=False)
    is_renewed: bool = False  # the forge has another secret than this one

    @property
    def ref(self) -> ProjectRef:
        return ProjectRef(external_id=self.project.external_id, path=self.project.path)

    @property
    def candidates(self) -> tuple[Account, ...]:
        """Whose token to try, the asking person's first."""
        return (self.account,) if self.keeper is None else (self.account, self.keeper)


class HookManager:
    """Sees to it that a project has one hook that delivers what anybody chose. One instance in a process."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        *,
        public_url: str | None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`public_url` is where the forges reach the relay, without a slash at the end."""
        self._database = database
        self._credentials = credentials
        self._public_url = public_url
        self._clock = clock
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def ensure(self, project_id: int, account_id: int) -> HookState:
        """Make, widen or repair the project's hook with this account's token, and say what came of it.

        Calling it again is always safe, and mends what a crash or an outage left half done. Raises `Unavailable` and
        `RateLimited` (try again later) and `Unauthorized` where the account's own token is refused.
        """
        lock = self._locks.setdefault(project_id, asyncio.Lock())
        async with lock:
            task = await self._prepare(project_id, account_id)
            try:
                state = await self._decide(task)
            except (Unavailable, RateLimited, Unauthorized) as error:
                await self._log(task, "failed", f"{task.project.path}: {error}")
                raise
            await self._log(task, state.outcome, _summary(task, state))
            return state

    async def _prepare(self, project_id: int, account_id: int) -> _Task:
        """Read what is known; the hook's row is stored before the forge hears of it, so that a crash loses nothing."""
        async with self._database.write() as session:
            project = await projects.get(session, project_id)
            forge = await forges.get(session, project.forge_id)
            account = await accounts.get(session, account_id)
            hook = await hooks.for_project(session, project_id)
            if hook is None:
                hook = await hooks.add(session, self._new_hook(project, account))
            is_lost = not self._credentials.box.opens(hook.secret)
            if is_lost:  # its key is gone: the forge has to be given another
                hook.secret = self._credentials.box.seal(_new_secret())
            keeper = None
            if hook.account_id is not None and hook.account_id != account_id:
                keeper = await accounts.get(session, hook.account_id)
            names = await subscriptions.chosen_names(session, project_id)
        forge_type = self._credentials.types[forge.kind]
        return _Task(
            project=project,
            forge=forge,
            type=forge_type,
            hook=hook,
            account=account,
            keeper=keeper if keeper is not None and keeper.dead_at is None else None,
            needed=forge_type.codec.hook_events(names),
            address=f"{self._public_url or ''}/webhook/{forge.kind}/{hook.public_id}",
            secret=self._credentials.box.open(hook.secret),
            is_renewed=is_lost,
        )

    def _new_hook(self, project: Project, account: Account) -> Hook:
        return Hook(
            public_id=secrets.token_urlsafe(18),
            forge_id=project.forge_id,
            project_id=project.id,
            origin="managed",
            secret=self._credentials.box.seal(_new_secret()),
            account_id=account.id,
            events=[],
            created_at=self._clock(),
        )

    async def _decide(self, task: _Task) -> HookState:
        """Try with each token that may do; what is left is work for a person."""
        if self._public_url is None:
            return await self._by_hand(task, ManualReason.NO_PUBLIC_URL)
        try:
            for account in task.candidates:
                state = await self._try(task, account)
                if state is not None:
                    return state
        except Rejected as error:
            return await self._by_hand(task, ManualReason.REJECTED, str(error))
        if task.hook.remote_id is not None and task.needed <= frozenset(task.hook.events) and self._is_alive(task):
            return HookState(outcome=HookOutcome.SHARED, address=task.address)
        return await self._by_hand(task, ManualReason.NO_RIGHT)

    def _is_alive(self, task: _Task) -> bool:
        """Whether it was made, or delivered, lately: the next best thing to looking at it."""
        return self._clock() - (task.hook.last_event_at or task.hook.created_at) < _LATELY

    async def _try(self, task: _Task, account: Account) -> HookState | None:
        """`None` where this account may not manage the project's hooks."""
        try:
            return await self._settle(task, account, self._credentials.client(task.forge, account))
        except (MissingPermission, NotFound):
            return None
        except Unauthorized:
            async with self._database.write() as session:
                await accounts.mark_dead(session, account, self._clock())
            if account.id == task.account.id:
                raise
            return None

    async def _settle(self, task: _Task, account: Account, client: ForgeClient) -> HookState:
        """Bring the forge's hook in line: found by its number, or by its address where a crash lost the number."""
        there = _ours(task, await client.hooks(task.ref))
        if there is not None and _is_right(task, there):
            await self._connected(task, task.keeper or account, there, there.events)
            return HookState(outcome=HookOutcome.SHARED, address=task.address)
        fresh = await self._fresh_secret(task)
        spec = HookSpec(url=task.address, events=task.needed, secret=fresh or task.secret)
        outcome = HookOutcome.CREATED
        if there is not None:
            try:
                made = await client.update_hook(task.ref, there.id, spec)
                outcome = HookOutcome.WIDENED
            except NotFound:  # somebody removed it just now
                made = await client.create_hook(task.ref, spec)
        else:
            made = await client.create_hook(task.ref, spec)
        await self._connected(task, account, made, task.needed, fresh)
        return HookState(outcome=outcome, address=task.address)

    async def _fresh_secret(self, task: _Task) -> str | None:
        """A new secret where the old one was shown to people to make the hook by hand; `None`: the hook's own is kept.

        It is good beside the old one while the forge learns of it, and takes its place when the forge has.
        """
        if task.hook.origin == "managed":
            return None
        fresh = _new_secret()
        async with self._database.write() as session:
            sealed, until = self._credentials.box.seal(fresh), self._clock() + _HANDOVER
            await hooks.expect_secret(session, task.hook.id, sealed, until=until)
        return fresh

    async def _connected(
        self, task: _Task, account: Account, remote: RemoteHook, events: frozenset[str], fresh: str | None = None
    ) -> None:
        async with self._database.write() as session:
            await hooks.connected(session, task.hook.id, remote=remote, account_id=account.id, events=events)
            if fresh is not None:
                await hooks.replace_secret(session, task.hook.id, self._credentials.box.seal(fresh))

    async def _by_hand(self, task: _Task, why: ManualReason, message: str | None = None) -> HookState:
        """The secret is shown to who asked first, and to others as long as no delivery showed that the hook is made."""
        exists = task.hook.remote_id is not None
        heard = task.hook.last_event_at is not None and task.hook.account_id != task.account.id
        if exists:
            is_enough = task.needed <= frozenset(task.hook.events)
            why = ManualReason.UNCHECKED if is_enough else ManualReason.LACKS_EVENTS
        elif heard:
            why = ManualReason.BY_HAND
        if not exists and not heard:
            async with self._database.write() as session:
                await hooks.left_to_hand(session, task.hook.id, account_id=task.account.id, address=task.address)
        return HookState(
            outcome=HookOutcome.MANUAL,
            address=task.address,
            secret=None if exists or heard else task.secret,
            events=_labels(task),
            why=why,
            message=message,
        )

    async def _log(self, task: _Task, outcome: str, message: str) -> None:
        async with self._database.write() as session:
            await event_log.add(
                session,
                kind="hook",
                outcome=outcome,
                message=message,
                now=self._clock(),
                hook_id=task.hook.id,
                project_id=task.project.id,
            )


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()  # fit for a signing key, too


def _ours(task: _Task, there: tuple[RemoteHook, ...]) -> RemoteHook | None:
    by_number = next((hook for hook in there if hook.id == task.hook.remote_id), None)
    return by_number or next((hook for hook in there if hook.url == task.address), None)


def _is_right(task: _Task, there: RemoteHook) -> bool:
    """Whether nothing is to be done. A hook that we do not know by its number may have another secret."""
    known = there.id == task.hook.remote_id
    return known and not task.is_renewed and there.active and there.url == task.address and task.needed <= there.events


def _labels(task: _Task) -> tuple[str, ...]:
    return tuple(sorted(task.type.hook_labels.get(word, word) for word in task.needed))


def _summary(task: _Task, state: HookState) -> str:
    why = f" ({state.why}{': ' + state.message if state.message else ''})" if state.why else ""
    return f"{task.project.path}{why}: {', '.join(sorted(task.needed))}"
