"""From GitLab's lists to the deliveries that its webhooks would have been. Pure.

What a webhook calls an update, GitLab's lists tell in system notes ("requested review from @ann"), with who did it
and when. The bodies have what the parse functions read, in the same words.
"""

from itertools import chain

import orjson

from src.forge import FoundDelivery
from src.gitlab_api.polling.found.code import code_acts
from src.gitlab_api.polling.found.look import SOURCES, Act, Look
from src.gitlab_api.polling.found.threads import thread_acts

__all__ = ["SOURCES", "Look", "synthesise"]

_WORDS = {  # the header of a delivery, and the attribute of a hook that asks for it
    "Merge Request Hook": "merge_requests_events", "Issue Hook": "issues_events",
    "Confidential Issue Hook": "confidential_issues_events", "Note Hook": "note_events",
    "Confidential Note Hook": "confidential_note_events", "Pipeline Hook": "pipeline_events",
    "Push Hook": "push_events", "Tag Push Hook": "tag_push_events", "Release Hook": "releases_events",
    "Wiki Page Hook": "wiki_page_events",
}  # fmt: skip
_VISIBILITY = {"public": 20, "internal": 10, "private": 0}


def synthesise(look: Look) -> tuple[FoundDelivery, ...]:
    """The deliveries, oldest first. Moves the cursors of `look.news` and the heads on."""
    acts = [act for act in chain(thread_acts(look), code_acts(look)) if _WORDS[act.event] in look.words]
    return tuple(_delivery(look, act) for act in sorted(acts, key=lambda act: act.at))


def _delivery(look: Look, act: Act) -> FoundDelivery:
    home = look.home
    project = {name: home.get(name) for name in ("id", "web_url", "path_with_namespace", "default_branch")}
    project["visibility_level"] = _VISIBILITY.get(home.get("visibility") or "private", 0)
    return FoundDelivery(
        key=f"poll:{act.key}"[:128],
        event=act.event,
        headers={"x-gitlab-event": act.event},
        body=orjson.dumps({"project": project, "project_id": home["id"], **act.payload}),
    )
