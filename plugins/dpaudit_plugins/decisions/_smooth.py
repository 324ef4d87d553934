"""Formulas without kinks, evaluated on torch tensors, so that they can be differentiated.

torch is imported when a formula is evaluated, and no earlier.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS = {"exp", "log", "mean", "sqrt", "sum"}
"""Functions that have every derivative; torch calls them by the same names."""


def is_smooth(tree: ast.expr) -> bool:
    """Return whether a formula is made of arithmetic and smooth functions alone."""
    match tree:
        case ast.Constant() | ast.Name():
            return True
        case ast.BinOp(left=left, right=right):
            return is_smooth(left) and is_smooth(right)
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            return is_smooth(operand)
        case ast.Call(func=ast.Name(id=name), args=args):
            return name in _FUNCTIONS and all(map(is_smooth, args))
    return False


def evaluate(tree: ast.expr, values: Mapping[str, Any]) -> Any:
    """Return the value of a smooth formula with every name replaced by a tensor of float64."""
    import torch

    match tree:
        case ast.Constant(value=value):
            return torch.tensor(value, dtype=torch.float64)
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=exponent)):
            return evaluate(left, values) ** exponent
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](evaluate(left, values), evaluate(right, values))
        case ast.UnaryOp(op=op, operand=operand):
            value = evaluate(operand, values)
            return -value if isinstance(op, ast.USub) else value
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return getattr(torch, name)(evaluate(argument, values))
    raise TypeError(type(tree).__name__)  # unreachable: is_smooth() lets nothing else through
