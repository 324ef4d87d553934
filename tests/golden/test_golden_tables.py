"""Golden values of attacks on tables, each computed independently of this code."""

import csv
import json

import numpy as np
import pytest
from scipy import sparse

from dpaudit.solvers.pool_score import pool_scores
from dpaudit.solvers.readout import read_out
from dpaudit.solvers.table_universe import consistent, variability
from dpaudit.stats.proportions import clopper_pearson
from dpaudit.stats.replicates import over_replicates
from dpaudit.stats.roc import Ranking, top

pytestmark = [pytest.mark.shared_data, pytest.mark.golden]

AGES = [5, 18, 25, 35, 45, 55, 65, 75]
TWELVE = [4, 9, 14, 17, 19, 24, 34, 44, 54, 64, 74]


@pytest.fixture(scope="module")
def stored(shared):
    items = json.loads((shared / "golden" / "attacks.json").read_text())
    return {item["id"]: item for item in items}


@pytest.fixture(scope="module")
def people(shared):
    with (shared / "data" / "dcde_massachusetts_2019.csv").open() as file:
        return list(csv.DictReader(file))


def coded(people, names):
    """Return the table of some columns over the values that occur, as the stored runs have it."""
    codes, shape = [], []
    for name in names:
        if name == "AGEB":
            codes.append(np.searchsorted(AGES, [int(p["AGEP"]) for p in people], side="right"))
            shape.append(9)
            continue
        values = sorted({p[name] for p in people})
        codes.append(np.array([values.index(p[name]) for p in people]))
        shape.append(len(values))
    cell = np.ravel_multi_index(codes, shape)
    return np.bincount(cell, minlength=int(np.prod(shape))).astype(float), tuple(shape)


def released(counts, mechanism, eps, threshold, rng):
    noise = rng.laplace(0.0, 1.0 / eps, counts.shape) if eps else 0.0
    if mechanism == "cs":
        return np.where(counts >= threshold, counts, 0.0)
    if mechanism == "dpcs":
        return np.where(counts + noise >= threshold, counts, 0.0)
    return np.maximum(counts + noise, 0.0)


def product(counts, shape):
    table = counts.reshape(shape) / counts.sum()
    made = np.ones(())
    for axis in range(table.ndim):
        others = tuple(i for i in range(table.ndim) if i != axis)
        made = np.multiply.outer(made, table.sum(axis=others))
    return made.ravel()


def test_games_with_candidates_from_elsewhere(stored, people):
    """Areas, rates, precision of the list of |D|, and who is there by value; no 2018 needed."""
    due = [item for name, item in stored.items() if name.startswith("hist_mia_games/")]
    assert len(due) == 15
    rng = np.random.default_rng(1)
    for item in due:
        given, out = item["input"], item["output"]
        counts, shape = coded(people, given["cols"].split("x"))
        shown = released(counts, given["mech"], given["eps"], given["k"], rng)
        laws = {"uniform_domain": np.full(counts.size, 1.0 / counts.size),
                "product_marginals": product(counts, shape)}  # fmt: skip
        for name, law in laws.items():
            drawn = np.array([played(shown, counts, law, rng) for _ in range(20)])
            # What is stored is one draw of the others: within 0.02 of where draws lie.
            room = 0.02 + 3.0 * drawn.std(axis=0, ddof=1)
            assert (np.abs(drawn.mean(axis=0) - out[name]) <= room).all(), (item["id"], name)
        got = read_out(counts, np.rint(shown))  # whole records, as stored
        np.testing.assert_allclose(
            [got.recall, got.precision], out["readout"][:2], rtol=0, atol=0.02, err_msg=item["id"]
        )


def played(shown, counts, law, rng):
    """Return area, rate at 1 in 100, precision of the list of |D| and who is there by value."""
    total = counts.sum()
    others = rng.multinomial(int(total), law).astype(float)
    ranking, both = Ranking.of(shown, counts, others), counts + others
    rate = np.divide(counts, both, out=np.zeros_like(both), where=both > 0)
    listed = (top(shown, both, total) * rate).sum() / total
    there = others[counts > 0].sum() / total
    return ranking.auc, float(ranking.tpr(np.array(0.01))), listed, there


