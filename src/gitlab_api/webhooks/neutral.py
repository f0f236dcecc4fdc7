"""From GitLab's shapes to the forge-neutral ones."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TypedDict
from urllib.parse import quote

from src.events import Commit, People, Person, Project, Refs, Subject
from src.forge import Unparsable
from src.gitlab_api.webhooks.wire import Author, CommitInfo, Label, Payload, ProjectInfo, User
from src.markdown import first_line

FORGE = "gitlab"
PUBLIC = 20  # GitLab's visibility level; 0 is private, 10 internal
TITLE_LENGTH = 2_000
HAPPENING_LENGTH = 200
_URL_LENGTH = 2_048
_NO_COMMIT = re.compile(r"0{40}(?:0{24})?")
# The users of "Project access tokens", "Group access tokens" and "Service accounts", and those that GitLab acts as.
_TOKEN_BOT = re.compile(r"(?:project|group)_\d+_bot\w*|service_account(?:_(?:project|group)_\d+)?_[0-9a-f]+", re.ASCII)
_BUILT_IN = frozenset({
    "alert-bot", "ghost", "gitlab-automation-bot", "gitlab-security-bot", "gitlabduo", "migration-bot", "security-bot",
    "support-bot", "suggested-reviewers-bot", "visual-review-bot",
})  # fmt: skip
# "Use an automatically generated private commit email": it names the account.
_PRIVATE_EMAIL = re.compile(r"(\d+)-([\w.-]+)@users\.noreply\..+", re.ASCII)


class Common(TypedDict):
    """What the events of one delivery share."""

    project: Project
    subject: Subject
    actor: Person | None
    people: People
    refs: Refs
    labels: tuple[str, ...]
    confidential: bool
    occurred_at: datetime | None
    object_updated_at: datetime | None


def project(payload: Payload, *, external_id: str | None = None, target: ProjectInfo | None = None) -> Project:
    """The project of a payload. Raises `Unparsable` where it names none.

    Old versions of GitLab leave out the id, or the whole project: `external_id` and `target` are where else the
    payload has it. Where nothing tells the id, the path stands in for it.
    """
    sources = [source for source in (payload.project, target, payload.repository) if source is not None]
    url = next((web for source in sources if (web := address(source.web_url or source.homepage))), None)
    path = next((source.path_with_namespace for source in sources if source.path_with_namespace), _path(url))
    if path is None:
        raise Unparsable("project: missing")
    own = payload.project.id if payload.project else None
    level = next((source.visibility_level for source in sources if source.visibility_level is not None), None)
    return Project(
        forge=FORGE,
        external_id=own or payload.project_id or external_id or path,
        path=path,
        url=url,
        private=None if level is None else level != PUBLIC,
        default_branch=next((source.default_branch for source in sources if source.default_branch), None),
    )


def person(user: User | None, home: Project) -> Person | None:
    """Someone as GitLab names them in one of the project's payloads; `None` where nothing is left of the name."""
    if user is None or not (user.id or user.username or user.name):
        return None
    return Person(
        id=user.id,
        login=user.username,
        name=user.name,
        email=email(user.email),
        url=_profile(user.username, home),
        is_bot=is_bot(user.username),
    )


def people(users: Iterable[User], home: Project) -> tuple[Person, ...]:
    """Several of them."""
    return tuple(found for user in users if (found := person(user, home)))


def by_id(identity: str | None, known: Iterable[Person | None]) -> Person | None:
    """The person with this id: as known elsewhere in the payload, else by the id alone."""
    if identity is None:
        return None
    return next((one for one in known if one is not None and one.id == identity), Person(id=identity))


def by_ids(identities: Iterable[str], known: Sequence[Person | None]) -> tuple[Person, ...]:
    """Several of them."""
    return tuple(one for identity in identities if (one := by_id(identity, known)))


