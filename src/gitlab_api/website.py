"""What GitLab's website calls the triggers of a webhook, for those who make one by hand.

GitLab's documentation: "Webhook events".
"""

HOOKS_PAGE = "-/hooks"
HOOK_LABELS = {
    "confidential_issues_events": "Confidential issue events",
    "confidential_note_events": "Confidential comments",
    "deployment_events": "Deployment events",
    "issues_events": "Issue events",
    "job_events": "Job events",
    "merge_requests_events": "Merge request events",
    "note_events": "Comments",
    "pipeline_events": "Pipeline events",
    "push_events": "Push events",
    "releases_events": "Release events",
    "tag_push_events": "Tag push events",
    "wiki_page_events": "Wiki page events",
}
