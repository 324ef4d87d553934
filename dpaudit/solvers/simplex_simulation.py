"""The bias of the projection on the simplex where it cannot be integrated: by simulation.

The noise of entity i is integrated out in closed form: with the threshold tau_{-i} of the others,
K_i = E H_i(tau_{-i}), H_i(t) = E (t - x_i - X_i)^+. Where k_i is known, H_i of the threshold
tau0_{-i} that is not clipped serves as a control: its mean is n / (n - 1) k_i, and the difference
is zero in every draw in which no other entity is clipped.

References
----------
METHODS-decisions 5.5 (Rao-Blackwell simulation, derived for this project).
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.noise.base import Noise
from dpaudit.solvers.centred import negative_part
from dpaudit.solvers.simplex import simplex_threshold
from dpaudit.solvers.simplex_range import Groups, threshold_range
from dpaudit.stats.bands import band
from dpaudit.stats.moments import Moments, merge_tree

_BLOCK = 256
_ENOUGH = 100
"""With fewer draws in which others are clipped, a proved bound replaces their spread."""


def simulated_bias(
    counts: FloatArray,
    noise: Noise,
    rng: np.random.Generator,
    *,
    draws: int,
    confidence: float,
    total: float | None = None,
) -> Estimate:
    """Return the bias of the projection of x + X on the simplex, shape (n,), persons.

    Parameters
    ----------
    counts
        True counts x, shape (n,), n > 1, persons.
    noise
        Independent symmetric noise of finite, positive variance.
    rng
        Where the random numbers come from.
    draws
        Noise vectors, at least 512; rounded up to whole blocks of 256.
    confidence
        Probability that all intervals hold at once.
    total
        C > 0, persons; the sum of the counts where it is left out.

    Returns
    -------
    Estimate
        ``controlled`` with a simultaneous band (Bonferroni); its cost grows with the draws times
        n times the number of distinct entities that can be clipped.

    Raises
    ------
    UsageError
        If the problem is not of this kind.
    """
    size = math.fsum(counts) if total is None else total
    deviation = float(np.sqrt(np.max(noise.variance)))
    if counts.size < 2 or not (size > 0 and 0 < deviation < math.inf and noise.symmetric):  # noqa: PLR2004
        raise UsageError(
            f"{counts.size} entities with total {size!r} and {type(noise).__name__} of deviation "
            f"{deviation:g} are not simulated",
            hint="give two entities or more, a positive total and symmetric noise",
        )
    groups = Groups.of(counts, noise)
    span = threshold_range(groups, size)
    near = np.flatnonzero(span.near)
    first = np.array(
        [int(np.flatnonzero(groups.where == group)[0]) for group in near], dtype=np.intp
    )
    known = negative_part(counts, noise, size)
    blocks, clipped = [], np.zeros(near.size)
    for _ in range(max(2, math.ceil(draws / _BLOCK))):
        drawn = counts + noise.sample(rng, (_BLOCK, counts.size))
        gains, plain = _gains(counts, noise, drawn, first, size)
        clipped += np.count_nonzero(np.abs(gains - plain) > 1e-12 * deviation, axis=0)
        gains -= plain if known is not None else 0.0
        lost = (gains @ groups.many[near])[:, None] / counts.size
        blocks.append(Moments.of(np.column_stack([gains, np.zeros(_BLOCK)]) - lost))
    moments = merge_tree(blocks)
    mean, doubt = np.zeros_like(counts), np.full_like(counts, span.pooled)
    if known is not None:
        mean = known * (counts.size / (counts.size - 1.0))
        for i in first[clipped < _ENOUGH]:
            same = groups.where == groups.where[i]
            doubt[same] += _left_out(counts, noise, int(i), size)
    drift = mean - mean.mean() + (size - math.fsum(counts)) / counts.size
    allowance = doubt + doubt.mean()
    place = np.full(groups.counts.size, near.size)
    place[near] = np.arange(near.size)
    column = place[groups.where]
    simple = band(moments, confidence, draws=moments.count, method="controlled")
    value = moments.mean[column] + drift
    half = (simple.high - moments.mean)[column] + allowance
    return attrs.evolve(simple, value=value, low=value - half, high=value + half)


def _gains(
    counts: FloatArray, noise: Noise, drawn: FloatArray, first: NDArray[np.intp], total: float
) -> tuple[FloatArray, FloatArray]:
    """Return H at the others' threshold, and at the one that is not clipped, (draws, m)."""
    gains, plain = np.empty((len(drawn), first.size)), np.empty((len(drawn), first.size))
    for column, i in enumerate(first):
        others, own = np.delete(drawn, i, axis=1), noise.at(np.array([i]))
        gains[:, column] = own.excess(simplex_threshold(others, total) - counts[i])
        level = (others.sum(axis=1) - total) / (counts.size - 1.0)
        plain[:, column] = own.excess(level - counts[i])
    return gains, plain


def _left_out(counts: FloatArray, noise: Noise, i: int, total: float) -> float:
    """Return the proved bound of E (H(tau_{-i}) - H(tau0_{-i})): the others' negative parts."""
    others = np.delete(np.arange(counts.size), i)
    part = negative_part(counts[others], noise.at(others), total)
    return math.inf if part is None else math.fsum(part)
