"""The control of projected shares: its mean is exact, and it says more than many plain draws.

False-alarm rate: 1e-6 for every comparison.
"""

import attrs
import numpy as np
import pytest

from dpaudit.engine.job import Job
from dpaudit.engine.tally import Controlled, tallies
from dpaudit.estimators.chain import Chain
from dpaudit.estimators.projected_allotment import projected_allotment
from dpaudit.estimators.projected_control import projected_control
from dpaudit.model.plan import Task
from dpaudit.model.structure import Proportional
from dpaudit.noise.discrete_gaussian import DiscreteGaussian as WholeNormal
from dpaudit.noise.geometric import Geometric as Whole
from dpaudit.noise.laplace import Laplace as Noise
from dpaudit.solvers.simplex import project_onto_simplex
from dpaudit.stats.bands import agreement
from dpaudit.stats.moments import Moments, merge_tree
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.mechanisms.discrete_gaussian import DiscreteGaussian
from dpaudit_plugins.mechanisms.gaussian import Gaussian
from dpaudit_plugins.mechanisms.geometric import Geometric
from dpaudit_plugins.mechanisms.laplace import Laplace
from dpaudit_plugins.postprocessors.baseline import Baseline
from dpaudit_plugins.postprocessors.non_negative import NonNegative
from dpaudit_plugins.postprocessors.projection_onto_simplex import ProjectionOntoSimplex

DIGEST = "0" * 64
MECHANISMS = [
    Laplace(epsilon=0.05),
    Gaussian(sigma=30.0),
    Geometric(epsilon=0.05),
    DiscreteGaussian(sigma=30.0),
]


def drawn(n):
    rng = np.random.default_rng(11)
    return np.round(rng.gamma(0.5, 200.0, n)) + 1.0, rng.uniform(0.5, 2.0, n)


def job_of(mechanism, counts, weights, steps=(), output=None):
    chain = Chain(counts=counts, mechanism=mechanism, steps=steps)
    task = Task(id="t", key="k", release="r", decision="d")
    output = (ProjectionOntoSimplex(total=1.0),) if output is None else output
    return Job.make(task, chain, Allotment(weights=weights), output, groupings={})


def moments_of(job, draw, blocks=20, rows=1000):
    rng, counts = np.random.default_rng(5), job.chain.counts
    parts = [
        Moments.of(draw(counts + job.chain.mechanism.noise().sample(rng, (rows, counts.size))))
        for _ in range(blocks)
    ]
    return merge_tree(parts)


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda each: each.name)
def test_the_mean_of_the_expansion_is_exact(mechanism):
    job = job_of(mechanism, *drawn(60))
    control = job.control()
    found = moments_of(job, control.expansion)
    worst, limit = agreement(np.zeros(60), found, 1e-12)
    assert worst <= limit


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda each: each.name)
def test_another_mean_would_be_noticed(mechanism):
    """Negative control: the mean under noise of another scale."""
    job = job_of(mechanism, *drawn(60))
    control, counts = job.control(), job.chain.counts
    wrong = projected_control(
        Chain(counts=counts, mechanism=attrs.evolve(mechanism, **larger(mechanism))),
        Proportional(weights=job.decision.weights, total=1.0),
        job.output,
    )
    found = moments_of(job, lambda noisy: control.expansion(noisy) + control.mean)
    worst, limit = agreement(wrong.mean, found, 1e-12)
    assert worst > limit


def larger(mechanism):
    """Return the parameter of noise whose scale is larger by a quarter."""
    name = "epsilon" if isinstance(mechanism, Laplace | Geometric) else "sigma"
    value = getattr(mechanism, name)
    return {name: value / 1.25 if name == "epsilon" else value * 1.25}


@pytest.mark.parametrize("mechanism", MECHANISMS, ids=lambda each: each.name)
def test_it_agrees_with_plain_draws_and_is_much_sharper(mechanism):
    job = job_of(mechanism, *drawn(60))
    controlled = Controlled.choose(job, 0, DIGEST)
    assert controlled.control is not None
    found = merge_tree(tallies({"t": controlled}, 0, DIGEST, range(4))["t"])

    def errors(noisy):
        weighted = noisy * job.decision.weights
        shares = weighted / weighted.sum(axis=1, keepdims=True)
        return project_onto_simplex(shares, 1.0) - job.truth

    plain = moments_of(job, errors)
    sharp = found.bias.shifted(controlled.offset)[:60]
    worst, limit = agreement(sharp.mean, plain, 8.0 * sharp.standard_error)
    assert worst <= limit
    assert sharp.variance.sum() < 0.01 * plain.variance.sum()


@pytest.mark.parametrize("epsilon", [0.1, 0.01, 0.001])
def test_64_draws_say_more_than_200_000_plain_ones(epsilon):
    """In a setting like that of school districts: the noise of the total is a few percent."""
    counts, weights = drawn(4000)
    counts *= 5.0
    counts[0] = 60_000.0
    job = job_of(Laplace(epsilon=epsilon), counts, weights)
    exact = projected_allotment(counts, weights, Noise(1.0 / epsilon))
    controlled = Controlled.choose(job, 0, DIGEST)
    (found,) = tallies({"t": controlled}, 0, DIGEST, [3])["t"]
    bias = (found.bias.mean + controlled.offset)[: counts.size]
    plain = np.mean((exact.square - exact.bias**2) / 200_000)
    assert np.mean((bias - exact.bias) ** 2) < plain


def test_where_there_is_none():
    counts, weights = drawn(20)
    structure = Proportional(weights=weights, total=1.0)
    projected = (ProjectionOntoSimplex(total=1.0),)

    def control(mechanism=MECHANISMS[0], counts=counts, steps=(), output=projected):
        chain = Chain(counts=counts, mechanism=mechanism, steps=steps)
        return projected_control(chain, structure, output)

    assert control() is not None
    assert control(steps=(NonNegative(),)) is None
    assert control(output=(Baseline(total=1.0),)) is None
    assert control(output=(ProjectionOntoSimplex(total=2.0),)) is None
    assert control(counts=np.zeros(20)) is None


@pytest.mark.parametrize("noise", [Whole(0.05), WholeNormal(30.0)], ids=lambda each: each.family)
def test_quadrature_has_no_whole_noise(noise):
    """The control is what there is for them."""
    assert projected_allotment(*drawn(20), noise) is None
