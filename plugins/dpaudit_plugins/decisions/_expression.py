"""A small language of formulas: numbers, names, arithmetic, comparisons and a few functions.

A formula is parsed with :mod:`ast`, checked node by node against a list of what is allowed, and
evaluated here. It is never compiled and never given to ``eval``: no attribute, subscript,
string, lambda, comprehension or assignment gets past :func:`parse`. Text from an audit file can
therefore do arithmetic on the columns that it was given, and nothing else.
"""

from __future__ import annotations

import ast
import functools
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

from dpaudit import SpecError

MAX_LENGTH = 1000
MAX_DEPTH = 40
MAX_EXPONENT = 100.0


def _rank(values: Any) -> Any:
    """Return 1 for the largest value, 2 for the next; equal values share the better rank."""
    ordered = np.sort(-np.atleast_1d(values))
    return np.searchsorted(ordered, -np.asarray(values), side="left") + 1.0


FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "abs": (1, np.abs),
    "clip": (3, lambda value, low, high: np.minimum(np.maximum(value, low), high)),
    "exp": (1, np.exp),
    "floor": (1, np.floor),
    "log": (1, np.log),
    "max": (1, np.max),
    "maximum": (2, np.maximum),
    "mean": (1, np.mean),
    "min": (1, np.min),
    "minimum": (2, np.minimum),
    "rank": (1, _rank),
    "round": (1, np.round),
    "sqrt": (1, np.sqrt),
    "sum": (1, np.sum),
    "where": (3, np.where),
}
"""What a formula may call: the number of arguments, and what is computed."""

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: np.logical_not,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_LOGIC: Mapping[type[ast.boolop], Callable[[Any, Any], Any]] = {
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
}


