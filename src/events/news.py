"""Events of what was brought out: pushes, documentation, wiki, tags, releases, deployments, tried hooks."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from src.events.values import EventBase, Person


class WikiAction(StrEnum):
    """What happened to wiki pages."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A wiki page or a file, with its address."""

    title: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiEvent(EventBase):
    """Wiki pages changed; all those of one delivery that share the action."""

    kind: Literal["wiki"] = "wiki"
    action: WikiAction
    pages: tuple[Page, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """``wiki.<action>``."""
        return (f"wiki.{self.action}",)

    @property
    def personal(self) -> bool:
        """Everyone who chose the wiki is told."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit of a push."""

    sha: str
    title: str
    author: Person | None = None
    url: str | None = None


class PushAction(StrEnum):
    """What a push did to its branch."""

    PUSHED = "pushed"
    FORCED = "forced"
    CREATED = "created"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushEvent(EventBase):
    """Commits were pushed to a branch. `commits` holds at most the newest three, `count` says how many."""

    kind: Literal["push"] = "push"
    action: PushAction
    commits: tuple[Commit, ...] = ()
    count: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """``push.<action>``."""
        return (f"push.{self.action}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentationEvent(EventBase):
    """A push to the default branch touched ``docs/**``, ``*.md`` or ``*.rst``."""

    kind: Literal["documentation"] = "documentation"
    files: tuple[Page, ...]  # at most ten
    count: int

    @property
    def names(self) -> tuple[str, ...]:
        """``documentation.updated``."""
        return ("documentation.updated",)

    @property
    def personal(self) -> bool:
        """Everyone who chose the documentation is told."""
        return False


class TagAction(StrEnum):
    """What happened to a tag."""

    CREATED = "created"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagEvent(EventBase):
    """A tag was made or removed; the subject is the tag."""

    kind: Literal["tag"] = "tag"
    action: TagAction

    @property
    def names(self) -> tuple[str, ...]:
        """``tag.<action>``."""
        return (f"tag.{self.action}",)

    @property
    def personal(self) -> bool:
        """Release news: everyone who chose tags is told."""
        return False


class ReleaseAction(StrEnum):
    """What happened to a release."""

    PUBLISHED = "published"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEvent(EventBase):
    """A release was published, changed or removed; the subject is the release, its id the tag."""

    kind: Literal["release"] = "release"
    action: ReleaseAction
    prerelease: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """``release.<action>``."""
        return (f"release.{self.action}",)

    @property
    def personal(self) -> bool:
        """Everyone who chose releases is told."""
        return False


class DeploymentStatus(StrEnum):
    """How a deployment stands."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentEvent(EventBase):
    """A deployment changed its status; the subject is the deployment, its title the environment."""

    kind: Literal["deployment"] = "deployment"
    status: DeploymentStatus

    @property
    def names(self) -> tuple[str, ...]:
        """``deployment.<status>``."""
        return (f"deployment.{self.status}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTestEvent(EventBase):
    """The forge tried the hook: GitHub's ping, or GitLab's *Test* button where the payload shows it.

    `about` is the forge's word for what was tried. `automatic` is true for the ping that GitHub sends by
    itself when a hook is made; nobody is told of that one.
    """

    kind: Literal["hook_test"] = "hook_test"
    about: str | None = None
    automatic: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """``hook.test``, which nobody chooses: it goes to whose hook it is."""
        return ("hook.test",)

    @property
    def personal(self) -> bool:
        """It concerns the owners of the hook only, see `webhook.personalized_handlers`."""
        return True
