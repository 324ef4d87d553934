import numpy as np
import pytest

from dpaudit.errors import UsageError
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.solvers.readout import Readout, expected_recovered, read_out

COUNTS = np.array([0.0, 1.0, 3.0, 10.0])


@pytest.mark.parametrize("noise", [Laplace(2.0), Gaussian(2.0), Geometric(0.5)], ids=repr)
def test_expected_records_are_the_mean_of_simulated_ones(noise):
    """Within 6 standard errors of four cells (false alarm below 1e-6); another scale fails."""
    draws, rng = 200_000, np.random.default_rng(4)
    got = np.minimum(COUNTS, np.maximum(COUNTS + noise.sample(rng, (draws, 4)), 0.0))
    error = got.std(axis=0) / np.sqrt(draws)
    assert (np.abs(got.mean(axis=0) - expected_recovered(COUNTS, noise)) <= 6.0 * error).all()
    other = expected_recovered(COUNTS, Laplace(3.0))
    assert (np.abs(got.mean(axis=0) - other) > 6.0 * error)[1:].all()


def test_suppression_is_precise_and_noise_is_not():
    truth = np.array([9.0, 12.0, 0.0])
    assert read_out(truth, np.array([0.0, 12.0, 0.0])) == Readout(recall=12 / 21, precision=1.0)
    assert read_out(truth, np.array([10.0, 11.0, -3.0])) == Readout(
        recall=20 / 21, precision=20 / 21
    )
    assert read_out(truth, np.zeros(3)) == Readout(recall=0.0, precision=1.0)


@pytest.mark.parametrize(
    ("truth", "release", "named"),
    [([-1.0], [0.0], "-1.0"), ([0.0], [1.0], "0 people"), ([1.0], [np.nan], "shape")],
)
def test_wrong_values_are_named(truth, release, named):
    with pytest.raises(UsageError, match=named) as raised:
        read_out(np.array(truth), np.array(release))
    assert raised.value.hint
