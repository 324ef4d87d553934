"""Clipping at zero, less the bias that clipping has at the clipped count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.geometric import GeometricTails
from dpaudit.noise.laplace import Laplace
from dpaudit.noise.parameter import positive
from dpaudit_plugins.postprocessors._expectation import expectation
from dpaudit_plugins.postprocessors._given import given_noise

_FAR = 800.0  # exp of minus this is 0


@attrs.frozen(kw_only=True)
class DebiasedClip(dpaudit.PostProcessor):
    """Set negative counts to zero and subtract the bias that clipping adds to such a count.

    A count y becomes y^+ - c(y^+) with c(x) = E (-x - X)^+, the bias of clipping. For Laplace
    noise this leaves a quarter of the bias at a true count of 0, and its sign changes at half a
    scale. Results may be slightly negative, at least -c(0) (half a scale for Laplace noise):
    clipping them again would bring the bias back. It keeps nothing of its input: no totals, no
    whole numbers.

    Parameters
    ----------
    noise
        The noise, given by the engine.

    Examples
    --------
    >>> DebiasedClip(noise=Laplace(2.0)).process(np.array([-5.0, 0.0, 20.0])).round(3)
    array([-1., -1., 20.])
    """

    name: ClassVar[str] = "debiased-clip"
    vectorised: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True

    noise: dpaudit.GivenNoise = None

    def process(self, release: FloatArray) -> FloatArray:
        """Return the clipped and corrected release, shape (..., n)."""
        clipped = np.maximum(release, 0.0)
        return clipped - given_noise(self, self.noise).excess(-clipped)

    def bias(self, counts: FloatArray, noise: dpaudit.Noise) -> dpaudit.ClosedForm:
        """Return c(x) - E c((x + X)^+), shape (n,), persons.

        Notes
        -----
        Where c is exponential, c(x) = c(0) exp(-s x), its mean is c(0) times the Laplace
        transform of the clipped count at s. For Laplace noise of scale b, with r = x / b and s =
        1 / b, that leaves (b / 2) exp(-r) (1/4 - r/2) (derived for this project).
        """
        if isinstance(noise, Laplace):
            scale = np.asarray(noise.scale)
            r = np.minimum(counts / positive(scale, counts), _FAR)
            return np.where(scale > 0, 0.5 * scale * np.exp(-r) * (0.25 - 0.5 * r), 0.0)
        if _is_exponential(noise, counts):
            rate = _rate(noise)
            transform = noise.clipped_transform(counts, np.broadcast_to(rate, (1, *counts.shape)))
            return noise.excess(-counts) - noise.excess(np.zeros(())) * transform[0][0]
        above = expectation(lambda y: noise.excess(-y), counts, noise, lowest=0.0)
        if above is None:
            return None
        left = noise.excess(-counts) - noise.excess(np.zeros(())) * noise.cdf(-counts)
        error = above.high - above.value + 1e-15 * noise.excess(-counts)
        return dpaudit.Estimate.exact(left - above.value, error=error, method="quadrature")

    def variance(self, counts: FloatArray, noise: dpaudit.Noise) -> FloatArray | None:
        """Return the variance, shape (n,), persons squared, where c is exponential.

        Notes
        -----
        Var W - 2 Cov(W, c(W)) + Var c(W) with W = (x + X)^+, from the Laplace transform of W
        and its derivative at s and 2 s.
        """
        if not _is_exponential(noise, counts):
            return None
        start, rate = noise.excess(np.zeros(())), np.broadcast_to(_rate(noise), (1, *counts.shape))
        phi, psi, _ = (part[0] for part in noise.clipped_transform(counts, rate))
        twice = noise.clipped_transform(counts, 2.0 * rate)[0][0]
        below, square = noise.excess(-counts), noise.excess_square(-counts)
        with np.errstate(invalid="ignore", over="ignore"):
            clipped = noise.variance - square - below * (2.0 * counts + below)
            together = start * (psi - (counts + below) * phi)
            own = start**2 * (twice - phi**2)
            left = np.maximum(clipped - 2.0 * together + own, 0.0)
        return np.where(np.isinf(noise.variance), np.inf, left)


def _is_exponential(noise: dpaudit.Noise, counts: FloatArray) -> bool:
    """Whether the bias of clipping decays by a constant factor per person."""
    if isinstance(noise, Laplace):
        return bool(np.all(noise.scale > 0))
    return isinstance(noise, GeometricTails) and bool((counts == np.rint(counts)).all())


def _rate(noise: dpaudit.Noise) -> FloatArray:
    if isinstance(noise, Laplace):
        return np.asarray(1.0 / noise.scale)
    if isinstance(noise, GeometricTails):
        return noise.rate
    raise dpaudit.UsageError(
        f"the clip bias of {noise.family} noise is not exponential", hint="use bias instead"
    )


@dpaudit.hookimpl
def dpaudit_postprocessors() -> Sequence[type[dpaudit.PostProcessor]]:
    """Offer the post-processor."""
    return (DebiasedClip,)
