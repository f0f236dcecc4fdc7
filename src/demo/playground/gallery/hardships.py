"""Cards that try the relay: too many, twice, forged."""

from dataclasses import replace

from aiohttp import ClientSession, ClientTimeout

from src.demo.forge import DeliveryRecord
from src.demo.forge.sending import post
from src.demo.playground.gallery.personal import mention
from src.demo.playground.gallery.pulls import pull_of
from src.demo.playground.gallery.registry import COLLEAGUE, Deed, Gallery
from src.i18n import N_

CARDS = Gallery()
BURST = 30  # pushes


@CARDS.card(
    "burst",
    title=N_("A burst of 30 pushes"),
    sentence=N_(
        "Carl pushes 30 times, quickly, to the person's pull request. All are accepted at once; the bot tells of "
        "the first one by one, at Telegram's pace, and of the rest in one message."
    ),
    names=("pull_request.updated",),
    before=lambda deed: pull_of(deed, deed.about),
)
async def _burst(deed: Deed) -> None:
    pull = await pull_of(deed, deed.about)
    for number in range(1, BURST + 1):
        await deed.forge.push_to_pull_request(deed.path, COLLEAGUE, pull.number, title=f"Step {number} of {BURST}")


@CARDS.card(
    "duplicate",
    title=N_("The same delivery twice"),
    sentence=N_("Carl mentions the person, and the forge delivers that comment again with the same id: told once."),
    names=("comment.pull_request",),
)
async def _duplicate(deed: Deed) -> None:
    before = len(deed.forge.deliveries)
    await mention(deed)
    sent = deed.forge.deliveries[before:]
    if sent:
        await deed.forge.redeliver(sent[-1])


@CARDS.card(
    "bad_signature",
    title=N_("A bad signature"),
    sentence=N_("A stranger knows the webhook's address but not its secret: refused with 401, and nobody is told."),
)
async def _bad_signature(deed: Deed) -> list[DeliveryRecord]:
    home, hook = deed.hook
    event = {"github": "pull_request", "gitlab": "Merge Request Hook"}[deed.forge.kind]
    stranger = replace(hook, secret="a guess", signing_token=None)
    parcel = deed.forge.pack(home, stranger, event, {"action": "opened", "title": "Let me in"})
    async with ClientSession(timeout=ClientTimeout(total=10)) as session:
        return [await post(session, parcel, 0, deed.forge.world.now())]
