"""The whole walk: every person in every place."""

from collections.abc import Collection, Sequence
from pathlib import Path

from src.bot.access import AccessRule
from tests.walk.cast import Role, Spot, admit, assemble
from tests.walk.news import tell_everybody
from tests.walk.report import dead_ends
from tests.walk.theatre import theatre
from tests.walk.walker import Effort, Fault, Report, Walker, all_commands


async def walk_all(
    folder: Path,
    language: str,
    *,
    spots: Collection[Spot],
    roles: Collection[Role],
    commands: Sequence[str] = (),
    effort: Effort = Effort(),  # noqa: B008 - frozen
) -> Report:
    """Walk, with all commands that there are where none are named."""
    report = Report()
    async with theatre(folder, AccessRule("open")) as stage:
        cast = await assemble(stage, language)
        await admit(stage, cast)
        await tell_everybody(stage)
        start = stage.keep()
        for spot in spots:
            for role in roles:
                walker = Walker(stage, cast, report, spot, role, language=language, effort=effort)
                await walker.walk(start, commands or all_commands(stage))
                if not commands:
                    await walker.walk_what_is_there(start)
        start.close()
    report.faults += [
        Fault(screen.spot, screen.role, trail, "no presses lead out of here") for screen, trail in dead_ends(report)
    ]
    return report
