"""The tables. What is stored is meaning: texts are rendered when they are sent."""

from src.database.models.base import Base, BigId, UtcDateTime, utc_now
from src.database.models.people import Account, Chat, DialogState, Invite, User
from src.database.models.polls import Poll
from src.database.models.projects import Forge, Hook, Mute, Project, Subscription
from src.database.models.relay import Delivery, Message, Missed, Sent, StoredEvent
from src.database.models.reviews import Review, Speaker
from src.database.models.work import Job, Lease, LogEntry

__all__ = [
    "Account",
    "Base",
    "BigId",
    "Chat",
    "Delivery",
    "DialogState",
    "Forge",
    "Hook",
    "Invite",
    "Job",
    "Lease",
    "LogEntry",
    "Message",
    "Missed",
    "Mute",
    "Poll",
    "Project",
    "Review",
    "Sent",
    "Speaker",
    "StoredEvent",
    "Subscription",
    "User",
    "UtcDateTime",
    "utc_now",
]
