"""Whose account a review is done with."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from src.agent.review import Place
from src.agent.threads import Poster
from src.database.credentials import Credentials
from src.database.database import Database
from src.database.models import Account, Forge, Project, Review
from src.database.repositories import accounts, reviews
from src.forge import ForgeClient, Identity, MissingPermission, ProjectRef, Unauthorized

log = logging.getLogger(__name__)

# The tokens of the settings, by kind and address of an instance: none ever sees another one's.
ForgeTokens = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Speakers:
    """Who may do a review, the best first; `None` is the account of the settings."""

    forge: Forge
    project: Project
    accounts: tuple[Account | None, ...]
    own: Identity | None  # of the settings' token
    ids: frozenset[str]  # the forge's ids of all that ever spoke for this program in the project


@dataclass(frozen=True, slots=True)
class Voices:
    """Finds who may do a review. One in a process: whose the settings' tokens are is asked once."""

    database: Database
    credentials: Credentials
    tokens: ForgeTokens
    _known: dict[tuple[str, str], Identity] = field(default_factory=dict)

    async def of(self, forge: Forge, project: Project, asked: Sequence[Review]) -> Speakers:
        """Who may do what was asked for.

        A person who asked on Telegram speaks as themselves. What came by a webhook is said by the account of the
        settings, else by those who turned reviews on: that there is a webhook shows that somebody who runs the
        project wants us there. What was found by looking shows no such thing, so that only who turned reviews on
        speaks. What came by the API is said by the account of the settings. Who asked while a push waited for its
        review speaks for none of these.
        """
        triggers = {review.trigger for review in asked}
        by_itself = bool(triggers & set(reviews.BY_ITSELF))
        people = dict.fromkeys(review.user_id for review in asked if review.trigger == "chat")
        async with self.database.read() as session:
            mine = [account for user in people if user for account in await accounts.of_user(session, user)]
            sponsors = await reviews.sponsors(session, project.id) if by_itself else ()
            ids = await reviews.voices(session, project.id)
        identity = await self._identity(forge)
        found: list[Account | None] = []
        if not by_itself:
            found += [account for account in mine if account.forge_id == forge.id]
        if identity is not None:
            ids |= {identity.id}
            found += [None] if triggers & {"webhook", "api"} else []
        found += sponsors
        alive = {account and account.id: account for account in found if account is None or account.dead_at is None}
        return Speakers(forge, project, tuple(alive.values()), identity, ids)

    def place(self, speakers: Speakers, account: Account | None) -> Place:
        """Where one of them speaks. Raises `Unauthorized` where a stored token cannot be read any more."""
        forge, project = speakers.forge, speakers.project
        if account is not None:
            client, own_id = self.credentials.client(forge, account), account.external_user_id
        elif (own := self._own_client(forge)) is not None and speakers.own is not None:
            client, own_id = own, speakers.own.id
        else:
            raise Unauthorized("there is no token for this instance")
        return Place(
            client=client,
            project=ProjectRef(external_id=project.external_id, path=project.path),
            forge=self.credentials.types[forge.kind],
            base_url=forge.base_url,
            poster=Poster(ids=speakers.ids | {own_id}, is_person=account is not None),
            own_id=own_id,
        )

    def _own_client(self, forge: Forge) -> ForgeClient | None:
        token = self.tokens.get((forge.kind, forge.base_url))
        return None if token is None else self.credentials.with_token(forge, token)

    async def _identity(self, forge: Forge) -> Identity | None:
        """Whose the settings' token for an instance is; `None`: there is none that works."""
        key = (forge.kind, forge.base_url)
        client = self._own_client(forge)
        if client is None:
            return None
        if key not in self._known:
            try:
                self._known[key] = await client.whoami()
            except (Unauthorized, MissingPermission) as error:
                log.warning("the token of the settings for %s is refused: %s", forge.kind, type(error).__name__)
                return None
        return self._known[key]
