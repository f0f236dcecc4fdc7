"""Event + reasons + language -> Notification. Pure: it is told everything and asks nobody."""

from src.webhook.render.digest import MOST_ASKS, Gathered, asks, render_digest
from src.webhook.render.labels import describe, describe_category, describe_kind, describe_subject
from src.webhook.render.nodes import compose, link, literal, name, page_url
from src.webhook.render.notification import Notification, render
from src.webhook.render.words import ForgeWords

__all__ = [
    "MOST_ASKS",
    "ForgeWords",
    "Gathered",
    "Notification",
    "asks",
    "compose",
    "describe",
    "describe_category",
    "describe_kind",
    "describe_subject",
    "link",
    "literal",
    "name",
    "page_url",
    "render",
    "render_digest",
]
