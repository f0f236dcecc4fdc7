"""Pipelines, jobs, deployments: "Pipeline events", "Job events", "Deployment events" in GitLab's documentation."""

import re
from datetime import datetime

from src.events import (
    DeploymentEvent,
    DeploymentStatus,
    JobEvent,
    JobStatus,
    People,
    PipelineEvent,
    PipelineStatus,
    Project,
    Refs,
    Subject,
    SubjectKind,
)
from src.gitlab_api.webhooks import neutral
from src.gitlab_api.webhooks.payloads import DeploymentPayload, JobPayload, PipelinePayload
from src.gitlab_api.webhooks.registry import Delivery, Events, Parsers, told
from src.gitlab_api.webhooks.wire import Author, Payload
from src.markdown import first_line

parsers = Parsers()

PIPELINE_STATUSES = {
    str(status): status
    for status in (
        PipelineStatus.RUNNING,
        PipelineStatus.SUCCESS,
        PipelineStatus.FAILED,
        PipelineStatus.CANCELED,
        PipelineStatus.SKIPPED,
    )
}
DEPLOYMENT_STATUSES = {str(status): status for status in DeploymentStatus}
# Before the first job runs, or waiting for a hand or a clock.
_WAITING = frozenset({
    "canceling", "created", "manual", "pending", "preparing", "scheduled", "waiting_for_callback",
    "waiting_for_resource",
})  # fmt: skip
_OTHER_JOB_STATUSES = _WAITING | {"canceled", "running", "skipped", "success"}
_OTHER_DEPLOYMENT_STATUSES = frozenset({"approved", "blocked", "created", "pending", "rejected", "skipped"})
_MERGE_REQUEST_REF = re.compile(r"refs/merge-requests/(\d{1,18})/\w+", re.ASCII)


@parsers.parses("pipeline", payload=PipelinePayload)
def pipeline(payload: PipelinePayload, _: Delivery) -> Events:
    """A pipeline started, ended or was skipped. Downstream pipelines of other projects are children too."""
    run = payload.object_attributes
    status = told("pipeline", run.status, PIPELINE_STATUSES, _WAITING)
    if status is None:
        return ()
    home = neutral.project(payload)
    changed = _pipeline_changed(payload)
    return (
        PipelineEvent(
            project=home,
            subject=_pipeline_subject(payload, home),
            # A pipeline that is retried may fail again, under its old id.
            happening=neutral.happening("pipeline", home, run.id, status, neutral.stamp(run.finished_at)),
            actor=neutral.person(payload.user, home),
            people=_people(payload, home, payload.commit.author if payload.commit else None),
            refs=_pipeline_refs(payload),
            aspect="status",
            occurred_at=changed,
            object_updated_at=changed,
            status=status,
            workflow=run.name,
            failed_jobs=_failed_jobs(payload),
            child=run.source == "parent_pipeline" or bool(payload.source_pipeline),
            external=run.source == "external",
            duration=None if run.duration is None else int(run.duration),
        ),
    )


@parsers.parses("build", "job", payload=JobPayload)
def job(payload: JobPayload, _: Delivery) -> Events:
    """A job failed that may not.

    ``retries_count`` says how often the job was retried so far, and nothing says how often it will be: a failure
    that GitLab retries by itself (``retry:``) cannot be told from the last one. Each run has an id of its own.
    """
    status = told("build", payload.build_status, {"failed": JobStatus.FAILED}, _OTHER_JOB_STATUSES)
    if status is None or payload.build_allow_failure:
        return ()
    home = neutral.project(payload)
    changed = neutral.latest(payload.build_created_at, payload.build_started_at, payload.build_finished_at)
    return (
        JobEvent(
            project=home,
            subject=Subject(
                kind=SubjectKind.JOB,
                id=payload.build_id,
                title=neutral.title(payload.build_name, f"#{payload.build_id}"),
                url=neutral.page(home, "jobs", payload.build_id),
            ),
            happening=neutral.happening("job", home, payload.build_id, status),
            actor=neutral.person(payload.user, home),
            people=_people(payload, home, _job_author(payload)),
            refs=_refs(payload.ref, payload.sha or (payload.commit.sha if payload.commit else None), tag=payload.tag),
            aspect="status",
            occurred_at=changed,
            object_updated_at=changed,
            status=status,
            stage=payload.build_stage,
            failure_reason=payload.build_failure_reason,
        ),
    )


