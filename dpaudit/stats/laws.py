"""Whether draws follow a distribution function, with a false-alarm rate for any sample size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from dpaudit.model.arrays import FloatArray

_AT_ONCE = 2**17
"""Numbers that are worked on at once."""

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
    uniform = np.empty(draws.shape)
    for some in _slices(draws):
        uniform[some] = cdf(draws[some])
        if whole:
            lower = cdf(draws[some] - 1.0)
            uniform[some] = lower + rng.random(lower.shape) * (uniform[some] - lower)
    uniform.sort(axis=0)
    each = float(_distance(uniform).max())
    flat = uniform.reshape(-1, 1)
    flat.sort(axis=0)
    together = float(_distance(flat)[0])
    limits = _limit(flat.size, 1), _limit(draws.shape[0], draws.shape[1])
    if together / limits[0] >= each / limits[1]:
        return together, limits[0]
    return each, limits[1]


def _distance(order: FloatArray) -> FloatArray:
    """Return the Kolmogorov distance of each column, in rising order, from the uniform law."""
    draws = len(order)
    worst = np.zeros(order.shape[1])
    for some in _slices(order):
        steps = np.arange(some.start + 1, some.stop + 1)[:, None] / draws
        for below in (steps, steps - 1.0 / draws):
            np.maximum(worst, np.abs(below - order[some]).max(axis=0), out=worst)
    return worst


def _slices(rows: FloatArray) -> Iterator[slice]:
    """Yield a few rows at a time: of many entities all at once take much memory."""
    step = max(1, _AT_ONCE // rows.shape[1])
    for start in range(0, len(rows), step):
        yield slice(start, min(start + step, len(rows)))


def _limit(draws: int, entities: int) -> float:
    return float(np.sqrt(np.log(4.0 * entities / FALSE_ALARM) / (2.0 * draws)))
