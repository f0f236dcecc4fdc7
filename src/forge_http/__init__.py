"""The HTTP side that all forges share: one session, retries, rate limits, an ETag cache, errors as types."""

from src.forge_http.answers import Answer, Dialect, Refusal, flat_message, limit_from_headers
from src.forge_http.cache import EtagCache
from src.forge_http.instance import Instance, segment
from src.forge_http.resources import Resource, read, read_list
from src.forge_http.transport import Channel, Policy, Transport, open_session

__all__ = [
    "Answer",
    "Channel",
    "Dialect",
    "EtagCache",
    "Instance",
    "Policy",
    "Refusal",
    "Resource",
    "Transport",
    "flat_message",
    "limit_from_headers",
    "open_session",
    "read",
    "read_list",
    "segment",
]
