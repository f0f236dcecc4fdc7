"""Which events ask for a review: written in the transaction that ends their delivery."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Forge, Hook, Project
from src.database.repositories import polls, projects, reviews
from src.events import Event, PullRequestAction, PullRequestEvent
from src.forge import RemoteProject

TOLD_AS = "code_review.done"  # the name of their news, which a forge whose pull requests we can review has
_ACTIONS = frozenset({
    PullRequestAction.OPENED,
    PullRequestAction.REOPENED,
    PullRequestAction.UPDATED,
    PullRequestAction.READY,
})  # fmt: skip


def _nobody() -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Asks for reviews of pull requests that are new, or have new commits.

    A project has its pull requests reviewed where somebody who follows it has chosen to hear of reviews, or where its
    webhook is made by hand with the secret of the settings and these have a token for its forge, too.
    """

    tokens: Collection[tuple[str, str]] = ()  # instances, by kind and address, that the settings have a token for
    asked: Callable[[], None] = _nobody  # there is something to review

    async def ask(
        self,
        session: AsyncSession,
        hook: Hook,
        forge: Forge,
        events: Sequence[Event],
        followed: Collection[str],
        now: datetime,
    ) -> bool:
        """Ask for what these events of a delivery call for. Whether they did; call `asked` after the transaction.

        `followed`: the forge's ids of the projects that this hook may bring news of and somebody follows.
        """
        found = False
        for event in events:
            if not isinstance(event, PullRequestEvent) or event.action not in _ACTIONS or event.subject.number is None:
                continue
            project = await self._project(session, hook, forge, event, followed)
            sha = event.refs.head_sha
            if project is None or (sha and await reviews.is_known(session, project.id, event.subject.number, sha)):
                continue
            trigger = "poll" if hook.origin == polls.ORIGIN else "webhook"
            number = event.subject.number
            await reviews.ask(session, project_id=project.id, number=number, trigger=trigger, now=now)
            found = True
        return found

    async def _project(
        self, session: AsyncSession, hook: Hook, forge: Forge, event: PullRequestEvent, followed: Collection[str]
    ) -> Project | None:
        """The project, if its pull requests are reviewed. One that nobody follows is remembered from here on."""
        named = event.project
        known = await projects.find(session, forge.id, named.external_id)
        if hook.origin == "environment" and (forge.kind, forge.base_url) in self.tokens:
            if known is not None and known.path == named.path:
                return known
            remote = RemoteProject(
                external_id=named.external_id,
                path=named.path,
                url=named.url or "",
                private=named.private is not False,
                default_branch=named.default_branch,
            )
            return await projects.ensure(session, forge.id, remote)
        if known is None or named.external_id not in followed:
            return None
        return known if await reviews.is_wanted(session, known.id) else None
