"""Trade-off curves: the best that any attack can do against a guarantee or a noise.

The game is *known-rest*: the attacker knows every count but whether one person is in it, and so
tells apart a count of c (the person is out) from c + 1. A curve gives, at each rate of false
alarms, the largest rate of true ones; what a guarantee implies is a ceiling, what a noise implies
is attained by the likelihood-ratio test.

References
----------
Neyman and Pearson (1933), On the problem of the most efficient tests of statistical hypotheses.
Kairouz, Oh and Viswanath (2015), The composition theorem for differential privacy, ICML, Theorem
2.1 (the region of (epsilon, delta)). Dong, Roth and Su (2022), Gaussian differential privacy,
JRSS B 84(1), Definition 2.1 and equation 6. Laplace, suppression and clipping: METHODS-attacks 2
(derived for this project).
"""

from __future__ import annotations

import abc
import math

import attrs
import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray, frozen_floats

_LARGEST = 700.0
_NODES = 200
_FAR = 12.0


def _check_epsilon(_: object, __: object, value: float) -> None:
    if not 0 <= value < math.inf:
        raise UsageError(
            f"epsilon {value!r} of a trade-off curve", hint="give a finite number of 0 or more"
        )


def _check_delta(_: object, __: object, value: float) -> None:
    if not 0 <= value <= 1:
        raise UsageError(f"delta {value!r} of a trade-off curve", hint="give a number from 0 to 1")


class TradeOff(abc.ABC):
    """The largest rate of true alarms at each rate of false alarms."""

    @abc.abstractmethod
    def tpr(self, fpr: ArrayLike) -> FloatArray:
        """Return the largest true-positive rate at false-positive rates in [0, 1], any shape."""

    @property
    @abc.abstractmethod
    def auc(self) -> float:
        """The area under the curve: P(a member scores above an other), ties counting half."""


@attrs.frozen
class ApproximateDp(TradeOff):
    """The ceiling of every attack on an (epsilon, delta)-private release.

    TPR <= min(e^epsilon f + delta, 1 - e^-epsilon (1 - delta - f)). At ``delta = 0`` geometric
    noise of rate epsilon on a single count attains it, clipped at 0 or not.

    Parameters
    ----------
    epsilon
        Non-negative, finite.
    delta
        In [0, 1].

    Raises
    ------
    UsageError
        If a parameter is out of range.

    Examples
    --------
    >>> round(ApproximateDp(1.0).auc, 6), round(float(ApproximateDp(1.0).tpr(0.01)), 6)
    (0.731059, 0.027183)
    """

    epsilon: float = attrs.field(validator=_check_epsilon)
    delta: float = attrs.field(default=0.0, validator=_check_delta)

    def tpr(self, fpr: ArrayLike) -> FloatArray:
        """Return the ceiling of the true-positive rate."""
        f = _rates(fpr)
        steep = math.exp(min(self.epsilon, _LARGEST)) * f + self.delta
        flat = 1.0 - math.exp(-self.epsilon) * (1.0 - self.delta - f)
        return np.minimum(1.0, np.minimum(steep, flat))

    @property
    def auc(self) -> float:
        """1 - (1 - delta)^2 / (1 + e^epsilon), which is e^epsilon / (1 + e^epsilon) at delta 0."""
        return 1.0 - (1.0 - self.delta) ** 2 * float(special.expit(-self.epsilon))


