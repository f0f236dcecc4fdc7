"""What deviates from the rule, payload by payload, each with its reason; an entry that no longer holds fails."""

_TAG_PUSH = "a push of a tag; `create` and `delete` tell of tags"
_BRANCH = "a branch was made or removed; its push tells of that"
_EMPTY_REVIEW = "a review that only comments and has no text; its comments arrive by themselves"
_NO_CONCLUSION = "completed without a conclusion: nothing is known of how it ended"
_OTHER_PING = "the ping of an organisation's or an app's hook speaks of no project"

_GHES = ("ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35")
_NEWER_GHES = ("ghes-34", "ghes-35")

# Their event and action are promised, and yet they are no event: ignored, every one.
NO_EVENT = {
    **{f"api.github.com/push[{number}]": _TAG_PUSH for number in (0, 1, 2, 3, 6)},
    **{f"{server}/push[0]": _TAG_PUSH for server in _GHES},
    **{f"{server}/push[1]": _TAG_PUSH for server in _NEWER_GHES},
    **{f"api.github.com/pull_request_review[{number}]": _EMPTY_REVIEW for number in (0, 2, 3)},
    **{f"{server}/pull_request_review[0]": _EMPTY_REVIEW for server in _GHES},
    **{f"{server}/pull_request_review[1]": _EMPTY_REVIEW for server in _NEWER_GHES},
    "api.github.com/workflow_run[0]": _NO_CONCLUSION,
    **{f"{server}/workflow_run[0]": _NO_CONCLUSION for server in _GHES},
    "api.github.com/ping[3]": _OTHER_PING,
    "go-scm/github/push_tag.json": _TAG_PUSH,
    "go-scm/github/push_tag_delete.json": _TAG_PUSH,
    "go-scm/github/branch_create.json": _BRANCH,
    "go-scm/github/branch_delete.json": _BRANCH,
    "go-playground/github/ping.json": _OTHER_PING,
}

# Neither told nor known, and rightly so.
UNKNOWN = {
    "go-playground/github/workflow_run.json": "its action is made up (`My workflow_run`)",
}

# Known and stored, and nobody is told: GitHub greets each new hook by itself.
GREETINGS = "/ping["

# Where our fields are not go-scm's, by file (as `fnmatch` has it) and field.
DIFFERENCES = {
    ("github/push_branch_delete.json", "sha"): "after a branch is gone there is no head; go-scm keeps GitHub's zeros",
    ("*/pr_*.json", "body"): "what was written is quoted where it is new: at the opening, not at each change",
    ("gitlab/pull_request_*", "body"): "as above",
    ("github/pr_ready_for_review.json", "action"): "`ready` is our word for `review_ready`",
    ("github/pr_review_submitted.json", "action"): "our word is the review's state",
    ("github/release_edited.json", "action"): "`updated` is our word for `edited`",
    ("github/release_edited.json", "description"): "quoted when the release is published",
    ("github/release_deleted.json", "description"): "as above",
    ("github/release_deleted.json", "link"): "the page of a release that is gone is gone; we lead to the list",
    ("github/pipeline_hook.json", "link"): "go-scm takes the API's address, we the page that a person opens",
    (
        "github/pipeline_hook.json",
        "status",
    ): "the action says in progress; go-scm reads the run, which had ended meanwhile",
    ("github/pipeline_hook.json", "target"): "the branch that a run's pull request aims at is not kept",
    (
        "gitlab/pull_request_review_ready*",
        "action",
    ): "go-scm takes any change of the draft flag for ready; here it was set",
    ("gitlab/*", "repo.private"): "go-scm says public of GitLab's visibility 0, which is private",
    (
        "gitlab/*",
        "author",
    ): "the payload names the author by number alone, and so do we; go-scm takes the sender for it",
    ("gitlab/*request*", "updated"): "go-scm leaves it out",
    ("gitlab/merge_request_comment*", "link"): "go-scm links the project, we the merge request",
    ("gitlab/pipeline_*", "number"): "go-scm takes the pipeline's id for a number; with us it is the id",
    ("gitlab/pipeline_*", "pull.number"): "go-scm takes the merge request's id for its number",
}
