"""What is done in each dialog of the guide."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from src.demo.guide.player import Player

Dialog = Callable[[Player], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Chapter:
    """Dialogs that follow one another on one stage, by the names that the guide has them under."""

    access: str  # the setting ACCESS
    dialogs: Mapping[str, Dialog]


async def start(player: Player) -> None:
    """The first words."""
    await player.say("/start")
    player.show()


async def token(player: Player) -> None:
    """A token is asked for, given and taken out of the chat."""
    await player.say("/set_github_token")
    player.show()
    await player.say(player.stage.tokens["ann"], deleted=True)
    player.show()


async def subscribe(player: Player) -> None:
    """From the platform to the summary."""
    await player.say("/subscribe")
    player.show()
    for label in ("GitHub", "acme/rocket", "Continue ›", "Confirm"):
        await player.press(label)
        player.show()


DIALOGS = (Chapter("open", {"start": start, "token": token, "subscribe": subscribe}),)
