"""Our own checks of Python code, where the engine is blind. `docs/extending-reviews.md` shows how to add one."""

import ast
import re
from collections.abc import Iterator

from src.agent.module import Module
from src.agent.registry import Hit, check, spare
from src.agent.rules import IGNORED, NAMING, SWALLOWED

_BROAD = frozenset({"Exception", "BaseException"})
# Types whose silence is the idiom: an end that is no error, an optional import.
_QUIET = frozenset(
    {"StopIteration", "StopAsyncIteration", "GeneratorExit", "ImportError", "ModuleNotFoundError", "CancelledError"}
)
_PRINTS = frozenset({"print", "pprint", "pp"})
_STANDARD = frozenset({"sys.stdout", "stdout", "None"})
_MIXED = re.compile(r"_*[a-z][a-z0-9]*[A-Z]\w*")

# What has to stand in a function for a check to have anything to say of it: rather too much than too little, and all
# with bounds, for it is looked for in strangers' texts.
_PLAIN = r"[\w\s.,()]"  # of types, and of what a loop assigns to
_BODY = r":[ ]*+(?:#.{0,300}+)?(?:\n[ ]*+(?:#.{0,300}+)?){0,20}+"  # to the first word of what a handler does
_LONG = r"\n|(?<=#.{300})"  # more comment than was looked at
_CONSTANT = rf"(?:pass\b|[.\d\\('\"]|[bBfFrRuU]{{1,2}}['\"]|(?:None|True|False)\b|{_LONG})"
_UNUSUAL = rf"{_PLAIN}{{0,300}}(?:[^\w\s.,():]|:=|lambda\b)|{_PLAIN}{{301}}"
_SILENT = rf"(?:{_CONSTANT}|(?:return|continue|break)\b)"
_NEAR_SWALLOWED = rf"except\b\*?(?:(?=[^:]{{0,300}}Exception){_PLAIN}{{0,300}}{_BODY}{_SILENT}|{_UNUSUAL})"
_NEAR_IGNORED = rf"except\b\*?(?:{_PLAIN}{{0,300}}{_BODY}{_CONSTANT}|{_UNUSUAL})"
_MIXED_WORD = r"\b_*[a-z][a-z0-9]*[A-Z]"
_TARGET = r"[\w\s.,()*\[\]]{0,300}?"
# What a loop assigns to in brackets may have comments in it, and what goes on behind a backslash anything.
_IN_BRACKETS = rf"\s*+[(\[][\s\S]{{0,1000}}?{_MIXED_WORD}"
_NEAR_LOOP = rf"for\b(?:(?={_TARGET}\bin\b){_TARGET}{_MIXED_WORD}|{_IN_BRACKETS}|.{{0,200}}\\\n)"


def _names(node: ast.expr | None) -> list[str]:
    """The last words of the exception types of an `except`."""
    elements = node.elts if isinstance(node, ast.Tuple) else [node]
    return [each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in elements]


def _does_nothing(node: ast.stmt, *, broad: bool) -> bool:
    if isinstance(node, ast.Pass):
        return True
    if isinstance(node, ast.Expr):  # `...`, a docstring
        return isinstance(node.value, ast.Constant)
    if not broad:
        return False  # "it is no number: take the next one" is what such a handler is for
    if isinstance(node, ast.Return):
        return node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    return isinstance(node, ast.Continue | ast.Break)


def _is_broad(node: ast.ExceptHandler) -> bool:
    return not _BROAD.isdisjoint(_names(node.type))


@check(SWALLOWED, ast.ExceptHandler, near=_NEAR_SWALLOWED)
def swallowed_exception(node: ast.ExceptHandler, module: Module) -> Iterator[Hit]:
    """A handler of everything that does nothing, so that nobody learns of any exception."""
    if node.type is not None and _is_broad(node) and all(_does_nothing(each, broad=True) for each in node.body):
        yield Hit(line=node.lineno, column=module.column(node), symbol="except")


