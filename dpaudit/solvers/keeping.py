"""Whether a noisy count reaches a threshold, exact in both tails."""

from __future__ import annotations

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.released import Released


def kept(counts: FloatArray, noise: Noise, threshold: float) -> tuple[FloatArray, FloatArray]:
    """Return P(x + X >= k) and P(x + X < k) for symmetric noise X.

    Parameters
    ----------
    counts
        x, shape (n,), persons.
    noise
        X, symmetric about 0.
    threshold
        k, persons.

    Returns
    -------
    keep, drop
        Shape (n,) each; whichever is small is accurate relative to itself.

    Examples
    --------
    >>> from dpaudit.noise.laplace import Laplace
    >>> keep, drop = kept(np.array([9.0, 10.0]), Laplace(1.0), 10.0)
    >>> np.round(keep, 6).tolist(), drop.tolist()
    ([0.18394, 0.5], [0.8160602794142788, 0.5])
    """
    released, level = Released(noise, np.asarray(counts, dtype=np.float64)), np.asarray(threshold)
    return released.at_least(level), released.below(level)
