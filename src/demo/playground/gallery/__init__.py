"""The gallery of events: a card for each. A card is one entry in one of these modules and nothing else."""

from src.demo.playground.gallery import hardships, personal, public, reviewing
from src.demo.playground.gallery.hardships import BURST
from src.demo.playground.gallery.registry import COLLEAGUE, Card, Deed

__all__ = ["BURST", "CARDS", "COLLEAGUE", "Card", "Deed"]

CARDS: dict[str, Card] = {
    name: card for module in (personal, public, reviewing, hardships) for name, card in module.CARDS.cards.items()
}
