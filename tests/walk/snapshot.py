"""The state of a theatre at one moment, and the way back to it: a copy of the database and of the emulators."""

import pickle
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from pathlib import Path

from src.demo.forge import ForgeEmulator
from src.demo.telegram.model import StoredChat
from src.demo.telegram.world import World

_CLOCK = "now"  # of a forge's world: the one thing in it that is no state


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a press can change. Close it when nobody goes back to it any more."""

    database: sqlite3.Connection
    chats: tuple[StoredChat, ...]
    forges: tuple[bytes, ...]

    def close(self) -> None:
        """Let go of the copy."""
        self.database.close()


def take(database: Path, telegram: World, forges: Sequence[ForgeEmulator]) -> Snapshot:
    """Copy it all; nothing may be under way."""
    kept = sqlite3.connect(":memory:")
    with closing(sqlite3.connect(database)) as live:
        live.backup(kept)
    return Snapshot(kept, tuple(_copy(chat) for chat in telegram.chats.values()), tuple(_worlds(forges)))


def go_back(snapshot: Snapshot, database: Path, telegram: World, forges: Sequence[ForgeEmulator]) -> None:
    """Make everything as it was. People and chats that tests hold stay the same objects."""
    with closing(sqlite3.connect(database)) as live:
        snapshot.database.backup(live)
    for kept in snapshot.chats:
        copied, chat = _copy(kept), telegram.chats[kept.id]
        for field in fields(StoredChat):
            setattr(chat, field.name, getattr(copied, field.name))
    telegram.queue.pending.clear()
    for emulator, kept_world, now_world in zip(forges, snapshot.forges, _worlds(forges), strict=True):
        emulator.clear_outages()
        emulator.requests.clear()
        if kept_world != now_world:
            vars(vars(emulator)["world"]).update(pickle.loads(kept_world))  # noqa: S301 - our own


def _worlds(forges: Sequence[ForgeEmulator]) -> list[bytes]:
    return [
        pickle.dumps({name: value for name, value in vars(vars(emulator)["world"]).items() if name != _CLOCK})
        for emulator in forges
    ]


def _copy(chat: StoredChat) -> StoredChat:
    return replace(
        chat,
        members=dict(chat.members),
        topics={number: replace(topic) for number, topic in chat.topics.items()},
        messages={number: replace(message) for number, message in chat.messages.items()},
    )
