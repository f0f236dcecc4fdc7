"""Long lists on a phone: what does not fit its screen stands in a quote that opens at a press. Pure."""

from collections.abc import Sequence

from aiogram.utils.formatting import ExpandableBlockQuote, Text

from src.webhook.render.nodes import joined

SCREEN = 25  # lines of a message that a narrow phone shows at once
_COLUMNS = 36  # of forty: words are not broken
_FOLDED = 4  # lines of a quote that is not opened


def lines_of(text: Text) -> int:
    """About how many lines of a narrow phone a text takes, all quotes open."""
    shown, _ = text.render()
    return sum(map(_height, shown.split("\n")))


def _height(line: str) -> int:
    """A word that is longer than a line begins on one of its own."""
    long_words = sum(len(word) > _COLUMNS for word in line.split(" "))
    return max(1, -(-len(line) // _COLUMNS)) + long_words


def folded(blocks: Sequence[Text], room: int = SCREEN) -> Text:
    """The blocks below one another: as many as fit into so many lines, the others in a quote behind them."""
    sizes = [lines_of(block) for block in blocks]
    if sum(sizes) <= room:
        return joined(blocks, "\n")
    first = 0
    while sum(sizes[: first + 1]) <= room - _FOLDED:
        first += 1
    return joined([*blocks[:first], ExpandableBlockQuote(joined(blocks[first:], "\n"))], "\n")
