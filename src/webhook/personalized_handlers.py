"""Who is told of an event, and why. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from src.events import (
    CodeReviewEvent,
    CodeReviewOutcome,
    CommentEvent,
    DeploymentEvent,
    DocumentationEvent,
    Event,
    HookTestEvent,
    IssueAction,
    IssueEvent,
    JobEvent,
    Person,
    PipelineEvent,
    PullRequestAction,
    PullRequestEvent,
    PushEvent,
    ReviewEvent,
    ReviewState,
)
from src.webhook.categories import Level, level_of
from src.webhook.reasons import Reason, ReasonVia


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A subscription, as far as deciding needs it, with its owner's account on the forge."""

    subscription_id: int
    chat_id: int
    topic_id: int
    is_private_chat: bool
    scope: str  # "mine", "all"
    names: frozenset[str]
    levels: Mapping[str, Any]  # by category: on, silent, off
    account_id: int | None
    person: Person | None  # whose account it is
    emails: frozenset[str] = frozenset()  # lower case


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the payload does not say."""

    teams: Mapping[str, Collection[Person]] = field(default_factory=dict)  # members by path, in lower case
    hook_account_id: int | None = None  # whose account made the hook
    _crowds: dict[int, "_Crowd"] = field(default_factory=dict, init=False, repr=False, compare=False)

    def among(self, people: Collection[Person], reader: Reader) -> bool:
        """Whether the reader is one of them. Many are looked through once, not again for each of many readers."""
        if len(people) <= _FEW:
            return any(_is(person, reader) for person in people)
        crowd = self._crowds.get(id(people))
        if crowd is None or crowd.people is not people:
            crowd = self._crowds[id(people)] = _Crowd(people)
        return crowd.has(reader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A reader who is to be told, with all reasons at once."""

    reader: Reader
    reasons: tuple[ReasonVia, ...]
    level: Level  # never "off"


_ADDRESSED = {
    PullRequestAction.REVIEW_REQUESTED: Reason.REVIEW_REQUESTED,
    PullRequestAction.REVIEW_REQUEST_REMOVED: Reason.REVIEW_REQUEST_REMOVED,
    PullRequestAction.ASSIGNED: Reason.ASSIGNED,
    PullRequestAction.UNASSIGNED: Reason.UNASSIGNED,
    IssueAction.ASSIGNED: Reason.ASSIGNED,
}
# What an opening answers to besides its own name, and the only reason that then counts.
_OPENING = {
    "pull_request.review_requested": Reason.REVIEW_REQUESTED,
    "pull_request.assigned": Reason.ASSIGNED,
    "issue.assigned": Reason.ASSIGNED,
}
_FEW = 8  # people who are looked through faster than they are sorted
_CHOSEN = (ReasonVia(reason=Reason.CHOSEN),)


def recipients(event: Event, readers: Sequence[Reader], facts: Facts) -> list[Recipient]:
    """Those of the readers who are told, in their order; each chat and topic at most once."""
    found: dict[tuple[int, int], Recipient] = {}
    for reader in readers:
        if (event.confidential and not reader.is_private_chat) or _is_own_action(event, reader):
            continue
        reasons = _reasons_to_tell(event, reader, facts)
        anyway = reader.scope == "all" or not event.personal
        level = level_of(event, reasons, reader.levels, anyway=anyway, chosen=reader.names)
        if reasons and level != "off":
            found.setdefault((reader.chat_id, reader.topic_id), Recipient(reader=reader, reasons=reasons, level=level))
    return list(found.values())


def is_chosen(event: Event, reader: Reader) -> bool:
    """Whether the subscription admits the event by its names."""
    return not reader.names.isdisjoint(event.names) and reader.names.issuperset(event.requires)


def coalesce_key(event: Event, delivery_id: int | None) -> str | None:
    """What a chat is told of once: a second message under this key is sent only if it has a new reason."""
    if isinstance(event, CommentEvent):
        return f"{event.subject.key}:comment:{event.comment_id}"
    if isinstance(event, PushEvent | DocumentationEvent):
        return f"delivery:{delivery_id}"  # a push and the documentation in it
    return f"{event.subject.key}:opening" if event.opening else None


def _reasons_to_tell(event: Event, reader: Reader, facts: Facts) -> tuple[ReasonVia, ...]:
    if isinstance(event, HookTestEvent):
        return _hook_owner(event, reader, facts)
    if not is_chosen(event, reader):
        return (ReasonVia(reason=Reason.AUTHOR),) if _is_of_own_code(event, reader) else ()
    reasons = _distinct(event, _personal_reasons(event, reader, facts))
    if event.names[0] not in reader.names and all(name in _OPENING for name in event.names[1:]):
        wanted = {_OPENING[name] for name in event.names[1:] if name in reader.names}
        reasons = tuple(item for item in reasons if item.reason in wanted)
    is_told = bool(reasons) or not event.personal or reader.scope == "all"
    if is_told and not reader.is_private_chat:
        return _CHOSEN  # what is one person's reason is no reason for a whole group
    return (reasons or _CHOSEN) if is_told else ()


def _is_of_own_code(event: Event, reader: Reader) -> bool:
    """Whoever wrote the pull request hears in private what was found in it, without having chosen reviews."""
    if not isinstance(event, CodeReviewEvent) or event.outcome is CodeReviewOutcome.FAILED:
        return False
    author = event.people.author
    return reader.is_private_chat and author is not None and _is(author, reader)


def _hook_owner(event: HookTestEvent, reader: Reader, facts: Facts) -> tuple[ReasonVia, ...]:
    """A hook made by hand has no owner that we know: whoever waits for it in private is told."""
    if event.automatic or not reader.is_private_chat:
        return ()
    is_owner = facts.hook_account_id is None or facts.hook_account_id == reader.account_id
    return (ReasonVia(reason=Reason.HOOK_OWNER),) if is_owner else ()


