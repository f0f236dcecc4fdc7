"""What a review says on the forge: the summary, the comments on lines, the status. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import accumulate

from src.agent.comment_texts import AND_MORE, COUNTS, LEFT_OUT, LEVELS, MORE, UNREAD
from src.agent.findings import Edit, Finding, Level, Unread, Why
from src.agent.quoting import address, code, code_of_path, is_deceptive, sentence
from src.agent.repo_settings import NAME
from src.agent.report import Report
from src.forge import StatusState
from src.i18n import Translator, translator

MOST = 65_000  # characters; GitHub takes 65,536
SHOWN = 30  # problems that are seen at once; the others are folded
SUMMARY_MARKER = "<!-- git-assistant:summary v1 -->"
_BODY_MARKER = "<!-- git-assistant:review-body v1 -->"
_OURS = "<!-- git-assistant"
_STATUS = 140  # characters: GitHub's limit of a description
_ROOM_OF_FOLDS = 300  # what folds and counts what is not seen at once
_LONGEST_ADDRESS = 300  # characters of what is linked
_LISTED = 20  # files, lines or mistakes that one list names
_LONGEST_SUGGESTION = 20_000
_FARTHEST = 100  # lines above and below that a suggestion of GitLab's may reach
_QUICK_ACTION = re.compile(r"\s*/[a-z]")  # GitLab obeys such a line wherever it takes a fence for closed
_DOCS = re.compile(r"https://[\w./#-]{1,200}", re.ASCII)
_ORDER = {level: number for number, level in enumerate(Level)}


class Suggestions(StrEnum):
    """How a forge takes a change that one click applies: `ForgeType.suggestions`."""

    NONE = ""
    LINES = "lines"  # a block that replaces the lines commented on
    OFFSETS = "offsets"  # a block that says how many lines above and below one it replaces


def counts(findings: Iterable[Finding]) -> dict[Level, int]:
    """How many findings of each level there are, worst first, without those that there are none of."""
    found = Counter(finding.level for finding in findings)
    return {level: found[level] for level in Level if found[level]}


def is_summary(body: str) -> bool:
    """Whether a comment is a summary. Whoever asks sees to it that the author is ours: anybody can write a marker."""
    return body.rstrip().rpartition("\n")[2].strip() == SUMMARY_MARKER


def status(report: Report, language: str) -> tuple[StatusState, str]:
    """What stands beside the commit, in at most 140 characters. What was not read is never a success.

    Where only some checks could not see a file, the words say so, and the state is that of what was found: else
    nobody who writes for a newer Python than ours would ever have a success. Nor is a pull request one that brings
    nothing but files that call themselves generated.
    """
    t = translator(language)
    found = counts(report.findings)
    partly = sum(unread.why is Why.NEWER for unread in report.unread)
    missed = len(report.unread) - partly
    said = [_count(t, found) if found else _nothing(t, report)]
    if missed:
        said.append(t("not analysed: {count}").format(count=missed))
    if partly:
        said.append(t("analysed in part: {count}").format(count=partly))
    if report.left_out:
        said.append(t("left out: {count}").format(count=len(report.left_out)))
    if Level.CRITICAL in found or Level.SECURITY in found:
        state = StatusState.FAILURE
    else:
        state = StatusState.ERROR if missed or report.is_blind else StatusState.SUCCESS
    return state, "; ".join(said)[:_STATUS]


def review_body(posted: int, language: str) -> str:
    """What stands above the comments on lines, where the forge wants something there."""
    t = translator(language)
    text = t.n(
        "{count} comment on the code; the summary is a comment of its own.",
        "{count} comments on the code; the summary is a comment of its own.",
        posted,
    )
    return f"🤖 {text.format(count=posted)}\n\n{_BODY_MARKER}"


def inline(
    finding: Finding,
    style: Suggestions,
    language: str,
    *,
    line: int,
    start_line: int | None = None,
    marker: str = "",
) -> str:
    """The body of a comment on `start_line` to `line`, with the change that mends it where it can be applied there.

    On GitHub the comment has to cover exactly the lines of the edit; on GitLab it only has to be near them.
    """
    t = translator(language)
    parts = [f"{_bold(t(LEVELS[finding.level]))}: {_what(t, finding)}"]
    if finding.advice:
        parts.append(_advice(t, finding))
    if finding.edit and (block := _suggestion(finding.edit, style, line, start_line)):
        parts.append(block)
    if finding.level is Level.OPINION:
        parts.append(t("A language model said so: it may be wrong."))
    about = f"`{finding.rule}`" if re.fullmatch(r"[\w-]+", finding.rule) else code(finding.rule)
    if finding.url and _DOCS.fullmatch(finding.url):
        about = f"[{about}]({finding.url})"
    parts.append(f"<sub>{about}</sub>")
    if marker:
        parts.append(marker)
    return "\n\n".join(parts)


def summary(report: Report, language: str, style: Suggestions = Suggestions.NONE) -> str:
    """The one comment on the pull request itself, at most `MOST` characters; its last line is `SUMMARY_MARKER`.

    Whatever has no room is counted; what was not analysed is said before that.
    """
    t = translator(language)
    after = _after(t, report)
    head = "🤖 " + _bold(t("Automatic code review")) + "\n\n"
    end = f"\n\n{SUMMARY_MARKER}"
    room = MOST - len(head) - len(after) - len(end)
    # GitHub ends a line of a comment where we do; GitLab wants to be told with two blanks.
    problems = _problems(t, report, "  " if style is Suggestions.OFFSETS else "", room)
    return head + problems + after + end


def _bold(text: str) -> str:
    return f"**{text}**"


def _count(t: Translator, found: Mapping[Level, int]) -> str:
    return ", ".join(t(COUNTS[level]).format(count=number) for level, number in found.items())


def _nothing(t: Translator, report: Report) -> str:
    """The few words for no findings."""
    if report.is_blind:
        return t("Nothing was analysed")
    return t("No problems found") if report.files or report.unread else t("Nothing to analyse")


def _what(t: Translator, finding: Finding) -> str:
    return sentence(t(finding.message), finding.params)


def _advice(t: Translator, finding: Finding) -> str:
    return "💡 " + _bold(t("Recommendation")) + ": " + sentence(t(finding.advice), finding.params)


def _suggestion(edit: Edit, style: Suggestions, line: int, start_line: int | None) -> str | None:
    """The fenced block, or `None` where the forge has none for these lines or would not show what it does."""
    text = "".join(f"{each}\n" for each in edit.lines)
    if len(text) > _LONGEST_SUGGESTION or _OURS in text:
        return None
    if any(is_deceptive(letter) for letter in text.replace("\n", "")):
        return None
    word = "suggestion"
    if style is Suggestions.NONE:
        return None
    if style is Suggestions.LINES and (start_line or line, line) != (edit.start, edit.end):
        return None
    if style is Suggestions.OFFSETS:
        above, below = line - edit.start, edit.end - line
        if not (0 <= above <= _FARTHEST and 0 <= below <= _FARTHEST):
            return None
        if any(_QUICK_ACTION.match(each) for each in edit.lines):
            return None
        word = f"suggestion:-{above}+{below}"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{word}\n{text}{fence}"


def _problems(t: Translator, report: Report, line_end: str, room: int) -> str:
    if not report.findings:
        if report.unread:
            return "⚠️ " + t("No problems found in what could be read; see below what could not.")
        if report.is_blind:
            return "⚠️ " + t("Nothing was analysed; see below why.")
        if not report.files:
            return t("Nothing to analyse.")
        looked = t.n("No problems found in {count} file.", "No problems found in {count} files.", report.files)
        return "✅ " + looked.format(count=report.files)
    groups = _groups(report.findings)
    blocks = _blocks(t, report, groups[:SHOWN], 1, line_end) + _blocks(t, report, groups[SHOWN:], SHOWN + 1, line_end)
    start = "🔍 " + _bold(t("Problems found:"))
    close = "\n\n💡 " + t("I recommend fixing these problems before merging.")
    room -= len(start) + len(close) + _ROOM_OF_FOLDS
    fitting = sum(size <= room for size in accumulate(len(block) for block in blocks))
    text = start + "".join(blocks[: min(fitting, SHOWN)])
    if fitting > SHOWN:
        title = _more(t, MORE, groups[SHOWN:fitting])
        folded = "".join(blocks[SHOWN:fitting])
        text += f"\n\n<details>\n<summary>{title}</summary>{folded}\n\n</details>"
    if fitting < len(groups):
        text += "\n\n" + _more(t, AND_MORE, groups[fitting:])
    return text + close


def _more(t: Translator, text: str, groups: Sequence[Sequence[Finding]]) -> str:
    return t(text).format(count=sum(len(group) for group in groups))


def _groups(findings: Sequence[Finding]) -> list[list[Finding]]:
    """The findings as they are numbered: files with the worst first, in each the worst first, alike style as one."""
    worst: dict[str, int] = {}
    for finding in findings:
        worst[finding.path] = min(worst.get(finding.path, len(_ORDER)), _ORDER[finding.level])
    found: dict[tuple[object, ...], list[Finding]] = {}
    for finding in sorted(findings, key=lambda one: (worst[one.path], one.path, _ORDER[one.level], one.line, one.rule)):
        alike = finding.level is Level.STYLE
        key = (finding.path, finding.rule, finding.message, tuple(sorted(finding.params.items())), finding.advice)
        found.setdefault((*key, 0) if alike else (*key, finding.line, finding.column, finding.symbol), []).append(
            finding
        )
    return list(found.values())


def _blocks(t: Translator, report: Report, groups: Sequence[Sequence[Finding]], first: int, line_end: str) -> list[str]:
    """One text each group, the name of the file before the first of each file."""
    blocks = []
    path = None
    for number, group in enumerate(groups, first):
        new, path = group[0].path != path, group[0].path
        title = f"\n\n📄 {_linked(report, code_of_path(path, 300), path)}" if new else ""
        indent = " " * len(f"{number}. ")
        item = f"\n\n{number}. {_bold(t(LEVELS[group[0].level]))} ({_lines(t, report, group)}): {_what(t, group[0])}"
        if group[0].advice:
            item += f"{line_end}\n{indent}{_advice(t, group[0])}"
        blocks.append(title + item)
    return blocks


def _lines(t: Translator, report: Report, group: Sequence[Finding]) -> str:
    path, first = group[0].path, group[0].line
    if len(group) == 1:
        return _linked(report, t("line {line}").format(line=first), path, first)
    named = ", ".join(_linked(report, str(finding.line), path, finding.line) for finding in group[:_LISTED])
    return t("lines {lines}").format(lines=named + (", …" if len(group) > _LISTED else ""))


def _linked(report: Report, text: str, path: str, line: int | None = None) -> str:
    """A link, but where its address would take the room of what is to be read: a path may have thousands of bytes."""
    found = address(report.link(path, line)) if report.link else ""
    return f"[{text}]({found})" if 0 < len(found) <= _LONGEST_ADDRESS else text


def _after(t: Translator, report: Report) -> str:
    """What stands below the problems: what nobody looked at comes first."""
    return "".join(f"\n\n{part}" for part in _remarks(t, report))


def _remarks(t: Translator, report: Report) -> Iterator[str]:
    if report.unread:
        yield "⚠️ " + _bold(t("Not analysed:")) + "\n\n" + _list(t, [_unread(t, unread) for unread in report.unread])
    if report.left_out:
        why = Counter(report.left_out.values())
        parts = ", ".join(t(text).format(count=why[kind]) for kind, text in LEFT_OUT.items() if why[kind])
        yield t("Left out on purpose: {parts}.").format(parts=parts)
    if report.claimed:
        title = t("Not analysed, for their names or they themselves say that a program made them:")
        brought = t("{key} in {file} on the target branch has them analysed.")
        brought = brought.format(key="`include-paths`", file=f"`{NAME}`")
        names = [_linked(report, code_of_path(path, 200), path) for path in report.claimed]
        yield f"⚠️ {_bold(title)}\n\n{_list(t, names)}\n\n{brought}"
    if report.resolved:
        yield "✅ " + t("Fixed since the last review: {count}.").format(count=report.resolved)
    if report.left_alone:
        yield t("Not raised again, for people resolved or answered it: {count}.").format(count=report.left_alone)
    if report.model and any(finding.level is Level.OPINION for finding in report.findings):
        yield t("The opinions are those of the language model {model}: it may be wrong.").format(
            model=code(report.model)
        )
    if report.unheard:
        yield t("A second opinion was not to be had this time; earlier ones stand as they were.")
    if report.mistakes:
        wrong = [sentence(t(mistake.message), mistake.params) for mistake in report.mistakes]
        yield "⚙️ " + _bold(t("Mistakes in {file}:").format(file=f"`{NAME}`")) + "\n\n" + _list(t, wrong)
    commit = t("Commit {sha}").format(sha=code(report.head_sha[:12]))
    where = t("what is looked at is set in {file} on the target branch").format(file=f"`{NAME}`")
    yield f"<sub>{commit} · {where}</sub>"


def _unread(t: Translator, unread: Unread) -> str:
    where = code_of_path(unread.path, 200) if unread.path else t("the pull request as a whole")
    detail = f" ({sentence(unread.detail, {})})" if unread.detail else ""
    return f"{where}: {t(UNREAD[unread.why])}{detail}"


def _list(t: Translator, items: Sequence[str]) -> str:
    text = "\n".join(f"- {item}" for item in items[:_LISTED])
    left = len(items) - _LISTED
    return text + ("\n- " + t(AND_MORE).format(count=left) if left > 0 else "")
