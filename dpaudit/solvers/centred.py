"""How far the projection that keeps the sum alone falls below zero, per entity.

The projection pi_S turns x + X into y = x + e with e_i = X_i - mean(X), and

    k_i = E (y_i)^-

is the bias of clipping y_i at zero. It is the single number behind the bias of the projection
on the simplex: exactly n / (n - 1) k_i where no other entity can be clipped.

References
----------
METHODS-decisions 5.4 and 5.5 (derived for this project).
"""

from __future__ import annotations

import math

import numpy as np

from dpaudit.model.arrays import ComplexArray, FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.integrals import normal_density, normal_tail_moments
from dpaudit.noise.laplace import Laplace
from dpaudit.solvers.centred_lattice import lattice_negative_part

_STEP = 0.06
_LAST = 14.0
_SLANT = 0.35
"""The contour runs off at 71 degrees: there exp(s^2) decays, and so does exp(-s x)."""

_BISECTIONS = 200
SMALLEST, LARGEST = 1e-140, 1e140
"""Standard deviations below the first count as no noise; beyond the second nothing is given."""
_NOWHERE = 1e4
"""Beyond this many scales the value is zero in double precision."""


def negative_part(
    counts: FloatArray, noise: Noise, total: float | None = None
) -> FloatArray | None:
    """Return k_i = E (y_i)^- for the projection on the vectors with a given sum.

    Parameters
    ----------
    counts
        True counts x, shape (n,), persons.
    noise
        Independent symmetric noise of every count, alike or not.
    total
        The public sum, persons; that of the true counts where it is left out.

    Returns
    -------
    FloatArray or None
        Shape (n,), persons, accurate relative to itself but where it underflows: closed form
        for Gaussian noise, a contour integral for Laplace noise, a finite Fourier sum for
        whole-number noise of whole counts. ``None`` for other noise.

    Examples
    --------
    >>> from dpaudit.noise.gaussian import Gaussian
    >>> negative_part(np.array([51.0, 22563.0]), Gaussian(25.0)).round(6)
    array([0.010082, 0.      ])
    """
    n = counts.size
    gap = 0.0 if total is None else total - math.fsum(counts)
    centre = counts + gap / n
    deviation = np.broadcast_to(np.sqrt(noise.variance), n)
    if not noise.symmetric or not deviation.max() < LARGEST:
        return None
    if n == 1 or deviation.max() < SMALLEST:
        return np.maximum(-centre, 0.0)
    far: FloatArray | None
    if isinstance(noise, Gaussian):
        far = _gaussian(np.abs(centre), np.square(deviation))
    elif isinstance(noise, Laplace):
        far = _laplace(np.abs(centre), np.broadcast_to(noise.scale, n))
    else:
        far = lattice_negative_part(counts, gap, noise)
    # e is symmetric: E (x + e)^- = x^- + E (abs(x) + e)^-
    return None if far is None else np.maximum(-centre, 0.0) + far


def _gaussian(distance: FloatArray, variance: FloatArray) -> FloatArray:
    """Return s (phi(z) - z Q(z)) with z = x / s and s^2 = v_i (1 - 2 / n) + mean(v) / n."""
    n = distance.size
    deviation = np.sqrt(np.maximum(variance * (1.0 - 2.0 / n) + variance.mean() / n, 0.0))
    z = distance / np.maximum(deviation, 1e-300 + 1e-200 * distance)
    return deviation * normal_density(z) * normal_tail_moments(z)[1]


def _laplace(distance: FloatArray, scale: FloatArray) -> FloatArray:
    """Return (1 / 2 pi i) int M(s) e^{-s x} / s^2 ds over a hyperbola through the saddle point.

    M(s) = 1 / (1 - (own s)^2) prod_j 1 / (1 - (other_j s)^2) with own = scale (1 - 1/n) and
    other_j = scale_j / n. All poles are real: the contour crosses the axis between 0 and the
    first of them and goes round the rest, where the trapezoid rule converges geometrically.
    """
    unit = float(scale.max())
    near = np.minimum(distance, _NOWHERE * unit)
    pairs = np.stack([near, scale], axis=1) / unit
    points, where = np.unique(pairs, axis=0, return_inverse=True)
    scales, many = np.unique(scale / unit, return_counts=True)
    n = distance.size
    sides = _Sides(points, scales / n, many.astype(np.float64))
    saddle, room = sides.saddle(n)
    u = (np.arange(int(_LAST / _STEP)) + 0.5) * _STEP
    rise = np.minimum(saddle, room)[:, None]
    path = saddle[:, None] + rise * (_SLANT * (np.cosh(u) - 1.0) + 1j * np.sinh(u))
    speed = rise * (_SLANT * np.sinh(u) + 1j * np.cosh(u))
    with np.errstate(under="ignore", over="ignore"):
        inside = np.exp(sides.logarithm(path, n)) * speed
    value = unit * np.imag(inside).sum(axis=1) * (_STEP / np.pi)
    return np.maximum(value, 0.0)[where.ravel()]


class _Sides:
    """The logarithm of the integrand, for entities with one distance and scale each."""

    def __init__(self, points: FloatArray, others: FloatArray, many: FloatArray) -> None:
        self.distance, self.scale = points[:, 0], points[:, 1]
        self.others, self.many = others, many

    def logarithm(self, s: ComplexArray, n: int) -> ComplexArray:
        """Return log M(s) - s x - 2 log s, shape (m, nodes)."""
        own, side = self.scale[:, None] * (1.0 - 1.0 / n), self.scale[:, None] / n
        value = np.log(1.0 - (side * s) ** 2) - np.log(1.0 - (own * s) ** 2) - 2.0 * np.log(s)
        for other, many in zip(self.others, self.many, strict=True):
            value -= many * np.log(1.0 - (other * s) ** 2)
        joined: ComplexArray = value - s * self.distance[:, None]
        return joined

    def saddle(self, n: int) -> tuple[FloatArray, FloatArray]:
        """Return where the integrand is least on the real axis, and the way on to its pole."""
        pole = 1.0 / np.maximum(self.scale * (1.0 - 1.0 / n), self.others.max())
        low, high = np.zeros_like(pole), pole.copy()
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            rising = self._slope(middle, n) > 0
            low, high = np.where(rising, low, middle), np.where(rising, middle, high)
        saddle = 0.5 * (low + high)
        return saddle, np.maximum(pole - saddle, 1e-15 * pole)

    def _slope(self, s: FloatArray, n: int) -> FloatArray:
        """Return the derivative of the logarithm on the real axis, which increases."""

        def part(scale: FloatArray | float) -> FloatArray:
            square = np.square(scale * s)
            with np.errstate(divide="ignore"):
                return 2.0 * square / np.maximum(1.0 - square, 1e-300)

        slope = part(self.scale * (1.0 - 1.0 / n)) - part(self.scale / n) - 2.0
        for other, many in zip(self.others, self.many, strict=True):
            slope = slope + many * part(float(other))
        return slope - s * self.distance
