"""Our emulator beside npm's telegram-test-api: where the two differ, Telegram's documentation says who is right."""

from collections.abc import Iterator

import pytest
from aiohttp import ClientSession

from tests.peers.honest_calls import CALLS
from tests.peers.honest_calls.named import Named, filled
from tests.peers.honest_stage import Scene, answered, ours, theirs
from tests.peers.third_party import free_port, peer

_BARE = 1000  # so far above our additions listens the package as it is
_WIDTHS = (40, 58, 46)


@pytest.mark.timeout(400)
async def test_where_we_differ_telegram_is_with_us(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints the table. An answer that is not written down fails, and so does a written difference that is none."""
    port = free_port(_BARE)
    rows: list[tuple[Named, str, str, str]] = []
    async with peer("telegram", port, "telegram up"), ClientSession() as http:
        for number, named in enumerate(CALLS, 1):
            async with ours(http, paced=named.paced) as scene:
                own = await answered(scene, named)
            scene = await theirs(http, f"http://127.0.0.1:{port + _BARE}", number)
            rows.append((named, own, await answered(scene, named), _written(named, scene)))
    with capsys.disabled():
        print("\n" + "\n".join(_table(rows)))
    assert [named.name for named, own, _, _ in rows if own != named.telegram] == []
    assert [(named.name, other) for named, _, other, written in rows if other != written] == []


def _written(named: Named, scene: Scene) -> str:
    """What their answer is said to be; a difference that is none would pass for one."""
    if named.theirs is None:
        return named.telegram
    assert named.theirs != named.telegram, f"{named.name}: no difference"
    return filled(named.theirs, scene.facts)


def _table(rows: list[tuple[Named, str, str, str]]) -> Iterator[str]:
    yield _line("call", "ours, as Telegram's", "telegram-test-api", "known from")
    for named, own, other, _ in rows:
        same = own == other
        yield _line(named.name, own, "the same" if same else other, named.rule)
    differing = sum(own != other for _, own, other, _ in rows)
    yield f"{len(rows)} calls, {differing} of them answered otherwise there; ours is what the last column speaks of"


def _line(*cells: str) -> str:
    *cut, last = cells
    return " | ".join((*map(_fitted, cut, _WIDTHS), last))


def _fitted(cell: str, width: int) -> str:
    return f"{cell[: width - 1]}…" if len(cell) > width else cell.ljust(width)
