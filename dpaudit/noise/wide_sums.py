"""Sums of Gaussian terms over whole numbers, for a sigma that is wide beside the spacing.

The Euler-Maclaurin formula turns a sum into an integral plus derivatives at its end; for
Gaussian terms both are closed forms. Where the terms fall off so fast at the end that the
formula does not converge, the few terms that matter are summed.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.gaussian import Gaussian, gaussian_lower_moments
from dpaudit.noise.integrals import normal_density

_BERNOULLI = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000)
_STEEP = 0.25
_TERMS = 180
_FAR = 1e3


def lower_mass(m: FloatArray, sigma: float) -> FloatArray:
    """Return P(X <= m) of the discrete Gaussian, for whole m < 0 and sigma of at least 2,000.

    Relative error below 1e-13 down to 37 sigma.
    """
    u, h = _deviations(m + 0.5, sigma), 1.0 / sigma
    slope, bend = -u * h, u * (3.0 - u * u) * h**3
    correction = slope / 24.0 - 7.0 * bend / 5760.0
    return Gaussian(sigma).cdf(m + 0.5) - normal_density(u) / sigma * correction


def lower_moments(m: FloatArray, sigma: float) -> tuple[FloatArray, FloatArray]:
    """Return E (-m - X)^+ and E ((-m - X)^+)^2 for whole m >= 0 and sigma of at least 2,000."""
    smooth, u = Gaussian(sigma), _deviations(-np.asarray(m, dtype=np.float64), sigma)
    f, square, h = normal_density(u) / sigma, u * u, 1.0 / sigma
    d1, d3 = -u * h, u * (3.0 - square) * h**3
    d2, d4 = (square - 1.0) * h**2, (square * (square - 6.0) + 3.0) * h**4
    first = smooth.excess(-m) - f * (1.0 / 12.0 - d2 / 240.0 + d4 / 6048.0)
    with np.errstate(over="ignore"):
        return first, smooth.excess_square(-m) - f * (d1 / 120.0 - d3 / 1512.0)


def wide_lower_moments(x: FloatArray, sigma: float, order: int) -> list[FloatArray]:
    """Return E ((-x - X)^+)^j for j = 0, .., ``order``, whole x and sigma of at least 30.

    Those of the normal law, less the Euler-Maclaurin formula's derivatives of v^j P(X = -x - v)
    at v = 0; right to 1e-16 of those at x = 0.
    """
    moments = list(gaussian_lower_moments(x, sigma, order))
    d, tau, f = _at_zero(x, np.zeros(()), sigma)
    h = [f, -d * f]
    for k in range(1, 2 * len(_BERNOULLI)):
        h.append(-d * h[-1] - k * tau * h[-2])
    for j in range(1, order + 1):
        for k, coefficient in enumerate(_BERNOULLI):
            p = 2 * k + 1
            if p >= j:
                moments[j] = moments[j] - coefficient * math.perm(p, j) * h[p - j]
    return [np.maximum(moment, 0.0) for moment in moments]


def clipped_sums(
    x: FloatArray, s: FloatArray, sigma: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the sums of w^j e^{-s w} P(X = w - x) over w = 1, 2, ... for j = 0, 1, 2.

    Parameters
    ----------
    x
        Whole numbers, shape (n,), non-negative.
    s
        Shape (m, 1) or (m, n), non-negative.
    sigma
        Of the discrete Gaussian X, at least 30.

    Notes
    -----
    At w = 0 the terms have the logarithmic slope d = x / sigma^2 - s. Above -1/4 the
    Euler-Maclaurin formula is used (where d is large, the terms at 0 are nothing beside those
    further up); below, 180 terms are summed.
    """
    sums = _euler_maclaurin(x, s, sigma)
    d, tau, f = _at_zero(x, s, sigma)
    steep = d < -_STEEP
    if steep.any():
        for made, exact in zip(sums, _summed(d[steep], tau, f[steep]), strict=True):
            made[steep] = exact
    return sums


def _euler_maclaurin(
    x: FloatArray, s: FloatArray, sigma: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    phi, psi, chi = Gaussian(sigma).clipped_transform(x, s)
    d, tau, f = _at_zero(x, s, sigma)
    sums = [phi - special.ndtr(-x / sigma) - 0.5 * f, psi, chi]
    h = [np.zeros_like(d), np.zeros_like(d), np.ones_like(d)]  # derivatives -2, -1 and 0
    order = 1
    for coefficient in _BERNOULLI:
        # The derivative of order k of w^j h at 0 is k (k - 1) .. (k - j + 1) h^(k - j).
        h.append(d * h[-1] - (order - 1) * tau * h[-2])
        here = (h[-1], order * h[-2], order * (order - 1) * h[-3])
        sums = [total - coefficient * f * part for total, part in zip(sums, here, strict=True)]
        h.append(d * h[-1] - order * tau * h[-2])
        order += 2
    return np.maximum(sums[0], 0.0), np.maximum(sums[1], 0.0), np.maximum(sums[2], 0.0)


def _summed(d: FloatArray, tau: float, f: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    zero, first, second = np.zeros_like(d), np.zeros_like(d), np.zeros_like(d)
    for w in range(_TERMS, 0, -1):
        term = f * np.exp(w * (d - 0.5 * tau * w))
        zero += term
        first += w * term
        second += w * w * term
    return zero, first, second


def _at_zero(x: FloatArray, s: FloatArray, sigma: float) -> tuple[FloatArray, float, FloatArray]:
    """Return d, 1 / sigma^2 and P(X = -x), the first and last of the shape of all."""
    tau = 1.0 / sigma / sigma
    shape = np.broadcast_shapes(np.shape(x), np.shape(s))
    slope = np.clip(x * tau, 0.0, _FAR)  # beyond, P(X = -x) is nil
    d = np.maximum(slope - s, -_FAR)
    f = normal_density(_deviations(-x, sigma)) / sigma
    return np.broadcast_to(d, shape), tau, np.broadcast_to(f, shape)


def _deviations(t: FloatArray, sigma: float) -> FloatArray:
    """Return t in standard deviations, kept finite."""
    return np.clip(t / sigma, -_FAR, _FAR)