def _is_own_action(event: Event, reader: Reader) -> bool:
    """In a private chat nobody is told of what they did themselves; what machines do has no doer."""
    if isinstance(event, PipelineEvent | JobEvent | DeploymentEvent | HookTestEvent) or not reader.is_private_chat:
        return False
    return event.actor is not None and _is(event.actor, reader)


def _personal_reasons(event: Event, reader: Reader, facts: Facts) -> Iterator[ReasonVia]:
    if reader.person is None:
        return
    if event.addressed is not None:
        yield from _addressed_reasons(event, reader, facts)
        return
    yield from _mentions(event, reader, facts)
    if isinstance(event, CommentEvent) and event.edited:
        return  # an edit is news to those whom it newly names
    yield from _reviewer(event, reader, facts)
    people = event.people
    roles = {
        Reason.ASSIGNED: people.assignees,
        Reason.AUTHOR: () if people.author is None else (people.author,),
        Reason.STARTED: () if people.starter is None else (people.starter,),
        Reason.COMMITTED: people.committers,
        Reason.PARTICIPANT: people.participants,
    }
    for reason, holders in roles.items():
        if facts.among(holders, reader):
            yield ReasonVia(reason=reason)


def _reviewer(event: Event, reader: Reader, facts: Facts) -> Iterator[ReasonVia]:
    """Standing review requests matter while the pull request itself changes, not at each word said on it."""
    is_dismissed = isinstance(event, ReviewEvent) and event.state is ReviewState.DISMISSED
    if not (isinstance(event, PullRequestEvent) or is_dismissed):
        return
    if facts.among(event.people.reviewers, reader):
        yield ReasonVia(reason=Reason.REVIEW_REQUESTED)
    for team in event.people.reviewer_teams:
        if facts.among(facts.teams.get(team.path.casefold(), ()), reader):
            yield ReasonVia(reason=Reason.REVIEW_REQUESTED, via=team.path)


def _addressed_reasons(event: Event, reader: Reader, facts: Facts) -> Iterator[ReasonVia]:
    if not isinstance(event, PullRequestEvent | IssueEvent):
        return
    reason = _ADDRESSED[event.action]
    if facts.among(event.targets.people, reader):
        yield ReasonVia(reason=reason)
    for team in event.targets.teams:
        if facts.among(facts.teams.get(team.path.casefold(), ()), reader):
            yield ReasonVia(reason=reason, via=team.path)


def _mentions(event: Event, reader: Reader, facts: Facts) -> Iterator[ReasonVia]:
    login = reader.person.login.casefold() if reader.person and reader.person.login else None
    for mentioned in event.people.mentioned:
        if mentioned.casefold() == login:
            yield ReasonVia(reason=Reason.MENTIONED)
        elif facts.among(facts.teams.get(mentioned.casefold(), ()), reader):
            yield ReasonVia(reason=Reason.MENTIONED, via=mentioned)


def _distinct(event: Event, reasons: Iterator[ReasonVia]) -> tuple[ReasonVia, ...]:
    """Each reason once, the direct way before one through a team; who takes part is said only if nothing else is.

    Where a pull request is done, a team's standing request gives way to every other reason.
    """
    best: dict[Reason, ReasonVia] = {}
    for item in reasons:
        known = best.get(item.reason)
        if known is None or (known.via is not None and item.via is None):
            best[item.reason] = item
    requested = best.get(Reason.REVIEW_REQUESTED)
    if len(best) > 1 and _is_done(event) and requested is not None and requested.via is not None:
        del best[Reason.REVIEW_REQUESTED]
    if len(best) > 1:
        best.pop(Reason.PARTICIPANT, None)
    return tuple(best.values())


def _is_done(event: Event) -> bool:
    done = (PullRequestAction.MERGED, PullRequestAction.CLOSED)
    return isinstance(event, PullRequestEvent) and event.action in done


class _Crowd:
    """Many people, to be found by what `_is` compares."""

    def __init__(self, people: Collection[Person]) -> None:
        self.people = people
        self._ids = frozenset(person.id for person in people if person.id is not None)
        self._others: dict[tuple[bool, bool], tuple[frozenset[str], frozenset[str]]] = {}

    def has(self, reader: Reader) -> bool:
        """Whether `_is` holds for one of them."""
        person = reader.person
        if person is None:
            return False
        if person.id is not None and person.id in self._ids:
            return True
        logins, emails = self._without(by_id=person.id is not None, by_login=person.login is not None)
        if person.login is not None and person.login.casefold() in logins:
            return True
        return not emails.isdisjoint(reader.emails)

    def _without(self, *, by_id: bool, by_login: bool) -> tuple[frozenset[str], frozenset[str]]:
        """Logins, and e-mails, of those who are not compared by what comes before."""
        found = self._others.get((by_id, by_login))
        if found is None:
            rest = [person for person in self.people if not by_id or person.id is None]
            logins = {p.login.casefold() for p in rest if by_login and p.login is not None}
            unnamed = [p for p in rest if not by_login or p.login is None]
            emails = {p.email.casefold() for p in unnamed if p.email is not None}
            found = self._others[by_id, by_login] = frozenset(logins), frozenset(emails)
        return found


def _is(person: Person, reader: Reader) -> bool:
    """By id where both sides have one, else by login, else by e-mail."""
    if reader.person is None:
        return False
    if person.id is not None and reader.person.id is not None:
        return person.id == reader.person.id
    if person.login is not None and reader.person.login is not None:
        return person.login.casefold() == reader.person.login.casefold()
    return person.email is not None and person.email.casefold() in reader.emails
