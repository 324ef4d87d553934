import csv
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import dpaudit
from dpaudit.inputs import ColumnName
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit_plugins.decisions import apportionment
from dpaudit_plugins.decisions.apportionment import Apportionment

X = np.array([7270.0, 1230.0, 2220.0, 1850.0, 430.0])
"""METHODS-decisions 8.3."""

SQUARES = {
    "huntington-hill": lambda k: Fraction(k * (k + 1)),
    "webster": lambda k: Fraction(2 * k + 1, 2) ** 2,
    "jefferson": lambda k: Fraction(k + 1) ** 2,
    "adams": lambda k: Fraction(k) ** 2,
}
METHODS = (*SQUARES, "hamilton")
FALSE_ALARM = 1e-6


def lot(keys, places):
    """Each key's part of the places, the largest first, equal keys alike."""
    last = sorted(keys, reverse=True)[places - 1] if places else max(keys) + 1
    tied = keys.count(last)
    left = places - sum(key > last for key in keys)
    return [Fraction(key > last) + (Fraction(left, tied) if key == last else 0) for key in keys]


def one_by_one(counts, seats, minimum, square):
    """A divisor method as its definition says: rounds of equal claims, served if all can be."""
    people = [Fraction(max(float(count), 0.0)) for count in counts]
    people = people if any(people) else [Fraction(1)] * len(people)
    held = [Fraction(minimum)] * len(people)
    while sum(held) < seats:
        free = [p > 0 and square(int(k)) == 0 for p, k in zip(people, held, strict=True)]
        claims = [
            (is_free, p if is_free or p == 0 else p**2 / square(int(k)))
            for is_free, p, k in zip(free, people, held, strict=True)
        ]
        best = max(claims)
        tied = [i for i, claim in enumerate(claims) if claim == best]
        left = seats - sum(held)
        for i in tied:
            held[i] += min(Fraction(1), left / len(tied))
    return held


def with_remainders(counts, seats, minimum):
    people = [Fraction(max(float(count), 0.0)) for count in counts]
    people = people if any(people) else [Fraction(1)] * len(people)
    ranked = sorted(people)
    for j, smallest in enumerate(ranked):
        each = (seats - minimum * j) / sum(ranked[j:], Fraction(0))
        if each * smallest >= minimum:
            break
    shares = [max(Fraction(minimum), each * p) for p in people]
    whole = [math.floor(share) for share in shares]
    parts = lot([s - w for s, w in zip(shares, whole, strict=True)], seats - sum(whole))
    return [w + part for w, part in zip(whole, parts, strict=True)]


def expected(counts, seats, minimum, method):
    if method == "hamilton":
        return with_remainders(counts, seats, minimum)
    return one_by_one(counts, seats, minimum, SQUARES[method])


SMALL = st.integers(0, 12).map(float)
AWKWARD = st.sampled_from([0.0, -0.0, -3.0, 0.1, 0.5, 1.5, 5e-324, 1e-300, 1e300, 2.0**53, 6.0])
WIDE = st.floats(-100, 1e12)


@given(
    counts=st.one_of(*(st.lists(each, min_size=1, max_size=7) for each in (SMALL, AWKWARD, WIDE))),
    extra=st.integers(0, 40),
    minimum=st.integers(0, 2),
    method=st.sampled_from(METHODS),
)
def test_seats_are_those_of_the_definition(counts, extra, minimum, method):
    """Ties, fractions, huge and tiny counts: exactly what ratios of whole numbers give."""
    seats = max(1, minimum * len(counts) + extra)
    made = Apportionment(seats=seats, method=method, minimum=minimum)
    found = made.decide(np.array(counts))
    wanted = [float(part) for part in expected(counts, seats, minimum, method)]
    np.testing.assert_allclose(found, wanted, rtol=1e-15, atol=1e-15)


@given(
    rows=st.lists(st.lists(SMALL, min_size=4, max_size=4), min_size=1, max_size=6),
    order=st.permutations(range(4)),
    method=st.sampled_from(METHODS),
    minimum=st.integers(0, 1),
)
def test_order_and_company_of_a_draw_do_not_matter(rows, order, method, minimum):
    made, draws = Apportionment(seats=9, method=method, minimum=minimum), np.array(rows)
    together = made.decide(draws)
    np.testing.assert_array_equal(made.decide(draws[:, order]), together[:, order])
    for draw, seats in zip(draws, together, strict=True):
        np.testing.assert_array_equal(made.decide(draw), seats)
    np.testing.assert_allclose(together.sum(axis=1), 9, rtol=1e-15)


def test_the_module_offers_its_decision():
    assert tuple(apportionment.dpaudit_decisions()) == (Apportionment,)
    assert (Apportionment.name, Apportionment.unit) == ("apportionment", "seats")
    assert Apportionment(seats=3).structure(2) is None
    assert Apportionment(seats=3).existence(Laplace(1.0), clipped=False) is None


