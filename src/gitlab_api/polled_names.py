"""What of GitLab's events can be found by looking, without a webhook."""

from src.gitlab_api.webhooks import GitLabCodec

# No list tells of these: what was edited, who was let go, single jobs, deployments, talk on commits and snippets.
_UNSEEN = frozenset({
    "comment.commit", "comment.snippet", "comment.edited", "deployment.canceled", "deployment.failed",
    "deployment.running", "deployment.success", "issue.updated", "job.failed", "pipeline.child", "release.deleted",
    "release.updated",
})  # fmt: skip

POLLED_NAMES = GitLabCodec().names - _UNSEEN
