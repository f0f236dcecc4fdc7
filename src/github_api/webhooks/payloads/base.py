"""The types of fields, and what the payloads of all events share."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

TITLE_LENGTH = 2_000
_URL_LENGTH = 2_048


def _without_nul(text: str) -> str:
    return text.replace("\0", "")  # PostgreSQL and Telegram refuse it


def _title(text: str) -> str:
    return text.strip()[:TITLE_LENGTH]


def _web_address(value: Any) -> Any:
    """Anything that no browser should open counts as absent."""
    if isinstance(value, str) and value.startswith(("https://", "http://")) and len(value) <= _URL_LENGTH:
        return value
    return None


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None


def _without_nulls(value: Any) -> Any:
    if value is None:
        return ()
    return [item for item in value if item is not None] if isinstance(value, list) else value


T = TypeVar("T")
Text = Annotated[str, AfterValidator(_without_nul)]
Title = Annotated[Text, AfterValidator(_title)]
Url = Annotated[Text | None, BeforeValidator(_web_address)]
Moment = Annotated[datetime, AfterValidator(_utc)]  # ISO 8601, in pushes seconds since 1970
Many = Annotated[tuple[T, ...], BeforeValidator(_without_nulls)]


class Wire(BaseModel):
    """Base of all payloads."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class User(Wire):
    """A person or a bot; null where the account is gone."""

    id: int | None = None
    login: Text | None = None
    name: Text | None = None
    email: Text | None = None
    html_url: Url = None
    type: str | None = None  # User, Bot, Organization, ...


class Signature(Wire):
    """Author or committer as a commit names them. `username` is there where GitHub knows the e-mail."""

    name: Text | None = None
    email: Text | None = None
    username: Text | None = None


class Team(Wire):
    """A team that is asked for a review."""

    id: int | None = None
    name: Text | None = None
    slug: Text | None = None


class Label(Wire):
    """A label of an issue or a pull request."""

    name: Text | None = None


class Repository(Wire):
    """Where it happened."""

    id: int
    full_name: Text
    private: bool | None = None  # true for internal repositories too
    html_url: Url = None
    default_branch: Text | None = None
    pushed_at: Moment | None = None


class Delivery(Wire):
    """What the deliveries of all events share."""

    repository: Repository
    sender: User | None = None
