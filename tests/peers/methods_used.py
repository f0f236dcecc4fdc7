"""Which methods of the Bot API the sources call, read from their syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

import aiogram.methods
from aiogram import Bot

_METHODS = {name[0].lower() + name[1:] for name in aiogram.methods.__all__}
_SHORTCUTS = {  # of what arrives, by the variable's name; `event` may be either
    ("message", "answer"): {"sendMessage"},
    ("message", "reply"): {"sendMessage"},
    ("message", "delete"): {"deleteMessage"},
    ("message", "edit_text"): {"editMessageText"},
    ("message", "edit_reply_markup"): {"editMessageReplyMarkup"},
    ("message", "react"): {"setMessageReaction"},
    ("callback", "answer"): {"answerCallbackQuery"},
    ("query", "answer"): {"answerCallbackQuery"},
    ("event", "answer"): {"sendMessage", "answerCallbackQuery"},
}


def methods_used(*folders: Path) -> set[str]:
    """The names as Telegram spells them: ``sendMessage``."""
    return {
        method
        for folder in folders
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        for method in _of(node)
    }


def _of(call: ast.Call) -> Iterator[str]:
    match call.func:
        case ast.Name(id=name):  # SendMessage(...)
            method = name[0].lower() + name[1:]
            if name in aiogram.methods.__all__ and method in _METHODS:
                yield method
        case ast.Attribute(value=owner, attr=name):
            whose = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            whose = whose.lstrip("_")
            if whose == "bot" and hasattr(Bot, name):
                first, *rest = ("get_me" if name == "me" else name).split("_")
                method = first + "".join(word.capitalize() for word in rest)
                if method in _METHODS:
                    yield method
            yield from _SHORTCUTS.get((whose, name), ())
