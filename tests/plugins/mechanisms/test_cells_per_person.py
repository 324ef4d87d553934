"""People who enter several counts: every mechanism reckons with them, refuses, or need not."""

import numpy as np
import pytest

import dpaudit

REGISTRY = dpaudit.Registry.discover()
CELLS = 3
BUDGET = {
    "data-error": {"coefficient_of_variation": 0.1, "epsilon": 1.0},
    "laplace": {"epsilon": 1.0},
    "geometric": {"epsilon": 1.0},
    "gaussian": {"rho": 1.0},
    "discrete-gaussian": {"rho": 1.0},
    "threshold-laplace": {"threshold": 5, "epsilon": 1.0},
}
"""The budget is stated: the noise grows."""
AMOUNT = {
    "laplace": {"scale": 2.0},
    "geometric": {"scale": 2.0},
    "gaussian": {"sigma": 2.0},
    "discrete-gaussian": {"sigma": 2.0},
    "opendp": {"distribution": "laplace", "scale": 2.0},
    "random-rounding": {"base": 5},
    "cell-key": {"max_noise": 3, "variance": 1.0},
}
"""The noise is stated: the guarantee gets weaker."""
REFUSED = {
    "callable": {"function": "a:b", "epsilon": 1.0},
    "replicates": {"file": "a.csv", "epsilon": 1.0},
    "randomized-response": {"epsilon": 1.0},
    "record-swapping": {"rate": 0.1, "swap": "area"},
}
SAME = {
    "identity": {},
    "sampling-error": {"margin_of_error": np.ones(2)},
    "cell-suppression": {"threshold": 5},
    "dp-cell-suppression": {"threshold": 5, "epsilon": 1.0},
    "exponential": {"epsilon": 1.0},
    "noisy-max": {"epsilon": 1.0},
}
"""Nothing is promised; or the utility of a choice changes by 1 however many counts change."""


def pair(name, parameters, neighbours):
    make = REGISTRY.get("mechanism", name)
    known = {"neighbours": neighbours, **parameters}
    return make(**known), make(**known, cells_per_person=CELLS)


def test_every_mechanism_is_here():
    assert {*BUDGET, *AMOUNT, *REFUSED, *SAME} == set(REGISTRY.names("mechanism"))


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
@pytest.mark.parametrize("name", BUDGET)
def test_noise_grows_under_a_stated_budget(name, neighbours):
    one, many = pair(name, BUDGET[name], neighbours)
    counts = np.full(2, 1000.0)
    assert (many.variance(counts) > one.variance(counts)).all()
    assert many.privacy() == one.privacy()


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
@pytest.mark.parametrize("name", AMOUNT)
def test_the_guarantee_gets_weaker_under_stated_noise(name, neighbours):
    one, many = (made.privacy() for made in pair(name, AMOUNT[name], neighbours))
    assert (many.epsilon, many.delta) != (one.epsilon, one.delta)
    assert many.epsilon >= one.epsilon
    assert many.delta >= one.delta


@pytest.mark.parametrize("name", REFUSED)
def test_who_knows_of_one_count_a_person_says_so(name):
    with pytest.raises(ValueError, match=f"cells_per_person {CELLS}: what '{name}' promises"):
        pair(name, REFUSED[name], "replace")


@pytest.mark.parametrize("name", SAME)
def test_what_does_not_depend_on_it(name):
    one, many = pair(name, SAME[name], "replace")
    assert one.privacy() == many.privacy()
    assert not one.privacy().promises or (one.gives, one.privacy().epsilon) == ("selection", 1.0)