@attrs.frozen(eq=False)
class Expression:
    """A formula that was read and found harmless.

    Parameters
    ----------
    text
        The formula on one line.
    tree
        Its syntax tree; holds only what :func:`parse` allows.
    names
        The free names, in order of first use.
    """

    text: str
    tree: ast.expr
    names: tuple[str, ...]

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Return the value with every name replaced, arrays elementwise, as float64."""
        with np.errstate(all="ignore"):
            return _evaluate(self.tree, values)

    def divides_by(self, name: str) -> bool:
        """Return whether a denominator (or a negative power) holds ``name``."""
        return any(name in _names(part) for part in _denominators(self.tree))


@functools.lru_cache(maxsize=64)  # a decision is made once for every draw
def parse(text: str) -> Expression:
    """Read a formula.

    Parameters
    ----------
    text
        For example ``a * x / sum(a * x)``.

    Raises
    ------
    SpecError
        If it is no formula, is too long or too deep, or holds anything that is not allowed;
        the message gives the column, counted from 1.
    """
    line = " ".join(text.split())
    if not line:
        raise SpecError("the formula is empty", hint='write, for example, "x / sum(x)"')
    if len(line) > MAX_LENGTH:
        raise SpecError(
            f"the formula has {len(line)} characters, more than {MAX_LENGTH}",
            hint="write a plug-in function instead: see 'dpaudit plugins'",
        )
    tree = _parse(line)
    _check(tree, line, 1)
    return Expression(line, tree, tuple(dict.fromkeys(_names(tree))))


def _parse(line: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "1if" and its like: refused below, or harmless
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        place = min(max(error.offset or 1, 1), len(line) + 1)
        raise SpecError(
            f"column {place} of the formula {line!r}: {error.msg}",
            hint="a formula is arithmetic on x and named columns, such as x / sum(x)",
        ) from None
    except (ValueError, RecursionError, MemoryError):
        raise SpecError(f"the formula {line!r} cannot be read", hint="make it simpler") from None


def _check(node: ast.expr, line: str, depth: int) -> None:
    """Refuse whatever the language does not have."""
    if depth > MAX_DEPTH:
        raise _refusal(node, line, f"nested more than {MAX_DEPTH} deep", "split the formula")
    for part in _parts(node, line):
        _check(part, line, depth + 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not _names(node.right):
        exponent = _constant(node.right, line)
        if not abs(exponent) <= MAX_EXPONENT:
            raise _refusal(
                node.right, line, f"the exponent {exponent:g} is not within {MAX_EXPONENT:g}"
            )


def _parts(node: ast.expr, line: str) -> list[ast.expr]:  # noqa: PLR0911 - a case per node
    """Return the operands of an allowed node."""
    match node:
        case ast.Constant(value=bool() | str() | bytes() | complex() | None):
            raise _refusal(
                node, line, f"{node.value!r} is not a real number", "write 1 for true, 0 for false"
            )
        case ast.Constant(value=int() | float()):
            _constant(node, line)
            return []
        case ast.Name():
            return []
        case ast.BinOp(op=op) if type(op) in _BINARY:
            return [node.left, node.right]
        case ast.UnaryOp(op=op) if type(op) in _UNARY:
            return [node.operand]
        case ast.BoolOp():
            return node.values
        case ast.Compare(ops=ops) if all(type(op) in _COMPARE for op in ops):
            return [node.left, *node.comparators]
        case ast.Call():
            return _arguments(node, line)
        case _:
            raise _refusal(node, line, f"{_what(node)} is not allowed")


def _arguments(node: ast.Call, line: str) -> list[ast.expr]:
    """Return the arguments of a call to one of our functions."""
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
        raise _refusal(node, line, "only these can be called", ", ".join(sorted(FUNCTIONS)))
    name, wanted = node.func.id, FUNCTIONS[node.func.id][0]
    if node.keywords:
        raise _refusal(node, line, f"{name}() takes no named arguments")
    if len(node.args) != wanted:
        hint = f"{name}imum(a, b) compares two values" if name in {"min", "max"} else None
        raise _refusal(node, line, f"{name}() takes {wanted}, not {len(node.args)} arguments", hint)
    return node.args


def _constant(node: ast.expr, line: str) -> float:
    """Return the value of an expression without names."""
    try:
        with np.errstate(all="ignore"):
            value = float(_evaluate(node, {}))
    except (OverflowError, TypeError, ValueError):
        value = math.inf
    if not math.isfinite(value):
        raise _refusal(node, line, "the number is too large")
    return value


def _evaluate(node: ast.expr, values: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - a case per node
    match node:
        case ast.Constant(value=int() | float() as value):
            return np.float64(value)
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_number(left, values), _number(right, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return np.logical_not(_evaluate(operand, values))
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_number(operand, values))
        case ast.BoolOp(op=op, values=parts):
            first, *others = (_evaluate(part, values) for part in parts)
            for other in others:
                first = _LOGIC[type(op)](first, other)
            return first
        case ast.Compare():
            return _compare(node, values)
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name][1](*(_number(argument, values) for argument in args))
    raise TypeError(type(node).__name__)  # unreachable: parse() lets nothing else through


def _number(node: ast.expr, values: Mapping[str, Any]) -> Any:
    """Return the value as float64, so that comparisons count as 1 and 0."""
    value = _evaluate(node, values)
    return np.asarray(value, dtype=np.float64)[()]


def _compare(node: ast.Compare, values: Mapping[str, Any]) -> Any:
    """Return ``a < b < c`` as ``a < b and b < c``, elementwise."""
    left, result = _number(node.left, values), np.bool_(True)  # noqa: FBT003 - numpy's own
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        right = _number(comparator, values)
        result = np.logical_and(result, _COMPARE[type(op)](left, right))
        left = right
    return result


def _names(node: ast.AST) -> list[str]:
    """Return the free names of an expression (functions are not free)."""
    called = {id(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
    found = [n for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in called]
    return [n.id for n in sorted(found, key=lambda n: n.col_offset)]


def _denominators(tree: ast.expr) -> list[ast.expr]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            found.append(node.right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            positive = isinstance(node.right, ast.Constant)
            found.extend([] if positive else [node.left])
    return found


def _what(node: ast.expr) -> str:
    named = {
        ast.Attribute: "an attribute (a dot)",
        ast.Subscript: "indexing",
        ast.BinOp: "this operator",
        ast.Compare: "this comparison",
        ast.UnaryOp: "this operator",
    }
    return named.get(type(node), f"this ({type(node).__name__})")


def _refusal(node: ast.expr, line: str, why: str, hint: str | None = None) -> SpecError:
    """Return the error with its place; ``col_offset`` counts bytes, people count characters."""
    place = len(line.encode()[: node.col_offset].decode(errors="ignore")) + 1
    return SpecError(f"column {place} of the formula {line!r}: {why}", hint=hint)
