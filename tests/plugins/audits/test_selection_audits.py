"""Chances of finitely many outputs, and who is chosen, through the engine."""

import numpy as np
import pytest

import dpaudit
from dpaudit.privacy.finite import choice_probabilities, log_ratio

DATA = "id,children,group,score,fit\na,4,x,0.9,1\nb,3,y,0.8,1\nc,0,x,0.6,0\nd,7,y,0.5,1\n"
AUDIT = """
title = "Choices"
[data]
file = "data.csv"
status = "public"
entity = "id"
count = "children"
groups = ["group"]
[run]
draws = 64
[[release]]
name = "chosen"
mechanism = {{ use = "{mechanism}", epsilon = 1.0 }}
neighbours = "{neighbours}"
[[decision]]
use = "{decision}"
[[audit]]
use = "{audit}"
{parameters}
"""


def measured(folder, audit, *, mechanism="exponential", neighbours="add-remove", parameters=""):
    decision = "counts" if mechanism == "laplace" else "selection"
    (folder / "data.csv").write_text(DATA)
    file = folder / "audit.toml"
    file.write_text(
        AUDIT.format(mechanism=mechanism, neighbours=neighbours, decision=decision, audit=audit,
                     parameters=parameters)
    )  # fmt: skip
    results = dpaudit.run(dpaudit.load(file))
    return {(m.quantity, m.over): m for m in results.measurements}, results


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_log_ratios_are_those_of_every_neighbour(tmp_path, neighbours):
    found, _ = measured(tmp_path, "individual-fairness", neighbours=neighbours)
    counts = np.array([4.0, 3.0, 0.0, 7.0])
    before = choice_probabilities(counts, 1.0)
    wanted = np.zeros(4)
    for i in range(4):
        if neighbours == "add-remove":
            ways = [(i, 1.0, None), (i, -1.0, None)]
        else:
            ways = [(i, -1.0, j) for j in range(4) if j != i]
        for place, step, other in ways:
            moved = counts.copy()
            moved[place] += step
            if other is not None:
                moved[other] += 1
            if moved.min() >= 0:
                after = choice_probabilities(moved, 1.0)
                wanted[i] = max(wanted[i], log_ratio(before, after))
    np.testing.assert_allclose(found["log-ratio", "entity"].estimate.value, wanted, atol=1e-12)
    worst = found["log-ratio", "total"].estimate.value
    assert found["log-ratio-over-budget", "total"].estimate.value == worst <= 1.0


def test_noisy_maxima_keep_their_promise(tmp_path):
    found, _ = measured(tmp_path, "individual-fairness", mechanism="noisy-max")
    share = found["log-ratio-over-budget", "total"].estimate
    assert 0.1 < share.value <= 1.0
    assert share.high < 1.0


def test_what_has_no_finite_outputs_is_left_alone(tmp_path):
    found, _ = measured(tmp_path, "individual-fairness", mechanism="laplace")
    assert not found


def test_who_is_chosen_at_every_budget(tmp_path):
    found, _ = measured(
        tmp_path, "selection-fairness",
        parameters='score = "score"\ngroup = "group"\nqualified = "fit"\nepsilon = [1.0, 5.0]',
    )  # fmt: skip
    shares = found["selection-share", "group × epsilon"]
    # The last budget's rows replaced those before under one key: infinity chooses the best, a.
    assert shares.labels == ("x, epsilon inf", "y, epsilon inf")
    np.testing.assert_array_equal(shares.estimate.value, [1.0, 0.0])
    assert found["four-fifths-ratio", "epsilon"].estimate.value == [0.0]
    np.testing.assert_allclose(
        found["qualified-selection", "group × epsilon"].estimate.value, [1.0, 0.0]
    )
    region = found["four-fifths-ratio", "scores of y"]
    assert len(region.labels) == 2 * 5 * 3
    still = region.labels.index("epsilon 5, mean +0 sd, spread 1 times")
    chances = choice_probabilities(np.array([0.9, 0.8, 0.6, 0.5]), 5.0)
    rates = np.array([chances[[0, 2]].sum(), chances[[1, 3]].sum()])
    assert region.estimate.value[still] == pytest.approx(rates.min() / rates.max())


def test_the_report_says_where_the_rule_holds(tmp_path):
    _, results = measured(
        tmp_path, "selection-fairness", parameters='score = "score"\ngroup = "group"'
    )
    by_budget = {
        m.labels[0]: float(m.estimate.value[0])
        for m in results.measurements
        if m.over == "epsilon" and m.quantity == "four-fifths-ratio"
    }
    assert by_budget["epsilon 0"] == 1.0
    assert by_budget["epsilon 1"] > by_budget["epsilon 20"] > by_budget["epsilon inf"] == 0.0
    from dpaudit_plugins.audits.selection_fairness import dpaudit_sections

    (blocks,) = dpaudit_sections(results).values()
    rows = {row[0]: row[2] for row in blocks[1].rows}
    assert rows["epsilon 0"] == "yes"
    assert rows["epsilon inf"] == "no"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ('score = "id"\ngroup = "group"', "no column 'id' of numbers"),
        ('score = "score"\ngroup = "colour"', "no grouping 'colour'"),
        ('score = "score"\ngroup = "group"\nmoved = "z"', "'z' is no group"),
    ],
)
def test_wrong_names_are_told(tmp_path, parameters, said):
    with pytest.raises(dpaudit.DataError, match=said):
        measured(tmp_path, "selection-fairness", parameters=parameters)
