"""What we ask of ruff: the selection, and the few settings that differ from its defaults."""

from src.agent.rules import BY_CODE

# Exact codes where the group is a preview of ruff's: `explicit-preview-rules` lets no other preview rule in.
# Not asked for, as pycodestyle itself leaves them out by default: E226, E241, E242.
_WHITESPACE = (
    "E111", "E112", "E113", "E114", "E115", "E116", "E117",
    "E201", "E202", "E203", "E204", "E211", "E221", "E222", "E223", "E224", "E225", "E227", "E228",
    "E231", "E251", "E252",
    "E261", "E262", "E265", "E266", "E271", "E272", "E273", "E274", "E275",
    "E301", "E302", "E303", "E304", "E305", "E306", "W391",
)  # fmt: skip
_PEP8 = ("E4", "E7", "W1", "W2", "W6", "F", "N80", "N811", "N812", "N813", "N814", "N815", "N816", "N817")
_MISTAKES = ("B006", "B012", "B904", "PLE")
_SECURITY = ("S",)
# What would be said of sound code again and again: an assert; an import of what may be misused, whose use is told
# anyway; every subprocess, with a constant command, too; and names that a star import may bring, which is told once.
_NOISE = ("S101", "S4", "S603", "S607", "F405")

SELECT = (*_WHITESPACE, *_PEP8, *_MISTAKES, *_SECURITY, *sorted(BY_CODE.keys() - {"E501"}))
IGNORE = _NOISE
# Of no use in tests: made-up passwords and folders, requests without a time-out to a server of the test's own.
NOT_IN_TESTS = ("S105", "S106", "S107", "S108", "S113", "S311", "PLR2004")
