"""Puts together what ruff and our checks say of one Python file: one finding for one cause."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from src.agent import all_checks  # noqa: F401 - importing registers them
from src.agent.edits import whole_lines
from src.agent.findings import Finding, Level
from src.agent.module import is_test
from src.agent.registry import rules_by_name
from src.agent.ruff_rules import NOT_IN_TESTS
from src.agent.rules import BARE_EXCEPT, BY_CODE, IGNORED, LINE_TOO_LONG, MAGIC_NUMBER, NAMING, SWALLOWED, SYNTAX, Rule
from src.agent.spans import Spans
from src.agent.suppressions import Suppressions

_QUOTED = re.compile(r"`([^`]+)`")
# Names that a base class or a protocol dictates, and constants within a function.
_GIVEN_NAMES = re.compile(r"(?:visit|depart|leave)_\w+|do_[A-Z]+|_*[A-Z][A-Z0-9_]*")
_CAP_WORDS = re.compile(r"_*[A-Z][A-Za-z0-9]*_*")
_HANDLERS = frozenset({BARE_EXCEPT.name, SWALLOWED.name, IGNORED.name})


def _rows(texts: Spans[int], line: int) -> tuple[int, ...]:
    """Where a comment may stand that silences a line: on it, or behind the end of the text that it is in."""
    end = texts.end(line)
    return (line,) if end is None else (line, end)


class PythonFile:
    """One file and what was said of it. What needs no worker is made at once, while the workers are still at it."""

    def __init__(
        self, *, path: str, text: str, line_length: int, diagnostics: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        self.path = path
        self._silenced = Suppressions.of(text)
        lines = text.split("\n")  # without their ends: as git counts
        self._long = list(self._long_lines(lines, line_length))
        self._engines = list(self._told(lines, diagnostics))

    @property
    def is_refused(self) -> bool:
        """Whether the engine could not parse it."""
        return any(found.rule == found.symbol == SYNTAX.name for _, found in self._engines)

    def findings(self, said: Mapping[str, Any]) -> list[Finding]:
        """All findings of the file, in order of line and column. `said`: by a worker; empty where it said nothing."""
        texts = Spans[int](said.get("texts", ()))
        found = [*self._not_spared(said), *self._ours(said, texts), *self._not_silenced(self._long, texts)]
        broken = [each for each in found if each.rule == SYNTAX.name and each.symbol == SYNTAX.name]
        if broken:  # what is said of the rest was guessed from a tree that was guessed
            first = min(broken, key=lambda each: (each.line, each.column))
            found = [first, *(each for each in found if each.rule == LINE_TOO_LONG.name)]
        return sorted(_by_cause(found), key=lambda each: (each.line, each.column, each.rule))

    def _ours(self, said: Mapping[str, Any], texts: Spans[int]) -> Iterator[Finding]:
        rules = rules_by_name()
        for name, line, column, end_line, symbol, params in said.get("hits", ()):
            rule = rules[name]
            if not self._silenced.silence(_rows(texts, line), (rule.name, *rule.codes), rule.level):
                broken = rule is SYNTAX and not said["parsed"]
                yield _finding(
                    self.path, rule, line, column, SYNTAX.name if broken else symbol, params, end_line=end_line
                )

    def _long_lines(self, lines: Sequence[str], limit: int) -> Iterator[Finding]:
        for number, line in enumerate(lines, 1):
            if len(line) > limit and (length := len(line.removesuffix("\r"))) > limit:
                params = {"length": str(length), "limit": str(limit)}
                yield _finding(self.path, LINE_TOO_LONG, number, limit + 1, "", params)

    def _not_silenced(self, long: Iterable[Finding], texts: Spans[int]) -> Iterator[Finding]:
        names = (LINE_TOO_LONG.name, *LINE_TOO_LONG.codes)
        return (each for each in long if not self._silenced.silence(_rows(texts, each.line), names, each.level))

    def _not_spared(self, said: Mapping[str, Any]) -> Iterator[Finding]:
        spared = {(code, line) for code, line in said.get("spared", ())}
        for code, found in self._engines:
            is_ours = code == MAGIC_NUMBER.codes[0] and said.get("parsed")  # our own check sees more
            if not is_ours and (code, found.line) not in spared:
                yield found

    def _told(self, lines: Sequence[str], diagnostics: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Finding]]:
        """The engine's findings with its codes, without those that are none here and those that are silenced."""
        left_out = set(NOT_IN_TESTS) if is_test(self.path) else set()
        if self.path.rpartition("/")[2] == "__init__.py":
            left_out.add("F401")  # imported for others to import from here
        for diagnostic in diagnostics:
            code = diagnostic["code"] or ""
            if code in left_out:
                continue
            found = self._engines_own(lines, diagnostic, code)
            rows = (found.line, diagnostic["noqa_row"] or found.line)
            if not _is_given(code, found.symbol) and not self._silenced.silence(rows, (code, found.rule), found.level):
                yield code, found

    def _engines_own(self, lines: Sequence[str], diagnostic: Mapping[str, Any], code: str) -> Finding:
        start, end = diagnostic["location"], diagnostic["end_location"]
        line, column, message = start["row"], start["column"], diagnostic["message"]
        quoted = _QUOTED.search(message)
        symbol = quoted[1][:80] if quoted else ""
        # Of what ends at the start of a line that line is no part.
        end_line = max(end["row"] - (end["column"] == 1 and end["row"] > line), line)
        if diagnostic["name"] == "invalid-syntax":
            reason = message.removeprefix("SyntaxError: ")
            return _finding(self.path, SYNTAX, line, column, SYNTAX.name, {"reason": reason})
        if rule := BY_CODE.get(code):
            if rule.name in _HANDLERS:
                symbol = "except"
            params = _params(rule, message, symbol)
            return _finding(self.path, rule, line, column, symbol, params, url=diagnostic["url"])
        return Finding(
            path=self.path,
            line=line,
            rule=code,
            level=Level.SECURITY if code[:1] == "S" and code[1:2].isdigit() else Level.STYLE,
            message=message,
            end_line=end_line,
            column=column,
            symbol=symbol,
            edit=whole_lines(diagnostic["fix"], lines) if diagnostic["fix"] else None,
            url=diagnostic["url"],
        )


