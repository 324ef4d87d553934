"""Language assistance: the statute's words, the published determinations, the joint chance."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

import dpaudit
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.none import NoNoise
from dpaudit.noise.rounded import RoundedGaussian
from dpaudit.testing.faults import share_differs
from dpaudit_plugins.decisions import section_203
from dpaudit_plugins.decisions.section_203 import Section203

NAMES = ("citizens", "limited_english", "illiterate")
ROWS = np.array(
    [
        [3900.0, 200.0, 6.0],
        [3305.0, 160.0, 8.0],
        [80.0, 4.0, 0.0],
        [300_000.0, 9_995.0, 200.0],
        [240_000.0, 10_005.0, 135.0],
        [0.0, 0.0, 0.0],
    ]
)
NOISES = [
    Laplace(8.0),
    Gaussian(8.0),
    Geometric(0.125),
    DiscreteGaussian(7.0),
    RoundedGaussian(7.0),
]
ROUTES = ["jurisdiction", "state", "covered-state", "reservation"]


def rule(**parameters):
    return Section203(counts=NAMES, **parameters)


def test_the_module_offers_its_decision():
    assert tuple(section_203.dpaudit_decisions()) == (Section203,)


@pytest.mark.parametrize(
    ("row", "jurisdiction", "state", "covered_state"),
    [
        ((3300, 165, 100), 0, 0, 1),  # exactly 5 percent: "more than", but "5 percent or more"
        ((3300, 166, 100), 1, 1, 1),
        ((3320, 165, 100), 0, 0, 0),
        ((1_000_000, 10_000, 5_000), 0, 0, 0),  # exactly 10,000
        ((1_000_000, 10_001, 5_000), 1, 0, 0),  # the number is for subdivisions alone
        ((100_000, 10_000, 131), 0, 0, 1),  # the illiteracy rate is exactly the nation's
        ((100_000, 10_000, 132), 1, 1, 1),
        ((0, 0, 0), 0, 0, 1),  # nobody: 0 is 5 percent of 0, and not more
        ((0, 1, 1), 1, 1, 1),
    ],
)
def test_what_the_statute_says(row, jurisdiction, state, covered_state):
    row = np.array([row], dtype=float)
    assert rule().decide(row) == jurisdiction
    assert rule(route="state").decide(row) == state
    assert rule(route="reservation").decide(row) == state
    assert rule(route="covered-state").decide(row) == covered_state


def test_names_and_order_of_the_counts_are_the_data_s():
    names = ("illit", "vaclep", "age", "vacit")
    renamed = Section203(
        citizens="vacit", limited_english="vaclep", illiterate="illit", counts=names
    )
    assert renamed.reads == (3, 1, 0)
    assert attrs_reads(renamed, "covered-state") == (3, 1)
    assert renamed.decide(np.array([[100.0, 166.0, 5.0, 3300.0]])) == 1


def attrs_reads(decision, route):
    return Section203(
        citizens=decision.citizens, limited_english=decision.limited_english,
        illiterate=decision.illiterate, counts=decision.counts, route=route,
    ).reads  # fmt: skip


def determinations(shared):
    """Each group's counts beside the citizens of its area, of the 2016 determinations."""
    table = pd.read_csv(
        shared / "data" / "section203_2016_determined_areas.csv",
        dtype=dict.fromkeys(("geoid", "st", "cnty", "mcd", "aian", "anrc"), str),
    )
    key = ["level", "geoid", "aian", "anrc", "st", "cnty", "mcd"]
    everybody = table.loc[table["lancount"] == 1, [*key, "vacit"]]
    groups = table[table["lancount"] > 1].merge(
        everybody.rename(columns={"vacit": "citizens"}), on=key, how="left", validate="m:1"
    )
    return groups.rename(columns={"vaclep": "limited_english", "illit": "illiterate"})


