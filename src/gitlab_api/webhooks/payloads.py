"""What GitLab writes, as far as we read it: "Webhook events" and "System hooks" in its documentation."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from src.gitlab_api.webhooks.wire import (
    Change,
    CommitInfo,
    Label,
    Many,
    Number,
    Payload,
    ProjectInfo,
    Text,
    User,
    Wire,
)


def _changes(value: object) -> object:
    """Values of another shape than ``{"previous": ..., "current": ...}`` tell nothing but that the field changed."""
    if not isinstance(value, dict):
        return value or None
    return {str(key): change if isinstance(change, dict) else {} for key, change in value.items()}


class IssuableAttributes(Wire):
    """What merge requests and issues share."""

    iid: Number
    title: Text = None
    description: Text = None
    url: Text = None
    action: Text = None
    author_id: Text = None
    assignee_ids: Many[str] = ()
    labels: Many[Label] = ()
    created_at: Text = None
    updated_at: Text = None


class MergeRequestAttributes(IssuableAttributes):
    """The merge request."""

    source_branch: Text = None
    target_branch: Text = None
    target_project_id: Text = None
    target: ProjectInfo | None = None
    last_commit: CommitInfo | None = None
    reviewer_ids: Many[str] = ()
    draft: bool | None = None
    work_in_progress: bool | None = None
    oldrev: Text = None  # the former head, where the update brought commits
    system: bool | None = None  # GitLab itself did it, e.g. it took the approvals back after a push


class IssueAttributes(IssuableAttributes):
    """The issue or work item."""

    project_id: Text = None
    confidential: bool | None = None


class IssuablePayload(Payload):
    """What the payloads of merge requests and issues share."""

    labels: Many[Label] = ()
    assignees: Many[User] = ()
    changes: Annotated[dict[str, Change] | None, BeforeValidator(_changes)] = None


class MergeRequestPayload(IssuablePayload):
    """Merge Request Hook."""

    object_attributes: MergeRequestAttributes
    reviewers: Many[User] = ()


class IssuePayload(IssuablePayload):
    """Issue Hook and Confidential Issue Hook: issues, tasks, incidents and other work items."""

    object_attributes: IssueAttributes


class Position(Wire):
    """Where in a diff a comment stands."""

    new_path: Text = None
    old_path: Text = None
    new_line: Number | None = None
    old_line: Number | None = None


class NoteAttributes(Wire):
    """The comment."""

    id: str
    note: Text = None
    noteable_type: Text = None
    type: Text = None
    action: Text = None
    system: bool | None = None
    internal: bool | None = None
    confidential: bool | None = None
    discussion_id: Text = None
    project_id: Text = None
    line_code: Text = None
    position: Position | None = None
    st_diff: Position | None = None
    url: Text = None
    created_at: Text = None
    updated_at: Text = None


class Snippet(Wire):
    """A snippet that was commented on."""

    id: str
    title: Text = None
    file_name: Text = None
    url: Text = None
    author_id: Text = None


class NotedMergeRequest(MergeRequestAttributes):
    """A merge request that was commented on; one assignee at most comes with a name."""

    assignee: User | None = None


class NotePayload(Payload):
    """Note Hook and Confidential Note Hook; one of the last four is there."""

    object_attributes: NoteAttributes
    merge_request: NotedMergeRequest | None = None
    issue: IssueAttributes | None = None
    commit: CommitInfo | None = None
    snippet: Snippet | None = None


class Build(Wire):
    """A job of a pipeline."""

    name: Text = None
    status: Text = None
    allow_failure: bool | None = None
    created_at: Text = None
    started_at: Text = None
    finished_at: Text = None


class PipelineAttributes(Wire):
    """The pipeline."""

    id: str
    name: Text = None
    ref: Text = None
    tag: bool | None = None
    sha: Text = None
    source: Text = None
    status: Text = None
    created_at: Text = None
    finished_at: Text = None
    duration: float | None = None
    url: Text = None


class PipelineMergeRequest(Wire):
    """The merge request that a pipeline ran for."""

    iid: Number | None = None
    source_branch: Text = None
    target_branch: Text = None


class PipelinePayload(Payload):
    """Pipeline Hook."""

    object_attributes: PipelineAttributes
    merge_request: PipelineMergeRequest | None = None
    commit: CommitInfo | None = None
    builds: Many[Build] = ()
    source_pipeline: dict[str, Any] | None = None  # the parent of a child pipeline, or the upstream one


class JobCommit(Wire):
    """The commit of a job. Its ``id`` is the pipeline's, therefore not read."""

    sha: Text = None
    message: Text = None
    author_name: Text = None
    author_email: Text = None


class JobPayload(Payload):
    """Job Hook."""

    build_id: str
    build_name: Text = None
    build_stage: Text = None
    build_status: Text = None
    build_allow_failure: bool | None = None
    build_failure_reason: Text = None
    build_created_at: Text = None
    build_started_at: Text = None
    build_finished_at: Text = None
    ref: Text = None
    tag: bool | None = None
    sha: Text = None
    commit: JobCommit | None = None


class DeploymentPayload(Payload):
    """Deployment Hook. Old versions of GitLab leave `deployment_id` out."""

    status: Text = None
    status_changed_at: Text = None
    deployment_id: Text = None
    deployable_id: Text = None
    deployable_url: Text = None
    environment: Text = None
    ref: Text = None
    short_sha: Text = None
    commit_url: Text = None


class PushPayload(Payload):
    """Push Hook and Tag Push Hook. A system hook's has no commits."""

    ref: str
    before: Text = None
    after: Text = None
    checkout_sha: Text = None
    message: Text = None
    user_id: Text = None
    user_name: Text = None
    user_username: Text = None
    user_email: Text = None
    commits: Many[CommitInfo] = ()
    total_commits_count: Number | None = None


class ReleasePayload(Payload):
    """Release Hook. It tells neither who did it nor when a release was changed."""

    id: Text = None
    tag: str
    name: Text = None
    description: Text = None
    action: Text = None
    url: Text = None
    created_at: Text = None
    released_at: Text = None
    commit: CommitInfo | None = None


class WikiAttributes(Wire):
    """The page."""

    slug: str
    title: Text = None
    content: Text = None
    message: Text = None
    url: Text = None
    action: Text = None
    version_id: Text = None
    created_at: Text = None  # of the edit; webhooks do not say it


class WikiPayload(Payload):
    """Wiki Page Hook."""

    object_attributes: WikiAttributes
