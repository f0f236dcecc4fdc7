"""Commits as a graph: what stood in each, and where branches parted."""

from src.demo.forge.contents import Tree, changed, with_files
from src.demo.forge.records import CommitSpec, Files
from src.demo.forge.state import Project, PullRequest


def tree_at(project: Project, sha: str | None) -> Tree:
    """What stands in a commit: as its parent has it, unless it changed files."""
    while sha is not None and sha not in project.trees:
        commit = project.commits.get(sha)
        sha = commit.parents[0] if commit and commit.parents else None
    return project.trees[sha] if sha is not None else {}


def resolve(project: Project, ref: str) -> str | None:
    """The commit of a branch, a tag, ``HEAD`` or a SHA."""
    if ref == "HEAD":
        return project.head
    name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    return project.branches.get(name) or project.tags.get(name) or (ref if ref in project.commits else None)


def ancestors(project: Project, sha: str) -> set[str]:
    """A commit and all that it has come from."""
    known, waiting = {sha}, [sha]
    while waiting:
        commit = project.commits.get(waiting.pop())
        waiting += [parent for parent in (commit.parents if commit else ()) if parent not in known]
        known.update(waiting)
    return known


def merge_base(project: Project, one: str, other: str) -> str | None:
    """The newest commit that both have come from."""
    known, line = ancestors(project, one), [other]
    for sha in line:
        if sha in known:
            return sha
        commit = project.commits.get(sha)
        line += [parent for parent in (commit.parents if commit else ()) if parent not in line]
    return None


def with_paths(project: Project, spec: CommitSpec, parent: str | None) -> CommitSpec:
    """The same commit with the paths that its files add, change and remove."""
    if not spec.files:
        return spec
    before = tree_at(project, parent)
    told = changed(before, with_files(before, spec.files))
    added = [c.path for c in told if c.status in ("added", "renamed")]
    removed = [c.old_path or c.path for c in told if c.status in ("removed", "renamed")]
    modified = [c.path for c in told if c.status == "modified"]
    return CommitSpec(
        title=spec.title, author=spec.author, files=spec.files, added=(*spec.added, *added),
        modified=(*spec.modified, *modified), removed=(*spec.removed, *removed),
    )  # fmt: skip


def keep_tree(project: Project, sha: str, parent: str | None, files: Files) -> None:
    """Remember what stands in a new commit."""
    if files:
        project.trees[sha] = with_files(tree_at(project, parent), files)


def refresh(project: Project, pull: PullRequest) -> None:
    """Say anew what a pull request made of files changes, after a push."""
    if pull.from_files:
        base = merge_base(project, project.branches[pull.target], pull.head_sha)
        pull.changes = list(changed(tree_at(project, base), tree_at(project, pull.head_sha)))


def merged_files(project: Project, pull: PullRequest) -> Files:
    """What a merge writes to the target branch."""
    if not pull.from_files:
        return {}
    head = tree_at(project, pull.head_sha)
    gone = {change.old_path or change.path for change in pull.changes if change.status in ("removed", "renamed")}
    return dict.fromkeys(gone) | {c.path: head[c.path] for c in pull.changes if c.path in head}
