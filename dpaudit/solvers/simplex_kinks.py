"""Where the law of the threshold is not smooth."""

from __future__ import annotations

import itertools
import math

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.gaussian import Gaussian
from dpaudit.solvers.simplex_range import Groups, Range

_MOST = 24
"""More distinct counts than this are each too weak a kink to matter."""

_SETS = 12
"""With more entities that can be clipped, sets of them are left out."""

_STRONG = 3


def threshold_kinks(groups: Groups, span: Range, total: float) -> FloatArray:
    """Return the thresholds t, inside the range, where P(threshold > t) has a weak singularity.

    Parameters
    ----------
    groups
        All entities.
    span
        The range of the threshold.
    total
        C, persons.

    Notes
    -----
    A density with a peak at 0 makes the atom P(x_j + X_j <= t) kink at t = x_j. The sum of the
    entities of a set S that are not clipped is singular at its centre, at the threshold
    t = (sum_S x - C) / size of S; each member makes it smoother by two derivatives, so that only
    sets of up to three matter. Normal noise has neither.
    """
    if isinstance(groups.noise, Gaussian):
        return np.zeros(0)
    near = groups.counts[span.near]
    own = near[(near > span.low) & (near < span.high)]
    found = list(np.unique(own)) if own.size <= _MOST else []
    found += _centres(groups, span, total)
    inside = np.unique(found)
    return np.asarray(inside[(inside > span.low) & (inside < span.high)], dtype=np.float64)


def _centres(groups: Groups, span: Range, total: float) -> list[float]:
    """Return the centres of the sums of all far entities and of few near ones."""
    near, far = groups.some(span.near), groups.some(~span.near)
    members = np.repeat(near.counts, np.minimum(near.many, _STRONG).astype(int))
    always = int(far.many.sum())
    if members.size > _SETS or always > _STRONG:
        return []
    base = far.gap(total)
    return [
        (base + math.fsum(chosen)) / (always + size)
        for size in range(max(0, 1 - always), _STRONG - always + 1)
        for chosen in itertools.combinations(members, size)
    ]
