"""The forge emulators: their Protocol and what the two of them share."""

from src.demo.forge.protocol import CommentTarget, ForgeEmulator, Outage, Role, Unsupported, WikiWord
from src.demo.forge.records import Change, CommitSpec, DeliveryRecord, Hook, RequestRecord

__all__ = [
    "Change",
    "CommentTarget",
    "CommitSpec",
    "DeliveryRecord",
    "ForgeEmulator",
    "Hook",
    "Outage",
    "RequestRecord",
    "Role",
    "Unsupported",
    "WikiWord",
]
