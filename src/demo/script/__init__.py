"""`python main.py demo-script`: the real product between emulators, with three people who use it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from src.demo.script.excerpt import NoMarks, excerpt, write
from src.demo.script.findings import findings_of
from src.demo.script.page import Page
from src.demo.script.scenes import SCENES, Scene
from src.demo.script.stage import LANDER, ROCKET, Broken, Interrupted, Stage, refused, staged
from src.demo.script.walks import WrongTurn, subscribe_everybody
from src.forges import FORGE_TYPES

if TYPE_CHECKING:
    from src.config import Settings

__all__ = ["INTERRUPTED", "SCENES", "Scene", "main"]

INTERRUPTED = 130  # what a shell expects after Ctrl-C
_ABOUT = (
    "The bot and the relay are the real ones. Telegram, GitHub and GitLab are emulators on this machine, and nothing "
    "leaves it: no account, no network. Chats look as their owners see them; an arrow is a webhook that a forge sent "
    "and the relay's answer."
)


def _print(line: str) -> None:
    """At once, for whoever reads through a pipe."""
    print(line, flush=True)


async def main(
    settings: "Callable[..., Settings]",
    *,
    scenes: Sequence[Scene] = SCENES,
    transcript: Path | None = None,
    out: Callable[[str], None] = _print,
) -> int:
    """Play the demo and return the exit code: 0, 1 when anything went otherwise than it has to, 130 after Ctrl-C.

    Args:
        settings: builds the relay's settings from the values given and nothing else.
        scenes: what happens, with who has to be told what.
        transcript: a Markdown file that gets an excerpt between its marks when all went right.
        out: gets the lines, one by one.
    """
    page = Page(out)
    page.part("DEMO")
    page.paragraph(_ABOUT)
    findings: list[str] = []
    interrupted = False
    try:
        async with staged(settings) as stage:
            findings += await _play(stage, page, scenes)
        findings += [*refused(stage.tg), *stage.log.errors]
    except* Interrupted:
        interrupted = True
    if interrupted:
        page.line("\nStopped; nothing is left behind.")
        return INTERRUPTED
    code = _close(page, findings, len(scenes))
    if transcript is not None and code == 0:
        try:
            write(transcript, excerpt(page, scenes))
        except (OSError, NoMarks) as error:
            page.line(f"The excerpt was not written: {error}")
            return 1
    return code


async def _play(stage: Stage, page: Page, scenes: Sequence[Scene]) -> list[str]:
    """Walks, then scenes. What was wrong, each with the scene it was wrong in."""
    findings: list[str] = []
    scene_title = "subscribing"
    try:
        page.part("Three people and a group follow two projects")
        await subscribe_everybody(stage, page)
        findings += await _show_hooks(stage, page)
        page.part("What happens then")
        for number, scene in enumerate(scenes, start=1):
            scene_title = f"{number}. {scene.title}"
            found = await _show_scene(stage, page, number, scene)
            findings += [f"{scene_title}: {finding}" for finding in found]
        page.end_steps()
        findings += [f"{what}: {number:.0f} given up" for what, number in (await stage.given_up()).items()]
    except (Broken, WrongTurn, LookupError, TimeoutError) as error:
        findings.append(f"{scene_title}: {error}")
    return findings


async def _show_hooks(stage: Stage, page: Page) -> list[str]:
    """What the walks changed on the forges: one hook for each project, however many follow it."""
    told = await stage.outcome()
    page.chat("On the forges")
    page.line()
    for forge in stage.forges:
        for request in forge.requests:
            if request.method != "GET":
                page.request(request)
    for exchange in told.exchanges:
        page.exchange(exchange)
    hooks = {ROCKET: len(stage.github.hooks(ROCKET)), LANDER: len(stage.gitlab.hooks(LANDER))}
    page.line()
    page.note("One webhook for each project, made by the bot and shared by all who follow it.")
    return [f"{project} has {number} webhooks" for project, number in hooks.items() if number != 1]


async def _show_scene(stage: Stage, page: Page, number: int, scene: Scene) -> list[str]:
    if scene.before is not None:
        await scene.before(stage, page)
        await stage.quiet()
    stage.forget()
    await scene.act(stage)
    told = await stage.outcome()
    names = {name: chat.title for name, chat in stage.chats.items()}
    page.step(number, scene.title)
    page.exchanges(told.exchanges)
    informed = [names[name] for name, messages in told.messages.items() if messages]
    page.note(f"Told: {', '.join(informed) or 'nobody'}. {scene.because}")
    if scene.reviews is not None:
        kind, path, pull = scene.reviews
        forge = next(forge for forge in stage.forges if forge.kind == kind)
        page.review(FORGE_TYPES[kind].title, forge.world.project(path), pull)
    for name, messages in told.messages.items():
        if messages:
            page.chat(names[name])
            page.messages(messages)
    findings = list(findings_of(scene, told, names))
    for finding in findings:
        page.note(f"WRONG: {finding}")
    return findings


def _close(page: Page, findings: Sequence[str], scenes: int) -> int:
    page.part("Wrong" if findings else "Right")
    if not findings:
        page.paragraph(f"{scenes} steps: everybody was told what concerns them, once, and nothing else.")
        return 0
    for finding in dict.fromkeys(findings):
        page.line(f"✗ {finding}")
    return 1
