"""What people call the events when they choose them, and what the button under a notification says."""

from collections.abc import Mapping

from src.events import SubjectKind
from src.i18n import N_, translator
from src.webhook.categories import Category
from src.webhook.render.words import ForgeWords

# By kind, in the plural: the headings of the choice.
_KINDS: Mapping[str, str] = {
    "pull_request": N_("{pr}s"),
    "review": N_("Reviews"),
    "code_review": N_("Automatic reviews"),
    "comment": N_("Comments"),
    "issue": N_("Issues"),
    "pipeline": N_("Pipelines"),
    "job": N_("Jobs"),
    "deployment": N_("Deployments"),
    "push": N_("Pushes and branches"),
    "tag": N_("Tags"),
    "release": N_("Releases"),
    "wiki": N_("Wiki"),
    "documentation": N_("Documentation"),
}

# By name. Each stands for itself, for a list may mix the kinds.
_NAMES: Mapping[str, str] = {
    "pull_request.opened": N_("{pr} opened"),
    "pull_request.reopened": N_("{pr} reopened"),
    "pull_request.ready": N_("{pr} ready for review"),
    "pull_request.draft": N_("{pr} turned into a draft"),
    "pull_request.updated": N_("{pr}: new commits"),
    "pull_request.merged": N_("{pr} merged"),
    "pull_request.closed": N_("{pr} closed without merging"),
    "pull_request.review_requested": N_("Review requested"),
    "pull_request.review_request_removed": N_("Review request withdrawn"),
    "pull_request.assigned": N_("{pr} assigned"),
    "pull_request.unassigned": N_("{pr} unassigned"),
    "review.approved": N_("Approved"),
    "review.unapproved": N_("Approval withdrawn"),
    "review.changes_requested": N_("Changes requested"),
    "review.commented": N_("Review with comments"),
    "review.dismissed": N_("Review dismissed"),
    "code_review.done": N_("Code reviewed automatically"),
    "code_review.failed": N_("Automatic review failed"),
    "comment.issue": N_("Issue comment"),
    "comment.pull_request": N_("{pr} comment"),
    "comment.review": N_("Code review comment"),
    "comment.commit": N_("Commit comment"),
    "comment.snippet": N_("Snippet comment"),
    "comment.edited": N_("Comment edited"),
    "issue.opened": N_("Issue opened"),
    "issue.closed": N_("Issue closed"),
    "issue.reopened": N_("Issue reopened"),
    "issue.updated": N_("Issue edited"),
    "issue.assigned": N_("Issue assigned"),
    "issue.confidential": N_("Confidential issues too"),
    "pipeline.failed": N_("Pipeline failed"),
    "pipeline.fixed": N_("Pipeline fixed"),
    "pipeline.running": N_("Pipeline started"),
    "pipeline.success": N_("Pipeline passed (every time)"),
    "pipeline.canceled": N_("Pipeline canceled"),
    "pipeline.skipped": N_("Pipeline skipped"),
    "pipeline.timed_out": N_("Pipeline timed out"),
    "pipeline.action_required": N_("Pipeline waiting for someone"),
    "pipeline.neutral": N_("Pipeline without a verdict"),
    "pipeline.stale": N_("Pipeline stale"),
    "pipeline.startup_failure": N_("Pipeline could not start"),
    "pipeline.child": N_("Child pipelines too"),
    "job.failed": N_("Job failed"),
    "deployment.running": N_("Deployment started"),
    "deployment.success": N_("Deployment succeeded"),
    "deployment.failed": N_("Deployment failed"),
    "deployment.canceled": N_("Deployment canceled"),
    "push.pushed": N_("Commits pushed"),
    "push.forced": N_("Force push"),
    "push.created": N_("Branch created"),
    "push.deleted": N_("Branch deleted"),
    "tag.created": N_("Tag created"),
    "tag.deleted": N_("Tag deleted"),
    "release.published": N_("Release published"),
    "release.updated": N_("Release edited"),
    "release.deleted": N_("Release deleted"),
    "wiki.created": N_("Wiki page created"),
    "wiki.updated": N_("Wiki page edited"),
    "wiki.deleted": N_("Wiki page deleted"),
    "documentation.updated": N_("Documentation changed"),
}