def _is_given(code: str, name: str) -> bool:
    """Whether a name is right although the engine would have it otherwise."""
    if code == "N801":
        return bool(_CAP_WORDS.fullmatch(name))
    return code in {"N802", "N803", "N806"} and bool(_GIVEN_NAMES.fullmatch(name))


def _params(rule: Rule, message: str, symbol: str) -> dict[str, str]:
    if rule is SYNTAX:
        return {"reason": message}
    if rule is MAGIC_NUMBER:
        return {"number": symbol}
    return {"name": symbol} if "{name}" in rule.message else {}


def _finding(
    path: str,
    rule: Rule,
    line: int,
    column: int,
    symbol: str,
    params: Mapping[str, str],
    *,
    end_line: int | None = None,
    url: str | None = None,
) -> Finding:
    return Finding(
        path=path,
        line=line,
        rule=rule.name,
        level=rule.level,
        message=rule.message,
        params=params,
        advice=rule.advice,
        end_line=end_line,
        column=column,
        symbol=symbol,
        whole_file=rule.whole_file,
        url=url,
    )


def _by_cause(found: Iterable[Finding]) -> list[Finding]:
    """One finding for one cause: of a handler the gravest, with its unused name; of a name one on a line."""
    kept: dict[tuple[object, ...], Finding] = {}
    for each in found:
        if each.rule in _HANDLERS:
            key: tuple[object, ...] = ("handler", each.line)
        elif each.rule == SYNTAX.name:
            key = (each.rule, each.line)
        elif each.rule == NAMING.name:
            key = (each.rule, each.line, each.symbol)
        else:
            key = (each.rule, each.line, each.column, each.symbol)
        if key not in kept or (each.rule == BARE_EXCEPT.name != kept[key].rule):
            kept[key] = each
    handlers = {each.line for each in kept.values() if each.rule in _HANDLERS}
    mixed = {each.line for each in kept.values() if each.rule == "E101"}
    return [
        each
        for each in kept.values()
        if not (each.rule == "F841" and each.line in handlers) and not (each.rule == "W191" and each.line in mixed)
    ]
