"""The table of `make bench`: what is a figure, and what is written."""

import json
from pathlib import Path

import pytest

from tests.bench import load, table
from tests.bench.payload import SIZE, Deliveries, body
from tests.bench.table import figure, in_turns


async def test_runs_take_turns_forwards_and_backwards() -> None:
    order: list[str] = []

    async def run(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = await in_turns({"a": lambda: run("a"), "b": lambda: run("b")}, rounds=3)
    assert "".join(order) == "abbaab"
    assert found == {"a": [1, 4, 5], "b": [2, 3, 6]}


def test_the_ratio_is_that_of_each_round() -> None:
    """One round in which the machine was busy with something else changes neither."""
    found = figure("x", "a second", [50, 5, 60], [100, 10, 100], at_least=0.45)
    assert (found.value, found.reference, found.ratio) == (50, 100, 0.5)
    assert (found.promise, found.kept) == ("at least 0.45", True)
    assert not figure("x", "ms", [1, 2, 3], at_most=1.5).kept


def test_figures_are_written_beside_those_of_other_runs(tmp_path: Path) -> None:
    file = tmp_path / "build" / "bench.json"
    table.write([figure("a", "ms", [1.0]), figure("b", "ms", [2.0], [4.0])], file)
    table.write([figure("a", "ms", [3.0])], file)
    assert json.loads(file.read_text()) == {
        "a": {"value": 3.0, "unit": "ms", "reference": None, "ratio": None},
        "b": {"value": 2.0, "unit": "ms", "reference": 4.0, "ratio": 0.5},
    }


def test_a_broken_promise_shows_in_the_table() -> None:
    shown = table.table([figure("a", "ms", [1.0], at_most=2), figure("b", "ms", [3.0], [1.0], at_most=2)])
    assert [line.split()[-1] for line in shown.splitlines()[1:]] == ["kept", "BROKEN"]


def test_the_deliveries_of_the_bench_are_of_the_usual_size_and_none_is_like_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CORPUS", raising=False)
    assert SIZE <= len(body()) <= SIZE + 200
    made = Deliveries("/webhook/github/hook1", 80, "run")
    sent = [b"".join(next(made)) for _ in range(3)]
    for part in (b"X-GitHub-Delivery: ", b"X-Hub-Signature-256: sha256="):
        assert len({one.partition(part)[2][:36] for one in sent}) == 3
    assert len({one.partition(b"\r\n\r\n")[2] for one in sent}) == 3


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 202 Accepted\r\nContent-Le", False),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{", False),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n0\r\n\r\n", True),
    ],
)
def test_an_answer_is_read_to_its_end(answer: bytes, whole: bool) -> None:
    assert load.is_whole(answer) is whole
