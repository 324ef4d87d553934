"""What data error and noise take from school districts: METHODS-decisions 9.6.

The figures there are simulations by other code, with the standard errors that stand there. A test
fails if a figure is off by 5 standard errors of both simulations together (chance below 1e-6).
"""

import csv

import numpy as np
import pytest

from dpaudit_plugins.decisions.title_i import TitleI
from dpaudit_plugins.mechanisms.data_error import DataError
from dpaudit_plugins.mechanisms.laplace import Laplace

pytestmark = [pytest.mark.shared_data, pytest.mark.slow]
APPROPRIATION = 11.7e9
CENSUS = {"coefficients": (0.67, 0.42, 0.35, 0.28, 0.23, 0.15),
          "bounds": (2_500.0, 5_000.0, 10_000.0, 20_000.0, 65_000.0)}  # fmt: skip
DRAWS = 200


@pytest.fixture(scope="module")
def districts(shared):
    with (shared / "data" / "saipe_school_districts_2019.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if float(row["children_5_17"]) > 0]
    names = ("children_5_17_poverty", "children_5_17", "population")
    return [np.array([float(row[name]) for row in rows]) for name in names]


@pytest.fixture(scope="module")
def losses(districts):
    """The sum of losses of each draw, millions of dollars, by mechanism; surveys are shared."""
    children, population, people = districts
    decision = TitleI(
        population=population,
        basic=0.41 * APPROPRIATION,
        concentration=0.09 * APPROPRIATION,
        targeted=0.50 * APPROPRIATION,
    )
    truth = decision.decide(children)

    def lost(mechanism):
        found = []
        for seed in range(DRAWS):
            released = mechanism.release(children, np.random.default_rng(seed))
            made = decision.decide(np.rint(np.maximum(released, 0.0)))
            found.append(np.maximum(truth - made, 0.0).sum() / 1e6)
        return np.array(found)

    replace = {"neighbours": "replace"}
    return {
        "data error": lost(DataError(**CENSUS, size=people)),
        "both": lost(DataError(**CENSUS, size=people, epsilon=0.1, **replace)),
        **{str(e): lost(Laplace(epsilon=e, **replace)) for e in (0.01, 0.1, 1.0)},
    }


def errors_apart(values, stored, error):
    """How many combined standard errors the mean is away from a stored figure."""
    spread = np.hypot(values.std(ddof=1) / np.sqrt(values.size), error)
    return abs(values.mean() - stored) / spread


def test_data_error_alone(losses):
    assert errors_apart(losses["data error"], 1_100.0, 1.8) <= 5.0


def test_noise_adds_four_percent_to_data_error(losses):
    added = losses["both"] - losses["data error"]
    assert errors_apart(added, 46.7, 0.1) <= 5.0
    assert 0.039 < added.mean() / losses["both"].mean() < 0.043
    # The control: what noise adds is told from what it takes alone.
    assert errors_apart(added, 191.0, 0.3) > 50.0


@pytest.mark.parametrize(
    ("epsilon", "stored", "rounding"), [("0.01", 1_877, 2.0), ("0.1", 191, 0.3), ("1.0", 18, 0.3)]
)
def test_noise_alone(losses, epsilon, stored, rounding):
    """Printed as whole millions, some of 60 draws: the error stored is that of both."""
    assert errors_apart(losses[epsilon], stored, rounding) <= 5.0
