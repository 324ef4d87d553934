import math

import numpy as np
import pytest
from scipy import stats

import dpaudit
from dpaudit.model.domain import Domain
from dpaudit_plugins.mechanisms import randomized_response
from dpaudit_plugins.mechanisms.randomized_response import RandomizedResponse

COUNTS = np.array([40.0, 0.0, 7.0, 13.0, 1.0, 25.0])
DOMAIN = Domain(names=("sex", "age"), values=(("f", "m"), ("young", "middle", "old")))
KINDS = {
    "cell": {},
    "first": {"attribute": "sex", "domain": DOMAIN},
    "last": {"attribute": "age", "domain": DOMAIN},
}


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def channel(epsilon, m):
    """P(report j | true i), written down from the definition."""
    other = 1.0 / (math.exp(epsilon) + m - 1)
    return np.full((m, m), other) + np.eye(m) * (math.exp(epsilon) - 1) * other


def whole_channel(epsilon, kind):
    if not kind:
        return channel(epsilon, 6)
    if kind["attribute"] == "sex":
        return np.kron(channel(epsilon, 2), np.eye(3))
    return np.kron(np.eye(2), channel(epsilon, 3))


def test_offered():
    assert randomized_response.dpaudit_mechanisms() == (RandomizedResponse,)
    assert RandomizedResponse.takes == "records"


def test_bias_and_variance_from_the_channel(kind):
    p = whole_channel(0.9, kind)
    plain = RandomizedResponse(epsilon=0.9, unbiased=False, **kind)
    np.testing.assert_allclose(plain.bias(COUNTS), COUNTS @ p - COUNTS, rtol=1e-13, atol=1e-13)
    spread = COUNTS @ (p * (1 - p))
    np.testing.assert_allclose(plain.variance(COUNTS), spread, rtol=1e-13)
    right = RandomizedResponse(epsilon=0.9, **kind)
    np.testing.assert_array_equal(right.bias(COUNTS), 0.0)
    (slope,) = set(np.round(np.linalg.eigvalsh(p), 12)) - {1.0}
    np.testing.assert_allclose(right.variance(COUNTS), spread / slope**2, rtol=1e-11)


@pytest.mark.parametrize("unbiased", [True, False])
def test_moments_against_simulation(kind, unbiased):
    """Simultaneously over 6 cells and 2 moments, false alarm 1e-6; control epsilon 30 % off."""
    made = RandomizedResponse(epsilon=0.9, unbiased=unbiased, **kind)
    rng, draws = np.random.default_rng(5), 20_000
    errors = np.stack([made.release(COUNTS, rng) for _ in range(draws)]) - COUNTS
    limit = stats.norm.isf(1e-6 / 24)

    def worst(declared):
        bias, variance = declared.bias(COUNTS), declared.variance(COUNTS)
        squares = (errors - errors.mean(axis=0)) ** 2
        gaps = [(errors, bias), (squares, variance)]
        return max(
            (np.abs(sample.mean(axis=0) - truth) / sample.std(axis=0)).max() * math.sqrt(draws)
            for sample, truth in gaps
        )

    assert worst(made) < limit
    control = RandomizedResponse(epsilon=0.9 * 1.3, unbiased=unbiased, **kind)
    assert worst(control) > limit


def test_people_are_kept(kind):
    made = RandomizedResponse(epsilon=0.5, unbiased=False, **kind)
    released = made.release(COUNTS, np.random.default_rng(6))
    assert released.sum() == COUNTS.sum()
    assert (released == np.rint(released)).all()
    if kind:
        axis = DOMAIN.names.index(kind["attribute"])
        np.testing.assert_array_equal(
            DOMAIN.table(released).sum(axis=axis), DOMAIN.table(COUNTS).sum(axis=axis)
        )


@pytest.mark.parametrize("m", [2, 6])
def test_the_loss_of_a_report_is_epsilon(m):
    p = channel(0.9, m)
    ratios = np.log(p[:, None, :] / p[None, :, :])
    assert ratios.max() == pytest.approx(0.9, rel=1e-12)


def test_guarantees():
    made = RandomizedResponse(epsilon=0.9, neighbours="replace").privacy()
    assert (made.epsilon, made.uncovered) == (0.9, ())
    added = RandomizedResponse(epsilon=0.9, neighbours="add-remove").privacy()
    assert added.uncovered == ("the number of people",)
    one = RandomizedResponse(epsilon=0.9, attribute="age", domain=DOMAIN).privacy()
    assert one.uncovered == ("every attribute but 'age'",)


@pytest.mark.parametrize("epsilon", [1e-300, 1e-17, 709.0, 1e300, math.inf])
@pytest.mark.parametrize("counts", [[0.0], [7.0], [0.0, 0.0], [2.0**53, 0.0, 1.0]])
def test_degenerate_inputs(epsilon, counts):
    counts = np.array(counts)
    for unbiased in (True, False):
        made = RandomizedResponse(epsilon=epsilon, unbiased=unbiased)
        if unbiased and epsilon == 1e-300 and counts.max() == 2.0**53:
            with pytest.raises(dpaudit.UsageError, match="epsilon 1e-300"):
                made.release(counts, np.random.default_rng(7))
            continue
        released = made.release(counts, np.random.default_rng(7))
        assert np.isfinite(released).all()
        assert not np.isnan(made.bias(counts)).any()
        assert (made.variance(counts) >= 0).all()
        if epsilon >= 709 or (counts.size == 1 and not unbiased):
            np.testing.assert_allclose(released, counts, rtol=1e-12, atol=1e-200)
            np.testing.assert_allclose(made.variance(counts), 0.0, atol=1e-290)


def test_wrong_inputs():
    made = RandomizedResponse(epsilon=1.0)
    for counts in ([0.5, 1.0], [-1.0, 2.0], [2.0**54, 0.0]):
        with pytest.raises(dpaudit.DataError, match="whole numbers of people"):
            made.release(np.array(counts), np.random.default_rng(1))
    with pytest.raises(dpaudit.SpecError, match="no table"):
        RandomizedResponse(epsilon=1.0, attribute="age").variance(COUNTS)
    with pytest.raises(dpaudit.SpecError, match="no attribute 'race'"):
        RandomizedResponse(epsilon=1.0, attribute="race", domain=DOMAIN).variance(COUNTS)
    with pytest.raises(ValueError, match="epsilon"):
        RandomizedResponse(epsilon=0.0)
