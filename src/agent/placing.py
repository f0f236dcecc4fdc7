"""Where findings are told of: on lines of the diff, or in the summary."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from src.agent.diffs import Patch
from src.agent.findings import Finding
from src.forge import FileDiff, LineComment

NOTHING = Patch()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A finding on lines of the diff that the forge takes a comment on. The finding has an edit only if it fits."""

    finding: Finding
    line: int
    old_line: int | None  # None: `line` is an added one
    start_line: int | None = None  # None: one line
    start_old_line: int | None = None

    def comment(self, file: FileDiff, body: str) -> LineComment:
        """The comment to post there."""
        return LineComment(
            path=file.path,
            old_path=file.old_path,
            is_new_file=file.status == "added",
            line=self.line,
            old_line=self.old_line,
            body=body,
            start_line=self.start_line,
            start_old_line=self.start_old_line,
        )


@dataclass(frozen=True, slots=True)
class Placement:
    """What becomes of findings, each list in their order. A finding is in exactly one of them."""

    inline: tuple[Placed, ...]
    folded: tuple[Finding, ...]  # the pull request brings them, and the summary alone can say so
    outside: tuple[Finding, ...]  # of the lines that were there before: nobody is told


def place_findings(
    findings: Iterable[Finding], patches: Mapping[str, Patch], *, at_first_line: bool = False
) -> Placement:
    """Find the place of each finding. A file that `patches` lacks has no diff: nothing in it is new.

    A finding is the pull request's where it stands on an added line, or reaches one (a call over several lines has its
    problem on the line that was added); a `whole_file` one always. A finding with an edit is anchored to the lines
    that the edit replaces, for these are what a suggestion replaces, unless they are not all in one hunk: then it loses
    the edit. `at_first_line` is for forges whose suggestions say themselves how far they reach (GitLab): the comment
    then stands on the first of the edit's lines alone.
    """
    inline: list[Placed] = []
    folded: list[Finding] = []
    outside: list[Finding] = []
    for finding in findings:
        patch = patches.get(finding.path, NOTHING)
        line = _line(finding, patch)
        if line is None and not finding.whole_file:
            outside.append(finding)
        elif placed := _placed(finding, line or finding.line, patch, at_first_line=at_first_line):
            inline.append(placed)
        else:
            folded.append(finding)
    return Placement(tuple(inline), tuple(folded), tuple(outside))


def _line(finding: Finding, patch: Patch) -> int | None:
    """The first added line of a finding."""
    if finding.line in patch.added:
        return finding.line
    reached = range(finding.line + 1, (finding.end_line or finding.line) + 1)
    return next((line for line in reached if line in patch.added), None)


def _placed(finding: Finding, line: int, patch: Patch, *, at_first_line: bool) -> Placed | None:
    if not patch.shown:
        return None
    edit = finding.edit
    if edit is not None and patch.same_hunk(edit.start, edit.end):
        end = edit.start if at_first_line else edit.end
        single = edit.start == end
        return Placed(
            finding=finding,
            line=end,
            old_line=patch.places[end].old_line,
            start_line=None if single else edit.start,
            start_old_line=None if single else patch.places[edit.start].old_line,
        )
    place = patch.place(line)
    return place and Placed(finding=replace(finding, edit=None), line=line, old_line=place.old_line)
