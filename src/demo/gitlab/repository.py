"""GitLab's repository over HTTP: files by REST and by GraphQL, merge bases, statuses of commits.

GitLab's documentation: "Repository files API", "Repositories API", "Commits API", "GraphQL API" (limits: complexity).
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from src.demo.forge import history
from src.demo.forge.contents import blob_id
from src.demo.forge.graphql import Field, GraphQLError, answered, parse
from src.demo.forge.records import Blob, CommitStatus
from src.demo.forge.server import Answer, ApiError, Call, Handler
from src.demo.forge.state import Project
from src.demo.gitlab.access import DEVELOPER, Access, not_found
from src.demo.gitlab.shapes.words import iso

Json = dict[str, Any]

_MOST_COMPLEX, _MOST_COMPLEX_FOR_STRANGERS = 250, 200
_PAGE = 100  # what a list in GraphQL holds
_SHOWN = 10 * 1024 * 1024  # bytes of a file
# Their words for a status, and ours.
_STATES = {"pending": "pending", "running": "pending", "success": "success", "failed": "failure", "canceled": "error",
           "skipped": "success"}  # fmt: skip
_PENDING = 'Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via "enqueue")'


class Repository(Access):
    """What stands in commits, and what is said of them."""

    def repository_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a project."""
        return [
            ("GET", "/repository/files/{path}", self._get_file), ("GET", "/repository/merge_base", self._merge_base),
            ("POST", "/statuses/{sha}", self._set_status),
            ("GET", "/repository/commits/{sha}/statuses", self._statuses),
        ]  # fmt: skip

    def beside_routes(self) -> list[tuple[str, str, Handler]]:
        """GraphQL is beside the REST API."""
        return [("POST", f"{self._base_path}/api/graphql", self._graphql)]

    def _get_file(self, call: Call) -> Answer:
        project, ref = self.project(call), call.query("ref")
        if not ref:
            raise ApiError(400, {"error": "ref is missing"})
        sha, path = history.resolve(project, ref), call.part("path")
        blob = history.tree_at(project, sha).get(path)
        if sha is None or blob is None or blob.mode == "160000":
            raise not_found("File Not Found" if sha else "Commit Not Found")
        return Answer({
            "file_name": path.rpartition("/")[2], "file_path": path, "size": len(blob.data), "encoding": "base64",
            "content_sha256": hashlib.sha256(blob.data).hexdigest(), "ref": ref, "blob_id": blob_id(blob),
            "commit_id": sha, "last_commit_id": sha, "execute_filemode": blob.mode == "100755",
            "content": base64.b64encode(blob.data).decode(),
        })  # fmt: skip

    def _merge_base(self, call: Call) -> Answer:
        project, refs = self.project(call), call.request.query.getall("refs[]", [])
        if len(refs) < 2:
            raise ApiError(400, {"error": "refs is missing"})
        ends = [history.resolve(project, ref) for ref in refs[:2]]
        if ends[0] is None or ends[1] is None:
            raise not_found("Ref Not Found")
        found = history.merge_base(project, ends[0], ends[1])
        if found is None:
            raise not_found("Merge Base Not Found")
        return Answer(self.shapes.commit(project, project.commits[found]))

    # Statuses

    def _statuses(self, call: Call) -> Answer:
        project, sha = self.project(call), call.part("sha")
        latest = {one.context: one for one in project.statuses if one.sha == sha}
        return self.page(call, list(latest.values()), self._status)

    def _status(self, status: CommitStatus) -> Json:
        words = {"failure": "failed", "error": "canceled"}
        return {
            "id": status.id, "sha": status.sha, "ref": None, "status": words.get(status.state, status.state),
            "name": status.context, "target_url": status.url, "description": status.description,
            "created_at": iso(status.at), "started_at": None, "finished_at": None, "allow_failure": False,
            "coverage": None, "author": self.shapes.person(status.author),
        }  # fmt: skip

    def _set_status(self, call: Call) -> Answer:
        """Adds one, or changes that which is pending. A commit on no branch of this project has no place for it."""
        project, sha, body = self.project(call, DEVELOPER), call.part("sha"), call.body
        if not body.get("state"):
            raise ApiError(400, {"error": "state is missing"})
        if body["state"] not in _STATES:
            raise ApiError(400, {"error": "state does not have a valid value"})
        if sha not in project.commits:
            raise not_found("Commit Not Found")
        heads = [head for branch, head in project.branches.items() if ":" not in branch]
        if not any(history.merge_base(project, head, sha) == sha for head in heads):
            raise not_found("References for commit Not Found")
        name = str(body.get("name") or body.get("context") or "default")
        latest = next((s for s in reversed(project.statuses) if (s.sha, s.context) == (sha, name)), None)
        if body["state"] == "pending" and latest is not None and latest.state == "pending":
            raise ApiError(400, {"message": _PENDING})
        text = str(body.get("description") or "")
        if len(text) > 255:
            raise ApiError(400, {"message": {"description": ["is too long (maximum is 255 characters)"]}})
        made = self.world.set_status(
            project, self.me(call).login, sha, state=_STATES[body["state"]], context=name, description=text,
            url=body.get("target_url"),
        )  # fmt: skip
        return Answer(self._status(made), status=201)

    # GraphQL

    def _graphql(self, call: Call) -> Answer:
        """Of the schema: a project's files, and whose token it is. Errors come with status 200."""
        try:
            return Answer({"data": answered(_asked(call), self._root(call))})
        except GraphQLError as error:
            return Answer({"errors": [{"message": str(error)}]})

    def _root(self, call: Call) -> Json:
        def project(*, fullPath: str) -> Json | None:  # noqa: N803 - GraphQL's name
            found = self.world.find(fullPath)  # it follows no renames
            return self._project(found) if found is not None and self.may_see(call, found) else None

        me = {"__typename": "CurrentUser", "username": call.login} if call.login else None
        return {"__typename": "Query", "project": project, "currentUser": me}

    def _project(self, project: Project) -> Json:
        def blobs(*, paths: Any, ref: str | None = None) -> Json:
            if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
                raise GraphQLError("Variable $paths of type [String!]! was provided invalid value")
            tree = history.tree_at(project, history.resolve(project, ref or "HEAD"))
            return {
                "__typename": "RepositoryBlobConnection",
                "nodes": [_blob(path, tree[path]) for path in dict.fromkeys(paths) if path in tree],
            }

        repository = {"__typename": "Repository", "blobs": blobs, "rootRef": project.default_branch}
        return {
            "__typename": "Project", "id": f"gid://gitlab/Project/{project.id}", "fullPath": project.path,
            "repository": repository,
        }  # fmt: skip


