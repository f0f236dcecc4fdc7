"""The life of the threads that reviews have begun: what is posted, what is kept, what is resolved. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from src.agent.fingerprints import Fingerprint, Known, read_marker
from src.forge import Remark, ReviewThread

AT_MOST = 30  # open threads of ours on one pull request: a page with more is read by nobody
_RENAMED = 2  # of three things around a finding, so many are the same where a path is gone and its finding is not


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """The account that posts.

    Where a person uses it, too, a thread that it resolved may have been that person's decision, and counts as such.
    """

    ids: frozenset[str]  # the forge's ids of the account, and of others that post for this program
    is_person: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What is known of the pull request's files, as they are at the head."""

    paths: frozenset[str]  # all that the diff has, removed ones aside
    renamed: Mapping[str, str] = field(default_factory=dict)  # new path by old one
    unread: frozenset[str] = frozenset()  # not analysed this time: of these nothing is known, so nothing is fixed
    heard: frozenset[str] = frozenset()  # a model looked at these: of others' opinions nothing is known either


@dataclass(frozen=True, slots=True)
class Told:
    """A finding that is there and the thread that tells of it."""

    known: Known
    thread: ReviewThread


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What to do, and what is as it should be. Every wanted finding is in one of the first four."""

    post: tuple[Known, ...]  # new ones, in the order in which they were wanted
    folded: tuple[Known, ...]  # new ones over the limit: for the summary
    kept: tuple[Told, ...]  # told of in an open thread
    dismissed: tuple[Told, ...]  # a person has resolved the thread: not to be raised again
    resolve: tuple[ReviewThread, ...]  # the finding is gone and nobody answered
    left_alone: tuple[ReviewThread, ...]  # the finding is gone or unknown, and the thread is not ours to close


@dataclass(frozen=True, slots=True)
class _Ours:
    thread: ReviewThread
    fingerprint: Fingerprint


def settle(
    wanted: Sequence[Known],
    threads: Iterable[ReviewThread],
    poster: Poster,
    files: Files,
    *,
    present: Sequence[Known] = (),
    at_most: int = AT_MOST,
) -> Settled:
    """Decide what becomes of findings and threads.

    `wanted` are the findings that belong on lines of the diff; `present` the others that the same files have (on lines
    that the pull request does not bring, say): they are not posted, but their threads are not fixed either.
    Two findings that look the same need two threads. A thread that we resolved is history: what comes back is posted.
    """
    ours = [mine for thread in threads if (mine := _ours(thread, poster)) and not _is_history(thread, poster)]
    found = [*wanted, *present]
    pairs = _pair(found, ours, files)
    told = {index: ours[number].thread for index, number in pairs.items()}
    matched = [Told(found[index], thread) for index, thread in sorted(told.items())]
    kept = tuple(each for each in matched if not each.thread.resolved)
    fresh = [known for index, known in enumerate(wanted) if index not in told]
    room = max(at_most - len(kept), 0)
    taken = set(pairs.values())
    gone = [mine for number, mine in enumerate(ours) if number not in taken and not mine.thread.resolved]
    resolve = tuple(mine.thread for mine in gone if _may_resolve(mine, poster, files))
    return Settled(
        post=tuple(fresh[:room]),
        folded=tuple(fresh[room:]),
        kept=kept,
        dismissed=tuple(each for each in matched if each.thread.resolved),
        resolve=resolve,
        left_alone=tuple(mine.thread for mine in gone if mine.thread not in resolve),
    )


def is_answered(thread: ReviewThread, poster: Poster) -> bool:
    """Whether somebody wrote into a thread: also the person behind the account, whose words bear no marker."""
    return any(not _is_ours(remark, poster) for remark in thread.remarks[1:])


def _ours(thread: ReviewThread, poster: Poster) -> _Ours | None:
    """A thread that a review began. Anybody may write a marker; only under our account it means something."""
    if not thread.remarks or not _wrote(thread.remarks[0], poster):
        return None
    known = read_marker(thread.remarks[0].body)
    return _Ours(thread, known) if known else None


def _is_ours(remark: Remark, poster: Poster) -> bool:
    return _wrote(remark, poster) and read_marker(remark.body) is not None


def _wrote(remark: Remark, poster: Poster) -> bool:
    return remark.author is not None and remark.author.id in poster.ids


def _is_history(thread: ReviewThread, poster: Poster) -> bool:
    if not thread.resolved or poster.is_person or is_answered(thread, poster):
        return False
    return thread.resolved_by is not None and thread.resolved_by.id in poster.ids


def _may_resolve(mine: _Ours, poster: Poster, files: Files) -> bool:
    thread = mine.thread
    path = files.renamed.get(thread.path or "", thread.path)
    if mine.fingerprint.is_opinion and path not in files.heard:
        return False
    unknown = path in files.unread or (files.unread and path not in files.paths)  # it may be what an unread one is now
    return thread.can_resolve and not unknown and not is_answered(thread, poster)


def _pair(found: Sequence[Known], ours: Sequence[_Ours], files: Files) -> dict[int, int]:
    """Which thread, by its number, tells of which finding: first in the same file, then where one was renamed."""
    pairs: dict[int, int] = {}
    free_findings, free_threads = set(range(len(found))), set(range(len(ours)))

    def match(keys: Mapping[int, str | None], at_least: int, *, anywhere: bool = False) -> None:
        groups: dict[tuple[str, str], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for number in sorted(free_threads):
            if (path := keys[number]) is not None:
                groups[path, ours[number].fingerprint.what][1].append(number)
        for index in sorted(free_findings):
            path = "" if anywhere else found[index].finding.path
            groups[path, found[index].fingerprint.what][0].append(index)
        for indexes, numbers in groups.values():
            for index, number in _closest(indexes, numbers, found, ours, at_least):
                pairs[index] = number
                free_findings.discard(index)
                free_threads.discard(number)

    paths = {number: mine.thread.path for number, mine in enumerate(ours)}
    match(paths, 0)
    match({number: files.renamed.get(path or "") for number, path in paths.items()}, 0)
    gone = {number: "" if path not in files.paths else None for number, path in paths.items()}
    match(gone, _RENAMED, anywhere=True)
    return pairs


def _closest(
    indexes: Sequence[int], numbers: Sequence[int], found: Sequence[Known], ours: Sequence[_Ours], at_least: int
) -> list[tuple[int, int]]:
    """Pair findings with threads: those whose surroundings are most alike first, then in their order."""
    if not indexes or not numbers:
        return []
    likely = sorted(
        (-found[index].fingerprint.likeness(ours[number].fingerprint), ours[number].thread.resolved, number, index)
        for number in numbers
        for index in indexes
    )
    pairs: list[tuple[int, int]] = []
    left_indexes, left_numbers = set(indexes), set(numbers)
    for likeness, _, number, index in likely:
        if -likeness >= at_least and index in left_indexes and number in left_numbers:
            pairs.append((index, number))
            left_indexes.discard(index)
            left_numbers.discard(number)
    return pairs
