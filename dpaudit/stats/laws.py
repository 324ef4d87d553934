"""Whether draws follow a distribution function, with a false-alarm rate for any sample size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dpaudit.model.arrays import FloatArray

FALSE_ALARM = 1e-6
"""Probability that draws of the right law are said to differ from it."""


def law_gap(
    cdf: Callable[[FloatArray], FloatArray],
    draws: FloatArray,
    *,
    whole: bool,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Return how far draws are from a law, and how far chance alone may take them.

    Parameters
    ----------
    cdf
        P(X <= t) of every entity, from and to shape (draws, n).
    draws
        Independent draws of independent entities, shape (draws, n).
    whole
        Whether X takes whole values only: the probability transform is then randomised within
        the jumps, with numbers from ``rng``.

    Returns
    -------
    gap, limit
        The largest distance between the distribution of the probability transform and the
        uniform one, of all draws together or of the worst entity, and its limit: the laws agree
        when ``gap <= limit``.

    Notes
    -----
    Limits are those of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990), which
    hold for every sample size: half of the risk for all draws together, which finds a common
    fault, and half for the n entities, one by one.
    """
    upper = cdf(draws)
    if whole:
        lower = cdf(draws - 1.0)
        upper = lower + rng.random(draws.shape) * (upper - lower)
    together = float(_distance(upper.reshape(-1, 1))[0])
    each = float(_distance(upper).max())
    limits = _limit(upper.size, 1), _limit(upper.shape[0], upper.shape[1])
    if together / limits[0] >= each / limits[1]:
        return together, limits[0]
    return each, limits[1]


def _distance(values: FloatArray) -> FloatArray:
    """Return the Kolmogorov distance of each column from the uniform law, shape (n,)."""
    draws = len(values)
    order = np.sort(values, axis=0)
    steps = np.arange(1, draws + 1)[:, None] / draws
    worst: FloatArray = np.maximum(np.abs(steps - order), np.abs(steps - 1.0 / draws - order)).max(
        axis=0
    )
    return worst


def _limit(draws: int, entities: int) -> float:
    return float(np.sqrt(np.log(4.0 * entities / FALSE_ALARM) / (2.0 * draws)))