def test_all_methods_may_differ():
    """100,000 people in six states with 36 seats: five methods, five outcomes."""
    votes = np.array([27_744.0, 25_178.0, 19_951.0, 14_610.0, 9_225.0, 3_292.0])
    found = {
        method: Apportionment(seats=36, method=method, minimum=0).decide(votes).tolist()
        for method in METHODS
    }
    assert found == {
        "adams": [10, 9, 7, 5, 3, 2],
        "huntington-hill": [10, 9, 7, 6, 3, 1],
        "webster": [10, 9, 8, 5, 3, 1],
        "jefferson": [11, 9, 7, 5, 3, 1],
        "hamilton": [10, 9, 7, 5, 4, 1],
    }


def test_equal_claims_share_a_seat():
    """1^2 / (1 x 2) = 6^2 / (8 x 9): the second seat of one and the ninth of the other."""
    tied = Apportionment(seats=10).decide(np.array([1e6, 6e6]))
    np.testing.assert_array_equal(tied, [1.5, 8.5])
    near = Apportionment(seats=10).decide(np.array([1e6, 6e6 + 2.0**-30]))
    np.testing.assert_array_equal(near, [1.0, 9.0])
    np.testing.assert_array_equal(Apportionment(seats=10).decide(np.full(4, 5.0)), np.full(4, 2.5))


@pytest.mark.parametrize("method", METHODS)
def test_a_column_settles_ties(method):
    made = Apportionment(
        seats=10, method=method, minimum=0, tie_break=np.array([3.0, 9.0, 9.0, 1.0])
    )
    np.testing.assert_array_equal(made.decide(np.full(4, 5.0)), [2.0, 3.0, 3.0, 2.0])
    few = Apportionment(seats=1, method=method, minimum=0, tie_break=made.tie_break)
    np.testing.assert_array_equal(few.decide(np.full(4, 5.0)), [0.0, 0.5, 0.5, 0.0])


def test_first_seats_come_before_second_ones():
    for method in ("huntington-hill", "adams"):
        made = Apportionment(seats=3, method=method, minimum=0)
        np.testing.assert_array_equal(made.decide(np.array([1e9, 2.0, 1.0, 0.0])), [1, 1, 1, 0])
        np.testing.assert_array_equal(made.decide(np.array([9.0, 2.0, 4.0, 3.0])), [1, 0, 1, 1])


