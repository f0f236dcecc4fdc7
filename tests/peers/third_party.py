"""Servers that nobody here wrote, started on 127.0.0.1: npm's telegram-test-api and emulate's GitHub."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from src.demo import ports

START = Path(__file__).with_name("start")
ROOT = START.parents[2]
BOT_TOKEN = "42:a-token-of-the-tests"
_SECONDS = 90  # to start, to answer or to end: each a program of its own on a busy machine


@asynccontextmanager
async def process(
    *command: str, until: str, environment: Mapping[str, str], stop: Callable[[asyncio.subprocess.Process], None]
) -> AsyncIterator[list[str]]:
    """A program from its line with `until` on, which every line of it is collected for; ended by `stop`."""
    running = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=dict(environment), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert running.stdout is not None
    lines: list[str] = []
    output = running.stdout

    async def read() -> str:
        line = (await output.readline()).decode()
        lines.append(line)
        return line

    async def drain() -> None:
        while await read():
            pass

    try:
        async with asyncio.timeout(_SECONDS):
            while until not in (line := await read()):
                assert line, f"{command} ended:\n{''.join(lines)}"
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(drain())
            try:
                yield lines
            finally:
                if running.returncode is None:
                    stop(running)
                async with asyncio.timeout(_SECONDS):
                    await running.wait()
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


@asynccontextmanager
async def peer(name: str, port: int, ready: str, *more: str) -> AsyncIterator[str]:
    """One of the servers of `start`; gives its address."""
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PEERS_HOME")}
    command = ("bash", str(START), name, str(port), *more)
    async with process(*command, until=ready, environment=environment, stop=asyncio.subprocess.Process.kill):
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def product(folder: Path, port: int, telegram: str, github: str) -> AsyncIterator[list[str]]:
    """``python main.py`` on these servers; gives its log. It is ended by SIGTERM, as an operator does."""
    environment = {
        "PATH": os.environ["PATH"],
        "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
        "TELEGRAM_API_URL": telegram,
        "GITHUB_API_URL": github,
        "GITLAB_URL": "http://127.0.0.1:9",  # nobody is there
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PORT": str(port),
        "ACCESS": "open",
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'app.db'}",
        "PYTHONUNBUFFERED": "1",
    }
    command = (sys.executable, "main.py")
    terminate = asyncio.subprocess.Process.terminate
    async with process(*command, until="listening on", environment=environment, stop=terminate) as lines:
        yield lines


def free_port(distance: int = 0) -> int:
    """A port that is free, and so is the one that many above it."""
    while True:
        port = ports.free_port()
        with socket.socket() as other:
            try:
                other.bind(("127.0.0.1", port + distance))
            except (OSError, OverflowError):
                continue
            return port


@dataclass(frozen=True)
class Said:
    """A message of the bot as it stands now."""

    id: int
    text: str
    keys: Mapping[str, str]  # callback data by label


class Chatter:
    """A person in a private chat with the bot, as telegram-test-api's own client does it."""

    def __init__(self, http: ClientSession, url: str, number: int, name: str) -> None:
        self._http = http
        self._url = url
        self._sender = {"id": number, "first_name": name, "is_bot": False, "language_code": "en"}
        self._chat = {"id": number, "first_name": name, "type": "private"}

    async def write(self, text: str) -> None:
        """A message; a command where it begins with a slash."""
        message: dict[str, Any] = {"from": self._sender, "chat": self._chat, "date": 1_800_000_000, "text": text}
        if text.startswith("/"):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
        await self._post("sendCommand" if "entities" in message else "sendMessage", message)

    async def press(self, label: str) -> None:
        """The newest button whose label contains this."""
        said = await self.wait(lambda said: any(label in key for key in said.keys), f"a button {label!r}")
        data = next(data for key, data in said.keys.items() if label in key)
        message = {"message_id": said.id, "date": 1_800_000_000, "chat": self._chat, "text": said.text}
        await self._post("sendCallback", {"from": self._sender, "message": message, "data": data})

    async def wait_text(self, *words: str) -> Said:
        """The newest message that contains all of these, as soon as there is one."""
        return await self.wait(lambda said: all(word in said.text for word in words), f"a text with {words}")

    async def wait(self, fits: Callable[[Said], bool], what: str) -> Said:
        """The newest message that fits, as soon as there is one."""
        for _ in range(_SECONDS * 10):
            found = await self.read()
            for said in reversed(found):
                if fits(said):
                    return said
            await asyncio.sleep(0.1)
        raise AssertionError(f"no {what}; there are:\n" + "\n---\n".join(said.text for said in found))

    async def read(self) -> list[Said]:
        """What the bot has written so far, as it stands after its edits."""
        history = await self._post("getUpdatesHistory", {"token": BOT_TOKEN})
        chat = str(self._chat["id"])  # what people send has no "chat_id"
        return [_said(item) for item in history["result"] if str(item.get("message", {}).get("chat_id")) == chat]

    async def calls(self) -> list[dict[str, Any]]:
        """Every Bot API call so far: path and body."""
        async with self._http.get(f"{self._url}/_calls") as response:
            calls = await response.json()
        return [call for call in calls if str(call.get("path", "")).startswith("/bot")]

    async def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        async with self._http.post(f"{self._url}/{path}", json={"botToken": BOT_TOKEN, **body}) as response:
            assert response.status == 200, await response.text()
            return await response.json()


def _said(item: Mapping[str, Any]) -> Said:
    message = item["message"]
    rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
    keys = {key["text"]: key.get("callback_data", key.get("url", "")) for row in rows for key in row}
    return Said(item["messageId"], message["text"], keys)


class Developer:
    """Somebody on GitHub, by the REST API."""

    def __init__(self, http: ClientSession, url: str, token: str) -> None:
        self._http = http
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def get(self, path: str) -> Any:
        """What is there."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, **body: Any) -> Any:
        """Make something."""
        return await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        url = f"{self._url}/{path}"
        async with self._http.request(method, url, json=body, headers=self._headers) as response:
            assert response.status in (200, 201), await response.text()
            return await response.json()
