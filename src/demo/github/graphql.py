"""GitHub's GraphQL API, as far as a review needs it: files of a commit, threads on lines, resolving them."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from typing import Any

from src.demo.forge.contents import Blob, Tree, blob_id
from src.demo.forge.graphql import GraphQLError, answered, parse
from src.demo.forge.history import resolve, tree_at
from src.demo.forge.server import Answer, Call, Handler
from src.demo.forge.state import Comment, LineThread, Project, PullRequest
from src.demo.github.access import LEVELS, error
from src.demo.github.reviews import ReviewRoutes
from src.demo.github.shapes.words import node_id, stamp

Json = dict[str, Any]
_TEXT = 512 * 1024  # bytes of a blob that are shown
_MOST = 100  # items of a connection
_GENERATED = ("linguist-generated", "linguist-generated=true")


class _Problem(GraphQLError):
    """What is wrong with a good question: GitHub names its type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class GraphRoutes(ReviewRoutes):
    """``POST /graphql``; on an Enterprise Server beside the REST API."""

    def beside_routes(self) -> list[tuple[str, str, Handler]]:
        """``/api/v3`` has ``/api/graphql`` beside it."""
        return [("POST", self._base_path.removesuffix("/v3") + "/graphql", self._graphql)]

    async def _graphql(self, call: Call) -> Answer:
        """Status 200 whatever is wrong with the question; what it changed has been told by then."""
        if call.user is None:
            raise error(401, "This endpoint requires you to be authenticated.")
        answer = self._answered(call)
        await self.delivered()
        return Answer(answer)

    def _answered(self, call: Call) -> Json:
        keys: list[str] = []
        try:
            operation = parse(str(call.body.get("query") or ""))
            fields = operation.filled(call.body.get("variables") or {})
            keys = [field.key for field in fields]
            root = self._questions(call) if operation.kind == "query" else self._changes_of(call)
            return {"data": answered(fields, root)}
        except _Problem as problem:
            shape = {"type": problem.kind, "path": keys[:1], "message": str(problem)}
            return {"data": dict.fromkeys(keys), "errors": [shape]}
        except GraphQLError as refused:
            return {"errors": [{"message": str(refused), "extensions": {"code": "undefinedField"}}]}

    def _questions(self, call: Call) -> Json:
        def repository(*, owner: str, name: str, followRenames: bool = True) -> Json:  # noqa: N803 - GraphQL's name
            path = f"{owner}/{name}"
            project = self.world.find(path)
            if project is None and followRenames:
                project = self.world.projects.get(self.world.moved.get(path.lower(), 0))
            if project is None or not self.may_see(call, project):
                raise _Problem("NOT_FOUND", f"Could not resolve to a Repository with the name '{path}'.")
            return self._repository(call, project)

        return {"__typename": "Query", "repository": repository, "viewer": lambda: self._actor(str(call.login))}

    def _changes_of(self, call: Call) -> Json:
        def resolver(resolved: bool) -> Callable[..., Json]:
            def change(*, input: Json) -> Json:  # noqa: A002 - GraphQL's name
                thread = self._set_thread(call, str(input.get("threadId")), resolved=resolved)
                return {"__typename": "Payload", "thread": thread}

            return change

        return {
            "__typename": "Mutation",
            "resolveReviewThread": resolver(True),
            "unresolveReviewThread": resolver(False),
        }

    # Code

    def _repository(self, call: Call, project: Project) -> Json:
        def of_commit(*, expression: str | None = None, oid: str | None = None) -> Json | None:
            sha = resolve(project, expression or oid or "")
            return _commit(project, sha) if sha else None

        def pull_request(*, number: int) -> Json:
            pull = project.pulls.get(number)
            if pull is None:
                raise _Problem("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
            return self._pull_request(call, project, pull)

        return {
            "__typename": "Repository", "nameWithOwner": project.path, "object": of_commit,
            "pullRequest": pull_request,
        }  # fmt: skip

    # Threads

    def _pull_request(self, call: Call, project: Project, pull: PullRequest) -> Json:
        threads = [thread for thread in project.line_threads.values() if thread.pull == pull.number]
        return {
            "__typename": "PullRequest", "number": pull.number, "headRefOid": pull.head_sha,
            "reviewThreads": _connection(
                "PullRequestReviewThreadConnection", threads, lambda thread: self._thread_shape(call, project, thread)
            ),
        }  # fmt: skip

    def _thread_shape(self, call: Call, project: Project, thread: LineThread) -> Json:
        return {
            "__typename": "PullRequestReviewThread", "id": node_id("PullRequestReviewThread", thread.id),
            "path": thread.file, "line": thread.line, "startLine": thread.start_line,
            "isOutdated": thread.sha != project.pulls[thread.pull].head_sha,
            "isResolved": thread.resolved_by is not None,
            "resolvedBy": self._actor(thread.resolved_by) if thread.resolved_by else None,
            "viewerCanResolve": self._may_resolve(call, project, thread),
            "comments": _connection(
                "PullRequestReviewCommentConnection", project.comments_in(thread),
                lambda comment: self._comment_shape(project, comment),
            ),
        }  # fmt: skip

    def _comment_shape(self, project: Project, comment: Comment) -> Json:
        return {
            "__typename": "PullRequestReviewComment", "id": node_id("PullRequestReviewComment", comment.id),
            "fullDatabaseId": str(comment.id), "body": comment.body, "createdAt": stamp(comment.created_at),
            "url": self.shapes.comment_page(project, comment), "author": self._actor(comment.author),
        }  # fmt: skip

    def _actor(self, login: str) -> Json:
        """A bot's login is without the ``[bot]`` that REST writes behind it."""
        user, shape = self.world.user(login), self.shapes.user(login)
        name = {} if user.is_bot else {"name": user.name}
        return name | {
            "__typename": "Bot" if user.is_bot else "User", "login": login.removesuffix("[bot]"), "databaseId": user.id,
            "url": shape["html_url"], "avatarUrl": shape["avatar_url"],
        }  # fmt: skip

    def _may_resolve(self, call: Call, project: Project, thread: LineThread) -> bool:
        """The author of the pull request may, and who may write to the repository."""
        accepted = {"repo"} if project.private else {"repo", "public_repo"}
        if not self.has_scope(call.token, accepted) or project.archived:
            return False
        is_author = project.pulls[thread.pull].author == call.login
        return is_author or self.level(call.login, project) >= LEVELS.index("write")

    def _set_thread(self, call: Call, wanted: str, *, resolved: bool) -> Json:
        for project in self.world.projects.values():
            for thread in project.line_threads.values():
                if node_id("PullRequestReviewThread", thread.id) == wanted and self.may_see(call, project):
                    if not self._may_resolve(call, project, thread):
                        raise _Problem("FORBIDDEN", f"{call.login} does not have the correct permissions to do that.")
                    self.set_resolved(project, thread, str(call.login), resolved=resolved)
                    return self._thread_shape(call, project, thread)
        raise _Problem("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'.")


def _connection(kind: str, items: Sequence[Any], shape: Callable[[Any], Json]) -> Callable[..., Json]:
    """A page of a list; a cursor is the place behind an item."""

    def page(*, first: int | None = None, after: str | None = None) -> Json:
        if first is None:
            raise _Problem("MISSING_PAGINATION_BOUNDARIES", "You must provide a `first` or `last` value.")
        if not 1 <= first <= _MOST:
            said = f"Requesting {first} records exceeds the `first` limit of {_MOST} records."
            raise _Problem("EXCESSIVE_PAGINATION", said)
        begin = int(after) if after and after.isdecimal() else 0
        end = min(begin + first, len(items))
        info = {"__typename": "PageInfo", "hasNextPage": end < len(items), "endCursor": str(end)}
        nodes = [shape(item) for item in items[begin:end]]
        return {"__typename": kind, "totalCount": len(items), "pageInfo": info, "nodes": nodes}

    return page


def _commit(project: Project, sha: str) -> Json:
    tree = tree_at(project, sha)

    def file(*, path: str) -> Json | None:
        return _entry(path, tree[path], tree) if path in tree else None

    return {"__typename": "Commit", "oid": sha, "file": file}


def _entry(path: str, blob: Blob, tree: Tree) -> Json:
    """What stands at a path. The commit of a submodule is not in this repository."""
    is_submodule = blob.mode == "160000"
    return {
        "__typename": "TreeEntry", "path": path, "mode": int(blob.mode, 8), "oid": blob_id(blob),
        "type": "commit" if is_submodule else "blob", "isGenerated": _is_generated(path, tree),
        "object": None if is_submodule else {
            "__typename": "Blob", "oid": blob_id(blob), "byteSize": len(blob.data), "isBinary": blob.is_binary,
            "isTruncated": len(blob.data) > _TEXT, "text": _text(blob),
        },
    }  # fmt: skip


def _is_generated(path: str, tree: Tree) -> bool:
    """What ``.gitattributes`` says; the last line that fits counts."""
    attributes = tree.get(".gitattributes")
    said = False
    for line in attributes.data.decode("utf-8", "replace").split("\n") if attributes else ():
        pattern, *words = line.split() or [""]
        name = path if "/" in pattern else path.rpartition("/")[2]
        if pattern and fnmatch(name, pattern.lstrip("/").replace("**", "*")):
            for word in words:
                said = word in _GENERATED if "linguist-generated" in word else said
    return said


def _text(blob: Blob) -> str | None:
    """As UTF-8 whatever it was; cut where it is long."""
    if blob.is_binary:
        return None
    try:
        text = blob.data.decode()
    except UnicodeDecodeError:
        text = blob.data.decode("latin-1")
    return text.encode()[:_TEXT].decode("utf-8", "ignore")
