"""The guided list: what to try, in which order, and what shows that it was done."""

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from src.database.repositories import guided
from src.database.repositories.guided import Standing
from src.demo.playground.ground import OWNER, Playground
from src.i18n import N_
from src.webhook.reasons import Reason

# The product writes some of it down a moment after Telegram has shown it.
_SETTLED = 0.5  # seconds
_CODE = re.compile(r"/start ([0-9A-Z]{4}(?:-[0-9A-Z]{4}){2})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to try. `do` is what its button says; that fills the composer, or opens a card or the chat.

    Attributes:
        fill: the text for the composer; `{code}` and `{token}` stand for the demo's own.
        card: the event of the gallery to show.
    """

    name: str
    title: str
    what: str
    do: str
    happened: str
    fill: str | None = None
    card: str | None = None


STEPS = (
    Step(
        name="pair",
        title=N_("Pair"),
        what=N_("The bot belongs to nobody yet. It wrote a code into its log: send it as Ann to become its admin."),
        do=N_("Fill in the code"),
        happened=N_("The bot is Ann's now, and for invited people only: try it as Eve."),
        fill="/start {code}",
    ),
    Step(
        name="token",
        title=N_("Set a token"),
        what=N_("The bot looks at projects with your own token. This one is Ann's on the demo's GitHub."),
        do=N_("Fill in the token"),
        happened=N_("The token was checked and stored encrypted, and the message with it was deleted."),
        fill="/set_github_token {token}",
    ),
    Step(
        name="subscribe",
        title=N_("Subscribe"),
        what=N_("Follow acme/rocket: press GitHub, the project, Continue and Confirm."),
        do=N_("Fill in the command"),
        happened=N_("The bot made a webhook on the project: the Forge tab has it."),
        fill="/subscribe",
    ),
    Step(
        name="mention",
        title=N_("Be mentioned"),
        what=N_("Carl writes @ann in a comment. Send this event and look at Ann's chat."),
        do=N_("Show the event"),
        happened=N_("Ann was told, with the reason why. Whom it does not concern was told nothing."),
        card="mention",
    ),
    Step(
        name="pipeline",
        title=N_("Break and fix the pipeline"),
        what=N_("Send the failed pipeline, then the fixed one."),
        do=N_("Show the events"),
        happened=N_("Ann was told of the failure and, once, that it is fixed."),
        card="pipeline_failed",
    ),
    Step(
        name="mute",
        title=N_("Mute"),
        what=N_("Press 🔕 Mute… under a message and choose what Ann hears less of."),
        do=N_("Show the message"),
        happened=N_("From now on there is less of it. Send the event again to see."),
    ),
    Step(
        name="forget",
        title=N_("Delete my data"),
        what=N_("Send /delete_me and confirm: the bot forgets Ann."),
        do=N_("Fill in the command"),
        happened=N_("Token, subscriptions and records are gone, and the webhook, which nobody needs any more."),
        fill="/delete_me",
    ),
)
NAMES = tuple(step.name for step in STEPS)


def done(standing: Standing | None, before: frozenset[str]) -> frozenset[str]:
    """The steps that are done: those that were `before`, and those that this shows. Pure."""
    if standing is None:
        return before | {"forget"} if "pair" in before else before
    shown: Mapping[str, bool] = {
        "pair": standing.is_admitted,
        "token": standing.has_account,
        "subscribe": standing.follows,
        "mention": Reason.MENTIONED in standing.reasons,
        "pipeline": standing.was_mended,
        "mute": standing.hears_less,
    }
    return before | {name for name, is_shown in shown.items() if is_shown}


class FirstCode(logging.Handler):
    """Keeps the newest code that the bot wrote into its log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.code: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        if found := _CODE.search(record.getMessage()):
            self.code = found[1]


class Guide:
    """How far the owner has come in this world. Whatever may have brought them further is said to `notice`."""

    def __init__(self, ground: Playground, code: FirstCode) -> None:
        self._ground = ground
        self._code = code
        self._done: frozenset[str] = frozenset()
        self._noticed = asyncio.Event()

    def notice(self) -> None:
        """Something happened: look soon."""
        self._noticed.set()

    async def run(self) -> None:
        """Look whenever there is news, and once more when all is quiet again; for ever."""
        while True:
            await self._noticed.wait()
            while self._noticed.is_set():
                self._noticed.clear()
                await self.look()
                try:
                    async with asyncio.timeout(_SETTLED):
                        await self._noticed.wait()
                except TimeoutError:
                    await self.look()

    async def look(self) -> None:
        """Tick what is done by now."""
        async with self._ground.database.read() as session:
            standing = await guided.standing(session, self._ground.people[OWNER].id)
        after = done(standing, self._done)
        news, self._done = after - self._done, after
        for name in NAMES:
            if name in news:
                self._ground.feed.add("step", step=name, done=True)

    def view(self) -> dict[str, object]:
        """For the page: each step with whether it is done, which is next, and what its button fills in."""
        return {
            "steps": [
                {"name": step.name, "done": step.name in self._done, "fill": self._filled(step), "card": step.card}
                for step in STEPS
            ],
            "current": next((name for name in NAMES if name not in self._done), None),
        }

    def _filled(self, step: Step) -> str | None:
        """What belongs into the composer; `None` also where the bot has not made a code yet."""
        if step.fill is None or ("{code}" in step.fill and self._code.code is None):
            return None
        return step.fill.format(code=self._code.code, token=self._ground.tokens[OWNER])

    def routes(self) -> list[web.RouteDef]:
        """`GET /api/guide`: the view."""

        async def guide(_request: web.Request) -> web.Response:
            return web.json_response(self.view())

        return [web.get("/api/guide", guide)]
