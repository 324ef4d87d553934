"""The formula decision: right arithmetic, clear refusals, and nothing but DpauditError."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpaudit.errors import DpauditError, SpecError
from dpaudit_plugins.decisions._expression import FUNCTIONS, parse
from dpaudit_plugins.decisions.formula import Formula

X = np.array([5.0, 0.0, 12.0, 3.0])
A = np.array([1.0, 2.0, 0.5, 4.0])


def decide(formula, counts=X, **where):
    return Formula(formula=formula, where=where).decide(counts)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a * x / sum(a * x)", A * X / (A * X).sum()),
        ("x - mean(x)", X - X.mean()),
        ("maximum(x, 1) ** -0.5", np.maximum(X, 1) ** -0.5),
        ("-x + 2", 2 - X),
        ("sqrt(x) + log(1 + x) + exp(-x)", np.sqrt(X) + np.log1p(X) + np.exp(-X)),
        ("abs(x - 4)", np.abs(X - 4)),
        ("floor(x / 2) + round(a)", np.floor(X / 2) + np.round(A)),
        ("clip(x, 1, 6)", np.clip(X, 1, 6)),
        ("minimum(x, 4) - min(x) + max(x) * 0", np.minimum(X, 4)),
        ("where(x > 4, 10, x)", np.where(X > 4, 10, X)),
        ("x > 4", [1, 0, 1, 0]),
        ("(x > 4) + (x > 10)", [1, 0, 2, 0]),
        ("3 <= x < 12", [1, 0, 0, 1]),
        ("x == 5 or not x != 3", [1, 0, 0, 1]),
        ("x > 1 and x < 6", [1, 0, 0, 1]),
        ("rank(x)", [2, 4, 1, 3]),
        ("a *\n  x", A * X),
        ("where(a < 1e-300, 0, x)", X),
    ],
)
def test_the_value_is_that_of_numpy(formula, expected):
    where = {"a": A} if "a" in parse(formula).names else {}
    np.testing.assert_allclose(decide(formula, **where), expected, rtol=1e-12)


def test_ties_share_the_better_rank():
    assert decide("rank(x)", np.array([7.0, 9.0, 7.0, 1.0])).tolist() == [2, 1, 2, 4]


def test_a_number_can_stand_for_a_name():
    np.testing.assert_allclose(decide("B * x / sum(x)", B=1000), 1000 * X / X.sum())


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("x.__class__", r"column 1 .*attribute"),
        ("x + x.sum()", "column 5 .*only these can be called"),
        ("__import__('os')", "column 1 .*only these"),
        ("sum(x, x)", r"column 1 .*sum\(\) takes 1, not 2"),
        ("min(x, 0)", r"min\(\) takes 1(.|\n)*help: minimum\(a, b\)"),
        ("sum(*x)", "column 5 .*Starred"),
        ("round(x, ndigits=2)", "no named arguments"),
        ("x[0]", "indexing"),
        ("x if x else 0", "column 1 .*IfExp"),
        ("[x for x in x]", "ListComp"),
        ("lambda: x", "Lambda"),
        ("(y := x)", "NamedExpr"),
        ("f'{x}'", "JoinedStr"),
        ("'a' * x", "column 1 .*not a real number"),
        ("x * True", "column 5 .*not a real number"),
        ("x * 2j", "column 5 .*not a real number"),
        ("x * None", "not a real number"),
        ("x // 2", "this operator"),
        ("x @ x", "this operator"),
        ("~x", "this operator"),
        ("x is x", "this comparison"),
        ("x in x", "this comparison"),
        ("9**9**9 + x", "column 1 .*|exponent"),
        ("x ** 101", "column 6 .*exponent 101"),
        ("x ** (9 ** 9)", "exponent"),
        ("x * 1e999", "too large"),
        ("x * " + "9" * 400, "too large"),
        ("x * " + "9" * 900, "too large"),
        ("x +", "column"),
        ("x\0", "cannot be read|column"),
        ("", "empty"),
        ("  \n ", "empty"),
        ("x+" * 600 + "x", "1201 characters, more than 1000"),
        ("-" * 200 + "x", "nested more than 40 deep"),
        ("(" * 300 + "x" + ")" * 300, "column|cannot be read|too many"),
        ("3", "does not use the counts"),
        ("é + x", "uses 'é', which is not given"),
        ("sum(x) / y", "uses 'y'"),
    ],
)
def test_anything_else_is_refused_with_its_place(formula, message):
    with pytest.raises(SpecError, match=message):
        decide(formula)


def test_a_column_is_counted_in_characters():
    with pytest.raises(SpecError, match="column 5 of the formula"):
        Formula(formula="é + x.y", where={"é": 1.0})


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"x": 1.0}, "always stands for the released counts"),
        ({"sum": 1.0}, "is a function"),
        ({"a b": 1.0}, "is not a name"),
        ({"b": 1.0}, "does not use"),
    ],
)
def test_where_is_checked(where, message):
    with pytest.raises(SpecError, match=message):
        Formula(formula="x", where=where)


def test_a_column_of_text_is_refused():
    with pytest.raises(SpecError, match=r"'a' in where is text \('Alameda'\)"):
        decide("a * x", a=np.array(["Alameda", "Butte", "Butte", "Yolo"]))


@pytest.mark.parametrize(
    ("formula", "counts", "message"),
    [
        ("x / sum(x)", [0.0, 0.0], "no finite value for entity 1 of 2, where x is 0"),
        ("log(x)", [1.0, 0.0], "entity 2 of 2"),
        ("sqrt(x)", [4.0, -2.5], "entity 2 of 2, where x is -2.5"),
        ("sum(x)", [1.0, 2.0], "one number, not one for every entity"),
    ],
)
def test_what_has_no_value_is_said(formula, counts, message):
    with pytest.raises(SpecError, match=message):
        decide(formula, np.array(counts))


@pytest.mark.parametrize(
    ("formula", "clipped", "exists"),
    [
        ("x / sum(x)", False, False),
        ("x / sum(x)", True, True),
        ("x ** -1", False, False),
        ("x ** 2 / 3", False, True),
        ("x / a", False, True),
    ],
)
def test_a_ratio_of_noisy_counts_has_no_expectation(formula, clipped, exists):
    where = {"a": 2.0} if "a" in parse(formula).names else {}
    reason = Formula(formula=formula, where=where).existence(object(), clipped=clipped)
    assert (reason is None) is exists


def test_without_noise_every_expectation_exists():
    assert Formula(formula="x / sum(x)").existence(None, clipped=False) is None


def test_the_input_is_left_alone_and_one_entity_works():
    counts = np.array([3.0])
    counts.flags.writeable = False
    assert decide("x / sum(x)", counts).tolist() == [1.0]
    assert decide("rank(x)", counts).tolist() == [1.0]


SYMBOLS = [
    *"+-*/(),<.[]'{}:=\\é\t\n#_%@~\0\ud800",
    "**",
    "==",
    "1",
    "0",
    "2.5",
    "1e308",
    "0x",
    "1j",
]
NOUNS = [*FUNCTIONS, "x", "a", " and ", " or ", " not ", " if ", " lambda "]
WORDS = st.sampled_from([*NOUNS, *SYMBOLS])


@settings(deadline=None, max_examples=400)
@given(st.lists(WORDS, max_size=30).map("".join) | st.text(max_size=40))
def test_only_dpaudit_errors_come_out(text):
    started = time.perf_counter()
    try:
        names = parse(text).names
        where = {name: A for name in names if name != "x"}
        outcome = Formula(formula=text, where=where).decide(X)
    except DpauditError:
        pass  # refused, in our own words
    else:
        assert outcome.shape == X.shape
        assert np.isfinite(outcome).all()
    assert time.perf_counter() - started < 5  # nothing blows up, whatever the machine
