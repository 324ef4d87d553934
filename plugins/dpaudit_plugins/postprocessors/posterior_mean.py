"""The mean of the true count given its noisy value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.integrals import exponential_moments
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.parameter import positive
from dpaudit_plugins.postprocessors._expectation import expectation
from dpaudit_plugins.postprocessors._given import given_noise

_UNDERFLOW = 1e-290
_FAR = 36.0
_TERMS = 64
_NIL = 800.0  # exp of minus this is 0


@attrs.frozen(kw_only=True)
class PosteriorMean(dpaudit.PostProcessor):
    """Replace every count by E [true count | noisy count] under a flat prior.

    The prior is flat on the non-negative numbers, for whole-number noise on 0, 1, 2 and so on.
    The result is never negative, and small counts gain: a count of 0 with Laplace noise of scale
    b gets b at least. It keeps nothing of its input: no totals, no whole numbers.

    Parameters
    ----------
    noise
        The noise, given by the engine.

    Notes
    -----
    With x >= 0 flat and y = x + X, X given y has the distribution of the noise on X <= y, so that
    E [x | y] = E (y - X)^+ / P(X <= y), for a density and for whole numbers alike.

    Examples
    --------
    >>> PosteriorMean(noise=Laplace(2.0)).process(np.array([-5.0, 0.0, 8.0])).round(2)
    array([2.  , 2.  , 8.09])
    """

    name: ClassVar[str] = "posterior-mean"
    vectorised: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = True

    noise: dpaudit.GivenNoise = None

    def process(self, release: FloatArray) -> FloatArray:
        """Return the posterior means, shape (..., n)."""
        return _mean(release, given_noise(self, self.noise))

    def bias(self, counts: FloatArray, noise: dpaudit.Noise) -> dpaudit.ClosedForm:
        """Return the bias, shape (n,), persons: a series for Laplace noise, else an integral.

        For Gaussian noise by quadrature, for whole-number noise by summation where that is
        cheap; ``None`` otherwise.
        """
        if isinstance(noise, Laplace) and np.all(noise.scale > 0):
            return _laplace_bias(counts, np.asarray(noise.scale))
        return expectation(lambda noisy: _mean(noisy, noise) - noisy, counts, noise)


def _mean(noisy: FloatArray, noise: dpaudit.Noise) -> FloatArray:
    """Return E (y - X)^+ / P(X <= y).

    Where the probability underflows the ratio is taken 36 standard deviations below 0: it is
    the limit for exponential tails, and less than a standard deviation / 36 for Gaussian ones.
    """
    deviation = np.sqrt(noise.variance)
    # A variance beyond all numbers still has a mean absolute deviation, of the same size.
    deviation = np.where(np.isinf(deviation), noise.mean_absolute, deviation)
    noisy = np.where(noise.cdf(noisy) < _UNDERFLOW, -_FAR * deviation, noisy)
    noisy = np.floor(noisy) if noise.lattice and np.any(deviation > 0) else noisy
    below, chance = noise.excess(noisy), noise.cdf(noisy)
    mean = np.divide(below, chance, out=np.zeros_like(below), where=chance > 0)
    return np.where(deviation > 0, mean, np.maximum(noisy, 0.0))


def _laplace_bias(counts: FloatArray, scale: FloatArray) -> FloatArray:
    """Return the bias under Laplace noise, all terms positive.

    Notes
    -----
    In units of the scale, with e = exp(-y): below 0 the mean is 1, above it exceeds y by
    g(y) = (1 + y) (e / 2) / (1 - e / 2) = (1 + y) sum over k >= 0 of (e / 2)^{k + 1}. With r the
    true count, E [1 - y; y < 0] = exp(-r), and the series is integrated against exp(-abs(y - r))
    / 2 term by term below and above r (derived for this project).
    """
    r = np.minimum(counts / positive(scale, counts), _NIL)
    left, right = np.zeros_like(r), np.zeros_like(r)
    for k in range(_TERMS):
        h0, h1, _ = exponential_moments(k * r)
        left = left + 0.5**k * r * (h0 + r * h1)
        tail = (1.0 + r) / (k + 2.0) + 1.0 / (k + 2.0) ** 2
        right = right + 0.5**k * np.exp(-(k + 1.0) * r) * tail
    bias: FloatArray = scale * (np.exp(-r) * (1.0 + 0.25 * left) + 0.25 * right)
    return bias


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (PosteriorMean,)
