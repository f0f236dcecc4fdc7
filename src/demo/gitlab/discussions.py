"""GitLab's discussions on merge requests: "Discussions API". Where a comment may stand is checked as GitLab does."""

import re
from typing import Any

from src.demo.forge.records import Change
from src.demo.forge.server import Answer, ApiError, Call, Handler
from src.demo.forge.state import LineThread, Project, PullRequest, Version
from src.demo.gitlab.access import DEVELOPER, not_found, refusal
from src.demo.gitlab.commands import Commands
from src.demo.gitlab.diffs import DiffLine, Diffs, diff_lines
from src.demo.gitlab.hooks import truth
from src.demo.gitlab.looking import LookingRoutes
from src.demo.gitlab.shapes.words import iso
from src.demo.gitlab.versions import note_version

Json = dict[str, Any]

LONGEST_NOTE = 1_000_000  # characters
_FARTHEST = 100  # lines above and below that a suggestion may replace
_SUGGESTION = re.compile(r"^\s*`{3,}suggestion(?::-(\d+)\+(\d+))?\s*$", re.MULTILINE)
_NO_LINE = '400 Bad request - Note {:line_code=>["can\'t be blank", "must be a valid line code"]}'
_HALF = '400 Bad request - Note {:position=>["is incomplete"]}'
_FAR = '400 Bad request - Note {:suggestions=>["reach more than 100 lines"]}'  # GitLab cuts them without a word


