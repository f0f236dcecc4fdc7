"""32 clients that post as forges do: each waits for its answer, repeats what was not acknowledged, and remembers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from src.demo.telegram.journal import Call
from tests.drills.ground import Change, Ground, changes_in

CLIENTS = 32
# Deliveries of a client that are not told yet: it goes as fast as the outbox drains, and a digest names all it holds.
AHEAD = 3
_FORGE_SECONDS = 10  # how long GitHub waits for an answer
_PAUSE = 0.03  # seconds

Ports = Callable[[], "int | None"]


class Load:
    """What was posted, and how it was answered."""

    def __init__(self, ground: Ground, ports: Ports, session: ClientSession, *, patience: float) -> None:
        self._ground = ground
        self._ports = ports
        self._session = session
        self._patience = patience
        self._stop = asyncio.Event()
        self.ahead = AHEAD  # one more at a moment makes every client post then, however far behind the outbox is
        self.acknowledged = [0] * CLIENTS  # of each client, the number of its last delivery that was answered 202
        self.answers: Counter[str] = Counter()
        self._told: Counter[tuple[int, int]] = Counter()  # by chat and client, the highest number
        ground.telegram.server.on_answer(self._heard)

    @property
    def changes(self) -> set[Change]:
        """All that was acknowledged."""
        return {Change(client, n) for client, last in enumerate(self.acknowledged) for n in range(1, last + 1)}

    def stop(self) -> None:
        """Begin nothing more; what was begun is repeated until it is acknowledged."""
        self._stop.set()

    async def run(self) -> None:
        """Post until `stop`."""
        async with asyncio.TaskGroup() as tasks:
            for client in range(CLIENTS):
                tasks.create_task(self._post_all(client))

    async def _post_all(self, client: int) -> None:
        while not self._stop.is_set():
            if self.acknowledged[client] - self._told_of(client) >= self.ahead:
                await asyncio.sleep(_PAUSE)
                continue
            await self._deliver(Change(client, self.acknowledged[client] + 1))
            self.acknowledged[client] += 1

    async def _deliver(self, change: Change) -> None:
        address, headers, body = self._ground.delivery(change)
        while True:
            port = self._ports()
            if port is not None:
                answer = await self._post(f"http://127.0.0.1:{port}{address}", headers, body)
                self.answers[answer] += 1
                if answer == "202":
                    return
            await asyncio.sleep(_PAUSE)

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> str:
        try:
            async with self._session.post(url, data=body, headers=headers) as answer:
                return str(answer.status)
        except (ClientError, OSError, TimeoutError) as error:
            return "late" if isinstance(error, TimeoutError) else "none"

    def _told_of(self, client: int) -> int:
        return min(self._told[chat, client] for chat in self._ground.place_of(client).followers)

    def _heard(self, _number: int, call: Call) -> None:
        if call.ok and call.method.lower() in ("sendmessage", "editmessagetext"):
            for change in changes_in(call.form["text"]):
                key = (int(call.form["chat_id"]), change.client)
                self._told[key] = max(self._told[key], change.number)


@asynccontextmanager
async def load(ground: Ground, ports: Ports, *, patience: float = _FORGE_SECONDS) -> AsyncIterator[Load]:
    """The clients post meanwhile; at the end all that they began is acknowledged."""
    async with ClientSession(timeout=ClientTimeout(patience), connector=TCPConnector(limit=0)) as session:
        made = Load(ground, ports, session, patience=patience)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(made.run())
            try:
                yield made
            except BaseException:
                running.cancel()  # nobody may be left who would ever answer
                raise
            made.stop()
