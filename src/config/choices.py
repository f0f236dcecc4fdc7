"""What settings with few values may be."""

from enum import StrEnum


class Access(StrEnum):
    """Who may use the bot."""

    PAIRING = "pairing"
    OPEN = "open"
    LIST = "list"


class Tunnel(StrEnum):
    """What makes this machine reachable from outside."""

    NGROK = "ngrok"
    CLOUDFLARED = "cloudflared"
    SSH = "ssh"


class Poll(StrEnum):
    """Whether projects that no webhook tells of are looked at."""

    AUTO = "auto"
    OFF = "off"


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"
