"""The pull request that the demo shows, with every problem that reviews are about, reviewed on both forges."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.demo import reviewed
from tests.review_stage import CHOSEN, Reviews, reviewing

RULES = Counter(
    {
        "syntax-error": 1,
        "bare-except": 1,
        "swallowed-exception": 1,
        "print": 1,
        "line-too-long": 1,
        "naming": 1,
        "magic-number": 2,
    }
)
LEFT = Counter({"swallowed-exception": 1, "line-too-long": 1, "naming": 1, "magic-number": 1})
OFFERED = {"bare-except", "swallowed-exception", "print", "naming"}  # with a change to apply by one click


@pytest.fixture(params=["github", "gitlab"])
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Reviews]:
    """Ann, who administers the project, turned reviews on; Bob opened the pull request, and it was reviewed."""
    async with reviewing(tmp_path, request.param) as made:
        await made.life.follow("ann", *CHOSEN)
        assert await made.open(reviewed.FILES, title=reviewed.TITLE) == 1
        await made.settle()
        yield made


def rules(bodies: list[str]) -> Counter[str]:
    """What comments on lines are about, by the rule that each names."""
    return Counter(found for body in bodies for found in re.findall(r"<sub>\[?`([\w-]+)`", body))


def bodies(stage: Reviews, *, is_open: bool | None = None) -> list[str]:
    return [body for _, _, body in stage.threads(1, is_open=is_open)]


async def summary(stage: Reviews) -> str:
    (only,) = await stage.summaries(1)
    return only.body


def numbered(text: str) -> list[tuple[str, str]]:
    """Severity and line of each numbered problem."""
    return re.findall(r"(?m)^\d+\. \*\*([\w ]+)\*\* \(\[?line (\d+)", text)


async def test_every_problem_has_a_comment_on_its_line(stage: Reviews) -> None:
    assert rules(bodies(stage)) == RULES
    assert {(path, line) for path, line, _ in stage.threads(1)} >= {
        (reviewed.CONSOLE, 4),
        (reviewed.TELEMETRY, 13),
        (reviewed.TELEMETRY, 19),
        (reviewed.TELEMETRY, 25),
        (reviewed.TELEMETRY, 34),
    }
    assert await stage.states() == [("done", None)]


async def test_changes_are_offered_where_the_right_one_is_known(stage: Reviews) -> None:
    offered = [body for body in bodies(stage) if "```suggestion" in body]
    assert set(rules(offered)) == OFFERED
    (print_fix,) = (body for body in offered if "`print`" in body)
    assert '    log.info("litres left: %s", litres)\n' in print_fix


async def test_the_summary_numbers_the_problems_the_gravest_of_each_file_first(stage: Reviews) -> None:
    text = await summary(stage)
    assert text.startswith("🤖 **Automatic code review**")
    assert "🔍 **Problems found:**" in text
    found = numbered(text)
    assert found[:3] == [("Critical error", "4"), ("Critical error", "13"), ("Critical error", "28")]
    assert {severity for severity, _ in found[3:]} == {"Code style"}
    assert {line for _, line in found[3:]} == {"19", "20", "25", "34"}
    assert text.count("💡 **Recommendation**: ") == len(found) == RULES.total()
    assert "💡 I recommend fixing these problems before merging." in text


async def test_pushed_with_half_of_them_fixed_nothing_is_repeated_and_the_fixed_ones_are_resolved(
    stage: Reviews,
) -> None:
    before = bodies(stage)
    await stage.push(1, reviewed.HALF_FIXED)
    await stage.settle()
    assert bodies(stage) == before
    assert rules(bodies(stage, is_open=False)) == RULES - LEFT
    assert rules(bodies(stage, is_open=True)) == LEFT
    assert await stage.states() == [("done", None), ("done", None)]


async def test_pushed_with_half_of_them_fixed_the_summary_is_updated_in_place(stage: Reviews) -> None:
    (first,) = await stage.summaries(1)
    await stage.push(1, reviewed.HALF_FIXED)
    await stage.settle()
    (second,) = await stage.summaries(1)
    assert second.id == first.id
    assert numbered(second.body)[0] == ("Critical error", "29")  # the added line moved it
    assert len(numbered(second.body)) == LEFT.total()
    assert f"✅ Fixed since the last review: {(RULES - LEFT).total()}." in second.body


async def test_the_status_of_each_commit_has_its_counts(stage: Reviews) -> None:
    assert await stage.status(1) == ("failure", "critical: 3, style: 5")
    await stage.push(1, reviewed.HALF_FIXED)
    await stage.settle()
    assert await stage.status(1) == ("failure", "critical: 1, style: 3")


async def test_one_message_has_the_counts_and_the_three_worst(stage: Reviews) -> None:
    (told,) = await stage.told()
    assert (told.critical, told.style, told.posted, told.unread) == (3, 5, 8, 0)
    assert [(each.path, each.line) for each in told.worst] == [
        (reviewed.CONSOLE, 4),
        (reviewed.TELEMETRY, 13),
        (reviewed.TELEMETRY, 28),
    ]
    assert {each.level for each in told.worst} == {"critical"}
