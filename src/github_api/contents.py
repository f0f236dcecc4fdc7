"""What stands at the paths of a commit: a hundred files a question, which REST would want a question each for."""

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence

from src.forge import FileContent, FileKind, NotFound, ProjectRef, TooLong, Unavailable
from src.forge_http import read
from src.github_api.api import GitHubApi
from src.github_api.graphql import GraphQL
from src.github_api.graphql_resources import TreeEntry
from src.github_api.projects import at_path
from src.github_api.resources import GitBlob

_A_QUESTION = 100  # files
_FEWEST = 12  # files in a question that is not halved any more where the forge is slow or down
_RAW = 20  # files that are read one by one, at most
_RAW_SIZE = 1024 * 1024  # bytes of one of these, and of every file whose text is wanted
_TOGETHER = 3 * 1024 * 1024  # bytes of the files of one answer, where all of them were too much
_KINDS = {0o120000: FileKind.SYMLINK, 0o160000: FileKind.SUBMODULE}
_SIZES = "oid byteSize isBinary isTruncated"
_ENTRY = "mode isGenerated object {{ ... on Blob {{ {fields} }} }}"


async def contents(
    api: GitHubApi, graph: GraphQL, project: ProjectRef, paths: Collection[str], ref: str
) -> Mapping[str, FileContent]:
    """``Commit.file`` of GraphQL; ``GET /repos/{owner}/{repo}/git/blobs/{sha}`` for what has no faithful text."""
    wanted = list(dict.fromkeys(paths))

    async def found(where: dict[str, str]) -> Mapping[str, FileContent]:
        entries: dict[str, TreeEntry] = {}
        for begin in range(0, len(wanted), _A_QUESTION):
            entries |= await _entries(graph, where, wanted[begin : begin + _A_QUESTION], ref)
        unfaithful = [path for path, entry in entries.items() if _wants_raw(entry)]
        raw = {path: await _raw(api, where, entries[path]) for path in unfaithful[:_RAW]}
        return {path: _content(path, entry, raw.get(path)) for path, entry in entries.items()}

    return await at_path(api, project, found)


async def _entries(graph: GraphQL, where: dict[str, str], paths: Sequence[str], ref: str) -> dict[str, TreeEntry]:
    """Files that are too much for one answer come in several."""
    try:
        return await _asked(graph, where, paths, ref, f"{_SIZES} text")
    except TooLong:
        found = await _asked(graph, where, paths, ref, _SIZES)
        for portion in _portions(found):
            found |= await _texts(graph, where, portion, ref)
        return found
    except Unavailable:
        if len(paths) <= _FEWEST:
            raise
        middle = len(paths) // 2
        return {
            **await _entries(graph, where, paths[:middle], ref),
            **await _entries(graph, where, paths[middle:], ref),
        }


def _portions(entries: Mapping[str, TreeEntry]) -> list[list[str]]:
    """The paths of files that are not too large, in groups that fit into an answer."""
    groups, room = list[list[str]](), 0
    for path, entry in entries.items():
        blob = entry.object
        if blob is None or blob.is_binary or blob.size > _RAW_SIZE:
            continue
        if not groups or blob.size > room:
            groups, room = [*groups, []], _TOGETHER
        groups[-1].append(path)
        room -= blob.size
    return groups


async def _texts(graph: GraphQL, where: dict[str, str], paths: Sequence[str], ref: str) -> dict[str, TreeEntry]:
    """As `_entries`, in halves down to one file; one that is too long by itself is left out."""
    try:
        return await _asked(graph, where, paths, ref, f"{_SIZES} text")
    except TooLong:
        if len(paths) == 1:
            return {}
        middle = len(paths) // 2
        return {**await _texts(graph, where, paths[:middle], ref), **await _texts(graph, where, paths[middle:], ref)}


async def _asked(
    graph: GraphQL, where: dict[str, str], paths: Sequence[str], ref: str, fields: str
) -> dict[str, TreeEntry]:
    names = range(len(paths))
    declared = "".join(f", $p{n}: String!" for n in names)
    entry = _ENTRY.format(fields=fields)
    files = " ".join(f"f{n}: file(path: $p{n}) {{ {entry} }}" for n in names)
    text = (
        f"query($owner: String!, $repo: String!, $ref: String!{declared}) {{ repository(owner: $owner, name: $repo) "
        f"{{ object(expression: $ref) {{ ... on Commit {{ oid {files} }} }} }} }}"
    )
    data = await graph.query(text, {**where, "ref": ref, **{f"p{n}": paths[n] for n in names}})
    commit = (data.get("repository") or {}).get("object")
    if not commit:
        raise NotFound("GitHub has no such commit or branch, or does not show it to this token.")
    return {paths[n]: read(TreeEntry, commit[f"f{n}"]) for n in names if commit.get(f"f{n}") is not None}


def _wants_raw(entry: TreeEntry) -> bool:
    """Whether the text is not the file: cut, in another encoding, or with marks for what is no text."""
    blob = entry.object
    if blob is None or blob.is_binary or blob.size > _RAW_SIZE:
        return False
    text = blob.text
    return text is None or blob.is_truncated or len(text.encode()) != blob.size or "\N{REPLACEMENT CHARACTER}" in text


async def _raw(api: GitHubApi, where: dict[str, str], entry: TreeEntry) -> bytes | None:
    """The bytes; `None` where they are more than an answer may hold, whatever the forge said of their number."""
    oid = entry.object.oid if entry.object else ""
    try:
        blob = read(GitBlob, await api.item("/repos/{owner}/{repo}/git/blobs/{oid}", **where, oid=oid))
    except TooLong:
        return None
    try:
        return base64.b64decode(blob.content) if blob.encoding == "base64" else blob.content.encode()
    except binascii.Error:
        pass
    raise Unavailable("The forge's answer is not what its API promises: a file in base64.")


def _content(path: str, entry: TreeEntry, raw: bytes | None) -> FileContent:
    blob = entry.object
    if raw is None and blob is not None and not blob.is_binary and not _wants_raw(entry) and blob.size <= _RAW_SIZE:
        raw = (blob.text or "").encode()
    return FileContent(
        path=path,
        kind=_KINDS.get(entry.mode & 0o170000, FileKind.FILE),
        data=raw,
        size=blob.size if blob else None,
        binary=bool(blob and blob.is_binary),
        generated=entry.generated,
    )
