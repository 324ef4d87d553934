"""Exact confidence bounds of a probability."""

from __future__ import annotations

import numpy as np
from scipy import special

from dpaudit.model.arrays import FloatArray


def clopper_pearson(hits: FloatArray, trials: int, risk: float) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds of probabilities, each wrong with probability ``risk``.

    Parameters
    ----------
    hits
        Successes out of ``trials``, any shape.
    trials
        Independent trials.
    risk
        Of each bound of each entry, in (0, 1).

    References
    ----------
    Clopper and Pearson (1934), The use of confidence or fiducial limits illustrated in the
    case of the binomial, Biometrika 26(4).

    Examples
    --------
    >>> low, high = clopper_pearson(np.array([0]), 100, 0.025)
    >>> round(float(high[0]), 4)
    0.0362
    """
    misses = trials - hits
    low = special.betaincinv(np.maximum(hits, 1), misses + 1, risk)
    high = special.betainccinv(hits + 1, np.maximum(misses, 1), risk)
    return np.where(hits > 0, low, 0.0), np.where(misses > 0, high, 1.0)