@attrs.frozen
class LaplaceCurve(TradeOff):
    """What the likelihood-ratio test achieves against Laplace noise on a single count.

    Clipping the release at 0 costs the attacker nothing: every output below 0 has the same
    likelihood ratio e^-epsilon.

    Parameters
    ----------
    epsilon
        Distance of the two counts over the scale of the noise.

    Examples
    --------
    >>> round(LaplaceCurve(1.0).auc, 6)
    0.72409
    """

    epsilon: float = attrs.field(validator=_check_epsilon)

    def tpr(self, fpr: ArrayLike) -> FloatArray:
        """Return e^epsilon f, then 1 - e^-epsilon / (4 f), then 1 - e^-epsilon (1 - f)."""
        f, a = _rates(fpr), math.exp(-self.epsilon)
        middle = 1.0 - 0.25 * a / np.maximum(f, 1e-300)
        steep = math.exp(min(self.epsilon, _LARGEST)) * f
        return np.where(f <= 0.5 * a, steep, np.where(f <= 0.5, middle, 1.0 - a * (1.0 - f)))  # noqa: PLR2004

    @property
    def auc(self) -> float:
        """1 - e^-epsilon (1/2 + epsilon/4)."""
        return 1.0 - math.exp(-self.epsilon) * (0.5 + 0.25 * self.epsilon)


@attrs.frozen
class GaussianCurve(TradeOff):
    """What the likelihood-ratio test achieves against Gaussian noise: mu-GDP.

    Parameters
    ----------
    mu
        Distance of the two releases over the standard deviation, non-negative and finite.
    count
        c, where the release is clipped at 0: unlike Laplace noise this costs the attacker the
        outputs below 0, which no longer differ. ``None``: the release is not clipped.

    Raises
    ------
    UsageError
        If a parameter is out of range.

    Notes
    -----
    Clipped, with z = c mu standard deviations above 0, the curve is Phi(Phi^-1(f) + mu) up to
    f0 = Phi(z) and the chord to (1, 1) beyond.

    Examples
    --------
    >>> round(GaussianCurve(1.0).auc, 6), GaussianCurve(1.0, count=0.0).auc < 0.76
    (0.76025, True)
    """

    mu: float = attrs.field()
    count: float | None = None

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.mu < math.inf or (self.count is not None and not self.count >= 0):
            raise UsageError(
                f"mu {self.mu!r} and count {self.count!r} of a Gaussian trade-off curve",
                hint="give a finite mu of 0 or more, and a count of 0 or more or none",
            )

    def tpr(self, fpr: ArrayLike) -> FloatArray:
        """Return Phi(Phi^-1(f) + mu), with a chord where outputs are clipped."""
        f = _rates(fpr)
        free = special.ndtr(special.ndtri(f) + self.mu)
        if self.count is None:
            return np.asarray(free)
        z = self.count * self.mu
        miss = special.ndtr(-z - self.mu) / special.ndtr(-z)
        return np.where(f <= special.ndtr(z), free, 1.0 - (1.0 - f) * miss)

    @property
    def auc(self) -> float:
        """Phi(mu / sqrt 2); clipped, the part below f0 by Gauss-Legendre quadrature."""
        if self.count is None:
            return float(special.ndtr(self.mu / math.sqrt(2.0)))
        z = self.count * self.mu
        ends = -_FAR - self.mu, min(z, _FAR)
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        half = 0.5 * (ends[1] - ends[0])
        at = ends[0] + half * (nodes + 1.0)
        density = np.exp(-0.5 * at * at) / math.sqrt(2.0 * math.pi)
        area = half * float(weights @ (special.ndtr(at + self.mu) * density))
        rest, miss = float(special.ndtr(-z)), float(special.ndtr(-z - self.mu))
        return area + rest * (1.0 - 0.5 * miss)


@attrs.frozen(eq=False)
class Polyline(TradeOff):
    """A curve of straight pieces: releases with finitely many outputs, or an empirical ROC.

    Parameters
    ----------
    false, true
        Corners, shape (m,) each, from (0, .) to (1, 1), neither falling.
    """

    false: FloatArray = attrs.field(converter=frozen_floats)
    true: FloatArray = attrs.field(converter=frozen_floats)

    def __attrs_post_init__(self) -> None:
        both = np.stack([self.false, self.true])
        if not np.isfinite(both).all() or (np.diff(both) < 0).any() or self.false[0] != 0.0:
            raise UsageError(
                f"corners of a trade-off curve from {both[:, 0].tolist()} that fall or are no "
                "numbers",
                hint="order the outcomes by their likelihood ratio",
            )

    def tpr(self, fpr: ArrayLike) -> FloatArray:
        """Return the upper end of the curve at ``fpr``, between corners on the chord."""
        f = _rates(fpr)
        right = np.searchsorted(self.false, f, side="right")
        left = np.maximum(right - 1, 0)
        right = np.minimum(right, self.false.size - 1)
        width = self.false[right] - self.false[left]
        share = np.divide(f - self.false[left], width, out=np.zeros_like(f), where=width > 0)
        return np.asarray(self.true[left] + share * (self.true[right] - self.true[left]))

    @property
    def auc(self) -> float:
        """The area by trapezoids, summed exactly."""
        heights = 0.5 * (self.true[1:] + self.true[:-1])
        return math.fsum(np.diff(self.false) * heights)


