"""The distribution of largest entropy with mean 0 and a given variance on whole numbers."""

from __future__ import annotations

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

_EXACT = 1e-14
_EDGE = 1e-12
_STEPS = 500
_SHORTEST = 1e-12
_SUFFICIENT = 1e-4
_TINY = 1e-300


def variance_range(support: FloatArray) -> tuple[float, float]:
    """Return the smallest and largest variance that a distribution with mean 0 can have.

    Parameters
    ----------
    support
        Values, ascending, shape (m,), with one of 0 or less and one of 0 or more.

    Notes
    -----
    The smallest puts everything on the values next to 0, the largest on the outermost: two
    values -a and b with mean 0 have the variance a b.
    """
    return -float(_inner(support)[0] * _inner(support)[1]), -float(support[0] * support[-1])


def maximum_entropy(support: FloatArray, variance: float) -> FloatArray:
    """Return the distribution of largest entropy on ``support`` with mean 0 and ``variance``.

    Parameters
    ----------
    support
        Values, ascending and different, shape (m,).
    variance
        Of the distribution, non-negative.

    Returns
    -------
    ndarray
        Probabilities, shape (m,).

    Raises
    ------
    UsageError
        If no distribution on the support has mean 0 and that variance.

    Notes
    -----
    It is proportional to exp(a v + b v^2). The multipliers minimise the convex function
    log sum exp(a v + b (v^2 - variance)), here by Newton's method with step halving on values
    scaled to at most 1. Where the variance is at an end of its range the distribution has two
    values and no multipliers.

    References
    ----------
    Giessing (2016), Computational issues in the design of transition probabilities and
    disclosure risk estimation for additive noise, Privacy in Statistical Databases.

    Examples
    --------
    >>> maximum_entropy(np.array([-1.0, 0.0, 1.0]), 0.5).round(12).tolist()
    [0.25, 0.5, 0.25]
    """
    support = np.asarray(support, dtype=np.float64)
    if support.size == 0 or support[0] > 0 or support[-1] < 0:
        raise UsageError(
            f"no distribution on {support.tolist()} has mean 0", hint="allow values on both sides"
        )
    low, high = variance_range(support)
    near = _EDGE * max(high, 1.0)
    if not low - near <= variance <= high + near:
        raise UsageError(
            f"variance {variance!r} is not in [{low:g}, {high:g}], as mean 0 on "
            f"{support[0]:g} .. {support[-1]:g} needs",
            hint="choose another variance or larger perturbations",
        )
    if abs(variance - low) <= near:
        return _on_two(support, *_inner(support))
    if abs(variance - high) <= near:
        return _on_two(support, float(support[0]), float(support[-1]))
    return _inside(support, variance)


def _inner(support: FloatArray) -> tuple[float, float]:
    """Return the values next to 0 on either side (0 twice where it is in the support)."""
    return float(support[support <= 0].max()), float(support[support >= 0].min())


def _on_two(support: FloatArray, left: float, right: float) -> FloatArray:
    made = np.zeros(support.shape)
    if left == right:
        made[support == left] = 1.0
    else:
        made[support == left] = right / (right - left)
        made[support == right] = -left / (right - left)
    return made


def _inside(support: FloatArray, variance: float) -> FloatArray:
    """Minimise the dual by Newton's method, for a variance inside its range."""
    scale = float(np.abs(support).max())
    v, target = support / scale, variance / scale**2
    moments = np.stack([v, v * v - target])
    multipliers = np.zeros(2)
    value, p = _dual(moments, multipliers)
    gradient = moments @ p
    for _ in range(_STEPS):
        miss = np.abs(gradient).max()
        if miss <= _EXACT * target:
            break
        centred = moments - gradient[:, None]
        step = _newton((centred * p) @ centred.T, gradient)
        length, slope = 1.0, float(gradient @ step)
        while length > _SHORTEST:
            new, weights = _dual(moments, multipliers + length * step)
            left = moments @ weights
            # Near the minimum the value no longer tells a step that is right; the gradient does.
            if new <= value + _SUFFICIENT * length * slope or np.abs(left).max() < 0.5 * miss:
                break
            length *= 0.5
        else:
            break
        multipliers, value, p, gradient = multipliers + length * step, new, weights, left
    return p


def _newton(hessian: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return the Newton step, scaled so that a nearly singular Hessian does no harm."""
    size = np.sqrt(np.maximum(np.diag(hessian), _TINY))
    correlation = hessian / np.outer(size, size)
    step: FloatArray = np.linalg.lstsq(correlation, -gradient / size)[0] / size
    return step


def _dual(moments: FloatArray, multipliers: FloatArray) -> tuple[float, FloatArray]:
    """Return the log of the normaliser and the probabilities at given multipliers."""
    powers = multipliers @ moments
    top = powers.max()
    weights = np.exp(powers - top)
    total = weights.sum()
    return float(top + np.log(total)), weights / total