def blocks_of(people, rng):
    """Return the pseudo-blocks of the stored run: up to eight of each area, 2 to 30 people."""
    areas = np.array([p["PUMA"] for p in people])
    made = []
    for area in sorted(set(areas)):
        order, first, count = rng.permutation(np.flatnonzero(areas == area)), 0, 0
        while first < len(order) and count < 8:
            size = int(rng.integers(2, 31))
            made.append(order[first : first + size])
            first, count = first + size, count + 1
    return made


class Toy:
    """People by sex, twelve ages, race and Hispanic origin, and the tables that are published."""

    def __init__(self, people):
        races = sorted({p["RAC1P"] for p in people})
        self.sex = np.array([int(p["SEX"]) - 1 for p in people])
        self.age = np.searchsorted(TWELVE, [int(p["AGEP"]) for p in people], side="left")
        self.race = np.array([races.index(p["RAC1P"]) for p in people])
        self.origin = np.array([int(p["HISP"]) > 0 for p in people]).astype(int)
        self.shape = (2, 12, len(races), 2)
        self.size = int(np.prod(self.shape))
        self.cell = np.ravel_multi_index((self.sex, self.age, self.race, self.origin), self.shape)
        sex, age, race, origin = np.unravel_index(np.arange(self.size), self.shape)
        self.cells = sex, age, race, origin
        adult = age >= 4
        self.keys = [
            sex * 12 + age,
            race * 2 + origin,
            (race * 2 + origin) * 2 + adult,
            (sex * 12 + age) * 2 + (race == 0),
        ]

    def sums(self, tables):
        rows = [
            sparse.csr_matrix((np.ones(self.size), (key, np.arange(self.size))))
            for key in self.keys[:tables]
        ]
        return sparse.csr_matrix(sparse.vstack(rows))

    def free(self, tables, truth):
        """Return the cells of a block that no total of 0 rules out."""
        sums = self.sums(tables)
        empty = sums[np.flatnonzero(sums @ truth == 0)]
        return np.flatnonzero(np.asarray(empty.sum(axis=0)).ravel() == 0)

    def truth(self, members):
        return np.bincount(self.cell[members], minlength=self.size).astype(float)


SOLUTIONS = 20


def costs(toy, tables, truth, rng):
    """Yield the random costs of the stored run: one for a table, then those of the ranking."""
    free = toy.free(tables, truth)
    for draw in [rng.random, *[lambda size: rng.normal(size=size)] * SOLUTIONS]:
        cost = np.zeros(toy.size)
        cost[free] = draw(free.size)
        yield cost


@pytest.mark.slow
@pytest.mark.parametrize("tables", [3, 4])
def test_pseudo_blocks_rebuilt_from_their_tables(tables, stored, people):
    out = stored[f"census_toy/{tables} tables"]["output"]
    toy, rng = Toy(people), np.random.default_rng(0)
    blocks = blocks_of(people, rng)
    assert (len(blocks), sum(map(len, blocks))) == (40, 711)
    sums, common = toy.sums(tables), np.bincount(toy.cell, minlength=toy.size)
    for fewer in range(2, tables):  # the stored runs share one stream
        for members in blocks:
            list(costs(toy, fewer, toy.truth(members), rng))
    agree = varied = certain = settled = 0.0
    claims, uniques = [], []
    for members in blocks:
        truth = toy.truth(members)
        totals = sums @ truth
        first, *others = costs(toy, tables, truth, rng)
        table = consistent(sums, totals, first)
        one = variability(sums, totals, table)
        assert one.proved
        agree += np.minimum(truth, table).sum()
        varied += one.people
        certain += one.people < 0.5
        settled += len(members) * (one.people < 0.5)
        seen = np.mean([consistent(sums, totals, cost) > 0 for cost in others], axis=0)
        claims += [(seen[c], truth[c] > 0, common[c]) for c in np.flatnonzero(seen > 0)]
        uniques += list(vulnerable(toy, members, table))
    people_in = sum(map(len, blocks))
    assert certain / len(blocks) == pytest.approx(out["zero_solvar_blocks"], abs=1e-4)
    assert settled / people_in == pytest.approx(out["people_in_zero_solvar"], abs=1e-4)
    assert varied / people_in == pytest.approx(out["solvar_total_share"], abs=1e-4)
    assert agree / people_in == pytest.approx(out["agreement"], abs=0.05)
    surest = sorted(claims, key=lambda claim: -claim[0])
    usual = sorted(surest, key=lambda claim: -claim[2])
    for count in (50, 100, 200, 400):
        for ranked, name in ((surest, "match_rate_top"), (usual, "prior_rank_match")):
            found = np.mean([right for _, right, _ in ranked[:count]])
            assert found == pytest.approx(out[name][str(count)], abs=0.05), (name, count)
    found, modal, proportional = np.mean(uniques, axis=0)
    wanted = out["nonmodal_uniques"]
    assert len(uniques) == wanted["n"]
    assert found == pytest.approx(wanted["reconstruction"], abs=0.05)
    assert modal == wanted["modal_guess"] == 0.0
    assert proportional == pytest.approx(wanted["proportional_leave_one_out"], abs=0.001)


