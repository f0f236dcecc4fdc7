"""From GitHub's objects to the neutral ones that events share."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from src.events import People, Person, Project, Refs, Subject, SubjectKind, Targets, Team
from src.forge import Unparsable
from src.github_api.webhooks import payloads as wire
from src.markdown import mentions

FORGE = "github"
_HAPPENING_LENGTH = 200
_WITH_THE_MAKING = timedelta(seconds=60)
_WEB_FLOW = "noreply@github.com"  # commits what is done in the browser: nobody's address


def project(repository: wire.Repository) -> Project:
    """The project, known by the id that outlives renames."""
    return Project(
        forge=FORGE,
        external_id=str(repository.id),
        path=repository.full_name,
        url=repository.html_url,
        private=repository.private,
        default_branch=repository.default_branch or None,
    )


def person(user: wire.User | None) -> Person | None:
    """The account; `None` where the payload has none or one without id and login."""
    if user is None or (user.id is None and not user.login):
        return None
    return Person(
        id=None if user.id is None else str(user.id),
        login=user.login or None,
        name=user.name or None,
        email=user.email or None,
        url=user.html_url,
        is_bot=user.type == "Bot" or _is_bot(user.login),
    )


def persons(users: Iterable[wire.User | None]) -> tuple[Person, ...]:
    """Several accounts, each once."""
    return tuple(dict.fromkeys(found for user in users if (found := person(user))))


def signature(written: wire.Signature | None) -> Person | None:
    """Who wrote a commit. GitHub names the account only where it knows the address."""
    if written is None or not (written.username or written.name or written.email):
        return None
    return Person(
        login=written.username or None,
        name=written.name or None,
        email=written.email or None,
        is_bot=_is_bot(written.username) or _is_bot(written.name),
    )


def committers(commit: wire.Commit | None) -> tuple[Person, ...]:
    """Author and committer of a commit, each once, without GitHub itself."""
    if commit is None:
        return ()
    found = (signature(commit.author), signature(commit.committer))
    return tuple(dict.fromkeys(one for one in found if one and one.email != _WEB_FLOW))


def team(repository: wire.Repository, found: wire.Team | None) -> Team | None:
    """A team; only teams of the organisation that owns the repository are ever asked for a review."""
    slug = found and (found.slug or found.name)
    if found is None or not slug:
        return None
    organisation = repository.full_name.partition("/")[0]
    return Team(path=f"{organisation}/{slug}", id=None if found.id is None else str(found.id), name=found.name or None)


def teams(repository: wire.Repository, found: Iterable[wire.Team | None]) -> tuple[Team, ...]:
    """Several teams."""
    return tuple(one for item in found if (one := team(repository, item)))


def targets(people: Iterable[wire.User | None] = (), asked: Iterable[Team | None] = ()) -> Targets:
    """Those whom an assignment or a review request names."""
    return Targets(people=persons(people), teams=tuple(one for one in asked if one))


def labels(found: Sequence[wire.Label]) -> tuple[str, ...]:
    """The labels' names."""
    return tuple(label.name for label in found if label.name)


def new_mentions(text: str | None, before: str | None) -> tuple[str, ...]:
    """Whom an edited text mentions that its old wording did not."""
    known = {name.casefold() for name in mentions(before)}
    return tuple(name for name in mentions(text) if name.casefold() not in known)


def pull_request_number(pull: wire.PullRequest, number: int | None) -> int:
    """A pull request's number, from wherever the payload has it."""
    if pull.number is not None:
        return pull.number
    if number is not None:
        return number
    _, _, last = (pull.html_url or "").rpartition("/pull/")
    if last.isascii() and last.isdigit():
        return int(last)
    raise Unparsable("pull_request.number: missing")


def pull_request_subject(pull: wire.PullRequest, number: int) -> Subject:
    """The pull request as a subject."""
    return Subject(
        kind=SubjectKind.PULL_REQUEST,
        id=str(number),
        title=pull.title or f"#{number}",
        number=number,
        url=pull.html_url,
    )


def issue_subject(issue: wire.Issue) -> Subject:
    """The issue as a subject, or the pull request that it is."""
    link = issue.pull_request
    return Subject(
        kind=SubjectKind.ISSUE if link is None else SubjectKind.PULL_REQUEST,
        id=str(issue.number),
        title=issue.title or f"#{issue.number}",
        number=issue.number,
        url=issue.html_url or (None if link is None else link.html_url),
    )


def branch_subject(repository: wire.Repository, name: str) -> Subject:
    """A branch as a subject."""
    return Subject(kind=SubjectKind.BRANCH, id=name, title=name, url=page(repository, "tree", name))


def pull_request_people(repository: wire.Repository, pull: wire.PullRequest, mentioned: tuple[str, ...] = ()) -> People:
    """Whom a pull request concerns."""
    return People(
        author=person(pull.user),
        assignees=persons(pull.assignees),
        reviewers=persons(pull.requested_reviewers),
        reviewer_teams=teams(repository, pull.requested_teams),
        mentioned=mentioned,
    )


def issue_people(issue: wire.Issue, mentioned: tuple[str, ...] = ()) -> People:
    """Whom an issue concerns."""
    return People(author=person(issue.user), assignees=persons(issue.assignees), mentioned=mentioned)


def pull_request_refs(pull: wire.PullRequest) -> Refs:
    """A pull request's branches and its newest commit."""
    head, base = pull.head or wire.Ref(), pull.base or wire.Ref()
    return Refs(branch=head.ref or None, target_branch=base.ref or None, head_sha=head.sha or None)


def belongs_to_the_making(created: datetime | None, updated: datetime | None) -> bool:
    """Whether an assignment or a review request was made along with its pull request or issue."""
    return created is not None and updated is not None and updated - created <= _WITH_THE_MAKING


def page(repository: wire.Repository, *path: str) -> str | None:
    """A page of the project on the web."""
    if repository.html_url is None:
        return None
    return "/".join((repository.html_url, *(quote(part, safe="/") for part in path)))


def happening(repository: wire.Repository, *what: object) -> str:
    """The key of what happened, the same for the project's hook and its organisation's.

    It is made of nothing but what the payload says of the thing itself. At most 200 characters: a longer one
    ends in its hash.
    """
    words = (one.isoformat() if isinstance(one, datetime) else str(one) for one in what)
    key = ":".join((FORGE, str(repository.id), *words))
    if len(key) <= _HAPPENING_LENGTH:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{key[: _HAPPENING_LENGTH - len(digest) - 1]}:{digest}"


def _is_bot(login: str | None) -> bool:
    return login is not None and login.endswith("[bot]")
