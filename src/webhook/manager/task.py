"""All that deciding about one hook needs, and the decisions that need no forge."""

import base64
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from src.database.models import Account, Forge, Hook, Project
from src.database.repositories import hooks
from src.forge import ForgeType, GroupRef, HookPlace, HookSpec, ProjectRef, RemoteHook
from src.webhook.manager.states import HookState

_LATELY = timedelta(days=7)
_SILENT = timedelta(hours=1)  # an address may still lead to us, though we go by another


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One hook of ours, with who may be asked to look after it and what it should be."""

    hook: Hook
    forge: Forge
    type: ForgeType
    projects: tuple[Project, ...]  # those that it tells of: one, or the followed ones of a group
    candidates: tuple[Account, ...]  # whose token to try, in this order
    needed: frozenset[str]  # the forge's words for all that anybody chose
    is_followed: bool
    public_url: str | None  # of the relay when the task was put together: a tunnel may give us another meanwhile
    secret: str = field(repr=False)
    next_secret: str | None = field(default=None, repr=False)  # the forge may have this one instead
    is_renewed: bool = False  # the forge has another secret than these
    is_exact: bool = True  # what is not needed has to go, too
    keeper: Account | None = None  # who looks after it and goes on doing so, as long as nothing has to be changed
    left_behind: tuple[Hook, ...] = ()  # removed hooks of the same place that the forge may still have

    @property
    def place(self) -> HookPlace:
        """Where the forge has it."""
        if self.hook.group_path is not None:
            return GroupRef(path=self.hook.group_path)
        (project,) = self.projects
        return ProjectRef(external_id=project.external_id, path=project.path)

    @property
    def name(self) -> str:
        """The place, for people."""
        return self.place.path

    @property
    def address(self) -> str:
        """Where the forge should deliver to; the path alone where we have no address."""
        return address_of(self.public_url, self.forge.kind, self.hook.public_id)

    @property
    def spec(self) -> HookSpec:
        """What the forge should have. The next secret, where there is one: it was perhaps told of it already."""
        return HookSpec(url=self.address, events=self.needed, secret=self.next_secret or self.secret)

    def with_next(self, secret: str) -> "Task":
        """The same, on the way to another secret."""
        return replace(self, next_secret=secret)


def new_secret() -> str:
    """Hard to guess, and fit for a signing key, too."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def address_of(public_url: str | None, kind: str, public_id: str) -> str:
    """The whole address of a hook, or its path alone where the relay has no address."""
    return f"{public_url or ''}{path_of(kind, public_id)}"


def path_of(kind: str, public_id: str) -> str:
    """Where the relay takes the deliveries of a hook."""
    return f"/webhook/{kind}/{public_id}"


def ours(task: Task, there: tuple[RemoteHook, ...]) -> tuple[RemoteHook, ...]:
    """The forge's hooks that point to this hook's address, also below a former address of the relay.

    The one that we know comes first. Others are left from a crash, or were made by hand. One that carries our number
    and points elsewhere is somebody else's by now.
    """
    path = path_of(task.forge.kind, task.hook.public_id)
    found = [hook for hook in there if hook.url.rstrip("/").endswith(path)]
    return tuple(sorted(found, key=lambda hook: hook.id != task.hook.remote_id))


def is_right(task: Task, there: RemoteHook) -> bool:
    """Whether nothing is to be done. A hook that we do not know by its number may have another secret."""
    if there.id != task.hook.remote_id or task.is_renewed or task.hook.last_error == hooks.WRONG_SIGNATURE:
        return False
    if not there.active or there.url != task.address or task.next_secret is not None:
        return False
    return task.needed <= there.events and not (task.is_exact and superfluous(task, there))


def superfluous(task: Task, there: RemoteHook) -> frozenset[str]:
    """What the hook delivers and nobody needs. Events that we never ask for are left as somebody set them."""
    return (there.events - task.needed) & task.type.codec.hook_events(task.type.codec.names)


def is_elsewhere(hook: Hook, public_url: str | None) -> bool:
    """Whether the forge delivers to a former address of the relay, as far as we know."""
    if public_url is None or hook.address is None:
        return False
    return not hook.address.startswith(f"{public_url}/")


def is_alive(task: Task, now: datetime) -> bool:
    """Whether it was made, or delivered, lately: the next best thing to looking at it."""
    return now - (task.hook.last_event_at or task.hook.created_at) < _LATELY


def is_astray(task: Task, now: datetime) -> bool:
    """Whether a hook made by hand, which delivered until lately, was made for an address that is no longer ours."""
    made_for, heard_at = task.hook.address, task.hook.last_event_at
    if task.hook.origin != "manual" or made_for is None or "://" not in made_for or heard_at is None:
        return False
    return made_for != task.address and now - heard_at > _SILENT


def labels(task: Task) -> tuple[str, ...]:
    """The needed events, as the forge's website calls them."""
    return tuple(sorted(task.type.hook_labels.get(word, word) for word in task.needed))


def summary(task: Task, state: HookState) -> str:
    """What became of it, for the log."""
    why = f" ({state.why}{': ' + state.message if state.message else ''})" if state.why else ""
    return f"{task.name}{why}: {', '.join(sorted(task.needed))}"