def vulnerable(toy, members, table):
    """Yield what is right about each person alike nobody in sex and age, and of a rarer group.

    The rebuilt table, the most common group of the block, and a guess in proportion to the others.
    """
    group = toy.race[members] * 2 + toy.origin[members]
    most = np.bincount(group).argmax()
    place = toy.sex[members] * 12 + toy.age[members]
    alone = np.bincount(place, minlength=24)[place] == 1
    sex, age, race, origin = toy.cells
    for j in np.flatnonzero((group != most) & alone):
        person = members[j]
        at = np.flatnonzero((table > 0) & (sex == toy.sex[person]) & (age == toy.age[person]))
        right = at.size > 0 and race[at[0]] * 2 + origin[at[0]] == group[j]
        others = np.bincount(group, minlength=30).astype(float)
        others[group[j]] -= 1
        yield float(right), float(most == group[j]), others[group[j]] / max(1.0, others.sum())


def at_a_threshold(ranking, rate):
    """Return the rate of true alarms where no more than ``rate`` are false, ties all or none."""
    inside, outside = (
        np.cumsum(np.bincount(ranking.block, weight))
        for weight in (ranking.members, ranking.others)
    )
    allowed = outside <= rate * outside[-1]
    return float(inside[allowed][-1] / inside[-1]) if allowed.any() else 0.0


@pytest.mark.slow
def test_intervals_of_one_release_do_not_cover_and_those_of_ten_do(stored, people):
    """Clopper-Pearson over the candidates of one release, and Student's t over ten releases.

    Of 60 intervals at 95% fewer than 48 cover by chance with probability below 1e-6, and of 600
    fewer than 541. Stored is a coverage of a quarter, of a game of which less is known here.
    """
    item = stored["coverage/one_release"]
    assert all(out["coverage"]["cp"] < 0.5 for out in item["output"].values())
    counts, _shape = coded(people, ["PUMA", "SEX", "RAC1P", "AGEB"])
    sizes, rng = counts[counts > 0], np.random.default_rng(8)

    def release():
        members = rng.binomial(sizes.astype(int), 0.5).astype(float)
        shown = members + rng.laplace(0.0, 1.0, sizes.shape)
        scores = pool_scores(sizes, shown, lambda count, seen: -np.abs(seen - count))
        return Ranking.of(scores, members, sizes - members)

    releases = [release() for _ in range(600)]
    auc = np.array([one.auc for one in releases])
    reps = over_replicates(auc.reshape(60, 10).T, 0.95)
    assert ((reps.low <= auc.mean()) & (auc.mean() <= reps.high)).sum() >= 48
    rates = [at_a_threshold(one, 0.1) for one in releases]
    everybody = [int(one.members.sum()) for one in releases]
    bounds = [
        clopper_pearson(np.array(round(rate * n)), n, 0.025)
        for rate, n in zip(rates, everybody, strict=True)
    ]
    assert sum(low <= np.mean(rates) <= high for low, high in bounds) < 541
