"""The words of a review's comments, by what they stand for."""

from collections.abc import Mapping

from src.agent.findings import Level, Why
from src.agent.left_out import LeftOut
from src.i18n import N_

LEVELS: Mapping[Level, str] = {
    Level.CRITICAL: N_("Critical error"),
    Level.SECURITY: N_("Security risk"),
    Level.STYLE: N_("Code style"),
    Level.OPINION: N_("A language model's opinion"),
}
COUNTS: Mapping[Level, str] = {  # side by side in one line of at most 140 characters
    Level.CRITICAL: N_("critical: {count}"),
    Level.SECURITY: N_("security: {count}"),
    Level.STYLE: N_("style: {count}"),
    Level.OPINION: N_("opinions: {count}"),
}
UNREAD: Mapping[Why, str] = {
    Why.TOO_LARGE: N_("too large"),
    Why.UNREADABLE: N_("not in the encoding that it says, or with line ends that nobody counts alike"),
    Why.CUT_SHORT: N_("the forge shows only a part of it"),
    Why.CRASHED: N_("the analyser died of it"),
    Why.TIMED_OUT: N_("it took too long"),
    Why.TOO_MANY: N_("too many files or findings"),
    Why.NEWER: N_("written for a newer Python than ours: a part of the checks did not see it"),
}
LEFT_OUT: Mapping[LeftOut, str] = {
    LeftOut.IGNORED: N_("ignored by the repository: {count}"),
    LeftOut.VENDORED: N_("other people's code: {count}"),
    LeftOut.GENERATED: N_("generated: {count}"),
    LeftOut.MINIFIED: N_("minified: {count}"),
    LeftOut.LOCK: N_("lock files: {count}"),
    LeftOut.BINARY: N_("binary: {count}"),
}
MORE = N_("{count} more")
AND_MORE = N_("and {count} more")