@parsers.parses("deployment", payload=DeploymentPayload)
def deployment(payload: DeploymentPayload, _: Delivery) -> Events:
    """A deployment started or ended."""
    status = told("deployment", payload.status, DEPLOYMENT_STATUSES, _OTHER_DEPLOYMENT_STATUSES)
    if status is None:
        return ()
    home = neutral.project(payload)
    changed = neutral.moment(payload.status_changed_at)
    identity = payload.deployment_id or payload.deployable_id or payload.environment or "deployment"
    commit = payload.commit_url.rstrip("/").rpartition("/")[2] if payload.commit_url else None
    return (
        DeploymentEvent(
            project=home,
            subject=Subject(
                kind=SubjectKind.DEPLOYMENT,
                id=identity,
                title=neutral.title(payload.environment, f"#{identity}"),
                url=neutral.address(payload.deployable_url) or neutral.page(home, "environments"),
            ),
            happening=neutral.happening("deployment", home, identity, status, neutral.stamp(payload.status_changed_at)),
            actor=neutral.person(payload.user, home),
            people=_people(payload, home, None),
            refs=_refs(payload.ref, commit or payload.short_sha, tag=None),
            aspect="status",
            occurred_at=changed,
            object_updated_at=changed,
            status=status,
        ),
    )


def _people(payload: Payload, home: Project, author: Author | None) -> People:
    wrote = neutral.committer(author)
    return People(starter=neutral.person(payload.user, home), committers=(wrote,) if wrote else ())


def _pipeline_subject(payload: PipelinePayload, home: Project) -> Subject:
    run, commit = payload.object_attributes, payload.commit
    written = (commit.title or first_line(commit.message)) if commit else None
    return Subject(
        kind=SubjectKind.PIPELINE,
        id=run.id,
        title=neutral.title(run.name or written, f"#{run.id}"),
        url=neutral.address(run.url) or neutral.page(home, "pipelines", run.id),
    )


def _pipeline_changed(payload: PipelinePayload) -> datetime | None:
    """The last thing that is known of it: a retried pipeline runs again with its first times, its new jobs do not."""
    run = payload.object_attributes
    times = [time for job in payload.builds for time in (job.created_at, job.started_at, job.finished_at)]
    return neutral.latest(run.created_at, run.finished_at, *times)


def _failed_jobs(payload: PipelinePayload) -> tuple[str, ...]:
    failed = (job.name for job in payload.builds if job.status == "failed" and not job.allow_failure)
    return tuple(dict.fromkeys(name for name in failed if name))


def _pipeline_refs(payload: PipelinePayload) -> Refs:
    run, merge_request = payload.object_attributes, payload.merge_request
    refs = _refs(run.ref, run.sha, tag=run.tag)
    if merge_request is None:
        return refs
    return Refs(
        branch=merge_request.source_branch or refs.branch,
        target_branch=merge_request.target_branch,
        head_sha=refs.head_sha,
        pull_request=merge_request.iid,
    )


def _refs(ref: str | None, sha: str | None, *, tag: bool | None) -> Refs:
    """A merge request's pipelines and jobs may name its ref instead of a branch; a tag is no branch."""
    of_merge_request = _MERGE_REQUEST_REF.fullmatch(ref) if ref else None
    if of_merge_request:
        return Refs(head_sha=sha, pull_request=int(of_merge_request[1]))
    return Refs(branch=None if tag else ref, head_sha=sha)


def _job_author(payload: JobPayload) -> Author | None:
    commit = payload.commit
    return Author(name=commit.author_name, email=commit.author_email) if commit else None
