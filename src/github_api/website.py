"""What GitHub's website calls the events of a webhook, for those who make one by hand.

GitHub's documentation: "Creating webhooks", section "Let me select individual events".
"""

HOOKS_PAGE = "settings/hooks"
HOOK_LABELS = {
    "commit_comment": "Commit comments",
    "create": "Branch or tag creation",
    "delete": "Branch or tag deletion",
    "deployment_status": "Deployment statuses",
    "gollum": "Wiki",
    "issue_comment": "Issue comments",
    "issues": "Issues",
    "pull_request": "Pull requests",
    "pull_request_review": "Pull request reviews",
    "pull_request_review_comment": "Pull request review comments",
    "push": "Pushes",
    "release": "Releases",
    "workflow_job": "Workflow jobs",
    "workflow_run": "Workflow runs",
}
