"""What happens between the emulators and the product, as lines of the feed."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from src.demo.forge import DeliveryRecord
from src.demo.playground.ground import Playground
from src.demo.playground.views import GENERAL, PRIVATE, message_view
from src.demo.telegram import Call

_LONGEST = 1_000  # characters of a call's value
_TALKATIVE = ("aiogram.event", "aiohttp.access", "alembic.runtime")


@contextmanager
def logged(*handlers: logging.Handler) -> Iterator[None]:
    """Within it, all that is logged from INFO on goes to these alone: nothing is printed."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    talkative = {name: logging.getLogger(name).level for name in _TALKATIVE}
    root.handlers[:] = handlers
    root.setLevel(logging.INFO)
    for name in talkative:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        for name, was in talkative.items():
            logging.getLogger(name).setLevel(was)


def call_line(number: int, call: Call) -> dict[str, object]:
    """A call of the Bot API for the page; `number` counts from 1."""
    return {
        "number": number,
        "method": call.method,
        "chat": call.form.get("chat_id"),
        "status": call.status,
        "ok": call.ok,
        "description": call.description,
        "form": {name: value[:_LONGEST] for name, value in call.form.items()},
    }


def is_shown(call: Call) -> bool:
    """Whether the page shows it: the bot asks for updates all the time, which is news only when it is refused."""
    return bool(call.status) and (not call.ok or call.method.lower() != "getupdates")


def delivery_line(forge: str, project: str, record: DeliveryRecord) -> dict[str, object]:
    """A webhook that was sent, for the page; `ms` until its answer."""
    return {
        "forge": forge,
        "project": project,
        "hook": record.hook_id,
        "event": record.event,
        "action": record.action,
        "status": record.status,
        "ms": round(record.seconds * 1000),
        "id": record.delivery_id,
        "redelivery": record.redelivery,
        "number": record.number,
    }


def listen(ground: Playground, notice: Callable[[], None]) -> None:
    """From now on calls and webhooks become lines; `notice` is called after each."""

    def answered(index: int, call: Call) -> None:
        if is_shown(call):
            ground.feed.add("call", **call_line(index + 1, call))
            notice()

    ground.tg.server.on_answer(answered)
    for kind, forge in ground.forges.items():

        def sent(path: str, record: DeliveryRecord, kind: str = kind) -> None:
            ground.feed.add("delivery", **delivery_line(kind, path, record))
            notice()

        forge.on_delivery(sent)


async def watch_chats(ground: Playground, notice: Callable[[], None]) -> None:
    """What changes in chats becomes lines, for ever; `notice` is called after each change."""
    seen, standing = ground.tg.revision, ground.tg.standing()
    while True:
        now = await ground.tg.wait_change(seen, None)
        for message in ground.tg.changed_since(seen):
            view = message_view(ground, message)
            ground.feed.add("message", chat=view["chat"], topic=view["topic"], message=view)
        before, standing = standing, ground.tg.standing()
        for chat, value in standing.items():
            if before.get(chat) != value:
                ground.feed.add("chat", chat=GENERAL if chat == ground.group.id else PRIVATE)
        seen = now
        notice()
