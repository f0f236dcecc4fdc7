"""One line for each event name: the sign that it is scanned by and the sentence that it is told in.

A sentence says who did it and what; `{pr}` is the forge's word for a pull request. Pipelines, jobs and deployments
have no doer: theirs say how it stands, and who started it follows. Adding a state adds a line here and one in `labels`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from src.events import CommentEvent, Event, PipelineEvent, WikiEvent
from src.i18n import N_


@dataclass(frozen=True, slots=True)
class Wording:
    """A sign and an English sentence, to be translated."""

    sign: str
    sentence: str


WORDINGS: Mapping[str, Wording] = {
    "pull_request.opened": Wording("🟢", N_("{actor} opened this {pr}")),
    "pull_request.reopened": Wording("🟢", N_("{actor} reopened this {pr}")),
    "pull_request.ready": Wording("🟢", N_("{actor} marked this {pr} as ready for review")),
    "pull_request.draft": Wording("⚪", N_("{actor} turned this {pr} into a draft")),
    "pull_request.updated": Wording("🔄", N_("{actor} pushed new commits to this {pr}")),
    "pull_request.merged": Wording("🟣", N_("{actor} merged this {pr}")),
    "pull_request.closed": Wording("⚫", N_("{actor} closed this {pr} without merging")),
    "pull_request.review_requested": Wording("👀", N_("{actor} requested a review from {targets}")),
    "pull_request.review_request_removed": Wording("➖", N_("{actor} withdrew the review request to {targets}")),
    "pull_request.assigned": Wording("👤", N_("{actor} assigned this {pr} to {targets}")),
    "pull_request.unassigned": Wording("➖", N_("{actor} unassigned {targets} from this {pr}")),
    "review.approved": Wording("👍", N_("{actor} approved this {pr}")),
    "review.unapproved": Wording("↩️", N_("{actor} withdrew their approval")),
    "review.changes_requested": Wording("✋", N_("{actor} requested changes")),
    "review.commented": Wording("💬", N_("{actor} left a review with comments")),
    "review.dismissed": Wording("➖", N_("{actor} dismissed a review")),
    "code_review.done": Wording("🤖", N_("Code reviewed")),
    "code_review.failed": Wording("⚠️", N_("The code could not be reviewed")),
    "issue.opened": Wording("🟢", N_("{actor} opened this issue")),
    "issue.closed": Wording("⚫", N_("{actor} closed this issue")),
    "issue.reopened": Wording("🟢", N_("{actor} reopened this issue")),
    "issue.updated": Wording("🔄", N_("{actor} edited this issue")),
    "issue.assigned": Wording("👤", N_("{actor} assigned this issue to {targets}")),
    "comment.issue": Wording("💬", N_("{actor} commented on this issue")),
    "comment.pull_request": Wording("💬", N_("{actor} commented on this {pr}")),
    "comment.review": Wording("💬", N_("{actor} commented on the code")),
    "comment.commit": Wording("💬", N_("{actor} commented on this commit")),
    "comment.snippet": Wording("💬", N_("{actor} commented on this snippet")),
    "comment.edited": Wording("✏️", N_("{actor} edited a comment")),
    "pipeline.running": Wording("▶️", N_("Running")),
    "pipeline.success": Wording("✅", N_("Passed")),
    "pipeline.fixed": Wording("✅", N_("Fixed: passes again")),
    "pipeline.failed": Wording("❌", N_("Failed")),
    "pipeline.canceled": Wording("⏹️", N_("Canceled")),
    "pipeline.skipped": Wording("⏭️", N_("Skipped")),
    "pipeline.timed_out": Wording("❌", N_("Timed out")),
    "pipeline.action_required": Wording("✋", N_("Waiting for someone to act")),
    "pipeline.neutral": Wording("⚪", N_("Finished without a verdict")),
    "pipeline.stale": Wording("⚪", N_("Stale: never finished")),
    "pipeline.startup_failure": Wording("❌", N_("Could not start")),
    "job.failed": Wording("❌", N_("The job failed")),
    "deployment.running": Wording("▶️", N_("Deploying")),
    "deployment.success": Wording("✅", N_("Deployed")),
    "deployment.failed": Wording("❌", N_("The deployment failed")),
    "deployment.canceled": Wording("⏹️", N_("The deployment was canceled")),
    "push.pushed": Wording("⬆️", N_("{actor} pushed to this branch")),
    "push.forced": Wording("⚠️", N_("{actor} force-pushed: history rewritten")),
    "push.created": Wording("🌱", N_("{actor} created this branch")),
    "push.deleted": Wording("🗑️", N_("{actor} deleted this branch")),
    "tag.created": Wording("🏷️", N_("{actor} created this tag")),
    "tag.deleted": Wording("🗑️", N_("{actor} deleted this tag")),
    "release.published": Wording("📦", N_("{actor} published this release")),
    "release.updated": Wording("✏️", N_("{actor} edited this release")),
    "release.deleted": Wording("🗑️", N_("{actor} deleted this release")),
    "wiki.created": Wording("📝", N_("{actor} added to the wiki")),
    "wiki.updated": Wording("📝", N_("{actor} edited the wiki")),
    "wiki.deleted": Wording("🗑️", N_("{actor} deleted from the wiki")),
    "documentation.updated": Wording("📖", N_("{actor} changed the documentation")),
    "hook.test": Wording("🔌", N_("{actor} tested this webhook: it works")),
}

# For events that should name somebody and name nobody.
NO_TARGETS: Mapping[str, str] = {
    "pull_request.review_requested": N_("{actor} requested a review"),
    "pull_request.review_request_removed": N_("{actor} withdrew a review request"),
    "pull_request.assigned": N_("{actor} changed the assignees of this {pr}"),
    "pull_request.unassigned": N_("{actor} changed the assignees of this {pr}"),
    "issue.assigned": N_("{actor} changed the assignees of this issue"),
}

# For wiki events that are about the one page in their title.
ONE_PAGE: Mapping[str, str] = {
    "wiki.created": N_("{actor} created this page"),
    "wiki.updated": N_("{actor} updated this page"),
    "wiki.deleted": N_("{actor} deleted this page"),
}

# For events that a forge sends without a doer as a rule: GitLab's of releases.
NO_DOER: Mapping[str, str] = {
    "release.published": N_("Published"),
    "release.updated": N_("Edited"),
    "release.deleted": N_("Deleted"),
}


def main_name(event: Event) -> str:
    """The name that says most of the event: fixed before success, edited before what was commented on."""
    match event:
        case PipelineEvent(fixed=True):
            return "pipeline.fixed"
        case CommentEvent(edited=True):
            return "comment.edited"
        case _:
            return event.names[0]


def is_of_one_page(event: Event) -> bool:
    """Whether it is about a single wiki page, the one that the title names."""
    return isinstance(event, WikiEvent) and [page.title for page in event.pages] == [event.subject.title]


def is_gone(event: Event) -> bool:
    """Whether the subject is no longer there to be opened."""
    return main_name(event).endswith(".deleted")
