"""Pushes, tags, runs, deployments, releases, the wiki and pings."""

from src.github_api.webhooks.payloads.base import (
    Delivery,
    Many,
    Moment,
    Repository,
    Signature,
    Text,
    Title,
    Url,
    User,
    Wire,
)
from src.github_api.webhooks.payloads.threads import PullRequest


class Commit(Wire):
    """A commit of a push, or the one that a workflow ran on."""

    id: Text
    message: Text | None = None
    url: Url = None
    author: Signature | None = None
    committer: Signature | None = None
    added: Many[Text] = ()
    modified: Many[Text] = ()
    removed: Many[Text] = ()


class PushDelivery(Delivery):
    """`push`."""

    ref: Text
    before: Text | None = None
    after: Text
    created: bool | None = None
    deleted: bool | None = None
    forced: bool | None = None
    compare: Url = None
    commits: Many[Commit] = ()
    pusher: Signature | None = None


class RefDelivery(Delivery):
    """`create` and `delete`."""

    ref: Text
    ref_type: str  # branch, tag


class Run(Wire):
    """A run of a workflow."""

    id: int
    name: Title | None = None
    display_title: Title | None = None
    status: str | None = None
    conclusion: str | None = None
    run_number: int | None = None
    run_attempt: int | None = None
    html_url: Url = None
    head_branch: Text | None = None
    head_sha: Text | None = None
    head_commit: Commit | None = None
    pull_requests: Many[PullRequest] = ()
    actor: User | None = None
    triggering_actor: User | None = None
    run_started_at: Moment | None = None
    updated_at: Moment | None = None


class Workflow(Wire):
    """What a run is a run of."""

    name: Title | None = None


class RunDelivery(Delivery):
    """`workflow_run`."""

    action: str
    workflow_run: Run
    workflow: Workflow | None = None


class Deployment(Wire):
    """A deployment."""

    id: int
    ref: Text | None = None
    sha: Text | None = None
    environment: Title | None = None
    creator: User | None = None


class DeploymentState(Wire):
    """A status that a deployment got."""

    id: int
    state: str
    description: Text | None = None
    environment: Title | None = None
    target_url: Url = None
    log_url: Url = None
    environment_url: Url = None
    created_at: Moment | None = None
    updated_at: Moment | None = None


class DeploymentRun(Wire):
    """The workflow run that deploys."""

    actor: User | None = None
    triggering_actor: User | None = None


class DeploymentStatusDelivery(Delivery):
    """`deployment_status`."""

    deployment: Deployment
    deployment_status: DeploymentState
    workflow_run: DeploymentRun | None = None


class Release(Wire):
    """A release."""

    id: int
    tag_name: Title
    name: Title | None = None
    body: Text | None = None
    html_url: Url = None
    draft: bool | None = None
    prerelease: bool | None = None
    author: User | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    published_at: Moment | None = None


class ReleaseDelivery(Delivery):
    """`release`."""

    action: str
    release: Release


class WikiPage(Wire):
    """A page of the wiki as one edit left it."""

    page_name: Title
    title: Title | None = None
    summary: Text | None = None
    action: str
    sha: Text | None = None
    html_url: Url = None


class GollumDelivery(Delivery):
    """`gollum`, named after GitHub's wiki engine."""

    pages: Many[WikiPage]


class PingDelivery(Wire):
    """`ping`. A hook of an organisation sends no repository."""

    hook_id: int
    repository: Repository | None = None
    sender: User | None = None