# By the event's `kind`.
_BUTTONS: Mapping[str, str] = {
    "pull_request": N_("Open {pr}"),
    "review": N_("Open {pr}"),
    "code_review": N_("Open review"),
    "comment": N_("Open comment"),
    "issue": N_("Open issue"),
    "pipeline": N_("Open pipeline"),
    "job": N_("Open job"),
    "deployment": N_("Open deployment"),
    "push": N_("View commits"),
    "tag": N_("Open tag"),
    "release": N_("Open release"),
    "wiki": N_("Open wiki"),
    "documentation": N_("View changes"),
    "hook_test": N_("Open on {forge}"),
}
_CATEGORIES: Mapping[Category, str] = {
    Category.PIPELINES: N_("Pipelines"),
    Category.MENTIONS: N_("Mentions"),
    Category.REVIEW_REQUESTS: N_("Review requests"),
    Category.CODE_REVIEWS: N_("Automatic reviews"),
    Category.COMMENTS: N_("Comments"),
    Category.PULL_REQUESTS: N_("{pr}s and reviews"),
    Category.ISSUES: N_("Issues"),
    Category.DOCUMENTATION: N_("Documentation, wiki"),
    Category.PUSHES: N_("Pushes and tags"),
    Category.RELEASES: N_("Releases, deployments"),
}
# Each as the object of "mute": Russian has the accusative.
_THIS: Mapping[SubjectKind, str] = {
    SubjectKind.PULL_REQUEST: N_("this {pr}"),
    SubjectKind.ISSUE: N_("this issue"),
    SubjectKind.COMMIT: N_("this commit"),
    SubjectKind.SNIPPET: N_("this snippet"),
    SubjectKind.PIPELINE: N_("this pipeline"),
    SubjectKind.JOB: N_("this job"),
    SubjectKind.WIKI: N_("this wiki page"),
    SubjectKind.BRANCH: N_("this branch"),
    SubjectKind.TAG: N_("this tag"),
    SubjectKind.RELEASE: N_("this release"),
    SubjectKind.DEPLOYMENT: N_("this deployment"),
    SubjectKind.HOOK: N_("this webhook"),
}
_MUTE = N_("🔕 Mute…")
_REVIEW_AGAIN = N_("🔁 Review again")
_PROJECT_BUTTON = N_("Open on {forge}")


def describe(name: str, language: str, words: ForgeWords) -> str:
    """What to call an event name of `events.CATALOGUE` ("Pipeline failed"). Raises `KeyError` for any other."""
    return translator(language)(_NAMES[name]).format(pr=words.pull_request_word)


def describe_kind(kind: str, language: str, words: ForgeWords) -> str:
    """What to call a kind of `events.CATALOGUE` ("Pipelines"). Raises `KeyError` for any other."""
    return translator(language)(_KINDS[kind]).format(pr=words.pull_request_word)


def button(kind: str | None, language: str, words: ForgeWords) -> str:
    """What the button says that opens the page of an event of this kind; `None` for the project's own page."""
    label = _PROJECT_BUTTON if kind is None else _BUTTONS[kind]
    return translator(language)(label).format(pr=words.pull_request_word, forge=words.title)


def mute_label(language: str) -> str:
    """What the button says that offers to hear less; short, for it stands beside another."""
    return translator(language)(_MUTE)


def review_again_label(language: str) -> str:
    """What the button says that has a pull request reviewed once more."""
    return translator(language)(_REVIEW_AGAIN)


def describe_category(category: Category, language: str, words: ForgeWords) -> str:
    """What to call a category of `/notifications` ("Review requests")."""
    return translator(language)(_CATEGORIES[category]).format(pr=words.pull_request_word)


def describe_subject(kind: SubjectKind, language: str, words: ForgeWords) -> str:
    """What to call the one that a message is about, as what is muted: "this PR"."""
    return translator(language)(_THIS[kind]).format(pr=words.pull_request_word)
