"""What a person does on the forge's pages by the buttons of the tab "Forge"."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from src.demo.forge import CommentTarget
from src.demo.forge.state import Project, PullRequest, Thread
from src.demo.playground.ground import refuse_real_token
from src.demo.playground.traffic import Emulator
from src.i18n import Translator
from src.web.guard import ApiError

_LONGEST_TEXT = 2_000  # characters of a comment


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Somebody (`by`) does something to a pull request or an issue."""

    forge: Emulator
    project: Project
    thread: Thread
    by: str
    text: str
    line_thread: int | None  # the one on lines that it is about
    t: Translator

    @property
    def pull(self) -> PullRequest:
        """The pull request. Raises `ApiError` where it is an issue."""
        if not isinstance(self.thread, PullRequest):
            raise ApiError(self.t("This can be done to a pull request only."))
        return self.thread

    @property
    def is_pull(self) -> bool:
        """Or an issue."""
        return isinstance(self.thread, PullRequest)

    def need(self, *states: str) -> None:
        """Raises `ApiError` where it does not stand so."""
        if self.thread.state not in states:
            raise ApiError(self.t("This cannot be done to it any more: look at its state."))


async def _comment(act: Act) -> None:
    if not act.text:
        raise ApiError(act.t("Write something first."))
    on: CommentTarget = "pull_request" if act.is_pull else "issue"
    await act.forge.comment(act.project.path, act.by, on, act.thread.number, act.text)


async def _approve(act: Act) -> None:
    if act.by == act.pull.author:
        raise ApiError(act.t("Nobody approves their own pull request."))
    act.need("open")
    await act.forge.review(act.project.path, act.by, act.pull.number, "approved", body=act.text)


async def _request_changes(act: Act) -> None:
    if act.by == act.pull.author:
        raise ApiError(act.t("Nobody reviews their own pull request."))
    act.need("open")
    text = act.text or "Please look at this again."
    await act.forge.review(act.project.path, act.by, act.pull.number, "changes_requested", body=text)


async def _merge(act: Act) -> None:
    act.need("open")
    if act.pull.draft:
        raise ApiError(act.t("A draft cannot be merged."))
    await act.forge.merge(act.project.path, act.by, act.pull.number)


async def _close(act: Act) -> None:
    act.need("open")
    if act.is_pull:
        await act.forge.close(act.project.path, act.by, act.thread.number)
    else:
        await act.forge.close_issue(act.project.path, act.by, act.thread.number)


async def _reopen(act: Act) -> None:
    act.need("closed")
    if act.is_pull:
        await act.forge.reopen(act.project.path, act.by, act.thread.number)
    else:
        await act.forge.reopen_issue(act.project.path, act.by, act.thread.number)


async def _resolve(act: Act, *, resolved: bool = True) -> None:
    comment = next((c for c in act.project.comments_on("review", act.pull.number) if c.thread == act.line_thread), None)
    if act.line_thread is None or comment is None:
        raise ApiError(act.t("There is no such discussion."))
    await act.forge.resolve_thread(act.project.path, act.by, str(comment.id), resolved=resolved)


async def _unresolve(act: Act) -> None:
    await _resolve(act, resolved=False)


_ACTS: Mapping[str, Callable[[Act], Awaitable[None]]] = {
    "comment": _comment,
    "approve": _approve,
    "request_changes": _request_changes,
    "merge": _merge,
    "close": _close,
    "reopen": _reopen,
    "resolve": _resolve,
    "unresolve": _unresolve,
}


async def perform(forge: Emulator, project: Project, wish: Mapping[str, Any], t: Translator) -> None:
    """Do what the page asks for: `action`, `on` ("pull", "issue"), `number`, `by`, `text` and `thread`.

    `thread` is the discussion on lines that is resolved. Raises `ApiError`.
    """
    do = _ACTS.get(str(wish.get("action")))
    if do is None:
        raise ApiError(t("There is no such action."))
    threads: Mapping[int, Thread] = project.pulls if wish.get("on") == "pull" else project.issues
    number = wish.get("number")
    thread = threads.get(number) if isinstance(number, int) else None
    if thread is None:
        raise ApiError(t("There is nothing of that number."))
    by, text, on_lines = wish.get("by"), wish.get("text") or "", wish.get("thread")
    if not isinstance(by, str) or by not in project.members:
        raise ApiError(t("Whoever does it has to be a member of the project."))
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise ApiError(t("The text is too long."))
    refuse_real_token(text, t.language)
    async with forge.acting:
        await do(
            Act(
                forge=forge, project=project, thread=thread, by=by, text=text.strip(), t=t,
                line_thread=on_lines if isinstance(on_lines, int) else None,
            )
        )  # fmt: skip
