"""The methods of the Bot API that the emulator knows."""

from src.demo.telegram.methods import chats, messages, profile, reactions, receiving
from src.demo.telegram.methods.registry import METHODS, Method

__all__ = ["METHODS", "Method", "chats", "messages", "profile", "reactions", "receiving"]