@pytest.mark.shared_data
def test_the_determinations_of_2016(shared):
    """Two of 316 differ, because the published counts are rounded to fives."""
    table = determinations(shared)
    local = table[table["level"].isin(["County", "MCD"])]
    decided = rule().decide(local[list(NAMES)].to_numpy())
    wrong = local[decided != local["flag_jur"]]
    assert (len(local), len(wrong)) == (316, 2)
    assert set(wrong["namelsad"].str.split(",").str[0]) == {"Union County", "Colfax township"}
    most = wrong["limited_english"] + 2.5
    assert (most > 0.05 * (wrong["citizens"] - 2.5)).all()


@pytest.mark.shared_data
def test_the_other_routes_of_2016(shared):
    table = determinations(shared)
    states = table[table["level"] == "State"]
    decided = rule(route="state").decide(states[list(NAMES)].to_numpy())
    np.testing.assert_array_equal(decided, states["flag_st"])
    within = table[table["level"].isin(["County", "MCD"]) & table["flag_st"].notna()]
    decided = rule(route="covered-state").decide(within[list(NAMES)].to_numpy())
    np.testing.assert_array_equal(decided, within["flag_st"])
    assert (len(states), len(within)) == (3, 127)


@pytest.mark.shared_data
def test_the_reservations_of_2016(shared):
    """Two of 76 differ, with the smallest positive count that is published: 4 stands for more."""
    table = determinations(shared)
    areas = table[table["level"].isin(["AIAN", "ANRC"])]
    natives = areas[areas["flag_ai"].isna()].set_index("geoid")["vacit"]
    groups = areas[areas["flag_ai"] == 1]
    rows = groups.assign(citizens=natives.loc[groups["geoid"]].to_numpy())[list(NAMES)]
    decided = rule(route="reservation").decide(rows.to_numpy())
    assert (len(groups), (decided == 0).sum()) == (76, 2)
    assert (rows["limited_english"][decided == 0] == 4).all()
    counts = table["limited_english"]
    assert counts[counts > 0].min() == 4


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("noise", [*NOISES, NoNoise()], ids=lambda noise: type(noise).__name__)
def test_chances_agree_with_simulation(noise, route, clipped):
    """Exact binomial bounds; false alarm below 1e-6 for each of 48 cases."""
    made, rng, draws = rule(route=route), np.random.default_rng(7), 50_000
    noisy = ROWS + noise.sample(rng, (draws, ROWS.size)).reshape(draws, *ROWS.shape)
    noisy = np.maximum(noisy, 0.0) if clipped else noisy
    hits = made.decide(noisy).sum(axis=0)
    known = made.probability(ROWS, noise, clipped=clipped)
    assert not share_differs(getattr(known, "value", known), hits, draws)
    if route != "covered-state":
        assert (known.high - known.value < 1e-10).all()
    off = rule(route=route, share=0.048).probability(ROWS, noise, clipped=clipped)
    assert share_differs(getattr(off, "value", off), hits, draws), "the control is not noticed"


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize(
    ("noise", "law"), [(Laplace(8.0), stats.laplace), (Gaussian(8.0), stats.norm)]
)
def test_the_joint_integral_against_another_quadrature(noise, law, clipped):
    """scipy's adaptive rule, split at every place where a factor bends."""
    got = rule().probability(ROWS, noise, clipped=clipped)
    for i, (citizens, limited, illiterate) in enumerate(ROWS):

        def inner(u, citizens=citizens, limited=limited, illiterate=illiterate):
            many = 1.0 if u > 10_000 else law.cdf(u / 0.05 - citizens, scale=8.0)
            if clipped and u <= 0:
                many = 0.0
            return (
                law.pdf(u - limited, scale=8.0) * many * law.sf(0.0131 * u - illiterate, scale=8.0)
            )

        low, high = limited - 320, limited + 320
        low = max(low, 0.0) if clipped else low
        bends = [0.05 * citizens + 0.4 * step for step in (-40, -8, -2, 0, 2, 8, 40)]
        bends += [10_000, limited, illiterate / 0.0131, limited - 40, limited + 40]
        edges = sorted({low, high, *(bend for bend in bends if low < bend < high)})
        wanted = sum(
            integrate.quad(inner, a, b, epsabs=1e-15, epsrel=1e-12, limit=300)[0]
            for a, b in itertools.pairwise(edges)
        )
        assert abs(got.value[i] - wanted) < 1e-12 + got.high[i] - got.value[i]
        assert got.high[i] - got.value[i] < 1e-10


