"""The test cases of pep8-naming: ``testsuite/*.py`` holds snippets, each after a line that says what is in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from src.agent.findings import Source
from tests.bench.review.judged import Count, findings_of

_HEAD = re.compile(r"#: (?P<code>\w+)(?::\d+)*(?P<options>\(.+\))?\s*$")
# What spec 000 asks for: camelCase where snake_case is due. The other codes are about classes, self and imports.
_OURS = frozenset({"N802", "N803", "N806", "N815", "N816"})
_CAMEL = re.compile(r"\b_*[a-z][a-z0-9]*[A-Z]\w*\b")


@dataclass(frozen=True)
class Snippet:
    """One case: `code` is what pep8-naming says of it, or ``Okay``."""

    title: str
    code: str
    source: Source


def snippets(sdist: Path) -> Iterator[Snippet]:
    """The cases that need no option of pep8-naming's own."""
    for file in sorted((sdist / "testsuite").glob("*.py")):
        code, lines, start = "", list[str](), 0
        for number, line in enumerate([*file.read_text("utf-8").split("\n"), "#: END"], 1):
            head = _HEAD.match(line)
            if head is None:
                lines.append(line)
                continue
            if code and any(each.strip() for each in lines):
                source = Source(path=f"pep8-naming/{file.stem}_{start}.py", data=("\n".join(lines) + "\n").encode())
                yield Snippet(f"pep8-naming testsuite/{file.name}:{start}", code, source)
            code, lines, start = "" if head["options"] else head["code"], [], number


async def measure(sdist: Path) -> list[Count]:
    """Three counts: camelCase, every code that we know of, and the cases that are fine."""
    cases = list(snippets(sdist))
    found, _ = await findings_of(case.source for case in cases)
    camel, named = Count("pep8-naming: camelCase"), Count("pep8-naming: all its codes")
    for case in cases:
        spoken = [each for each in found[case.source.path] if each.rule == "naming" or each.rule.startswith("N8")]
        wanted = case.code != "Okay"
        named.add(case.title, wanted=wanted, found=bool(spoken), false=not wanted and bool(spoken))
        if case.code in _OURS and not _CAMEL.search(case.source.data.decode()):
            continue  # other capitals: "Bad = 1" in a function is no camelCase
        if case.code in _OURS or not wanted:
            ours = [each for each in spoken if each.rule == "naming"]
            camel.add(case.title, wanted=wanted, found=bool(ours), false=not wanted and bool(ours))
    return [camel, named]
