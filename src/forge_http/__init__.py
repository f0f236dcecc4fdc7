"""The HTTP side that all forges share: one session, retries, rate limits, an ETag cache, errors as types."""

from src.forge_http.answers import Answer, Dialect, Refusal, flat_message, limit_from_headers, scrub
from src.forge_http.cache import EtagCache
from src.forge_http.instance import Instance, segment
from src.forge_http.news import OVERLAP, News, moment, share
from src.forge_http.resources import Resource, read, read_list
from src.forge_http.transport import Channel, Policy, Transport, open_session

__all__ = [
    "OVERLAP",
    "Answer",
    "Channel",
    "Dialect",
    "EtagCache",
    "Instance",
    "News",
    "Policy",
    "Refusal",
    "Resource",
    "Transport",
    "flat_message",
    "limit_from_headers",
    "moment",
    "open_session",
    "read",
    "read_list",
    "scrub",
    "segment",
    "share",
]
