"""Which rules there are: our own names for what spec 000 asks for, and the engine's codes for the rest."""

from dataclasses import dataclass

from src.agent.findings import Level
from src.i18n import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with a name of ours. `codes`: what the engine (and `# noqa`) calls it."""

    name: str
    level: Level
    message: str
    advice: str
    codes: tuple[str, ...] = ()
    whole_file: bool = False


SYNTAX = Rule(
    name="syntax-error",
    level=Level.CRITICAL,
    message=N_("Syntax error: {reason}"),
    advice=N_("Nothing of this file runs until it is fixed."),
    # What a compiler refuses although it can be parsed.
    codes=(
        "E902", "F404", "F406", "F407", "F621", "F622", "F701", "F702", "F704", "F706", "F707",
        "PLE0115", "PLE0116", "PLE0117", "PLE0118", "PLE1142", "PLE1700",
    ),
    whole_file=True,
)  # fmt: skip
BARE_EXCEPT = Rule(
    name="bare-except",
    level=Level.CRITICAL,
    message=N_("Unhandled exception: an `except` without a type catches everything, even Ctrl+C and exit"),
    advice=N_("Name the exception that is expected, or write `except Exception as error:` and log it."),
    codes=("E722",),
)
SWALLOWED = Rule(
    name="swallowed-exception",
    level=Level.CRITICAL,
    message=N_("The exception disappears here: nobody will ever learn of it"),
    advice=N_("Handle it or log it. Where one kind of exception is harmless, name its exact type and say why."),
    codes=("S110", "S112"),
)
IGNORED = Rule(
    name="ignored-exception",
    level=Level.STYLE,
    message=N_("`{name}` is ignored without a word"),
    advice=N_("Say in a comment why that is right, or write `with contextlib.suppress({name}):`."),
)
PRINT = Rule(
    name="print",
    level=Level.STYLE,
    message=N_("`{name}()` in the code"),
    advice=N_("Use `logging` instead of `{name}()`."),
    codes=("T201", "T203"),
)
LINE_TOO_LONG = Rule(
    name="line-too-long",
    level=Level.STYLE,
    message=N_("The line is {length} characters long, more than {limit}"),
    advice=N_("Break it, or give a part of it a name."),
    codes=("E501",),
)
NAMING = Rule(
    name="naming",
    level=Level.STYLE,
    message=N_("`{name}` is not in snake_case"),
    advice=N_("PEP 8 writes functions, arguments and variables in lower case with underscores."),
    codes=("N802", "N803", "N806", "N815", "N816"),
)
CLASS_NAMING = Rule(
    name="naming",
    level=Level.STYLE,
    message=N_("The class `{name}` is not in CapWords"),
    advice=N_("PEP 8 writes the names of classes as `CapWords`."),
    codes=("N801",),
)
MAGIC_NUMBER = Rule(
    name="magic-number",
    level=Level.STYLE,
    message=N_("The number {number} does not say what it means"),
    advice=N_("Give it a name (a constant in upper case), or explain it in a comment."),
    codes=("PLR2004",),
)

RULES = (SYNTAX, BARE_EXCEPT, SWALLOWED, IGNORED, PRINT, LINE_TOO_LONG, NAMING, CLASS_NAMING, MAGIC_NUMBER)
BY_CODE = {code: rule for rule in RULES for code in rule.codes}
