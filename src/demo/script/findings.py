"""What a scene brought about against what it has to. Pure."""

from collections.abc import Iterator

from src.demo.script.scenes import Scene
from src.demo.script.stage import Told

_GROUPS = ("team", "general")
_PERSONAL = ("You: ", "Why: ")  # how a line begins that says why one person is told


def findings_of(scene: Scene, told: Told, names: dict[str, str]) -> Iterator[str]:
    """A sentence for each thing that is wrong; `names` has what to call each chat."""
    if not told.exchanges:
        yield "no webhook was sent at all"
    for exchange in told.exchanges:
        if exchange.status != scene.status:
            yield f"{exchange.path} was answered {exchange.status or 'nothing'}, not {scene.status}"
    for chat, name in names.items():
        got, due = [message.text for message in told.messages.get(chat, ())], scene.told.get(chat, ())
        for text in got[len(due) :]:
            yield f"{name} was told too much: {_first_line(text)}"
        for words in due[len(got) :]:
            yield f"{name} was told too little: a message with {_listed(words)} is missing"
        for text, words in zip(got, due, strict=False):
            missing = tuple(word for word in words if word not in text)
            if chat in _GROUPS and any(line.startswith(_PERSONAL) for line in text.split("\n")):
                yield f"{name} is a group and was addressed as one person: {_first_line(text)}"
            if missing:
                yield f"{name} was told something else: {_listed(missing)} is not in: {_first_line(text)}"


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0]


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"“{word}”" for word in words)
