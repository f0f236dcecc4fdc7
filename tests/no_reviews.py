"""The part of a client of a forge that cannot be reviewed: it says so, whatever a review asks of it."""

from collections.abc import Collection, Mapping, Sequence

from src.forge import (
    CommitStatus,
    FileContent,
    LineComment,
    ProjectRef,
    RefusedComment,
    Remark,
    RemotePullRequest,
    ReviewThread,
    Unsupported,
)

_NO = "Nothing is reviewed here."


class NoReviews:
    """`ReviewClient` of an instance that offers none of it."""

    async def merge_base(self, project: ProjectRef, pull: RemotePullRequest) -> str:
        raise Unsupported(_NO)

    async def contents(self, project: ProjectRef, paths: Collection[str], ref: str) -> Mapping[str, FileContent]:
        raise Unsupported(_NO)

    async def threads(self, project: ProjectRef, number: int) -> tuple[ReviewThread, ...]:
        raise Unsupported(_NO)

    async def comment_on_lines(
        self, project: ProjectRef, pull: RemotePullRequest, comments: Sequence[LineComment], body: str
    ) -> tuple[RefusedComment, ...]:
        raise Unsupported(_NO)

    async def resolve_thread(self, project: ProjectRef, number: int, thread_id: str) -> None:
        raise Unsupported(_NO)

    async def remarks(self, project: ProjectRef, number: int) -> tuple[Remark, ...]:
        raise Unsupported(_NO)

    async def add_remark(self, project: ProjectRef, number: int, body: str) -> Remark:
        raise Unsupported(_NO)

    async def edit_remark(self, project: ProjectRef, number: int, remark_id: str, body: str) -> None:
        raise Unsupported(_NO)

    async def set_status(self, project: ProjectRef, sha: str, status: CommitStatus) -> None:
        raise Unsupported(_NO)
