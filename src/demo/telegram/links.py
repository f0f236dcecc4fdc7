"""Which addresses Telegram takes in links and buttons. Pure."""

import re
from urllib.parse import SplitResult, urlsplit

_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:")
_USER_LINK = re.compile(r"^tg:(?://)?user\?(?:.*&)?id=(\d+)(?:&.*)?$")


class WrongLink(ValueError):
    """The address is not one that Telegram opens; the message is Telegram's."""


def checked_link(link: str) -> str:
    """The address as Telegram keeps it: host in lower case, a path where there was none.

    As in TDLib's LinkManager: http, https, tg and ton; a web address needs a host with a dot, so
    ``http://localhost`` is refused. Raises WrongLink.
    """
    link = link.strip()
    if link.lower().startswith(("tg:", "ton:", "tonsite:")):
        return link
    scheme = _SCHEME.match(link)
    if scheme and not link.lower().startswith(("http://", "https://")) and "." not in scheme.group():
        raise WrongLink(f"URL '{link}' is invalid: Unsupported URL protocol")
    try:
        parts = urlsplit(link if "://" in link else f"http://{link}")
        port = parts.port
    except ValueError as error:
        raise WrongLink(f"URL '{link}' is invalid: Wrong HTTP URL") from error
    host = parts.hostname or ""
    if (("." not in host.strip(".")) and ":" not in host) or any(c.isspace() for c in link):
        raise WrongLink(f"URL '{link}' is invalid: Wrong HTTP URL")
    return _normal(parts, host, port)


def link_user_id(link: str) -> int | None:
    """The person whom a ``tg://user?id=`` link mentions."""
    match = _USER_LINK.match(link.strip())
    return int(match.group(1)) if match else None


def _normal(parts: SplitResult, host: str, port: int | None) -> str:
    credentials, at, _ = parts.netloc.rpartition("@")
    shown = f"[{host}]" if ":" in host else host
    netloc = credentials + at + shown + (f":{port}" if port is not None else "")
    return parts._replace(scheme=parts.scheme.lower(), netloc=netloc, path=parts.path or "/").geturl()
