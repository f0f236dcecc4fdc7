"""What is done in each dialog of the guide."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from src.demo import reviewed
from src.demo.guide.player import Player, WrongTurn
from src.demo.script.stage import ROCKET
from src.forges import FORGE_TYPES
from src.i18n import languages, native_name
from src.webhook.categories import Category
from src.webhook.render import describe_category, describe_kind
from src.webhook.render.labels import mute_label

Dialog = Callable[[Player], Awaitable[None]]

_GITHUB = FORGE_TYPES["github"]
_GAUGE = "Fuel gauge for the second tank"


@dataclass(frozen=True, slots=True)
class Chapter:
    """Dialogs that follow one another on one stage, by the names that the guide has them under."""

    access: str  # the setting ACCESS
    dialogs: Mapping[str, Dialog]


async def pairing(player: Player) -> None:
    """The code from the log makes an admin, who lets somebody in."""
    code = await player.logged(r"/start (\S+?),? ")
    await player.say(f"/start {code}")
    player.show()
    await player.say("/invite")
    player.show()


async def invited(player: Player) -> None:
    """The link that the admin passed on. Clients show no more of it than the command."""
    link = re.search(r"\?start=(\w+)", player.place.last.text)
    if link is None:
        raise WrongTurn("no link to pass on")
    player.as_("bob")
    await player.say(f"/start {link[1]}", shown_as="/start")
    player.show()


async def token(player: Player) -> None:
    """A token is asked for, given and taken out of the chat."""
    await player.say("/set_github_token")
    player.show()
    await player.say(player.stage.tokens["ann"], deleted=True, until="Next: /subscribe")
    player.show()


async def subscribe(player: Player) -> None:
    """From the platform to the summary."""
    await player.say("/subscribe")
    player.show()
    await player.press(_GITHUB.title, until="Which {forge} project?")
    player.show()
    await player.press(ROCKET, until="{project}: what shall I tell here? Press a line for its details.")
    player.show()
    await player.press("Continue ›")
    player.show()
    await player.press("Confirm", until="You will be told here of what concerns you.")
    player.show()


async def group(player: Player) -> None:
    """In a topic of a forum: its own choice."""
    player.as_("ann", player.stage.topic)
    await player.say("/subscribe")
    await player.press(_GITHUB.title, until="Which {forge} project?")
    await player.press(ROCKET)
    await player.press("None")
    for kind in ("pipeline", "release"):
        await player.press(describe_kind(kind, player.language, _GITHUB))
        await player.press("Usual")
        await player.press("‹ Back")
    player.show()
    await player.press("Continue ›")
    player.show()
    await player.press("Confirm", until="Everything chosen will be told here.")
    player.show()


async def notification(player: Player) -> None:
    """A review is asked for, then an answer."""
    github = player.stage.github
    await github.open_pull_request(
        ROCKET, "bob", _GAUGE, body="Shows litres, not percent.", source="fuel-gauge", reviewers=["ann"]
    )
    await player.told(_GAUGE)
    player.show()
    await github.comment(ROCKET, "bob", "pull_request", 1, "@ann which tank comes first?")
    await player.told("which tank")
    player.show()


async def mute(player: Player) -> None:
    """This pull request alone."""
    await player.told("which tank")
    await player.press(mute_label(player.language))
    player.show()
    await player.press("🔕 Mute {what}", told=True)
    player.show()


async def reviews(player: Player) -> None:
    """They are turned on, and somebody opens a pull request with a problem or two."""
    await player.say("/subscribe")
    await player.press(_GITHUB.title, until="Which {forge} project?")
    await player.press(ROCKET)
    await player.press(describe_kind("code_review", player.language, _GITHUB))
    await player.press("All")
    await player.press("‹ Back")
    await player.press("Continue ›")
    player.show()
    await player.press("Confirm", until="✓ {project}: your choice is stored.")
    await player.stage.github.open_pull_request(ROCKET, "bob", reviewed.TITLE, source="telemetry", files=reviewed.FILES)
    await player.told(reviewed.TITLE)
    player.show()


async def review(player: Player) -> None:
    """Asked for by hand, with the outcome in place of how far it was."""
    await player.say(f"/review {ROCKET} 2", until="Code reviewed")
    player.show()


async def notifications(player: Player) -> None:
    """Comments come without a sound."""
    await player.say("/notifications")
    player.show()
    await player.press("All subscriptions here")
    player.show()
    await player.press(describe_category(Category.COMMENTS, player.language, _GITHUB))
    await player.press("Save")
    player.show()


async def list_(player: Player) -> None:
    """A pause, and other events."""
    await player.say("/list_subscriptions")
    player.show()
    await player.press(ROCKET)
    player.show()
    await player.press("⏸ Till tomorrow", told=True)
    await player.press("▶️ Resume", told=True)
    await player.press("✏️ Change events")
    await player.press(describe_kind("wiki", player.language, _GITHUB))
    await player.press("All")
    await player.press("‹ Back")
    player.show()
    await player.press("Continue ›")
    player.show()
    await player.press("Confirm", until="✓ {project}: your choice is stored.")
    player.show()


async def status(player: Player) -> None:
    """What is there, and a test event on its way."""
    await player.say("/status")
    player.show()
    await player.press("Webhooks…")
    await player.press(ROCKET)
    await player.press("Send test event", until="It works: what happens there arrives here.")
    player.show()
    await player.press("Close")


async def unsubscribe(player: Player) -> None:
    """The short way."""
    await player.say("/unsubscribe")
    player.show()
    await player.press(ROCKET)
    player.show()
    await player.press("Stop following")
    player.show()


async def language(player: Player) -> None:
    """Another one, and the one of the guide again."""
    await player.say("/language")
    player.show()
    await player.press(native_name(next(code for code in languages() if code != player.language)))
    player.show()


async def privacy(player: Player) -> None:
    """With the details."""
    await player.say("/privacy")
    player.show(expand=True)


async def delete(player: Player) -> None:
    """All goes."""
    await player.say("/delete_me")
    player.show()
    await player.press("Delete everything", until="What I wrote here stays in this chat until you delete the chat.")
    player.show()


DIALOGS = (
    Chapter("pairing", {"pairing": pairing, "invited": invited}),
    Chapter(
        "open",
        {
            "token": token,
            "subscribe": subscribe,
            "group": group,
            "notification": notification,
            "mute": mute,
            "reviews": reviews,
            "review": review,
            "notifications": notifications,
            "list": list_,
            "status": status,
            "unsubscribe": unsubscribe,
            "privacy": privacy,
            "delete": delete,
            "language": language,
        },
    ),
)
