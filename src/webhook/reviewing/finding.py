"""Finding the pull request that somebody names: on which forge it is, and whether it is there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from src.agent.asking import Ask, KnownForge, candidates
from src.database.models import Forge
from src.forge import ForgeClient, MissingPermission, NotFound, RemoteProject, RemotePullRequest, Unauthorized


@dataclass(frozen=True, slots=True)
class Door:
    """A forge and somebody's access to it."""

    forge: Forge
    known: KnownForge
    client: ForgeClient


@dataclass(frozen=True, slots=True)
class Located:
    """The pull request that was meant."""

    forge: Forge
    project: RemoteProject
    pull: RemotePullRequest


@dataclass(frozen=True, slots=True)
class Unseen:
    """It stands behind no door that opened."""

    refused: tuple[Door, ...] = ()  # whose tokens the forge does not accept: it may stand behind one of these


def variables(kinds: Iterable[str]) -> list[str]:
    """The settings that hold the tokens for these kinds of forge, each once."""
    return list(dict.fromkeys(f"{kind.upper()}_TOKEN" for kind in kinds))


async def locate(ask: Ask, doors: Sequence[Door]) -> Located | Unseen:
    """Look for it behind each door that it may be meant behind, in their order.

    Raises what the client raises where a forge does not answer.
    """
    meant = list(candidates(ask, [door.known for door in doors]))
    refused: list[Door] = []
    for door in doors:
        if door.known not in meant:
            continue
        try:
            project = await door.client.project_by_path(ask.path)
            return Located(door.forge, project, await door.client.pull_request(project.ref, ask.number))
        except Unauthorized:
            refused.append(door)
        except (NotFound, MissingPermission):
            continue
    return Unseen(tuple(refused))