class Discussions(Diffs, LookingRoutes, Commands):
    """Threads on lines and elsewhere, over HTTP."""

    def discussion_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a project."""
        all_of = r"/merge_requests/{pull:\d+}/discussions"
        one = rf"{all_of}/{{discussion:[0-9a-f]+}}"
        return [
            ("GET", all_of, self._list_discussions), ("POST", all_of, self._begin_discussion),
            ("GET", one, self._get_discussion), ("PUT", one, self._settle_discussion),
            ("POST", f"{one}/notes", self._answer_in),
        ]  # fmt: skip

    # What there is

    def _discussions(self, call: Call) -> list[Json]:
        """Threads, and every other note as a discussion of its own; those of the system, too."""
        project, pull = self.pull_of(call)
        told = {c.thread for c in project.comments_on("review", pull.number)}
        found = [self._discussion(project, pull, thread) for key, thread in project.line_threads.items() if key in told]
        notes = [c for c in project.comments_on("pull_request", pull.number) if self.may_see_note(call, project, c)]
        shapes = [self.shapes.note(project, note) for note in notes]
        shapes += self.system_notes(project, "pull_request", pull)
        found += [{"id": f"{shape['id']:040x}", "individual_note": True, "notes": [shape]} for shape in shapes]
        return sorted(found, key=lambda shape: (shape["notes"][0]["created_at"], shape["notes"][0]["id"]))

    def _discussion(self, project: Project, pull: PullRequest, thread: LineThread) -> Json:
        notes = [self.shapes.note(project, comment) for comment in project.comments_in(thread)]
        if thread.position and thread.sha != pull.head_sha:
            notes.append(self._moved(notes[0], pull))
        return {"id": f"{thread.id:040x}", "individual_note": False, "notes": notes}

    def _moved(self, first: Json, pull: PullRequest) -> Json:
        """What GitLab itself says in a thread on a line that a push has changed."""
        number, version = len(pull.versions), pull.versions[-1]
        text = f"changed this line in [version {number} of the diff](/-/merge_requests/{pull.number}/diffs)"
        more = {"system": True, "body": text, "resolvable": False, "author": self.shapes.person(pull.author)}
        return first | more | {"id": 10_000_000 + first["id"], "created_at": iso(version.at)}

    def _list_discussions(self, call: Call) -> Answer:
        return self.page(call, self._discussions(call), lambda shape: shape)

    def _get_discussion(self, call: Call) -> Answer:
        shape = next((one for one in self._discussions(call) if one["id"] == call.part("discussion")), None)
        if shape is None:
            raise not_found("Discussion Not Found")
        return Answer(shape)

    def _line_thread(self, call: Call) -> tuple[Project, PullRequest, LineThread]:
        project, pull = self.pull_of(call)
        thread = project.line_threads.get(int(call.part("discussion"), 16))
        if thread is None or thread.pull != pull.number:
            raise not_found("Discussion Not Found")
        return project, pull, thread

    # What is done

    async def _begin_discussion(self, call: Call) -> Answer:
        project, pull = self.pull_of(call)
        by, body, position = self.me(call).login, call.body.get("body"), call.body.get("position")
        if not body:
            raise ApiError(400, {"error": "body is missing"})
        if len(str(body)) > LONGEST_NOTE:
            raise _bad('400 Bad request - Note {:note=>["is too long (maximum is 1000000 characters)"]}')
        if position is None:
            made = await self.comment(project.path, by, "pull_request", pull.number, str(body))
            shape = self.shapes.note(project, project.comments[int(made)]) | {"type": "DiscussionNote"}
            return Answer({"id": f"{int(made):040x}", "individual_note": False, "notes": [shape]}, status=201)
        if any(int(count or 0) > _FARTHEST for pair in _SUGGESTION.findall(str(body)) for count in pair):
            raise _bad(_FAR)
        thread = self._placed(project, pull, position)
        text = await self.obey(project, pull, by, str(body))
        comment = self.world.comment(
            project, by, "review", pull.number, text, file=thread.file, line=thread.line, thread=thread
        )
        self.tell_note(project, comment, by, "create")
        return Answer(self._discussion(project, pull, thread), status=201)

    def _placed(self, project: Project, pull: PullRequest, given: Any) -> LineThread:
        """The thread at a position; GitLab takes those on every version of the diff."""
        position = given if isinstance(given, dict) else {}
        for name in ("base_sha", "start_sha", "head_sha", "position_type"):
            if not position.get(name):
                raise ApiError(400, {"error": f"position[{name}] is missing"})
        if position["position_type"] not in ("text", "image", "file"):
            raise ApiError(400, {"error": "position[position_type] does not have a valid value"})
        note_version(self.world, project, pull)
        version = next((v for v in pull.versions if _shas(v) == _named_shas(position)), None)
        if version is None:
            raise _bad(_NO_LINE)
        file = self._file_at(project, pull, version, position)
        line, start = self._line_at(file, position), position.get("line_range")
        first = self._first_line(file, start, line) if start is not None else None
        made = self.world.line_thread(project, pull.number, file.path, line.new, first.new if first else None)
        made.sha = version.head_sha
        made.position = {"width": None, "old_line": None, "new_line": None, "line_range": None, **position}
        return made

    def _file_at(self, project: Project, pull: PullRequest, version: Version, position: Json) -> Change:
        if not position.get("new_path") or not position.get("old_path"):
            raise _bad(_HALF)
        paths = (position["old_path"], position["new_path"])
        for one in self.changes_at(project, pull, version):
            if paths == (one.old_path or one.path, one.path) and len((one.patch or "").encode()) <= self.largest_patch:
                return one
        raise _bad(_NO_LINE)

    def _line_at(self, file: Change, position: Json) -> DiffLine:
        """Added: the new number alone. Removed: the old one. Neither: both."""
        old, new = position.get("old_line"), position.get("new_line")
        if old is None and new is None:
            raise _bad(_HALF)
        mark = "+" if old is None else "-" if new is None else " "
        for line in diff_lines(file.patch):
            if line.mark == mark and old in (None, line.old) and new in (None, line.new):
                return line
        raise _bad(_NO_LINE)

    def _first_line(self, file: Change, given: Any, last: DiffLine) -> DiffLine:
        """Where a comment on several lines begins: both its ends are lines of the diff, and the last is its own."""
        span = given if isinstance(given, dict) else {}
        ends: list[Json] = [span[name] if isinstance(span.get(name), dict) else {} for name in ("start", "end")]
        lines = {line.code(file.path): line for line in diff_lines(file.patch) if line.mark != "-"}
        start, end = (lines.get(str(one.get("line_code"))) for one in ends)
        kinds = {one.get("type") for one in ends} - {"new", "old", None}
        if start is None or end != last or start.new > last.new or kinds:
            raise _bad(_NO_LINE)
        return start

    async def _answer_in(self, call: Call) -> Answer:
        project, _, thread = self._line_thread(call)
        if not call.body.get("body"):
            raise ApiError(400, {"error": "body is missing"})
        first = project.comments_in(thread)[0]
        made = await self.reply(project.path, self.me(call).login, str(first.id), str(call.body["body"]))
        return Answer(self.shapes.note(project, project.comments[int(made)]), status=201)

    async def _settle_discussion(self, call: Call) -> Answer:
        """Resolve or open again: for developers, the merge request's author, and whoever began the thread."""
        project, pull, thread = self._line_thread(call)
        by, first = self.me(call).login, project.comments_in(thread)[0]
        wish = call.body.get("resolved", call.query("resolved") or None)
        if wish is None:
            raise ApiError(400, {"error": "resolved is missing"})
        if by not in (pull.author, first.author) and self.shapes.level(by, project) < DEVELOPER:
            raise refusal(403, "Forbidden")
        await self.resolve_thread(project.path, by, str(first.id), resolved=truth(wish))
        return Answer(self._discussion(project, pull, thread))


def _bad(message: str) -> ApiError:
    return ApiError(400, {"message": message})


def _shas(version: Version) -> tuple[str, str, str]:
    return version.base_sha, version.start_sha, version.head_sha


def _named_shas(position: Json) -> tuple[Any, Any, Any]:
    return position["base_sha"], position["start_sha"], position["head_sha"]
