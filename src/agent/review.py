"""A review of a pull request: what is read, what is found in it, what of that is to be said."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol
from urllib.parse import quote

from src.agent import fixes, tools
from src.agent.comments import Suggestions, inline
from src.agent.findings import Analysis, Finding, Level, Source, Unread
from src.agent.fingerprints import Known, identify, marker
from src.agent.left_out import CLAIMS
from src.agent.limits import Limits
from src.agent.opinion import SecondOpinion
from src.agent.placing import Placed, Placement, place_findings
from src.agent.reading import Ground, Reading, ground, read
from src.agent.repo_settings import RepoSettings
from src.agent.report import Report
from src.agent.threads import Files, Poster, Settled, settle
from src.forge import ForgeClient, ForgeType, LineComment, ProjectRef, RemotePullRequest, ReviewThread

_ORDER = {level: number for number, level in enumerate(Level)}


class Reason(StrEnum):
    """Why a pull request was not reviewed: the first four are skipped, the others failed."""

    DRAFT = "draft"  # skipped unless asked for by hand, or the repository wants it
    BOT = "bot"  # its author is one; as for drafts
    CLOSED = "closed"  # closed or merged already
    SWITCHED_OFF = "switched_off"  # by the repository's settings on the base branch
    NO_ACCOUNT = "no_account"  # no token to do it with: none is set, the subscriber's no longer works
    NOT_FOUND = "not_found"  # no such pull request, or the token does not see it
    FORBIDDEN = "forbidden"  # the token may read it, and may not comment
    REJECTED = "rejected"  # the forge understood, and did not take what was to be said
    UNAVAILABLE = "unavailable"  # the forge did not answer for an hour
    INTERNAL = "internal"  # a fault of ours; the program's log has it


class Stage(StrEnum):
    """How far a review is."""

    READING = "reading"
    ANALYSING = "analysing"
    POSTING = "posting"


class Skipped(Exception):
    """Nothing is to be reviewed here."""

    def __init__(self, reason: Reason, pull: RemotePullRequest) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.pull = pull


class Analyze(Protocol):
    """As `tools.analyze`."""

    async def __call__(self, sources: Sequence[Source], *, limits: Limits, target: str | None) -> Analysis:
        """What is found in these files."""


# Told the stage, how many files are done and of how many.
Progress = Callable[[Stage, int, int], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The project that is reviewed, and who speaks there."""

    client: ForgeClient
    project: ProjectRef
    forge: ForgeType
    base_url: str
    poster: Poster
    own_id: str | None  # of `poster.ids` the account that posts now; None: nothing can be posted

    def link(self, sha: str) -> Callable[[str, int | None], str]:
        """The pages of the files at a commit, with or without a line."""
        home = f"{self.forge.web_url(self.base_url)}/{self.project.path}"

        def page(path: str, line: int | None) -> str:
            return f"{home}/{self.forge.file_page.format(sha=sha, path=quote(path))}{f'#L{line}' if line else ''}"

        return page


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """All that is to be said, before any of it is."""

    pull: RemotePullRequest
    head_sha: str
    settings: RepoSettings
    report: Report
    comments: tuple[LineComment, ...]
    resolve: tuple[ReviewThread, ...]

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to say but that there is nothing."""
        report = self.report
        return not (report.findings or report.unread or report.claimed or report.mistakes)


async def _unheard(_stage: Stage, _done: int, _total: int) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Reads, analyses and drafts; posts nothing."""

    analyze: Analyze = tools.analyze
    reads: Callable[[str], bool] = tools.reads
    opinion: SecondOpinion | None = None
    limits: Limits = field(default_factory=Limits)

    async def draft(self, place: Place, number: int, *, by_hand: bool, progress: Progress = _unheard) -> Draft:
        """What a review of the pull request's head says now. Raises `Skipped`, and what the client raises."""
        pull = await place.client.pull_request(place.project, number)
        if pull.state != "open" or pull.head_sha is None:
            raise Skipped(Reason.CLOSED, pull)
        base = await ground(place.client, place.project, pull)
        if (reason := unwanted(pull, base.settings, by_hand=by_hand)) is not None:
            raise Skipped(reason, pull)
        reading = await read(place.client, place.project, pull, base.settings, reads=self.reads)
        await progress(Stage.ANALYSING, 0, len(reading.sources))
        found = await self._find(reading, base)
        await progress(Stage.POSTING, len(reading.sources), len(reading.sources))
        threads = await place.client.threads(place.project, number)
        return await asyncio.to_thread(_drafted, place, pull.head_sha, reading, base.settings, found, threads)

    async def _find(self, reading: Reading, base: Ground) -> "Found":
        """What the analysers, and a model where there is one, find that the repository wants to hear."""
        settings = base.settings
        limits = replace(self.limits, line_length=settings.max_line_length)

        async def analyze(sources: Sequence[Source]) -> Analysis:
            return await self.analyze(sources, limits=limits, target=base.target)

        analysis = await analyze(reading.sources)
        wanted = settings.applied(analysis.findings)
        outside = place_findings(wanted, reading.patches).outside
        known = {id(finding) for finding in outside}
        new = sorted((finding for finding in wanted if id(finding) not in known), key=gravity)
        if settings.suggestions:
            new = list(await fixes.mend(new, reading.sources, analyze, width=settings.max_line_length))
        else:
            new = [replace(finding, edit=None) for finding in new]
        found = Found(
            findings=tuple(new),
            outside=outside,
            unread=analysis.unread,
            analysed=sum(self.reads(source.path) for source in reading.sources),
            claimed=tuple(path for path, why in reading.left_out.items() if why in CLAIMS and self.reads(path)),
        )
        if self.opinion is None or not settings.wants_opinion:
            return found
        opinion = await self.opinion.of(reading.sources, reading.added, settings.language)
        findings = (*found.findings, *opinion.findings)
        unheard = opinion.trouble is not None
        return replace(found, findings=findings, model=opinion.model, unheard=unheard, heard=opinion.heard)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of looking at the files."""

    findings: tuple[Finding, ...]  # that the pull request brings, each with a fix only where that was tried
    outside: tuple[Finding, ...]  # that were there before
    unread: tuple[Unread, ...]
    model: str | None = None  # whose opinion is among the findings
    unheard: bool = False  # no model answered that should have
    heard: frozenset[str] = frozenset()  # files that a model looked at
    analysed: int = 0  # files
    claimed: tuple[str, ...] = ()  # files left out on the pull request's word that would have been analysed


def unwanted(pull: RemotePullRequest, settings: RepoSettings, *, by_hand: bool) -> Reason | None:
    """Why nobody waits for a review of it. What the repository has switched off nobody switches on by hand."""
    if not settings.enabled:
        return Reason.SWITCHED_OFF
    if by_hand:
        return None
    if pull.draft and not settings.drafts:
        return Reason.DRAFT
    is_bot = pull.author is not None and pull.author.is_bot
    return Reason.BOT if is_bot and not settings.bots else None


def gravity(finding: Finding) -> tuple[int, str, int, int]:
    """The order in which findings are told: the gravest first."""
    return _ORDER[finding.level], finding.path, finding.line, finding.column


def _drafted(
    place: Place,
    head_sha: str,
    reading: Reading,
    settings: RepoSettings,
    found: Found,
    threads: Sequence[ReviewThread],
) -> Draft:
    style = Suggestions(place.forge.suggestions)
    placed = place_findings(found.findings, reading.patches, at_first_line=style is Suggestions.OFFSETS)
    inline_first = sorted(placed.inline, key=lambda each: gravity(each.finding))
    wanted = identify((each.finding for each in inline_first), reading.sources)
    unread = (*reading.unread, *found.unread)
    settled = settle(
        wanted,
        threads,
        place.poster,
        _files(reading, unread, found.heard),
        present=identify((*placed.folded, *found.outside), reading.sources),
        at_most=settings.max_comments,
    )
    where = {id(known): each for known, each in zip(wanted, inline_first, strict=True)}
    return Draft(
        pull=reading.pull,
        head_sha=head_sha,
        settings=settings,
        report=_report(place, head_sha, reading, settings, found, placed, settled, unread),
        comments=_comments(reading, [(known, where[id(known)]) for known in settled.post], style, settings.language),
        resolve=settled.resolve,
    )


def _files(reading: Reading, unread: Sequence[Unread], heard: frozenset[str]) -> Files:
    there = [file for file in reading.files if file.status != "removed"]
    return Files(
        paths=frozenset(file.path for file in there),
        renamed={file.old_path: file.path for file in there if file.old_path != file.path},
        unread=frozenset(each.path for each in unread),
        heard=heard,
    )


def _report(
    place: Place,
    head_sha: str,
    reading: Reading,
    settings: RepoSettings,
    found: Found,
    placed: Placement,
    settled: Settled,
    unread: Sequence[Unread],
) -> Report:
    """What stands, whether it has a thread or not; but not what a person has closed."""
    dismissed = {id(told.known.finding) for told in settled.dismissed}
    findings = [*(each.finding for each in placed.inline), *placed.folded]
    return Report(
        head_sha=head_sha,
        files=found.analysed,
        findings=tuple(sorted((each for each in findings if id(each) not in dismissed), key=gravity)),
        unread=tuple(unread),
        left_out=reading.left_out,
        claimed=found.claimed,
        mistakes=settings.mistakes,
        resolved=len(settled.resolve),
        left_alone=len(settled.dismissed),
        model=found.model,
        unheard=found.unheard,
        link=place.link(head_sha),
    )


def _comments(
    reading: Reading, told: Sequence[tuple[Known, Placed]], style: Suggestions, language: str
) -> tuple[LineComment, ...]:
    files = {file.path: file for file in reading.files}
    return tuple(
        each.comment(
            files[each.finding.path],
            inline(
                each.finding,
                style,
                language,
                line=each.line,
                start_line=each.start_line,
                marker=marker(known.fingerprint),
            ),
        )
        for known, each in told
    )