def test_whole_numbers_against_enumeration():
    """All triples of values of a small case, compared in whole-number arithmetic."""
    rows, rate = np.array([[40.0, 3.0, 1.0]]), np.exp(-1.0)
    k = np.arange(-40, 41)
    mass = (1 - rate) / (1 + rate) * rate ** np.abs(k)
    for clipped in (False, True):
        c, low, i = (int(x) + k for x in rows[0])
        c, low, i = (np.maximum(v, 0) if clipped else v for v in (c, low, i))
        c, low, i = c[:, None, None], low[None, :, None], i[None, None, :]
        covered = ((20 * low > c) | (low > 5)) & (10_000 * i > 131 * low)
        wanted = np.einsum("ijk,i,j,k", covered, mass, mass, mass)
        got = rule(number=5.0).probability(rows, Geometric(1.0), clipped=clipped)
        np.testing.assert_allclose(got.value, wanted, atol=1e-14)


def test_the_product_of_the_chances_is_not_the_chance():
    """METHODS-decisions 4.6: 0.60814 against 0.60692."""
    got = rule().probability(ROWS[:1], Laplace(5.0), clipped=False)
    share = rule(national_rate=1e-9).probability(ROWS[:1], Laplace(5.0), clipped=False)
    assert got.value[0] == pytest.approx(0.60692349981, abs=1e-10)
    assert share.value[0] > got.value[0]


def test_counts_far_from_every_line_are_decided():
    rows = np.array([[1e6, 5e5, 1e5], [1e6, 100.0, 90.0], [2.0**53, 2.0**52, 0.0]])
    for noise in NOISES:
        for clipped in (False, True):
            got = rule().probability(rows, noise, clipped=clipped)
            np.testing.assert_allclose(got.value, [1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("scale", [0.0, 1e-300, 1e-9, 1e9, 1e305])
@pytest.mark.parametrize("make", [Laplace, Gaussian, RoundedGaussian])
def test_any_amount_of_noise_gives_a_chance(make, scale):
    for clipped in (False, True):
        for route in ROUTES:
            known = rule(route=route).probability(ROWS, make(scale), clipped=clipped)
            if known is None:
                assert make is RoundedGaussian
                assert scale >= 1e9
                continue
            chance = getattr(known, "value", known)
            assert ((chance >= 0) & (chance <= 1)).all()
            if scale <= 1e-300:  # but where nobody lives: there any noise at all decides
                decided = rule(route=route).decide(ROWS)
                np.testing.assert_array_equal(chance[:-1], decided[:-1])


def test_what_a_reader_must_know():
    told = " ".join(rule().caveats())
    assert "1.31%" in told
    assert "national_rate" in told
    assert "not checked" not in " ".join(rule(national_rate=0.0152).caveats())
    assert "not checked" not in " ".join(rule(route="covered-state").caveats())
    assert not any(sentence.endswith(".") for sentence in rule().caveats())


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"citizens": "limited_english"}, ValueError, "citizens and limited_english are both"),
        ({"share": 0.0}, ValueError, "share"),
        ({"share": 1.5}, ValueError, "share"),
        ({"number": -1.0}, ValueError, "number"),
        ({"national_rate": 0.0}, ValueError, "national_rate"),
        ({"illiterate": "ill"}, dpaudit.DataError, "parameter 'illiterate': .* no count 'ill'"),
    ],
)
def test_wrong_parameters(parameters, error, message):
    with pytest.raises(error, match=message):
        rule(**parameters).decide(ROWS)
