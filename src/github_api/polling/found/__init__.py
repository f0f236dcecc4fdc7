"""From GitHub's lists to the deliveries that its webhooks would have been. Pure.

The bodies have what the parse functions read, in the same words, so that one act has one happening whichever way it
comes. Moments are those of the act: a list shows a pull request as it is now, a webhook as it was then.
"""

from itertools import chain

import orjson

from src.forge import FoundDelivery
from src.github_api.polling.found.code import code_acts
from src.github_api.polling.found.look import SOURCES, Act, Look
from src.github_api.polling.found.threads import thread_acts

__all__ = ["SOURCES", "Look", "synthesise"]


def synthesise(look: Look) -> tuple[FoundDelivery, ...]:
    """The deliveries, oldest first. Moves the cursors of `look.news` and the heads on."""
    acts = [act for act in chain(thread_acts(look), code_acts(look)) if act.event in look.words]
    return tuple(_delivery(look, act) for act in sorted(acts, key=lambda act: act.at))


def _delivery(look: Look, act: Act) -> FoundDelivery:
    body = {"repository": look.repository, "sender": act.by, **act.payload}
    return FoundDelivery(
        key=f"poll:{act.key}"[:128],
        event=act.event,
        headers={"x-github-event": act.event, "content-type": "application/json"},
        body=orjson.dumps(body),
    )