def _asked(call: Call) -> tuple[Field, ...]:
    """The fields of a query that is not too complex."""
    operation = parse(str(call.body.get("query") or ""))
    if operation.kind != "query":
        raise GraphQLError("Mutations are not emulated")
    fields = operation.filled(call.body.get("variables") or {})
    most = _MOST_COMPLEX if call.token else _MOST_COMPLEX_FOR_STRANGERS
    cost = sum(_complexity(field) for field in fields)
    if cost > most:
        raise GraphQLError(f"Query has complexity of {cost}, which exceeds max complexity of {most}")
    return fields


def _complexity(field: Field) -> int:
    """As GitLab counts: a field is one; a list of files one more for each path, and all of that twice for its page."""
    below = sum(_complexity(one) for one in field.fields)
    if field.name != "blobs":
        return 1 + below
    paths = field.arguments.get("paths")
    whole = 2 + below + (len(paths) if isinstance(paths, list) else 0)
    return whole + whole * _PAGE // 100


def _blob(path: str, blob: Blob) -> Mapping[str, Any]:
    """A file. GitLab shows no binary as text, and of what is not UTF-8 what it takes it for."""
    is_text = not blob.is_binary and blob.mode != "160000"
    return {
        "__typename": "RepositoryBlob", "id": f"gid://gitlab/Blob/{blob_id(blob)}", "oid": blob_id(blob), "path": path,
        "name": path.rpartition("/")[2], "mode": blob.mode, "size": str(len(blob.data)),
        "rawSize": str(len(blob.data)), "rawTextBlob": _decoded(blob.data[:_SHOWN]) if is_text else None,
    }  # fmt: skip


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
