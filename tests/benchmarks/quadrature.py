"""What exact bias vectors cost beside the plain loop that they replace: run by ``make bench``.

BL is the allotment of clipped counts, PoS the shares of noisy counts projected on the simplex;
16,000 entities, Laplace noise. The peer is 200,000 draws of a numpy loop with running sums: 16 of
them are timed, for each costs what the others do. What the loop's mean would be off by is known
without running it: the root of the mean variance over 200,000. PoS is found in two ways: by 64
draws beside the control of their expansion (192 with the pilot), and by the quadrature that these
are measured against. Bars (PERFORMANCE W1): 2,000 times less CPU for an error no larger, and
0.1 s; 0.02 s and 1e-11 for BL's mean and variance (the biases sum to nothing by construction, so
the defect is that of the same quadrature of P(D > 0) against its closed form); 1 s for PoS to
1e-4 of alpha.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from harness import Row, districts, pairs, show

from dpaudit.engine.job import Job
from dpaudit.engine.tally import Controlled, tallies
from dpaudit.estimators.chain import Chain
from dpaudit.estimators.clipped_allotment import ClippedAllotment, clipped_allotment
from dpaudit.estimators.projected_allotment import ProjectedAllotment, projected_allotment
from dpaudit.model.arrays import FloatArray, keep_freed_memory
from dpaudit.model.plan import Task
from dpaudit.noise.base import Noise
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit_plugins.decisions.allotment import Allotment
from dpaudit_plugins.mechanisms.laplace import Laplace as LaplaceMechanism
from dpaudit_plugins.postprocessors.projection_onto_simplex import ProjectionOntoSimplex

DRAWS, TIMED, DIGEST = 200_000, 16, "0" * 64
Moments = ClippedAllotment | ProjectedAllotment


def loop(counts: FloatArray, weights: FloatArray, scale: float, *, project: bool) -> FloatArray:
    """Return the sum of the errors of one mechanism over some draws, as one writes it first."""
    rng = np.random.default_rng(0)
    truth = counts * weights / (counts * weights).sum()
    sums = np.zeros(counts.size)
    for _ in range(TIMED):
        noisy = counts + rng.laplace(0.0, scale, counts.size)
        if project:
            shares = by_sorting(noisy * weights / (noisy * weights).sum())
        else:
            clipped = np.maximum(noisy, 0.0) * weights
            shares = clipped / clipped.sum()
        sums += shares - truth
    return sums


def by_sorting(point: FloatArray) -> FloatArray:
    """Return the projection on the simplex as textbooks have it."""
    falling = np.sort(point)[::-1]
    level = (np.cumsum(falling) - 1.0) / np.arange(1, point.size + 1)
    return np.maximum(point - level[np.flatnonzero(falling > level)[-1]], 0.0)


def root_mean_square(values: FloatArray) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def at(epsilon: float) -> list[Row]:
    """Return what both mechanisms cost at one budget."""
    counts, weights = districts()
    noise = Laplace(1.0 / epsilon)
    clipped = clipped_allotment(counts, weights, noise)
    projected = projected_allotment(counts, weights, noise)
    assert projected is not None

    def sketch() -> FloatArray:
        return controlled(counts, weights, epsilon)

    label = f"BL, epsilon {epsilon:g}: "
    rows = vector(label, clipped, epsilon, lambda: clipped_allotment(counts, weights, noise))
    rows.append(error_row(label, clipped.bias_error, clipped))
    rows.append(Row(label + "mean and variance, s", rows[1].measured, 0.02))
    rows.append(Row(label + "defect of the mass", clipped.defect, 1e-11))
    label = f"PoS, epsilon {epsilon:g}: "
    rows += vector(label, projected, epsilon, sketch)
    rows.append(error_row(label, sketch() - projected.bias, projected))
    _, own = pairs(lambda: None, lambda: projected_allotment(counts, weights, noise))
    sharp = float(projected.bias_error.max() / np.ptp(projected.bias))
    rows.append(Row(label + "quadrature: bound of error / alpha", sharp, 1e-4))
    rows.append(Row(label + "quadrature: mean and variance, s", own, 1.0))
    return rows


def vector(label: str, found: Moments, epsilon: float, call: Callable[[], object]) -> list[Row]:
    """Return what a bias vector costs beside the loop."""
    counts, weights = districts()
    project = isinstance(found, ProjectedAllotment)
    ratio, own = pairs(lambda: loop(counts, weights, 1.0 / epsilon, project=project), call)
    return [
        Row(label + "loop / bias vector, CPU", ratio * DRAWS / TIMED, 2000.0, more=True),
        Row(label + "bias vector, s", own, 0.1),
    ]


def error_row(label: str, error: FloatArray, found: Moments) -> Row:
    """Return the root mean square error of a bias vector beside that of the loop."""
    plain = root_mean_square(np.sqrt((found.square - found.bias**2) / DRAWS))
    return Row(label + "error / error of 200,000 draws", root_mean_square(error) / plain, 1.0)


def controlled(counts: FloatArray, weights: FloatArray, epsilon: float) -> FloatArray:
    """Return the bias of projected shares as the engine simulates it beside its control.

    The pilot on which it makes sure that the control is of use is among the cost.
    """
    task = Task(id="PoS", key="k", release="r", decision="d")
    chain = Chain(counts=counts, mechanism=LaplaceMechanism(epsilon=epsilon))
    output = (ProjectionOntoSimplex(total=1.0),)
    job = Job.make(task, chain, Allotment(weights=weights), output, groupings={})
    chosen = Controlled.choose(job, 0, DIGEST)
    (tally,) = tallies({"PoS": chosen}, 0, DIGEST, [0])["PoS"]
    return (tally.bias.mean + chosen.offset)[: counts.size]


def families() -> list[Row]:
    """Return what BL costs under every family of noise, beside the loop."""
    counts, weights = districts()
    laws: dict[str, Noise] = {
        "Gaussian": Gaussian(14.0),
        "geometric": Geometric(0.1),
        "discrete Gaussian": DiscreteGaussian(14.0),
    }
    rows = []
    for name, noise in laws.items():
        _, own = pairs(lambda: None, lambda noise=noise: clipped_allotment(counts, weights, noise))
        found = clipped_allotment(counts, weights, noise)
        rows.append(Row(f"BL, {name}: mean and variance, s", own, 0.02))
        rows.append(Row(f"BL, {name}: defect of the mass", found.defect, 1e-11))
    return rows


def main() -> int:
    """Print each figure beside its bar; return 1 if one is broken."""
    keep_freed_memory()  # as every run does
    rows = [row for epsilon in (0.1, 0.01, 0.001) for row in at(epsilon)]
    return show("quadrature", rows + families())


if __name__ == "__main__":
    sys.exit(main())
