"""What a walk found, in plain text."""

from collections import Counter, deque
from collections.abc import Iterator

from tests.walk.screens import Key, Screen
from tests.walk.walker import Report, Trail


def dead_ends(report: Report) -> list[tuple[Screen, Trail]]:
    """Screens of open dialogs from which no presses lead to an end."""
    back: dict[Key | None, set[Key]] = {}
    for key, onwards in report.onwards.items():
        for onward in onwards:
            back.setdefault(onward, set()).add(key)
    reached: set[Key | None] = {None, *(key for key in report.screens if key not in report.onwards)}  # not walked from
    waiting: deque[Key | None] = deque(reached)
    while waiting:
        for key in back.get(waiting.popleft(), set()) - reached:
            reached.add(key)
            waiting.append(key)
    return [found for key, found in report.screens.items() if key.step and found[0].live and key not in reached]


def summary(report: Report, language: str) -> Iterator[str]:
    """The figures, and what is wrong."""
    places: Counter[tuple[str, str]] = Counter((key.spot, key.role) for key in report.screens)
    yield f"language {language}"
    for (spot, role), count in sorted(places.items()):
        presses = sum(n for place, n in report.presses.items() if place == (spot, role))
        yield f"  {role:9} {spot:8} {count:5} screens {presses:6} presses"
    figures = f"{len(report.screens):5} screens {report.presses.total():6} presses, {report.typed} texts"
    yield f"  {'in all':18} {figures}"
    steps = sorted({key.step for key in report.screens if key.step})
    yield f"{len(steps)} steps of dialogs: {', '.join(steps)}"
    yield f"{len(report.commands)} commands reached: {' '.join('/' + name for name in sorted(report.commands))}"
    yield f"buttons that lead out of the chat, not pressed: {', '.join(sorted(report.outside)) or 'none'}"
    yield f"{len(report.faults)} faults"
    met = Counter(fault.kind for fault in report.faults)
    first = {fault.kind: fault for fault in reversed(report.faults)}
    yield from (f"  ✗ {first[kind]}" + (f" (and {met[kind] - 1} more)" if met[kind] > 1 else "") for kind in met)


def screens(report: Report) -> Iterator[str]:
    """Every screen with its buttons, in the order of the walk."""
    for screen, trail in report.screens.values():
        yield f"── {screen.role} · {screen.spot} · {screen.step or 'no dialog'} · {trail}"
        yield screen.message.markdown
        yield from _buttons(screen)
        yield ""


def _buttons(screen: Screen) -> Iterator[str]:
    for row in screen.message.keyboard:
        yield "  " + "  ".join(f"[{button.text}{'' if button.data else ' ↗'}]" for button in row)
