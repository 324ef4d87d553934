"""Proved bounds of what the projection on the simplex does to the counts.

With x_1 <= ... <= x_n, k_i = E (y_i)^- (see :mod:`dpaudit.solvers.centred`), K_i the gain by
clipping and T the amount by which clipping lowers all others:

(i)   K_1 >= ... >= K_n, so that the spread of the biases is K_1 - K_n;
(ii)  K_i >= n / (n - 1) k_i;
(iii) k_1 - k_n <= spread <= k_1 - k_n + E T;
(iv)  sum(k) / (n - 1) <= E T <= sum(k).

(i) and (iii) need noise that is alike for all entities, symmetric and log-concave; (ii) and (iv)
hold for any symmetric noise, and (iv) for C > 0 (some entity is then not clipped).

References
----------
METHODS-decisions 5.6 (bounds) and 5.8 (ball), derived for this project from Zhu, Fioretto and
Van Hentenryck (2021), Bias and variance of post-processing in differential privacy, AAAI.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from scipy import special

from dpaudit.model.arrays import FloatArray
from dpaudit.model.structure import Bounds
from dpaudit.noise.base import Noise
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.laplace import Laplace
from dpaudit.solvers.centred import negative_part

_OFTEN = 0.9
"""A ball that the noise leaves more often than this explains nothing."""

_SLACK = 1e-12
"""Relative rounding that the ends of an interval allow for."""


def push_bounds(
    counts: FloatArray, noise: Noise, total: float | None = None
) -> tuple[FloatArray, FloatArray] | None:
    """Return bounds of K_i, the gain of each entity by clipping, persons.

    Returns
    -------
    low, high or None
        (ii) from below; from above k_i + E (T; i is clipped) <= k_i + sum(k). ``None`` where
        k_i is not known.
    """
    part = negative_part(counts, noise, total)
    if part is None:
        return None
    n = counts.size
    if n == 1:
        return np.zeros(1), np.zeros(1)
    low = part * (n / (n - 1.0))
    return low * (1.0 - _SLACK), np.maximum(part + part.sum(), low) * (1.0 + _SLACK)


def mean_shift_bounds(
    counts: FloatArray, noise: Noise, total: float | None = None
) -> tuple[float, float] | None:
    """Return bounds (iv) of E T, the mean gain by clipping, persons; for C > 0."""
    part = negative_part(counts, noise, total)
    if part is None:
        return None
    if counts.size == 1:
        return 0.0, 0.0
    whole = math.fsum(part)
    return whole / (counts.size - 1.0) * (1.0 - _SLACK), whole * (1.0 + _SLACK)


def spread_bounds(
    counts: FloatArray, noise: Noise, total: float | None = None, mean_shift: float | None = None
) -> Bounds | None:
    """Return bounds (iii) of the largest difference of two biases, persons.

    Parameters
    ----------
    counts
        True counts x, shape (n,), persons.
    noise
        Noise of every count.
    total
        C > 0, persons; the sum of the counts where it is left out.
    mean_shift
        An upper bound of E T; sum(k) of (iv) where it is left out.

    Returns
    -------
    Bounds or None
        ``None`` where the proof does not apply: noise that differs between entities, is not
        symmetric or not log-concave; a total of zero; k_i not known.
    """
    size = math.fsum(counts) if total is None else total
    is_true = size == math.fsum(counts)
    if not (noise.log_concave and noise.symmetric and size > 0 and _alike(noise, counts.size)):
        return None
    part = negative_part(counts, noise, total)
    if part is None:
        return None
    least = float(part.max() - part.min())
    shift = math.fsum(part) if mean_shift is None else mean_shift
    if counts.size == 1:
        least = shift = 0.0
    rounding = _SLACK * float(part.max())
    return Bounds(
        low=max(least - rounding, 0.0),
        high=least + shift + rounding,
        statement=_PROVED + (_explained(no_bias_ball(counts, noise)) if is_true else ""),
    )


_PROVED = (
    "The gap is at least the difference between the amounts by which the smallest and the largest "
    "count fall below zero on average when only the sum is kept, and at most that plus the "
    "average shift of the counts that stay positive: proved for noise that is alike for all, "
    "symmetric and log-concave."
)


def _explained(ball: NoBiasBall | None) -> str:
    """Return how often nothing is clipped, where that is worth saying."""
    if ball is None or ball.outside > _OFTEN:
        return ""
    return (
        f" In at least {100.0 * (1.0 - ball.outside):.3g} of 100 releases the noise is too small "
        "to push any count below zero; those releases have no bias."
    )


def _alike(noise: Noise, n: int) -> bool:
    rows = noise.parameters(n)
    return bool((rows == rows[0]).all())


@attrs.frozen(kw_only=True)
class NoBiasBall:
    """Noise so small that nothing is clipped, and what it says about the bias.

    Parameters
    ----------
    radius
        r_m = min(x), persons: noise with a sum of absolute values of at most r_m clips nothing.
    outside
        An upper bound of the probability of larger noise.
    bias
        A bound of the absolute bias of every entity, persons.
    """

    radius: float
    outside: float
    bias: float


def no_bias_ball(counts: FloatArray, noise: Noise) -> NoBiasBall | None:
    """Return the ball of noise that clips nothing, for the true total; 5.8.

    Parameters
    ----------
    counts
        True counts x, shape (n,), persons, not negative.
    noise
        Laplace or normal noise, alike for all entities.

    Returns
    -------
    NoBiasBall or None
        For Laplace noise the probability is that of a gamma variate with shape n beyond
        r_m / scale, exactly. For normal noise it is bounded by the smaller of two: that of the
        Euclidean norm, a chi-square variate, beyond r_m / sqrt(n), and the sum over the
        entities of P(abs(e_i) > r_m), which leaves a larger and still symmetric set. ``None``
        for other noise.

    Notes
    -----
    On the ball the projection adds e to x, whose mean there is zero by symmetry. So the bias is
    at most the probability outside times the largest distance between x_i and an entry of a
    point of the simplex, max(x_i, C - x_i).
    """
    n, radius = counts.size, float(counts.min())
    if not _alike(noise, n) or not isinstance(noise, Laplace | Gaussian):
        return None
    farthest = max(float(counts.max()), math.fsum(counts) - radius)
    outside = min(_outside(noise, radius, n), 1.0)
    if n == 1:
        outside = 0.0
    return NoBiasBall(radius=radius, outside=outside, bias=outside * farthest)


def _outside(noise: Laplace | Gaussian, radius: float, n: int) -> float:
    if isinstance(noise, Laplace):
        scale = float(np.max(noise.scale))
        return float(special.gammaincc(n, radius / max(scale, 1e-300))) if scale > 0 else 0.0
    sigma = float(np.max(noise.sigma))
    if sigma == 0:
        return 0.0
    z = radius / sigma
    norm = float(special.gammaincc(0.5 * n, 0.5 * z * z / n))
    union = 2.0 * n * float(special.ndtr(-z / math.sqrt(1.0 - 1.0 / n))) if n > 1 else 0.0
    return min(norm, union)
