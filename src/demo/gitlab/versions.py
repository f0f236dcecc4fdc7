"""The versions of GitLab's diffs: each push to a merge request makes one, between commits of that moment."""

from src.demo.forge.history import merge_base
from src.demo.forge.state import Project, PullRequest, Version
from src.demo.forge.world import World


def note_version(world: World, project: Project, pull: PullRequest) -> None:
    """A push has come: from now on the diff is between other commits."""
    if pull.versions and pull.versions[-1].head_sha == pull.head_sha:
        return
    start = project.branches.get(pull.target, pull.base_sha)
    base = merge_base(project, start, pull.head_sha) or start
    pull.versions.append(
        Version(id=world.new_id("version"), base_sha=base, start_sha=start, head_sha=pull.head_sha, at=pull.updated_at)
    )
