"""Where comments may stand: the lines that a patch shows, hunk by hunk."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

_HEAD = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(slots=True)
class Hunk:
    """One hunk. Lines are counted from 1; `lines` are the hunk as it stands in the patch."""

    new: dict[int, int | None] = field(default_factory=dict)  # new line -> its old number, `None`: it was added
    old: dict[int, int | None] = field(default_factory=dict)  # old line -> its new number, `None`: it was removed
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """As much of the patch as the hunk is."""
        return "\n".join(self.lines)


@lru_cache(maxsize=64)  # every comment of a review asks again
def hunks(patch: str | None) -> tuple[Hunk, ...]:
    """The hunks of a patch without header; of a file without a patch none."""
    found: list[Hunk] = []
    old = new = 0
    for line in (patch or "").removesuffix("\n").split("\n"):
        head = _HEAD.match(line)
        if head:
            old, new = int(head[1]), int(head[2])
            found.append(Hunk())
        elif found and line.startswith("+"):
            found[-1].new[new] = None
            new += 1
        elif found and line.startswith("-"):
            found[-1].old[old] = None
            old += 1
        elif found and not line.startswith("\\"):
            found[-1].new[new], found[-1].old[old] = old, new
            old, new = old + 1, new + 1
        if found:
            found[-1].lines.append(line)
    return tuple(found)
