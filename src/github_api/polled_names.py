"""What of GitHub's events can be found by looking, without a webhook."""

from src.github_api.webhooks import GitHubCodec

# The words of GitHub's hooks that its lists tell as much of. There is none of deployments' statuses.
WORDS = frozenset({
    "pull_request", "pull_request_review", "pull_request_review_comment", "issues", "issue_comment", "workflow_run",
    "push", "gollum", "create", "delete", "commit_comment", "release",
})  # fmt: skip
# An edit of a comment takes the text before it; of releases the list tells what is there.
_UNSEEN = frozenset({"comment.edited", "release.updated", "release.deleted"})
_CODEC = GitHubCodec()

POLLED_NAMES = frozenset(n for n in _CODEC.names if n not in _UNSEEN and _CODEC.hook_events([n]) <= WORDS)
