"""What came of a review of one head, before any of it is put into words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from src.agent.findings import Finding, Unread
from src.agent.left_out import LeftOut
from src.agent.repo_settings import Mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that came of a review of one head."""

    head_sha: str
    files: int  # that there is an analyser for, and that were given to it
    findings: tuple[Finding, ...]  # all that stand, whether they have a comment of their own or not
    unread: tuple[Unread, ...] = ()  # a path of "" is the pull request as a whole
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)  # by path
    claimed: tuple[str, ...] = ()  # of these, what an analyser would have read: left out on the pull request's word
    mistakes: tuple[Mistake, ...] = ()
    resolved: int = 0  # findings of earlier heads that are gone
    left_alone: int = 0  # findings that people resolved or answered
    model: str | None = None  # whose opinion is in the findings
    unheard: bool = False  # a model should have been heard, and none answered
    link: Callable[[str, int | None], str] | None = None  # path, line -> address of that line at this head

    @property
    def is_blind(self) -> bool:
        """Whether nothing was analysed, though there was something to analyse."""
        return bool(self.claimed) and not self.files

    @property
    def missed(self) -> int:
        """How many files were not analysed, or not wholly."""
        return len(self.unread) + (len(self.claimed) if self.is_blind else 0)
