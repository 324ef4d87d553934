"""Amounts: the interval's precision, real minus signs, no absurd figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpaudit.model.estimate import Estimate
from dpaudit.report.amounts import Amounts
from dpaudit.report.prose import Prose, noun

DOLLARS, PEOPLE = Amounts(Prose(), "dollars"), Amounts(Prose(), "persons")


def made(value, low, high):
    return Estimate(value=value, low=low, high=high, level=0.95, method="simulated", draws=1)


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (made(12345.678, 12000, 12900), "$12,350, 95% interval $12,000 to $12,900"),
        (made(-12345.678, -12900, -12000), "−$12,350, 95% interval −$12,900 to −$12,000"),
        (made(3.1e6, 2.7e6, 3.5e6), "$3.10 million, 95% interval $2.70 million to $3.50 million"),
        (made(0.2, -5000, 5000), "$0, 95% interval −$5,000 to $5,000"),
        (made(40, 0.004, 90), "$40.000, 95% interval $0.004 to $90.000"),
        (Estimate.exact(12345.678), "$12,346, exact"),
    ],
)
def test_dollars_are_rounded_to_their_interval(estimate, said):
    assert f"{DOLLARS.value(estimate)}, {DOLLARS.interval(estimate)}" == said


def test_people_are_whole_from_ten_on():
    assert PEOPLE.size(1234.4) == "1,234 people"
    assert PEOPLE.size(6.94) == "6.9 people"


@given(
    st.floats(-1e12, 1e12).filter(lambda x: abs(x) > 1e-6),
    st.floats(1e-6, 1e10),
    st.sampled_from(["dollars", "persons", "share", "seats"]),
)
def test_any_number_prints_with_a_real_minus_and_no_exponent(value, width, unit):
    said = Amounts(Prose(), unit).value(made(value, value - width, value + width))
    assert "-" not in said
    assert "e+" not in said
    assert "−0 " not in said + " "


@pytest.mark.parametrize("unit", ["dollars", "persons", "share", "probability", "0.001 seats"])
def test_zero_has_no_sign_whatever_digits_its_unit_holds(unit):
    amounts = Amounts(Prose(), unit)
    assert amounts.signed(-1e-30)[0] not in "+\u2212"
    assert amounts.signed(1e-30)[0] not in "+\u2212"
    assert amounts.signed(-2.0)[0] == "\u2212"


def test_an_infinite_bound_is_told_in_words():
    assert "no limit" in DOLLARS.ends(made(5.0, 0.0, float("inf")))


def test_the_noun_of_a_row_comes_from_its_identifier_column():
    assert noun("district_id", "entity") == "district"
    assert noun("fips", "entity") == "entity"


def test_braces_in_a_name_are_text():
    assert Prose()("{name} loses", name="{amount} {0}") == "{amount} {0} loses"


def test_probabilities_are_chances_in_100():
    assert Amounts(Prose(), "probability").value(made(0.1234, 0.12, 0.13)) == "12.3 chances in 100"