def test_negative_counts_count_as_zero():
    made = Apportionment(seats=6)
    np.testing.assert_array_equal(made.decide(np.array([-50.0, 10.0, 20.0])), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(made.decide(np.array([-50.0, -1.0, 0.0])), [2.0, 2.0, 2.0])
    assert any("negative" in caveat for caveat in made.caveats())


@pytest.mark.parametrize("method", METHODS)
def test_many_seats_and_entities(method):
    counts = np.arange(1.0, 1001.0)
    found = Apportionment(seats=10**9, method=method).decide(counts)
    assert found.sum() == 10**9
    assert np.abs(found - counts * 10**9 / counts.sum()).max() <= 2


@pytest.mark.parametrize("year", ["2000", "2010"])
def test_embedded_data_have_the_official_seats(year):
    file = dpaudit.Registry.discover().datasets()[f"apportionment-{year}"].path
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    people, official, resident, overseas = (
        np.array([float(row[key]) for row in rows])
        for key in (
            "apportionment_population", "seats", "resident_population", "overseas_population",
        )
    )  # fmt: skip
    assert len({row["state"] for row in rows}) == len({row["usps"] for row in rows}) == 50
    assert people.sum() == {"2000": 281_424_177, "2010": 309_183_463}[year]
    np.testing.assert_array_equal(resident + overseas, people)
    np.testing.assert_array_equal(Apportionment(seats=435).decide(people), official)


def test_what_the_example_says_of_2010():
    """Noise of scale 10,000 moves a seat in half of the releases; false alarm below 1e-6."""
    file = dpaudit.Registry.discover().datasets()["apportionment-2010"].path
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    people = np.array([float(row["apportionment_population"]) for row in rows])
    names, draws = [row["state"] for row in rows], 20_000
    made = Apportionment(seats=435)
    noisy = people + Laplace(1e4).sample(np.random.default_rng(4), (draws, 50))
    moved = made.decide(noisy) - made.decide(people)
    margin = stats.norm.isf(FALSE_ALARM / 8) * 0.5 / math.sqrt(draws)
    assert abs((moved != 0).any(axis=1).mean() - 0.498) < margin + 0.003
    for state, gain in (("Minnesota", -0.393), ("North Carolina", 0.186), ("Montana", 0.186)):
        assert abs(moved[:, names.index(state)].mean() - gain) < margin + 0.003


@pytest.mark.shared_data
def test_official_seats_of_every_census(shared):
    """Zero differences; 1910 and 1930, by law Webster's major fractions, came out the same."""
    with (shared / "data" / "apportionment_1910_2010.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    years = sorted({row["year"] for row in rows if row["seats"]})
    assert years == ["1910", "1930", "1950", "1960", "1980", "1990", "2000", "2010"]
    moved = dict.fromkeys(METHODS, 0)
    for year in years:
        people, official = (
            np.array([float(row[key]) for row in rows if row["year"] == year])
            for key in ("apportionment_population", "seats")
        )
        assert official.sum() == (433 if year == "1910" else 435)
        for method in METHODS:
            made = Apportionment(seats=int(official.sum()), method=method).decide(people)
            moved[method] += int(np.abs(made - official).sum() / 2)
            if method == "webster" and year in {"1910", "1930", "2000"}:
                np.testing.assert_array_equal(made, official)
    assert moved == {
        "huntington-hill": 0, "webster": 5, "hamilton": 9, "jefferson": 75, "adams": 60,
    }  # fmt: skip


def test_the_noisy_example():
    """METHODS-decisions 8.3, every number at once, within simulation error at 1e-6."""
    made, draws = Apportionment(seats=10), 200_000
    truth = made.decide(X)
    np.testing.assert_array_equal(truth, [5, 1, 2, 1, 1])
    eta = Laplace(200.0).sample(np.random.default_rng(8), (draws, 5))
    errors = made.decide(X + eta) - truth
    changed = (errors != 0).any(axis=1)
    z = stats.norm.isf(FALSE_ALARM / 12)
    stated = np.array([0.030, 0.005, -0.174, 0.138, 0.0])
    within = z * errors.std(axis=0) / math.sqrt(draws) + 0.001
    assert (np.abs(errors.mean(axis=0) - stated) < within).all()
    spread = errors[:, 3] - errors[:, 2]
    assert abs(spread.mean() - 0.311) < z * spread.std() / math.sqrt(draws) + 0.001
    assert abs(changed.mean() - 0.20) < z * 0.4 / math.sqrt(draws) + 0.005


@pytest.mark.parametrize("method", SQUARES)
def test_two_states_swap_the_last_seat_as_often_as_the_ratio_rule_says(method):
    """METHODS-decisions 4.3: of 5 seats one gets its second where x~_1 >= r x~_0."""
    x, scale, draws = np.array([1040.0, 3000.0]), 100.0, 100_000
    k = max(1, 5 - round(5 * x[1] / x.sum()))
    ratio = math.sqrt(SQUARES[method](k) / SQUARES[method](4 - k))
    chance = at_least(x[0] - ratio * x[1], scale, ratio * scale)
    assert 0.001 < chance < 0.999
    noisy = x + Laplace(scale).sample(np.random.default_rng(3), (draws, 2))
    seats = Apportionment(seats=5, method=method).decide(noisy)
    low, high = stats.binom.interval(1 - FALSE_ALARM / 4, draws, chance)
    assert low <= (seats[:, 0] > k).sum() <= high


def at_least(margin, first, second):
    """P(S >= -margin) for a sum S of Laplace variables with two different scales."""
    z = abs(margin)
    part = first**2 * math.exp(-z / first) - second**2 * math.exp(-z / second)
    tail = part / (2 * (first**2 - second**2))
    return 1 - tail if margin >= 0 else tail


def test_whole_number_noise_treats_equals_alike():
    """Ties in every other draw: two equal entities have the same expected seats."""
    noisy = np.array([3.0, 3.0, 5.0]) + Geometric(1.0).sample(np.random.default_rng(5), (10_000, 3))
    for method in METHODS:
        seats = Apportionment(seats=5, method=method, minimum=0).decide(noisy)
        gap = seats[:, 0] - seats[:, 1]
        limit = stats.norm.isf(FALSE_ALARM / 10) * gap.std() / math.sqrt(len(gap))
        assert abs(gap.mean()) < limit
        assert (seats != np.rint(seats)).any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"seats": 4}, "4 seats are too few for 5 entities with a minimum of 1 each"),
        ({"seats": 9, "minimum": 2}, "9 seats are too few for 5 entities"),
    ],
)
def test_too_few_seats(parameters, message):
    with pytest.raises(dpaudit.SpecError, match=message):
        Apportionment(**parameters).decide(X)


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        (np.array(["a"] * 5), dpaudit.DataError, "'a' is not a number"),
        (np.ones(3), dpaudit.DataError, r"shape \(3,\) for 5 entities"),
        (np.array([1, 2, np.nan, 4, 5]), dpaudit.DataError, r"nan \(entity 3\)"),
        (ColumnName("rank"), dpaudit.UsageError, "'rank' is not filled in"),
    ],
)
def test_wrong_columns(column, error, message):
    with pytest.raises(error, match=message):
        Apportionment(seats=9, tie_break=column).decide(X)


def test_wrong_parameters_and_counts():
    for wrong in ({"seats": 0}, {"seats": 10**9 + 1}, {"seats": 9, "minimum": -1}):
        with pytest.raises(ValueError, match=r"seats|minimum"):
            Apportionment(**wrong)
    for count in (math.nan, math.inf):
        with pytest.raises(dpaudit.DataError, match=f"the count {count} is not finite"):
            Apportionment(seats=9).decide(np.array([1.0, count]))
