"""What would mend a finding, where the engine has nothing to offer. Nothing here is offered before `fixes` tried it."""

import ast
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus

from src.agent.findings import Edit, Finding
from src.agent.parsed import Parsed
from src.agent.renaming import renamed

_WAYS_OUT = ast.Continue | ast.Break | ast.Return
_TIME = re.compile(r"time|ttl|sec|sleep|age|delay|interval|expir|day|hour|week|period|cache|wait", re.IGNORECASE)
_SPANS = {
    3600: "seconds in an hour",
    86400: "seconds in a day",
    604800: "seconds in a week",
    1440: "minutes in a day",
    86_400_000: "milliseconds in a day",
}
_PRAGMA = re.compile(
    r"#[:!]|#\s*(?:noqa|type:|pylint|pragma|ruff|fmt|isort|mypy|pyright|nosec|yapf|-\*-)", re.IGNORECASE
)


def proposals(module: Parsed, finding: Finding, width: int) -> Iterator[Edit]:
    """What could mend a finding, the best first. `width` is how long a line may be."""
    make = _MAKERS.get(finding.rule)
    if make:
        yield from make(module, finding, width)


def _bare_except(module: Parsed, finding: Finding, _width: int) -> Iterator[Edit]:
    handler = _handler(module, finding)
    if handler is None or handler.type is not None:
        return
    head = module.line(handler.lineno)
    typed = re.sub(r"\bexcept\s*:", "except Exception:", head, count=1)
    if handler.body[0].lineno > handler.lineno:
        yield from _logged(module, handler, [typed])
        yield Edit(start=handler.lineno, end=handler.lineno, lines=(typed,))
    else:
        yield from _logged(module, handler, [f"{module.indent(handler.lineno)}except Exception:"])


def _swallowed(module: Parsed, finding: Finding, _width: int) -> Iterator[Edit]:
    handler = _handler(module, finding)
    if handler is None:
        return
    head = module.line(handler.lineno)
    if handler.body[0].lineno == handler.lineno:
        head = head.encode()[: handler.body[0].col_offset].decode().rstrip()
    yield from _logged(module, handler, [head])


def _handler(module: Parsed, finding: Finding) -> ast.ExceptHandler | None:
    """The handler that begins on the line of a finding, or that its only statement stands in."""
    for node in module.nodes:
        if isinstance(node, ast.ExceptHandler) and finding.line in (node.lineno, node.body[0].lineno):
            return node
    return None


def _logged(module: Parsed, handler: ast.ExceptHandler, head: list[str]) -> Iterator[Edit]:
    """The handler with a log message in the place of nothing, where there is something to log with."""
    first, last = handler.body[0], handler.body[-1].end_lineno or handler.lineno
    written = [module.line(number) for number in range(handler.lineno, last + 1)]
    if module.logger is None or len(handler.body) > 2 or any("#" in line for line in written):
        return
    if first.lineno > handler.lineno + 1:
        return  # a head of several lines, or blank lines that somebody wanted
    inside = module.indent(first.lineno) if first.lineno > handler.lineno else module.indent(handler.lineno) + "    "
    function = module.function_around(handler.lineno)
    what = f"{function.name} failed" if function else "Unexpected error"
    said = f'{inside}{module.logger[0]}.exception("{what}")'
    rest = [statement for statement in handler.body if not _is_nothing(statement)]
    kept = [module.segment(statement) for statement in rest if isinstance(statement, _WAYS_OUT)]
    if len(kept) == len(rest) and None not in kept:
        yield Edit(start=handler.lineno, end=last, lines=(*head, said, *(f"{inside}{way}" for way in kept)))


