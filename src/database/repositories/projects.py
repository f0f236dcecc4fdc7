"""Projects, by the forge's own id."""

from collections.abc import Collection

from sqlalchemy import func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Project
from src.events import Project as NamedProject
from src.forge import RemoteProject

_PATH = 512  # characters, which no forge's path has; PostgreSQL refuses more


async def find(session: AsyncSession, forge_id: int, external_id: str) -> Project | None:
    """The project that a delivery speaks of."""
    return await session.scalar(select(Project).where(Project.forge_id == forge_id, Project.external_id == external_id))


async def get(session: AsyncSession, project_id: int) -> Project:
    """One project by our id."""
    return await session.get_one(Project, project_id)


async def by_id(session: AsyncSession, project_id: int) -> Project | None:
    """As `get`, of one that may be gone."""
    return await session.get(Project, project_id)


async def known(session: AsyncSession, project_id: int) -> Project | None:
    """One project by our id, if it is still known."""
    return await session.get(Project, project_id)


async def ensure(session: AsyncSession, forge_id: int, remote: RemoteProject) -> Project:
    """The row of a project as the API shows it now: made when absent, its path and visibility brought up to date."""
    found = await find(session, forge_id, remote.external_id)
    if found is None:
        found = Project(forge_id=forge_id, external_id=remote.external_id)
        session.add(found)
    found.path, found.url, found.private = remote.path[:_PATH], remote.url, remote.private
    found.default_branch = remote.default_branch
    await session.flush()
    return found


async def hold(session: AsyncSession, project_ids: Collection[int]) -> None:
    """From here to the end of the transaction nobody else decides what is told of these projects.

    What was told already is read before it is written. On SQLite there is one writer anyway.
    """
    if project_ids and session.get_bind().dialect.name != "sqlite":
        query = select(Project.id).where(Project.id.in_(project_ids)).order_by(Project.id)
        await session.execute(query.with_for_update(key_share=True))


async def refresh(session: AsyncSession, project_id: int, seen: NamedProject) -> None:
    """A delivery shows the project under another name, or with another visibility."""
    values: dict[str, object] = {"path": seen.path[:_PATH]}
    if seen.url is not None:
        values["url"] = seen.url
    if seen.private is not None:
        values["private"] = seen.private
    await session.execute(
        update(Project).where(Project.id == project_id).values(**values).execution_options(synchronize_session=False)
    )


async def rename_group(session: AsyncSession, forge_id: int, path: str, new_path: str) -> None:
    """A group has another name, and with it all that is below it."""
    await session.execute(
        update(Project)
        .where(Project.forge_id == forge_id, Project.path.istartswith(f"{path}/", autoescape=True))
        .values(path=func.substr(literal(new_path) + func.substr(Project.path, len(path) + 1), 1, _PATH))
        .execution_options(synchronize_session=False)
    )