def from_outcomes(members: FloatArray, others: FloatArray) -> Polyline:
    """Return the trade-off curve of a release with finitely many outputs.

    Parameters
    ----------
    members, others
        Probability of each output if the person is in and if not, shape (m,), each of sum 1.

    Raises
    ------
    UsageError
        If the shapes differ, or a probability is negative or the sum is not 1 within 1e-9.

    Examples
    --------
    Of a count of 10 that is printed as it is, the attacker is certain:

    >>> from_outcomes(np.array([0.0, 1.0]), np.array([1.0, 0.0])).auc
    1.0
    """
    p, q = np.asarray(members, dtype=np.float64), np.asarray(others, dtype=np.float64)
    valid = p.shape == q.shape and all(
        bool((law >= 0).all()) and abs(math.fsum(law) - 1.0) < 1e-9  # noqa: PLR2004
        for law in (p, q)
    )
    if not valid:
        raise UsageError(
            f"probabilities of outputs of shapes {p.shape} and {q.shape}, sums {math.fsum(p)!r} "
            f"and {math.fsum(q)!r}",
            hint="give the probability of each output twice, each of sum 1",
        )
    ratio = np.divide(p, q, out=np.full_like(p, np.inf), where=q > 0)
    ratio[(p == 0) & (q == 0)] = 0.0
    order = np.argsort(-ratio, kind="stable")
    corners = (np.concatenate([[0.0], np.cumsum(law[order])]) for law in (q, p))
    false, true = (np.minimum(corner, 1.0) for corner in corners)
    false[-1] = true[-1] = 1.0
    return Polyline(false=false, true=true)


def suppressed(count: int, threshold: int, *, marked: bool) -> Polyline:
    """Return the curve of threshold suppression, with ``count`` people beside the target.

    Parameters
    ----------
    count
        c, the people in the cell but for the target, non-negative.
    threshold
        k: counts from 1 to k - 1 are suppressed.
    marked
        Whether a suppressed cell is marked, so that it differs from an empty one; otherwise it
        is printed as 0.

    Returns
    -------
    Polyline
        Of a deterministic release: certainty (AUC 1) where c and c + 1 are printed differently,
        chance (AUC 1/2) where they are not.

    Raises
    ------
    UsageError
        If the count is negative or the threshold below 1.

    Examples
    --------
    >>> [suppressed(c, 10, marked=True).auc for c in (0, 1, 8, 9, 40)]
    [1.0, 0.5, 0.5, 1.0, 1.0]
    """
    if count < 0 or threshold < 1:
        raise UsageError(
            f"count {count!r} and threshold {threshold!r} of suppression",
            hint="give a count of 0 or more and a threshold of 1 or more",
        )
    hidden = 0 if not marked else -1
    printed = [hidden if 0 < c < threshold else c for c in (count, count + 1)]
    differ = float(printed[0] != printed[1])
    return from_outcomes(np.array([1.0 - differ, differ]), np.array([1.0, 0.0]))


def _rates(fpr: ArrayLike) -> FloatArray:
    rates = np.asarray(fpr, dtype=np.float64)
    if not ((rates >= 0) & (rates <= 1)).all():
        raise UsageError(
            f"false-positive rates from {rates.min()!r} to {rates.max()!r}",
            hint="give numbers from 0 to 1",
        )
    return rates