def _is_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _print(module: Parsed, finding: Finding, _width: int) -> Iterator[Edit]:
    for node in module.nodes:
        if isinstance(node, ast.Expr) and node.lineno == finding.line and isinstance(node.value, ast.Call):
            break
    else:
        return
    end = node.end_lineno or node.lineno
    first, last = module.line(node.lineno), module.line(end)
    alone = not first.encode()[: node.col_offset].strip() and not last.encode()[node.end_col_offset :].strip()
    if not alone or module.logger is None or module.logger[1] > node.lineno:
        return
    if any(module.comment_at(number) is not None for number in range(node.lineno, end + 1)):
        return
    arguments = _log_arguments(module, node.value)
    if arguments:
        line = f"{module.indent(node.lineno)}{module.logger[0]}.info({arguments})"
        yield Edit(start=node.lineno, end=end, lines=(line,))


def _log_arguments(module: Parsed, call: ast.Call) -> str | None:
    """The arguments of a log call that says what a `print` said; `None` where it did more than that."""
    if not (isinstance(call.func, ast.Name) and call.func.id == "print") or not call.args:
        return None
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    if any(keyword.arg != "flush" for keyword in call.keywords):
        return None
    texts: list[str | None] = []
    values: list[str] = []
    for argument in call.args:
        written = module.segment(argument)
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            texts.append(argument.value)
        elif written is None:
            return None
        elif isinstance(argument, ast.JoinedStr) and len(call.args) == 1:
            return written
        else:
            texts.append(None)
            values.append(written)
    if not values:
        return _quoted(" ".join(text or "" for text in texts))
    template = " ".join("%s" if text is None else text.replace("%", "%%") for text in texts)
    return ", ".join([_quoted(template), *values])


def _quoted(text: str) -> str:
    """A string literal in double quotes where that takes no more backslashes than Python's own way."""
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown[0] == "'" and '"' not in shown and "\\'" not in shown else shown


def _magic_number(module: Parsed, finding: Finding, _width: int) -> Iterator[Edit]:
    line = module.line(finding.line)
    if module.comment_at(finding.line) is not None or line.rstrip().endswith("\\"):
        return
    if module.in_string(finding.line, len(line.encode())):
        return  # a string goes on into the next line
    for node in module.nodes:
        if isinstance(node, ast.Constant) and node.lineno == finding.line and (said := _meaning(node.value, line)):
            yield Edit(start=finding.line, end=finding.line, lines=(f"{line.rstrip()}  # {said}",))


def _meaning(value: object, line: str) -> str | None:
    """What a number is known for, where its line speaks of such things."""
    if type(value) is not int:
        return None
    if value in _SPANS and _TIME.search(line):
        return _SPANS[value]
    if "status" in line.lower() and value in {status.value for status in HTTPStatus}:
        return f"HTTP {value}: {HTTPStatus(value).phrase}"
    return None


def _long_line(module: Parsed, finding: Finding, width: int) -> Iterator[Edit]:
    """A comment that makes a line too long, wrapped, and above the code where it stood beside it."""
    at = module.comment_at(finding.line)
    line = module.line(finding.line)
    if at is None or _PRAGMA.match(line[at:]) or module.line(finding.line - 1).endswith("\\"):
        return
    indent, before = module.indent(finding.line), line[:at].rstrip()
    said = textwrap.wrap(
        line[at:].lstrip("#").strip(), width - len(indent) - 2, break_long_words=False, break_on_hyphens=False
    )
    lines = (*(f"{indent}# {part}" for part in said), *([before] if before else []))
    if said and all(len(each) <= width for each in lines):
        yield Edit(start=finding.line, end=finding.line, lines=lines)


def _naming(module: Parsed, finding: Finding, _width: int) -> Iterator[Edit]:
    edit = renamed(module, finding.line, finding.symbol)
    if edit:
        yield edit


_MAKERS: Mapping[str, Callable[[Parsed, Finding, int], Iterator[Edit]]] = {
    "bare-except": _bare_except,
    "swallowed-exception": _swallowed,
    "print": _print,
    "magic-number": _magic_number,
    "line-too-long": _long_line,
    "naming": _naming,
}
