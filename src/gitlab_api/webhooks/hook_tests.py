"""GitLab's *Test* button, where the payload shows it."""

from src.events import HookTestEvent, Subject, SubjectKind
from src.gitlab_api.webhooks import neutral
from src.gitlab_api.webhooks.registry import Delivery
from src.gitlab_api.webhooks.wire import Payload


def hook_test(payload: Payload, delivery: Delivery, *, kind: str, number: int, project_id: str | None) -> HookTestEvent:
    """The event for a payload of a merge request or an issue that tells no action.

    GitLab sends its newest one as it stands, so two tests differ by the id of their delivery alone. For the other
    kinds the button sends what a real event would have sent, and nothing tells them apart.
    """
    home = neutral.project(payload, external_id=project_id)
    return HookTestEvent(
        project=home,
        subject=Subject(kind=SubjectKind.HOOK, id="hook", title=home.path, url=home.url),
        happening=neutral.happening("hook_test", home, kind, number, delivery.uuid),
        actor=neutral.person(payload.user, home),
        about=kind,
    )
