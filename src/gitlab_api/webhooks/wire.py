"""What the payloads of GitLab have in common: text, lists, people, projects, commits."""

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")


def _present(value: str | None) -> str | None:
    """PostgreSQL refuses NUL, and GitLab writes both null and "" for what is absent."""
    if value is None:
        return None
    cleaned = value.replace("\0", "")
    return cleaned if cleaned.strip() else None


def _many(value: object) -> object:
    if value is None:
        return ()
    return [item for item in value if item is not None] if isinstance(value, list) else value


Text = Annotated[str | None, AfterValidator(_present)]
Number = Annotated[int, Field(ge=0, lt=2**63)]
Many = Annotated[tuple[T, ...], BeforeValidator(_many)]


class Wire(BaseModel):
    """Fields that we do not read are ignored; ids arrive as numbers and are kept as text."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False)


class User(Wire):
    """A person. `id` is null for deleted people, `email` is ``[REDACTED]`` where it is not public."""

    id: Text = None
    name: Text = None
    username: Text = None
    email: Text = None
    re_requested: bool | None = None  # of reviewers only


class ProjectInfo(Wire):
    """The project; GitLab 12 and older leave `id` out."""

    id: Text = None
    web_url: Text = None
    path_with_namespace: Text = None
    visibility_level: int | None = None
    default_branch: Text = None
    homepage: Text = None


class Label(Wire):
    """A label of a merge request or an issue."""

    title: Text = None


class Author(Wire):
    """Who wrote a commit, by what git knows."""

    name: Text = None
    email: Text = None


class CommitInfo(Wire):
    """A commit. In a push it names the files that it touches."""

    id: Text = None
    message: Text = None
    title: Text = None
    url: Text = None
    timestamp: Text = None
    author: Author | None = None
    added: Many[str] = ()
    modified: Many[str] = ()
    removed: Many[str] = ()


class Change(Wire):
    """One entry of ``changes``."""

    previous: Any = None
    current: Any = None


class Payload(Wire):
    """What the payloads of all kinds share."""

    event_type: Text = None
    project: ProjectInfo | None = None
    project_id: Text = None
    repository: ProjectInfo | None = None
    user: User | None = None

    @property
    def says_confidential(self) -> bool:
        """Whether GitLab calls it ``confidential_issue`` or ``confidential_note``."""
        return (self.event_type or "").startswith("confidential_")
