"""Changes that mend findings: none is offered that was not applied, parsed and looked at again."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from src.agent.findings import Analysis, Edit, Finding, Source, Why
from src.agent.parsed import Parsed
from src.agent.proposals import proposals

MOST_FINDINGS = 40
MOST_BYTES = 4_000_000  # of all files with a change applied, for each is looked at as a whole
_LONGEST = 40  # lines on either side: more is no suggestion but a rewrite
_UNTOUCHED = "0/"
_PYTHON = (".py", ".pyi", ".pyw")

Analyze = Callable[[Sequence[Source]], Awaitable[Analysis]]
_Kind = tuple[object, ...]  # what makes two findings the same problem wherever they stand


@dataclass(frozen=True, slots=True)
class _Try:
    """A finding's file with one change applied, under a name of its own."""

    number: int  # of the finding
    edit: Edit
    source: Source


async def mend(
    findings: Sequence[Finding],
    sources: Sequence[Source],
    analyze: Analyze,
    *,
    before: Analysis | None = None,
    limit: int = MOST_FINDINGS,
    width: int = 120,
) -> tuple[Finding, ...]:
    """The findings, each with the first change that mends it and breaks nothing, and the others without any.

    The engine's own changes are tried like ours. All are looked at in one call of `analyze`, with the untouched files
    beside them unless `before` is what it said of those; of the findings the first `limit` that something is known
    for are tried.
    """
    by_path = {source.path: source for source in sources}
    # In a thread: of forty large files it takes seconds, in which this process has others to serve.
    tries = await asyncio.to_thread(lambda: list(_tries(findings, by_path, limit, width)))
    bare = [replace(finding, edit=None) for finding in findings]
    if not tries:
        return tuple(bare)
    touched = sorted({findings[one.number].path for one in tries})
    untouched = [] if before else [Source(path=f"{_UNTOUCHED}{path}", data=by_path[path].data) for path in touched]
    after = await analyze([*untouched, *(one.source for one in tries)])
    unread = _missed(after) | _missed(before or after)
    kinds = _counted(after)
    kinds_before, prefix = (_counted(before), "") if before else (kinds, _UNTOUCHED)
    for one in tries:
        finding, path = findings[one.number], prefix + findings[one.number].path
        if bare[one.number].edit or unread & {path, one.source.path}:
            continue
        if _mends(_kind(finding), kinds_before.get(path, Counter()), kinds.get(one.source.path, Counter())):
            bare[one.number] = replace(finding, edit=one.edit)
    return tuple(bare)


def applied(data: bytes, edit: Edit) -> bytes | None:
    """A file with its lines replaced as a forge does it; `None` where it has no such lines.

    The ends of line stay what they were, also that of a last line that has none.
    """
    lines = data.split(b"\n")
    count = len(lines) if lines[-1] else len(lines) - 1
    if not 1 <= edit.start <= edit.end <= count:
        return None
    end = b"\r" if lines[edit.start - 1].endswith(b"\r") else b""
    mark = b"\xef\xbb\xbf" if edit.start == 1 and data.startswith(b"\xef\xbb\xbf") else b""
    new = [line.encode() + end for line in edit.lines]
    if mark and new and not new[0].startswith(mark):
        new[0] = mark + new[0]
    return b"\n".join([*lines[: edit.start - 1], *new, *lines[edit.end :]])


def _tries(findings: Sequence[Finding], sources: dict[str, Source], limit: int, width: int) -> Iterator[_Try]:
    modules: dict[str, Parsed | None] = {}
    number = room = 0
    tried: set[int] = set()
    for index, finding in enumerate(findings):
        source = sources.get(finding.path)
        if source is None or len(tried) == limit:
            continue
        if finding.path not in modules:
            is_python = finding.path.endswith(_PYTHON)
            modules[finding.path] = Parsed.of(source.data) if is_python else None
        for edit in _edits(finding, modules[finding.path], width):
            data = applied(source.data, edit) if _is_short(edit) else None
            if data is None or data == source.data or room + len(data) > MOST_BYTES:
                continue
            tried.add(index)
            number, room = number + 1, room + len(data)
            yield _Try(index, edit, Source(path=f"{number}/{finding.path}", data=data))


def _edits(finding: Finding, module: Parsed | None, width: int) -> Iterator[Edit]:
    if finding.edit:
        yield finding.edit
    if module:
        yield from proposals(module, finding, width)


def _is_short(edit: Edit) -> bool:
    return edit.end - edit.start < _LONGEST and len(edit.lines) <= _LONGEST


def _missed(analysis: Analysis) -> set[str]:
    """The files of which nobody knows what is in them; of those for a newer Python the engine does."""
    return {unread.path for unread in analysis.unread if unread.why is not Why.NEWER}


def _counted(analysis: Analysis) -> dict[str, Counter[_Kind]]:
    """How many of each kind there are, by path."""
    found: dict[str, Counter[_Kind]] = {}
    for finding in analysis.findings:
        found.setdefault(finding.path, Counter())[_kind(finding)] += 1
    return found


def _kind(finding: Finding) -> _Kind:
    return finding.rule, finding.symbol, finding.message, tuple(sorted(finding.params.items()))


def _mends(kind: _Kind, before: Counter[_Kind], after: Counter[_Kind]) -> bool:
    """Whether one of its kind is gone, and nothing came in its place."""
    return after[kind] < before[kind] and not after - before
