"""Workflow runs and deployments."""

from src.events import (
    DeploymentEvent,
    DeploymentStatus,
    People,
    PipelineEvent,
    PipelineStatus,
    Refs,
    Subject,
    SubjectKind,
)
from src.github_api.webhooks import neutral
from src.github_api.webhooks import payloads as wire
from src.github_api.webhooks.registry import Events, Parsers, unknown
from src.markdown import excerpt

parsers = Parsers()

_CONCLUSIONS = {
    "success": PipelineStatus.SUCCESS,
    "failure": PipelineStatus.FAILED,
    "cancelled": PipelineStatus.CANCELED,
    "skipped": PipelineStatus.SKIPPED,
    "timed_out": PipelineStatus.TIMED_OUT,
    "action_required": PipelineStatus.ACTION_REQUIRED,
    "neutral": PipelineStatus.NEUTRAL,
    "stale": PipelineStatus.STALE,
    "startup_failure": PipelineStatus.STARTUP_FAILURE,
}
_DEPLOYMENT_STATES = {
    "pending": DeploymentStatus.RUNNING,
    "queued": DeploymentStatus.RUNNING,
    "in_progress": DeploymentStatus.RUNNING,
    "success": DeploymentStatus.SUCCESS,
    "failure": DeploymentStatus.FAILED,
    "error": DeploymentStatus.FAILED,
}
_IGNORED_DEPLOYMENT_STATES = frozenset({"inactive", "waiting"})  # superseded by a later one; not approved yet


@parsers.parses("workflow_run", wire.RunDelivery, tells=("completed", "in_progress"), ignores=("requested",))
def workflow_run(payload: wire.RunDelivery) -> Events:
    """A run of a workflow began or ended. The names of its failed jobs are not in the payload."""
    repository, run = payload.repository, payload.workflow_run
    status = _status(payload)
    if status is None:
        return ()
    workflow = (payload.workflow and payload.workflow.name) or run.name or None
    event = PipelineEvent(
        status=status,
        workflow=workflow,
        duration=_duration(run, status),
        project=neutral.project(repository),
        subject=Subject(
            kind=SubjectKind.PIPELINE,
            id=str(run.id),
            title=run.display_title or workflow or f"#{run.run_number or run.id}",
            number=run.run_number,
            url=run.html_url,
        ),
        happening=neutral.happening(repository, "workflow_run", run.id, run.run_attempt or 1, status),
        actor=neutral.person(payload.sender),
        people=People(
            starter=neutral.person(run.triggering_actor) or neutral.person(run.actor),
            committers=neutral.committers(run.head_commit),
        ),
        refs=Refs(
            branch=run.head_branch or None,
            head_sha=run.head_sha or None,
            pull_request=run.pull_requests[0].number if run.pull_requests else None,
        ),
        url=run.html_url,
        aspect="status",
        occurred_at=run.updated_at,
        object_updated_at=run.updated_at,
    )
    return (event,)


@parsers.parses("deployment_status", wire.DeploymentStatusDelivery, tells=("created",), unsaid="created")
def deployment_status(payload: wire.DeploymentStatusDelivery) -> Events:
    """A deployment got on. On its way it is pending, queued and in progress, which we tell of once.

    Older GitHub Enterprise Servers send no action.
    """
    repository, deployment, given = payload.repository, payload.deployment, payload.deployment_status
    if given.state in _IGNORED_DEPLOYMENT_STATES:
        return ()
    status = _DEPLOYMENT_STATES.get(given.state)
    if status is None:
        raise unknown("deployment_status", "created", given.state)
    environment = given.environment or deployment.environment or f"#{deployment.id}"
    particulars = () if status is DeploymentStatus.RUNNING else (given.id,)
    event = DeploymentEvent(
        status=status,
        project=neutral.project(repository),
        subject=Subject(
            kind=SubjectKind.DEPLOYMENT,
            id=str(deployment.id),
            title=environment,
            url=neutral.page(repository, "deployments", environment),
        ),
        happening=neutral.happening(repository, "deployment", deployment.id, status, *particulars),
        actor=neutral.person(payload.sender),
        people=People(starter=neutral.person(_deployer(payload))),
        refs=_deployed(deployment),
        excerpt=excerpt(given.description),
        url=given.log_url or given.target_url or given.environment_url or neutral.page(repository, "deployments"),
        aspect="status",
        occurred_at=given.created_at,
        object_updated_at=given.updated_at or given.created_at,
    )
    return (event,)


def _status(payload: wire.RunDelivery) -> PipelineStatus | None:
    """`None` for a run that is said to be complete and has no conclusion: nothing is known of how it ended."""
    if payload.action == "in_progress":
        return PipelineStatus.RUNNING
    conclusion = payload.workflow_run.conclusion
    if conclusion is None:
        return None
    status = _CONCLUSIONS.get(conclusion)
    if status is None:
        raise unknown("workflow_run", payload.action, conclusion)
    return status


def _duration(run: wire.Run, status: PipelineStatus) -> int | None:
    if status is PipelineStatus.RUNNING or run.run_started_at is None or run.updated_at is None:
        return None
    return max(0, int((run.updated_at - run.run_started_at).total_seconds()))


def _deployer(payload: wire.DeploymentStatusDelivery) -> wire.User | None:
    """Who set the deployment off; where a workflow deploys, `creator` is no more than its robot."""
    run = payload.workflow_run
    return (run and (run.triggering_actor or run.actor)) or payload.deployment.creator


def _deployed(deployment: wire.Deployment) -> Refs:
    """What was deployed: `ref` is a branch, a tag or the commit itself."""
    branch = None if deployment.ref == deployment.sha else deployment.ref
    return Refs(branch=branch or None, head_sha=deployment.sha or None)
