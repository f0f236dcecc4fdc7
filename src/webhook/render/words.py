"""The forge's own words that a text needs."""

from typing import Protocol


class ForgeWords(Protocol):
    """What the texts need to know of a kind of forge; a `forge.ForgeType` is one."""

    @property
    def title(self) -> str:
        """Its name: "GitHub", "GitLab"."""

    @property
    def pull_request_word(self) -> str:
        """What it calls a pull request, in short: "PR", "MR"."""

    @property
    def pull_request_mark(self) -> str:
        """What stands before a pull request's number: "#", "!"."""
