"""What stands at the paths of a commit: a hundred files a question by GraphQL, which gives texts alone.

GitLab's documentation: "GraphQL API resources" (`RepositoryBlob`), "Repository files API". GraphQL turns every text
into UTF-8 on its way. So what came is compared with the blob's id, which is a hash of it, and asked for again in
Base64 where it differs.
"""

import base64
import binascii
import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import Field

from src.forge import FileContent, FileKind, NotFound, ProjectRef, Rejected, TooLong, Unavailable
from src.forge_http import Resource, read, read_list, segment
from src.gitlab_api import projects
from src.gitlab_api.api import GitLabApi

AT_ONCE = 100  # paths: more are too complex a query for GitLab
LARGEST = 2 * 1024 * 1024  # bytes of a file that is asked for by itself
_TOGETHER = 3 * 1024 * 1024  # bytes of the files of one answer, where all of them were too much
_SINGLY = 30  # files that are asked for by themselves, at most: a review must not take a question a file
_MODES = {"120000": FileKind.SYMLINK, "160000": FileKind.SUBMODULE}

_FIELDS = "path oid mode size"
_QUERY = """query($project: ID!, $ref: String!, $paths: [String!]!) {
  project(fullPath: $project) { repository { blobs(ref: $ref, paths: $paths) { nodes { %s } } } }
}"""


class Blob(Resource):
    """A `RepositoryBlob`."""

    path: str
    oid: str
    mode: str | None = None
    size: int | None = None
    text: str | None = Field(default=None, alias="rawTextBlob")

    @property
    def kind(self) -> FileKind:
        """What it is."""
        return _MODES.get(self.mode or "", FileKind.FILE)

    @property
    def is_binary(self) -> bool:
        """Whether GitLab was asked for its text and says that it has none."""
        return self.kind is FileKind.FILE and self.text is None and "text" in self.model_fields_set

    def data(self) -> bytes | None:
        """The bytes; `None` where there is no text, or it is not what stands there."""
        if self.text is None or self.kind is FileKind.SUBMODULE:
            return None
        data = self.text.encode(errors="surrogatepass")
        return data if blob_id(data, like=self.oid) == self.oid else None


class File(Resource):
    """``GET .../repository/files/:path``."""

    content: str


def blob_id(data: bytes, *, like: str) -> str:
    """What git calls these bytes, by the hash that made the id `like`."""
    whole = b"blob %d\0" % len(data) + data
    return (hashlib.sha256(whole) if len(like) == 64 else hashlib.sha1(whole, usedforsecurity=False)).hexdigest()


async def contents(api: GitLabApi, project: ProjectRef, paths: Collection[str], ref: str) -> Mapping[str, FileContent]:
    """What is there, by path. `NotFound` where the project is not to be seen."""
    wanted, found = list(dict.fromkeys(paths)), list[Blob]()
    for start in range(0, len(wanted), AT_ONCE):
        found += await _asked(api, project, wanted[start : start + AT_ONCE], ref)
    data = {blob.path: blob.data() for blob in found}
    lost = [one for one in found if data[one.path] is None and one.kind is not FileKind.SUBMODULE]
    changed = [one for one in lost if not one.is_binary]
    for blob in [blob for blob in changed if (blob.size or 0) <= LARGEST][:_SINGLY]:
        data[blob.path] = await _one(api, project, blob.path, ref)
    return {
        blob.path: FileContent(
            path=blob.path, kind=blob.kind, data=data[blob.path], size=blob.size, binary=blob.is_binary
        )
        for blob in found
    }


async def _asked(api: GitLabApi, project: ProjectRef, paths: Sequence[str], ref: str) -> list[Blob]:
    """Up to a hundred of them. Where that is more than an answer may hold: how large each is, and then by portions."""
    try:
        return await _blobs(api, project, paths, ref, f"{_FIELDS} rawTextBlob")
    except Unavailable:
        sizes = await _blobs(api, project, paths, ref, _FIELDS)
    except Rejected as refusal:
        if len(paths) == 1 or "complexity" not in str(refusal):
            raise
        half = len(paths) // 2  # strangers may ask for less at once
        return await _asked(api, project, paths[:half], ref) + await _asked(api, project, paths[half:], ref)
    found = {blob.path: blob for blob in sizes}
    for portion in _portions(sizes):
        for blob in await _texts(api, project, portion, ref):
            found[blob.path] = blob
    return list(found.values())


async def _texts(api: GitLabApi, project: ProjectRef, paths: Sequence[str], ref: str) -> list[Blob]:
    """Some of them, in halves down to one where they are too long; one that is so by itself is left out."""
    try:
        return await _blobs(api, project, paths, ref, f"{_FIELDS} rawTextBlob")
    except TooLong:
        if len(paths) == 1:
            return []
        half = len(paths) // 2
        return await _texts(api, project, paths[:half], ref) + await _texts(api, project, paths[half:], ref)


def _portions(blobs: Sequence[Blob]) -> list[list[str]]:
    """The paths of those that are not too large, in groups that fit into an answer."""
    groups, room = list[list[str]](), 0
    for blob in blobs:
        size = blob.size or 0
        if size > LARGEST:
            continue
        if not groups or size > room:
            groups, room = [*groups, []], _TOGETHER
        groups[-1].append(blob.path)
        room -= size
    return groups


async def _blobs(api: GitLabApi, project: ProjectRef, paths: Sequence[str], ref: str, fields: str) -> list[Blob]:
    variables = {"project": project.path, "ref": ref, "paths": list(paths)}
    data = await api.query(_QUERY % fields, variables)
    if isinstance(data, Mapping) and data.get("project") is None:  # it does not follow renames
        moved = (await projects.one(api, project.external_id)).path
        if moved != project.path:
            data = await api.query(_QUERY % fields, variables | {"project": moved})
    return read_list(Blob, _nodes(data))


def _nodes(data: Any) -> Any:
    """The blobs in an answer; a repository without commits has none."""
    for name in ("project", "repository", "blobs", "nodes"):
        if isinstance(data, Mapping) and name in data and data[name] is None:
            if name == "project":
                raise NotFound("GitLab does not have this project, or does not show its files to this token.")
            return []
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


async def _one(api: GitLabApi, project: ProjectRef, path: str, ref: str) -> bytes | None:
    """One file in Base64; `None` where it has gone in between, is too long, or GitLab sends what is none."""
    address = projects.below(project, f"repository/files/{segment(path)}")
    try:
        data, _ = await api.call("GET", address, {"ref": ref})
        return base64.b64decode(read(File, data).content, validate=True)
    except (NotFound, TooLong, binascii.Error):
        return None
