"""Where a forge's API lives, and the rule that nothing with a token leaves it."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from yarl import URL

from src.forge import NotFound, Unavailable


def segment(value: str | int) -> str:
    """One segment of a path, escaped, slashes too. `NotFound` for what would address something else (``..``)."""
    text = str(value)
    if text in ("", ".", ".."):
        raise NotFound("An empty or relative name addresses nothing on a forge.")
    return quote(text, safe="")


@dataclass(frozen=True, slots=True)
class Instance:
    """The API of one forge. `base` is its address without a slash at the end, e.g. ``https://ghe.example/api/v3``."""

    title: str  # "GitHub"
    base: URL

    @classmethod
    def at(cls, title: str, base_url: str) -> Self:
        """Check the address; raises `ValueError` for one that is no plain http(s) address."""
        base = URL(base_url.rstrip("/"))
        if base.scheme not in ("http", "https") or not base.host:
            raise ValueError(f"The address of {title} must begin with http:// or https:// and name a host.")
        if base.user or base.password or base.raw_query_string or base.raw_fragment:
            raise ValueError(f"The address of {title} must hold no user, password, query or fragment.")
        return cls(title, base)

    @property
    def name(self) -> str:
        """How to call it in an error, e.g. ``GitHub (api.github.com)``."""
        return f"{self.title} ({self.base.authority})"

    def resolve(self, url: str, relative_to: URL | None = None) -> URL:
        """The address of a request, of a next page, of a redirect.

        `Unavailable` for one outside of this API: the token goes nowhere else, not even to another path of the host.
        """
        address = _address(url, relative_to or self.base)
        if address is not None and self._holds(address):
            return address
        where = f"{address.scheme}://{address.host}{address.raw_path}"[:200] if address else "something odd"
        raise Unavailable(f"{self.name} points to another address, {where}: the token was not sent there.")

    def _holds(self, address: URL) -> bool:
        ours = (self.base.scheme, self.base.host, self.base.port)
        below = address.raw_path.startswith(self.base.raw_path.rstrip("/") + "/")
        return (address.scheme, address.host, address.port) == ours and below and not address.user


def _address(url: str, relative_to: URL) -> URL | None:
    try:
        return relative_to.join(URL(url))
    except ValueError:
        return None
