"""A Bot API server on loopback, as strict as Telegram, and a driver for the people who use the bot."""

from src.demo.telegram.driver import Person, PrivateChat
from src.demo.telegram.emulator import DEMO_TOKEN, TelegramEmulator
from src.demo.telegram.entities import Entity
from src.demo.telegram.errors import Refusal
from src.demo.telegram.faults import FaultKind
from src.demo.telegram.journal import Call
from src.demo.telegram.keyboards import Button
from src.demo.telegram.limits import Limits
from src.demo.telegram.rooms import Chat, Group, Topic
from src.demo.telegram.server import TelegramServer, Validator
from src.demo.telegram.views import Message
from src.demo.telegram.world import Answer

__all__ = [
    "DEMO_TOKEN",
    "Answer",
    "Button",
    "Call",
    "Chat",
    "Entity",
    "FaultKind",
    "Group",
    "Limits",
    "Message",
    "Person",
    "PrivateChat",
    "Refusal",
    "TelegramEmulator",
    "TelegramServer",
    "Topic",
    "Validator",
]
