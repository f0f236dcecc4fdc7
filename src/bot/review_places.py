"""Where a pull request that somebody names can be looked for, and the next step of who cannot look there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from aiogram.utils.formatting import Code, Text

from src.agent.asking import Ask, KnownForge, candidates
from src.bot.deps import BotDeps, Scene
from src.bot.explain import token_command
from src.database.models import Account, Forge
from src.database.repositories import accounts
from src.i18n import Translator
from src.webhook.render import compose, name
from src.webhook.render.nodes import joined


@dataclass(frozen=True, slots=True)
class Places:
    """The instances that a pull request may be meant on, the default ones first, and what opens them for a person."""

    open: tuple[tuple[Forge, Account], ...]
    refused: tuple[Forge, ...]  # their token is no longer accepted there
    shut: tuple[Forge, ...]  # they gave no token for it

    def without(self, refused: Forge) -> "Places":
        """The same once an instance has refused its token."""
        left = tuple(each for each in self.open if each[0].id != refused.id)
        return replace(self, open=left, refused=(*self.refused, refused))

    @property
    def want_tokens(self) -> bool:
        """Whether a token more would open another one."""
        return bool(self.refused or self.shut)


def known_forges(deps: BotDeps) -> list[KnownForge]:
    """The configured instances, as links and references name them."""
    return [KnownForge.of(deps.type_of(forge), forge.base_url) for forge in deps.forges]


async def places_of(scene: Scene, ask: Ask) -> Places:
    """Where it may be meant, as the person who asks gets there."""
    async with scene.deps.database.read() as session:
        own = await accounts.of_user(session, scene.visit.user_id)
    meant = [(forge.kind, forge.base_url) for forge in candidates(ask, known_forges(scene.deps))]
    instances = [forge for forge in scene.deps.forges if (forge.kind, forge.base_url) in meant]
    alive = {account.forge_id for account in own if account.dead_at is None}
    dead = {account.forge_id for account in own} - alive
    found = [(forge, one) for forge in instances for one in own if one.forge_id == forge.id and one.dead_at is None]
    return Places(
        open=tuple(found),
        refused=tuple(forge for forge in instances if forge.id in dead),
        shut=tuple(forge for forge in instances if forge.id not in alive | dead),
    )


def without_token(places: Places, deps: BotDeps, t: Translator) -> Text:
    """What to do where the person has no token that is accepted."""
    if not places.refused and len(places.shut) == 1:
        (forge,) = places.shut
        template = t("First I need your {forge} token, in a private chat with me: {command}")
        return compose(template, forge=_called(forge, deps), command=_command(forge, deps))
    if not places.refused:
        commands = joined([_command(forge, deps) for forge in places.shut], t(" or "))
        return compose(t("First I need a token of yours, in a private chat with me: {commands}"), commands=commands)
    return joined(_ways_in(places, deps, t), "\n")


def not_found(
    project: Text, looked: Collection[Forge], trouble: Text | None, places: Places, deps: BotDeps, t: Translator
) -> Text:
    """What to do where it was not found on these instances. `trouble`: what went wrong with one of them."""
    if not looked and trouble is None:
        return joined(_ways_in(places, deps, t), "\n")
    # Translators: {forges} is "GitHub", or "GitHub or GitLab"
    template = t("I find no {project} on {forges}: check how it is written, and whether your token sees it.")
    named = joined([_called(forge, deps) for forge in looked], t(" or "))
    said = trouble or compose(template, project=project, forges=named)
    return joined([said, *_ways_in(places, deps, t)], "\n")


def _ways_in(places: Places, deps: BotDeps, t: Translator) -> Sequence[Text]:
    """A sentence for each instance where nobody could look."""
    refused = t("{forge} refuses your token: it is wrong, expired or revoked. Set a new one with {command}.")
    shut = t("If it is on {forge}, I need your token for that, in a private chat with me: {command}")
    closed = [(refused, forge) for forge in places.refused] + [(shut, forge) for forge in places.shut]
    return [compose(said, forge=_called(forge, deps), command=_command(forge, deps)) for said, forge in closed]


def _called(forge: Forge, deps: BotDeps) -> Text:
    """The kind's name, with the host where people may use several of the kind."""
    forge_type = deps.type_of(forge)
    if len(deps.instances(forge.kind)) < 2:
        return Text(forge_type.title)
    return Text(forge_type.title, " (", name(forge_type.web_url(forge.base_url).partition("://")[2]), ")")


def _command(forge: Forge, deps: BotDeps) -> Text:
    """The command that sets a token for this very instance. With an address it is to be copied: a tap sends none."""
    command = token_command(forge.kind)
    if forge.id == deps.instances(forge.kind)[0].id:
        return Text(command)
    return Text(Code(f"{command} {deps.type_of(forge).web_url(forge.base_url)}"))
