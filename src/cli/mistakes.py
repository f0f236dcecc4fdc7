"""What an operator can do wrong, each in one line that says how to mend it (`ConfigError`)."""

import socket
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from src.cli.reaching import is_sqlite
from src.config import Access, ConfigError, Poll, Settings, Tunnel, load_settings
from src.database.crypto import SecretBox
from src.database.key_file import KeyFile

SPEAKS_TO_TELEGRAM = frozenset({"bot", "sender"})


def settings_for(roles: frozenset[str], tunnel: Tunnel | None = None) -> Settings:
    """The settings, with all that these roles need; `tunnel` as the command line has it."""
    settings = load_settings(tunnel=tunnel)
    check_networks(settings)
    if settings.telegram_bot_token is None and roles & SPEAKS_TO_TELEGRAM:
        raise ConfigError(
            "TELEGRAM_BOT_TOKEN: is not set; get one from @BotFather, "
            "or start only what needs none: `run --only webhook,worker`"
        )
    return settings


def check_networks(settings: Settings) -> None:
    """Refuse a name among the allowed networks that stands for none."""
    from src.forges import FORGE_TYPES

    publishing = sorted(kind for kind, forge in FORGE_TYPES.items() if forge.publishes_networks)
    named = [item for item in settings.webhook_allowed_networks if item.isalpha()]
    unknown = [item for item in named if item not in publishing]
    if unknown:
        raise ConfigError(
            f"WEBHOOK_ALLOWED_NETWORKS: `{unknown[0][:60]}` publishes no networks that can be asked for; "
            f"write them out, e.g. 192.0.2.0/24, or choose from {', '.join(publishing)}"
        )


def who_may(settings: Settings) -> str:
    """A line about who may use the bot with these settings."""
    if settings.access is Access.OPEN:
        return "ACCESS is open: everybody on Telegram may use the bot."
    if settings.access is Access.LIST:
        return "ACCESS is list: only those in ADMIN_IDS and ALLOWED_IDS may use the bot."
    if settings.admin_ids:
        return "ACCESS is pairing: those in ADMIN_IDS let others in with /invite."
    return (
        "ACCESS is pairing: while the bot has no admin, each start prints a code in the log; "
        "who sends it as /start CODE becomes the admin."
    )


def where_from_outside(settings: Settings) -> str | None:
    """A line about how the forges reach the relay; `None` where PUBLIC_URL says it all."""
    if settings.tunnel is not None and settings.public_url is None:
        return f"TUNNEL is {settings.tunnel}: its agent is asked for the public address."
    if settings.public_url is not None:
        return None
    otherwise = "hooks have to be made by hand" if settings.poll is Poll.OFF else "projects are polled"
    return f"PUBLIC_URL is not set: {otherwise}."


def check_key_file(settings: Settings, file: Path) -> None:
    """Refuse a key beside the database that opens nothing; one that is not there is made later."""
    if settings.secret_keys or not file.exists():
        return
    try:
        SecretBox(KeyFile(file).read())
    except (ValueError, OSError):
        raise ConfigError(
            f"{file}: holds no Fernet key; put the key back from your backup. If it is lost, delete the file: "
            "a new key is made, and everybody has to set their tokens anew"
        ) from None


def check_database(settings: Settings) -> None:
    """Refuse a file that cannot be written to; its folder is made where there is none. Servers are for `reach`."""
    if not is_sqlite(settings):
        return
    file = database_file(settings)
    check_folder(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except (sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:  # then another process works with it
            raise ConfigError(unusable(file, error)) from None


def check_folder(file: Path) -> None:
    """Refuse a path to the database that leads through something that is no folder, or that may not be entered."""
    try:
        nearest = next(folder for folder in file.absolute().parents if folder.exists())
    except OSError as error:
        raise ConfigError(unusable(file, error)) from None
    if not nearest.is_dir():
        raise ConfigError(unusable(file, f"{nearest} is no folder"))
    if file.is_dir():
        raise ConfigError(unusable(file, "it is a folder"))


def database_file(settings: Settings) -> Path:
    """Where a SQLite database stands."""
    return Path(make_url(settings.database_url).database or "")  # the settings refuse an address without a file


def unusable(file: Path, reason: object) -> str:
    """The line about a database file that cannot be used."""
    said = reason.strerror or str(reason) if isinstance(reason, OSError) else str(reason)
    return f"DATABASE_URL: cannot use {file} ({said}); give a file in a folder that this program may write to"


def is_of_binding(error: BaseException) -> bool:
    """Whether the relay could not listen. Names are looked up by others, too, but those wrap what goes wrong."""
    return isinstance(error, OSError) and (type(error) is socket.gaierror or "bind on address" in str(error))


def first(error: BaseException) -> str:
    """What the first of a group of errors says."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(getattr(error, "strerror", None) or error).rpartition(": ")[2]
