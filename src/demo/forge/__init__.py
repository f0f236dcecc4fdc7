"""The forge emulators: their Protocol and what the two of them share."""

from src.demo.forge.protocol import CommentTarget, ForgeEmulator, Outage, Role, Unsupported, WikiWord
from src.demo.forge.records import Blob, Change, CommitSpec, DeliveryRecord, Files, Hook, RequestRecord

__all__ = [
    "Blob",
    "Change",
    "CommentTarget",
    "CommitSpec",
    "DeliveryRecord",
    "Files",
    "ForgeEmulator",
    "Hook",
    "Outage",
    "RequestRecord",
    "Role",
    "Unsupported",
    "WikiWord",
]
