"""The database, its schema, and whether the keys open what is stored in it."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from src.database import migrate
from src.database.crypto import SecretBox, UndecryptableError
from src.database.database import Database
from src.database.models import Account, Forge, Hook, utc_now
from src.database.repositories import checkup, people
from src.doctor import postgresql
from src.doctor.findings import Finding, Inputs

_MEND = "look at DATABASE_URL and at who may write there; a server has to run and to know user and password"


@dataclass(frozen=True, slots=True)
class Stored:
    """What the other checks need to know of the database."""

    accounts: tuple[tuple[Account, Forge], ...] = ()
    hooks: tuple[Hook, ...] = ()
    leases: tuple[str, ...] = ()  # the names of those that somebody holds
    has_admin: bool = False  # by a code, besides ADMIN_IDS


async def check(inputs: Inputs) -> tuple[list[Finding], Stored]:
    """The findings about the database, and what is stored in it. Makes no file where there is none."""
    if (absent := _absent(inputs.database_url)) is not None:
        return [absent], Stored()
    try:
        database = Database(inputs.database_url)
        try:
            return await _examine(database)
        finally:
            await database.close()
    except (SQLAlchemyError, OSError, ValueError) as error:  # of these the driver's own, about an option it cannot take
        cause = getattr(error, "orig", None) or error
        said = str(cause).partition(">: ")[2] or str(cause)
        return [Finding("database", "fail", f"The database cannot be used: {said.splitlines()[0]}.", _MEND)], Stored()


def _absent(url: str) -> Finding | None:
    """What there is to say where the file does not exist yet."""
    parsed = make_url(url)
    file = Path(parsed.database or "")
    if parsed.get_backend_name() != "sqlite" or file.exists():
        return None
    nearest = next(parent for parent in file.absolute().parents if parent.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding("database", "ok", f"{file} is not there yet; the first start makes it.")
    return Finding("database", "fail", f"{file} cannot be made: {nearest} is no folder to write to.", _MEND)


async def _examine(database: Database) -> tuple[list[Finding], Stored]:
    async with database.write() as session:
        await session.connection()  # takes the write lock, which a read-only file or folder refuses
    writable = [Finding("database", "ok", "The database can be written to.")]
    if not database.is_sqlite:
        writable += await _server(database)
    found, stored = await _schema(database)
    return [*writable, *found], stored


async def _server(database: Database) -> list[Finding]:
    async with database.read() as session:
        asked = utc_now()
        server = await checkup.server(session)
        return [postgresql.server(server), *postgresql.clock(server, asked, utc_now())]


async def _schema(database: Database) -> tuple[list[Finding], Stored]:
    at = await migrate.revisions(database)
    if at and not migrate.knows(at[0]):
        says = f"The schema is at {at[0]}, which a newer version of this program made."
        return [Finding("migrations", "fail", says, "update this program, or restore a backup")], Stored()
    if not await migrate.is_current(database):
        says = f"The schema is {f'at {at[0]}, not the newest' if at else 'not made yet'}."
        return [Finding("migrations", "warn", says, "`python main.py migrate`; `run` does it, too")], Stored()
    async with database.read() as session:
        stored = Stored(
            accounts=tuple(await checkup.accounts(session)),
            hooks=tuple(await checkup.hooks(session)),
            leases=tuple(await checkup.held_leases(session, utc_now())),
            has_admin=await people.has_admin(session),
        )
    return [Finding("migrations", "ok", f"The schema is the newest ({at[0]}).")], stored


def catching_up(stored: Stored) -> list[Finding]:
    """The hooks of which a failed delivery cannot be had again; nothing where there are none."""
    found = [hook for hook in stored.hooks if hook.uncaught is not None]
    if not found:
        return []
    shown = ", ".join(str(hook.id) for hook in found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
    says = f"What fails to arrive by {'hook' if len(found) == 1 else 'hooks'} {shown} is lost: nobody can ask for it."
    mend = "`python main.py log --kind hook` says why: an old forge, or a token without the right"
    return [Finding("catching up", "warn", says, mend)]


def keys(inputs: Inputs, stored: Stored) -> tuple[Finding, SecretBox | None]:
    """Whether SECRET_KEYS open every stored token and secret; and the box, where the keys are keys."""
    sealed = [(f"the token of {account.login}", account.token) for account, _ in stored.accounts]
    sealed += [(f"the secret of hook {hook.id}", hook.secret) for hook in stored.hooks]
    if not inputs.secret_keys:
        if sealed:
            return _lost([name for name, _ in sealed]), None
        return Finding("keys", "ok", "There is no key yet; the first start makes one beside the database."), None
    try:
        box = SecretBox(inputs.secret_keys)
    except ValueError:
        mend = "restore it from the backup, or put the key into SECRET_KEYS"
        return Finding("keys", "fail", "The key file beside the database holds no Fernet key.", mend), None
    lost = [name for name, value in sealed if not _opens(box, value)]
    if lost:
        return _lost(lost), box
    return Finding("keys", "ok", f"The keys open everything that is stored ({len(sealed)})."), box


def _opens(box: SecretBox, sealed: bytes) -> bool:
    try:
        box.open(sealed)
    except UndecryptableError:
        return False
    return True


def _lost(names: list[str]) -> Finding:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    mend = "put the lost key back into SECRET_KEYS, or have the tokens set anew"
    return Finding("keys", "fail", f"No key opens {shown}.", mend)
