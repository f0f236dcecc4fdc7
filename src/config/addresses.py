"""Addresses that an operator writes: what they may look like, and what is said of those that cannot be."""

from ipaddress import ip_network
from urllib.parse import urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

SQLITE = "sqlite+aiosqlite:///data/git-assistant.db"
_POSTGRESQL = "postgresql+asyncpg://user:password@host/name"
_POSTGRESQL_OPTIONS = frozenset(
    {"host", "passfile", "port", "prepared_statement_cache_size", "ssl", "target_session_attrs"}
)


def checked_database_url(value: str) -> str:
    """The address as it was given. Raises `ValueError`, in words that fit behind the name of a setting or option."""
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):  # whose own words may hold a part of the password
        raise ValueError(f"is no database address; write {SQLITE}, or {_POSTGRESQL}") from None
    if url.drivername == "postgresql+asyncpg":
        if not url.database:
            raise ValueError(f"names no database; write {_POSTGRESQL}")
        if unknown := sorted(set(url.query) - _POSTGRESQL_OPTIONS):
            asked = unknown[0] if unknown[0].isidentifier() else "?"
            raise ValueError(
                f"has the option {asked[:40]}; this driver takes {', '.join(sorted(_POSTGRESQL_OPTIONS))} "
                "(for sslmode=require write ssl=require)"
            )
        try:
            url.get_dialect()().create_connect_args(url)
        except (ArgumentError, ValueError):
            raise ValueError("has a host, port or number behind the ? that cannot be") from None
        return value
    if url.get_backend_name() in ("postgres", "postgresql"):
        raise ValueError(f"needs the driver asyncpg: write postgresql+asyncpg:// in front, as in {_POSTGRESQL}")
    if url.drivername != "sqlite+aiosqlite" or url.database in (None, "", ":memory:"):
        raise ValueError(f"needs the driver sqlite+aiosqlite and a file, e.g. {SQLITE}; or {_POSTGRESQL}")
    return value


def parts(value: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def checked_address(value: str) -> str:
    """An address of HTTP without a slash at its end; `ValueError` as of `checked_database_url`."""
    if any(character.isspace() for character in value):
        raise ValueError("must be an address without spaces")
    try:
        found = urlsplit(value)
        port = found.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("has a host or port that cannot be; a port is a number from 1 to 65535")
    if found.scheme not in ("http", "https") or not found.hostname:
        raise ValueError("must be an address that starts with https:// or http://")
    if found.username or found.password or found.query or found.fragment:
        raise ValueError("must be a plain address without a user name, ? or #")
    return value.rstrip("/")


def checked_network(value: str) -> str:
    """A network, or one address; `ValueError` as of `checked_database_url`."""
    try:
        return str(ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"holds {value[:60]!r}, which is no network; write e.g. 192.0.2.0/24") from None


def checked_github_api(value: str) -> str:
    """An address that is not that of the web site; `ValueError` as of `checked_database_url`."""
    if urlsplit(value).hostname in ("github.com", "www.github.com"):
        raise ValueError("is GitHub's web site; its API is at https://api.github.com")
    return value