def is_bot(username: str | None) -> bool:
    """Whether nobody sits behind this account: a bot of an access token, or a user that GitLab acts as."""
    name = (username or "").casefold()
    return name in _BUILT_IN or _TOKEN_BOT.fullmatch(name) is not None


def email(text: str | None) -> str | None:
    """An address in lower case; GitLab writes ``[REDACTED]`` for one that is not public."""
    return text.strip().lower() if text and "@" in text else None


def committer(author: Author | None) -> Person | None:
    """Who wrote a commit. GitLab's private commit addresses tell the account's id and name."""
    if author is None:
        return None
    mail = email(author.email)
    account = _PRIVATE_EMAIL.fullmatch(mail) if mail else None
    if not mail and not author.name:
        return None
    return Person(
        id=account[1] if account else None,
        login=account[2] if account else None,
        name=author.name,
        email=mail,
        is_bot=account is not None and is_bot(account[2]),
    )


def commit(info: CommitInfo) -> Commit | None:
    """A commit of a push; `None` where it has no id."""
    if info.id is None:
        return None
    return Commit(
        sha=info.id,
        title=title(info.title or first_line(info.message), info.id[:8]),
        author=committer(info.author),
        url=address(info.url),
    )


def labels(*groups: Sequence[Label]) -> tuple[str, ...]:
    """The titles of the first group that is not empty."""
    first = next((group for group in groups if group), ())
    return tuple(title(label.title, "") for label in first if label.title)


def title(text: str | None, otherwise: str) -> str:
    """A title, at most 2,000 characters."""
    return (text or otherwise).strip()[:TITLE_LENGTH]


def address(text: str | None) -> str | None:
    """A page to open; anything that no browser should open counts as absent."""
    if text and text.startswith(("https://", "http://")) and len(text) <= _URL_LENGTH:
        return text
    return None


def page(home: Project, *steps: str) -> str | None:
    """The address of a page of the project, e.g. ``("tree", "fix/login")``."""
    if home.url is None:
        return None
    return address(f"{home.url}/-/" + "/".join(quote(step, safe="/") for step in steps))


def sha(text: str | None) -> str | None:
    """A commit's SHA; GitLab writes forty zeros for none."""
    return None if text is None or _NO_COMMIT.fullmatch(text) else text


def moment(text: str | None) -> datetime | None:
    """A time in UTC; `None` where it cannot be read, for no event hangs on it.

    GitLab writes ``2024-01-01 10:00:00 UTC``, ``2024-01-01 10:00:00 +0200`` and ISO 8601.
    """
    if text is None:
        return None
    compact = re.sub(r" (?=[+-]\d{2}:?\d{2}$)", "", text.strip().replace(" UTC", "Z"))
    try:
        read = datetime.fromisoformat(compact)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def latest(*texts: str | None) -> datetime | None:
    """The latest of these times."""
    return max((read for text in texts if (read := moment(text))), default=None)


def stamp(text: str | None) -> str | None:
    """A time for a happening: in UTC and whole seconds, for hooks and the API write one time differently."""
    read = moment(text)
    return read.replace(microsecond=0).isoformat() if read else text


def happening(kind: str, home: Project, *parts: str | int | None) -> str:
    """A happening's key, at most 200 characters: a long one ends in a hash of itself."""
    key = ":".join((kind, home.external_id, *("-" if part is None else str(part) for part in parts)))
    if len(key) <= HAPPENING_LENGTH:
        return key
    return f"{key[:120]}#{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def digest(value: object) -> str:
    """A short hash of parsed JSON, for happenings that have no number of their own."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _path(url: str | None) -> str | None:
    """The project's path after its address, where the payload does not tell it."""
    return (url.split("://", 1)[1].partition("/")[2].strip("/") or None) if url else None


def _profile(username: str | None, home: Project) -> str | None:
    if username is None or home.url is None or not home.url.endswith(f"/{home.path}"):
        return None
    return address(home.url.removesuffix(home.path) + quote(username))
