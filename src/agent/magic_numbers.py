"""Numbers in the code that do not say what they mean: the engine looks at comparisons only."""

import ast
import re
from collections.abc import Iterator

from src.agent.module import Module
from src.agent.registry import Hit, check
from src.agent.rules import MAGIC_NUMBER

_NUMBERS = frozenset({int, float, complex})
_PLAIN = frozenset({0, 1, 2, 10, 100, 1000, 0.5})
_CONSTANT = re.compile(r"_*[A-Z][A-Z0-9_]*|__\w+__")
# A place of which the number is a place or a datum, or that has a name for it.
_NAMED = (ast.keyword, ast.arguments)
_DATA = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Subscript, ast.Slice, ast.FormattedValue)
_BITS = (ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift)
_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.Lambda, ast.match_case, ast.comprehension)
# The second argument is a base, or how many digits.
_SECOND = frozenset({"int", "round", "range", "hex"})


# The first digit of a number, but for those of `_PLAIN` that are written as they are there.
_DIGIT = r"[0-9](?<!\w.)(?!(?<!\..)(?:(?<=[012])|(?<=1)0{1,3}|(?<=0)\.5)(?![\w.]))"


@check(MAGIC_NUMBER, ast.Module, near=_DIGIT, in_tests=False)
def magic_numbers(node: ast.Module, module: Module) -> Iterator[Hit]:
    """Numbers without a name and without a comment. Tests compare with numbers of their own: they are left alone."""
    del node  # all of the module at once
    for each in module.of(ast.Constant):
        if each.value.__class__ not in _NUMBERS or each.value in _PLAIN or _is_explained(each, module):
            continue
        written = _written(each, module)
        yield Hit(line=each.lineno, column=module.column(each), symbol=written, params={"number": written})


def _is_explained(node: ast.Constant, module: Module) -> bool:
    """Whether the place of a number, or a comment, says what it means."""
    if _says_itself(node, module) or module.is_explained(node.lineno):
        return True
    statement = next((each for each in module.ancestors(node) if isinstance(each, ast.stmt)), None)
    return statement is not None and statement.lineno != node.lineno and module.is_explained(statement.lineno)


def _written(node: ast.Constant, module: Module) -> str:
    """The number as it stands in the code."""
    return module.lines[node.lineno - 1].encode()[node.col_offset : node.end_col_offset].decode(errors="replace")


def _says_itself(node: ast.Constant, module: Module) -> bool:
    if _written(node, module)[:2] in {"0o", "0O"}:
        return True  # rights of a file
    below: ast.AST = node
    alone = True  # what is looked at is still the number, with a sign or something added
    passed = False  # it was given to a call: what that call is given to names its result
    for above in module.ancestors(node):
        if isinstance(above, _STATEMENTS):
            return _is_named_by(above, below, module)
        if not passed and isinstance(above, _NAMED):
            return True
        if alone and isinstance(above, _DATA) and below is not getattr(above, "value", None):
            return True
        if _is_arithmetic_of_bits(above, below) or _is_version(above) or _is_counted(above, below):
            return True
        alone = alone and _keeps_alone(above)
        passed = passed or isinstance(above, ast.Call)
        below = above
    return False


def _keeps_alone(node: ast.AST) -> bool:
    """Signs, offsets and constant arithmetic leave a number what it is: an index, a datum."""
    if not isinstance(node, ast.BinOp):
        return isinstance(node, ast.UnaryOp)
    return isinstance(node.op, ast.Add | ast.Sub) or not any(
        isinstance(each, ast.Name | ast.Attribute | ast.Call | ast.Subscript) for each in ast.walk(node)
    )


def _is_arithmetic_of_bits(above: ast.AST, below: ast.AST) -> bool:
    """A mask, a shift, the base of a power, a string made longer."""
    if not isinstance(above, ast.BinOp):
        return False
    if isinstance(above.op, _BITS) or (isinstance(above.op, ast.Pow) and above.left is below):
        return True
    other = above.right if above.left is below else above.left
    return isinstance(above.op, ast.Mult) and _is_text(other)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _is_version(above: ast.AST) -> bool:
    """A comparison with the version of Python."""
    if not isinstance(above, ast.Compare):
        return False
    return any(
        getattr(each, "attr", getattr(each, "id", "")) in {"version_info", "hexversion"} for each in ast.walk(above)
    )


def _is_counted(above: ast.AST, below: ast.AST) -> bool:
    """The base of `int(x, 16)`, the digits of `round(x, 3)`."""
    if not isinstance(above, ast.Call) or not isinstance(above.func, ast.Name) or above.func.id not in _SECOND:
        return False
    return above.func.id in {"int", "round"} and below in above.args[1:]


def _is_named_by(statement: ast.AST, below: ast.AST, module: Module) -> bool:
    """Whether the statement gives the number a name, or says a type."""
    if isinstance(statement, ast.AnnAssign) and statement.annotation is below:
        return True
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return statement.returns is below
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is not below:
        return False
    if isinstance(module.parent(statement), ast.ClassDef) or "Final" in ast.dump(
        getattr(statement, "annotation", statement.value)
    ):
        return True
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    names = [getattr(each, "attr", getattr(each, "id", "")) for each in targets]
    return any(_CONSTANT.fullmatch(name) for name in names)
