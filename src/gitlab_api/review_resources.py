"""What we read of GitLab's REST answers to those who review: versions of a diff, notes, discussions."""

from src.forge import Remark, ReviewThread
from src.forge_http import Resource, moment
from src.gitlab_api.resources import Note, User


class Version(Resource):
    """A version of a merge request's diff: one is made by each push."""

    head_commit_sha: str | None = None  # None while it is being made
    base_commit_sha: str = ""
    start_commit_sha: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it has all three commits."""
        return bool(self.head_commit_sha and self.base_commit_sha and self.start_commit_sha)


class NotePosition(Resource):
    """Where on a diff a note stands."""

    old_path: str | None = None
    new_path: str | None = None


class WrittenNote(Note):
    """A comment with what it says."""

    type: str | None = None  # "DiffNote" on lines, "DiscussionNote" in a thread elsewhere
    body: str = ""
    author: User | None = None
    created_at: str | None = None
    system: bool = False
    position: NotePosition | None = None
    resolvable: bool = False
    resolved: bool | None = None
    resolved_by: User | None = None

    @property
    def is_on_lines(self) -> bool:
        """Whether it stands on a diff."""
        return self.position is not None or self.type in ("DiffNote", "LegacyDiffNote")

    def remark(self, page: str) -> Remark:
        """In neutral words; `page` is the merge request's address."""
        return Remark(
            id=self.id,
            author=self.author.person() if self.author else None,
            body=self.body,
            url=f"{page}#note_{self.id}",
            created_at=moment(self.created_at),
        )


class Discussion(Resource):
    """Notes that answer one another."""

    id: str
    notes: tuple[WrittenNote, ...]

    @property
    def is_on_lines(self) -> bool:
        """Whether it stands on a diff."""
        return bool(self.notes) and self.notes[0].is_on_lines

    def thread(self, page: str) -> ReviewThread:
        """In neutral words. It is resolved when all of its notes are."""
        place, asked = self.notes[0].position, [note for note in self.notes if note.resolvable]
        last = asked[-1].resolved_by if asked else None
        return ReviewThread(
            id=self.id,
            path=(place.new_path or place.old_path) if place else None,
            remarks=tuple(note.remark(page) for note in self.notes if not note.system),
            resolved=bool(asked) and all(note.resolved for note in asked),
            resolved_by=last.person() if last else None,
            can_resolve=bool(asked),
        )