@check(IGNORED, ast.ExceptHandler, near=_NEAR_IGNORED)
def ignored_exception(node: ast.ExceptHandler, module: Module) -> Iterator[Hit]:
    """A handler of exact types that does nothing, and neither says why nor is one of the idioms."""
    if node.type is None or _is_broad(node) or not all(_does_nothing(each, broad=False) for each in node.body):
        return
    names = _names(node.type)
    last = node.body[-1].end_lineno or node.lineno
    if _QUIET.issuperset(names) or any(module.comment(line) for line in range(node.lineno, last + 1)):
        return
    name = ", ".join(names)
    yield Hit(line=node.lineno, column=module.column(node), symbol=name, params={"name": name})


# Whatever is called, indexed or asked for an attribute is not set.
@check(NAMING, ast.Module, near=rf"(?:self|cls)\b[\s\\)]*+\.[\s\\]*+{_MIXED_WORD}\w*+(?!\s*+[(.\[])")
def mixed_case_attributes(node: ast.Module, module: Module) -> Iterator[Hit]:
    """`self.fooBar = …`: the engine knows variables, not attributes. Told where the class first sets it."""
    del node  # all of the module at once
    first: dict[tuple[ast.AST | None, str], ast.Attribute] = {}
    for each in module.of(ast.Attribute):
        if not isinstance(each.ctx, ast.Store):
            continue
        if not isinstance(each.value, ast.Name) or each.value.id not in {"self", "cls"}:
            continue
        if _MIXED.fullmatch(each.attr):
            owner = next((above for above in module.ancestors(each) if isinstance(above, ast.ClassDef)), None)
            known = first.setdefault((owner, each.attr), each)
            if each.lineno < known.lineno:
                first[owner, each.attr] = each
    for each in first.values():
        yield Hit(line=each.lineno, column=module.column(each), symbol=each.attr, params={"name": each.attr})


@check(NAMING, ast.comprehension, near=_NEAR_LOOP)
def mixed_case_in_comprehension(node: ast.comprehension, module: Module) -> Iterator[Hit]:
    """`[fooBar for fooBar in …]`: the engine looks at assignments only."""
    for each in ast.walk(node.target):
        if isinstance(each, ast.Name) and _MIXED.fullmatch(each.id):
            yield Hit(line=each.lineno, column=module.column(each), symbol=each.id, params={"name": each.id})


@check(NAMING, ast.ExceptHandler, near=rf"as[\s\\]+{_MIXED_WORD}")
def mixed_case_error(node: ast.ExceptHandler, module: Module) -> Iterator[Hit]:
    """`except ValueError as someError`: nor at this."""
    if node.name and _MIXED.fullmatch(node.name):
        yield Hit(line=node.lineno, column=module.column(node), symbol=node.name, params={"name": node.name})


@spare(("N802", "N803"), ast.FunctionDef, ast.AsyncFunctionDef, near="override")
def name_of_a_base_class(node: ast.FunctionDef | ast.AsyncFunctionDef, module: Module) -> Iterator[int]:  # noqa: ARG001
    """A method marked as an override, as `@override` or `@typing.override`: somebody else chose its names."""
    if any(isinstance(each, ast.Attribute | ast.Name) and _names(each) == ["override"] for each in node.decorator_list):
        yield from {node.lineno, *(each.lineno for each in ast.walk(node.args) if isinstance(each, ast.arg))}


@spare(("T201", "T203"), ast.Module, near=r"p(?:rint|p)\b")
def print_that_is_meant(node: ast.Module, module: Module) -> Iterator[int]:
    """A `print` to a stream that the writer chose, and what a script prints when it is run as one."""
    del node  # all of the module at once
    for call in module.of(ast.Call):
        if getattr(call.func, "attr", getattr(call.func, "id", "")) not in _PRINTS:
            continue
        to_stream = any(
            each.arg in {"file", "stream"} and ast.unparse(each.value) not in _STANDARD for each in call.keywords
        )
        if to_stream or module.path.endswith("__main__.py") or any(map(_is_main, module.ancestors(call))):
            yield call.lineno


def _is_main(node: ast.AST) -> bool:
    """Whether a node is `if __name__ == "__main__":`."""
    if not isinstance(node, ast.If) or not isinstance(node.test, ast.Compare):
        return False
    sides = [node.test.left, *node.test.comparators]
    return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
