"""What deviates from the rule, payload by payload, each with its reason; an entry that no longer holds fails the run."""

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

# Where our fields are not go-scm's, by the file's name and the field; `*` is every file of that forge.
DIFFERENCES: dict[tuple[str, str], str] = {}
