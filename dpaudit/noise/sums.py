"""Two independent noises compared: P(X1 - r X0 > t), and which released count is larger."""

from __future__ import annotations

import numpy as np
from scipy import special

from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.noise.base import Noise
from dpaudit.noise.conditioning import Bend, expected_chance
from dpaudit.noise.exact_ratio import Ratio
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.integrals import exponential_moments
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.parameter import LARGEST, positive
from dpaudit.noise.released import Released

_FAR = 1e300


def laplace_sum_tail(t: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return P(X + Y > t) for independent Laplace X and Y.

    Parameters
    ----------
    t
        Any shape, persons, of either sign.
    first, second
        The scales, of the shape of ``t`` or scalar, persons; 0 is no noise.

    Returns
    -------
    FloatArray
        Accurate relative to itself for t >= 0, for equal and nearly equal scales as well.

    Notes
    -----
    The partial fractions (l1^2 e^{-t/l1} - l2^2 e^{-t/l2}) / (2 (l1^2 - l2^2)) cancel where the
    scales are close. With l1 >= l2, y = t (1/l2 - 1/l1) and h(y) = (1 - e^{-y}) / y they are

        (1/2) e^{-t/l1} (1 + l2 / (l1 + l2) * (t / l1) * h(y)),

    whose terms are all positive (METHODS-decisions 4.3; derived for this project). Without noise
    t = 0 counts as one half.

    Examples
    --------
    >>> round(float(laplace_sum_tail(np.array(15.0), np.array(10.0), np.array(10.0))), 6)
    0.195239
    """
    size = np.abs(t)
    with np.errstate(over="ignore"):
        wide = positive(np.maximum(first, second), t)
        narrow = positive(np.minimum(first, second), t)
        far = size / wide
        gap = np.minimum(np.maximum(size / narrow - far, 0.0), _FAR)
    share = narrow / (wide + narrow)
    tail = 0.5 * np.exp(-far) * (1.0 + share * far * exponential_moments(gap)[0])
    return np.where(t < 0, 1.0 - tail, tail)


def difference_tail(t: FloatArray, first: Noise, second: Noise, ratio: float) -> FloatArray | None:
    """Return P(X1 - ratio X0 > t) in closed form, or ``None`` where there is none.

    Parameters
    ----------
    t
        Shape (n,), persons.
    first, second
        X1 and X0, independent: both Laplace or both Gaussian.
    ratio
        Positive.

    Notes
    -----
    Gaussian: Q(t / hypot(sigma_1, ratio sigma_0)); Laplace: :func:`laplace_sum_tail` with the
    scales lambda_1 and ratio lambda_0 (METHODS-decisions 4.3).
    """
    if isinstance(first, Laplace) and isinstance(second, Laplace):
        return laplace_sum_tail(t, first.scale, _scaled(second.scale, ratio))
    if isinstance(first, Gaussian) and isinstance(second, Gaussian):
        deviation = np.hypot(first.sigma, _scaled(second.sigma, ratio))
        return np.asarray(special.ndtr(-t / positive(deviation, t)))
    return None


def chance_of_ratio(
    numerator: Released, denominator: Released, ratio: Ratio, *, strict: bool
) -> FloatArray | Estimate | None:
    """Return P(W1 >= r W0), or of > where ``strict``, for two independent released counts.

    Parameters
    ----------
    numerator, denominator
        W1 and W0 of every entity, clipped or not.
    ratio
        r. Whole counts under whole-number noise are compared with it exactly, so that ties
        count as the rule says.
    strict
        Whether a tie is not enough.

    Returns
    -------
    FloatArray, Estimate or None
        Shape (n,): a closed form for Laplace and Gaussian noise that is not clipped, else a sum
        or an integral over W0 with its error; ``None`` where :func:`expected_chance` gives none.

    Notes
    -----
    P(W1 >= r W0) = P(X1 - r X0 >= -m) with m = x1 - r x0 (METHODS-decisions 4.3). A clipped W0 is
    0 with probability P(x0 + X0 <= 0), and then W1 >= 0 is certain.
    """
    if not (numerator.clipped or denominator.clipped):
        margin = ratio.margin(numerator.counts, denominator.counts)
        tail = difference_tail(
            -margin / ratio.under, numerator.noise, denominator.noise, ratio.value
        )
        if tail is not None:
            silent = numerator.silent & denominator.silent
            return np.where(silent, margin > 0 if strict else margin >= 0, tail)

    def met(value: FloatArray, index: np.ndarray) -> FloatArray:
        own = numerator.at(index)
        level = ratio.times(value)
        return own.above(level) if strict else own.at_least(level)

    bend = Bend(ratio.into(numerator.counts), ratio.into(numerator.unit))
    return expected_chance(denominator, met, [bend])


def _scaled(scale: FloatArray, ratio: float) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.minimum(ratio * scale, LARGEST)
