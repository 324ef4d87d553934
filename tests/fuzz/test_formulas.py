"""Formulas: arithmetic, or a refusal in our own words; nothing escapes, and nothing blows up."""

from __future__ import annotations

import ast
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dpaudit.errors import DpauditError, SpecError
from dpaudit_plugins.decisions._expression import FUNCTIONS, MAX_LENGTH, parse
from dpaudit_plugins.decisions.formula import Formula

FUZZ = settings.get_profile("fuzz")
X = np.array([5.0, 0.0, 12.0, 3.0])
A = np.array([1.0, 2.0, 0.5, 4.0])
LEAVES = st.sampled_from(
    ["x", "a", "0", "1", "2.5", "1e308", "1e-308", "100", "10**20", "9" * 25, "0x1F", "1_0",
     "True", "None", "2j", "'s'", "b's'", "...", "f'{x}'", "__import__", "x.__class__",
     "x.shape", "x[0]", "x.T", "[x]", "(x, a)", "{x}", "{x: a}", "lambda: x", "[x for x in a]",
     "(y := x)", "print(x)", "eval('1')", "exec", "sum.__globals__", "await x", "yield", "*x",
     "x if a else 0", "not x", "-x", "~x", "é", "ｘ", "ﬁ", "ª", "__debug__", "x\u202e",
     "NotImplemented"]
)  # fmt: skip
OPERATORS = ["+", "-", "*", "/", "**", "<", "<=", "==", "!=", " and ", " or ", "//", "%", "@",
             " is ", " in ", "<<", "&", ",", ";", "=", " if "]  # fmt: skip
TREES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(inner, st.sampled_from(OPERATORS), inner).map("".join)
    | inner.map("({})".format)
    | st.tuples(st.sampled_from([*FUNCTIONS, "pow", "x"]), st.lists(inner, max_size=3)).map(
        lambda call: f"{call[0]}({', '.join(call[1])})"
    ),
    max_leaves=25,
)  # fmt: skip
ALLOWED = (
    ast.Constant, ast.Name, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call,
    ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
)  # fmt: skip


@settings(FUZZ, max_examples=8 * FUZZ.max_examples)
@given(text=TREES | st.text(max_size=30))
@example(text="x * " + "9" * 25)
@example(text="2**2**2**2**2**2 * x")
@example(text="x**" * 300 + "x")
def test_nothing_but_arithmetic_gets_through(text):
    started = time.process_time()
    try:
        found = parse(text)
        rule = Formula(formula=text, where={name: A for name in found.names if name != "x"})
        outcome = rule.decide(X)
    except DpauditError as error:
        assert "\n" not in error.message
    else:
        assert all(isinstance(node, ALLOWED) for node in ast.walk(found.tree))
        calls = [node for node in ast.walk(found.tree) if isinstance(node, ast.Call)]
        assert {call.func.id for call in calls} <= set(FUNCTIONS)
        assert outcome.shape == X.shape
        assert np.isfinite(outcome).all()
        rule.existence(None, clipped=False)
    assert time.process_time() - started < 2


@pytest.mark.learn
@settings(FUZZ)
@given(text=TREES)
@example(text="x * " + "9" * 25)
@example(text="x ** 0 + a")
@example(text="sum(a) * x")
@example(text="x + sqrt(4)")
@example(text="2 ** x")
@example(text="mean(2) * x")
def test_a_tensor_gets_the_same_numbers(text):
    import torch

    try:
        found = parse(text)
        rule = Formula(formula=text, where={name: A for name in found.names if name != "x"})
        outcome = rule.decide(X)
        if not rule.differentiable:
            return
    except DpauditError:
        return
    tensor = rule.decide(torch.tensor(X))
    np.testing.assert_allclose(tensor.numpy(), outcome, rtol=1e-9)


LONG = {
    "sum of names": "+".join(["x"] * 40),
    "deep": "(" * 150 + "x" + ")" * 150,
    "calls": "abs(" * 38 + "x" + ")" * 38,
    "powers": "**".join(["2"] * 30) + "*x",
    "ratios": "/".join(["(x+1)"] * 38),
    "comparisons": "<".join(["x"] * (MAX_LENGTH // 2)),
    "logic": " or ".join(["x"] * 190),
    "chained": " and ".join(["x < a"] * 90),
    "nested powers": "x" + "**(2" * 38 + ")" * 38,
    "digits": "x*0." + "1" * 900,
    "spaces": "x" + " " * 900_000 + "+ 1",
    "spaces of every kind": "x" + "\t\n\u2003\f" * 200_000,
    "names": "+".join(f"n{i}" for i in range(39)) + "+x",
    "long names": "x+" + "n" * 900,
}


@pytest.mark.parametrize("name", LONG)
def test_the_longest_formulas_cost_next_to_nothing(name):
    """Were checking or evaluating quadratic, or a power computed in whole numbers, they would."""
    started = time.process_time()
    try:
        names = parse(LONG[name]).names
        Formula(formula=LONG[name], where={n: A for n in names if n != "x"}).decide(X)
    except SpecError as error:
        assert len(error.message) < 2 * MAX_LENGTH + 500
    assert time.process_time() - started < 0.5
