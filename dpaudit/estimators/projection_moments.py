"""Moments of projected shares at one threshold, by integrals along a contour and over s.

See :mod:`dpaudit.estimators.projected_allotment` for the formulas.
"""

from __future__ import annotations

from typing import Self

import attrs
import numpy as np

from dpaudit.estimators.projection_nodes import is_many
from dpaudit.estimators.projection_threshold import Saddle, Transforms, Weighted, contour
from dpaudit.model.arrays import ComplexArray, FloatArray

_STEP = 0.11
_STEP_OF_MANY = 0.12
_MOST_STEPS = 400
_PRECISION = 1e-10
_PRECISION_OF_MANY = 1e-7
_NEGLIGIBLE = 1e-11
_NEGLIGIBLE_OF_MANY = 1e-9
"""The contour ends where the integrand has fallen to this share of its largest anywhere."""

_BEYOND = 10.0
"""What lies beyond is a sum of terms that die away: at most so many times the first of them."""

_LARGEST_RATE = 20.0

_CHUNK = 2**15
_AT_ONCE = 16
"""Numbers, and points of the contour, that are computed at once."""

_SMALL = 2**12

_NOTHING = 1e-250
"""A product of factors below this is nil, and its parts may be."""


@attrs.frozen(kw_only=True, eq=False)
class Inverse:
    """Nodes ``s`` and weights of 1 / D = int exp(-s D) ds, shape (q,), scaled to the true total."""

    s: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, law: Weighted) -> Self:
        """Take so many nodes that 1 / D is right within seven deviations of the true total.

        The rule of q nodes turns 1 / r into a rational function whose relative error is near
        ((r - 1) / (r + 1))^(2 q).
        """
        far = min(7.0 * law.deviation / law.total, 0.8)
        precision = _PRECISION_OF_MANY if is_many(law) else _PRECISION
        order = int(np.clip(np.ceil(np.log(precision) / (2.0 * np.log(far / (2.0 - far)))), 2, 24))
        s, weights = np.polynomial.laguerre.laggauss(order)
        return cls(s=s / law.total, weights=weights * np.exp(s) / law.total)


@attrs.frozen(kw_only=True, eq=False)
class Sums:
    """E v and E (v - P)^2 by a fine rule (first row) and a coarse one, shape (2, n)."""

    first: FloatArray
    second: FloatArray

    def __add__(self, other: Self) -> Self:
        return attrs.evolve(self, first=self.first + other.first, second=self.second + other.second)

    def times(self, fine: float, coarse: float) -> Self:
        """Return the sums with their rows multiplied by weights."""
        weights = np.array([[fine], [coarse]])
        return attrs.evolve(self, first=weights * self.first, second=weights * self.second)


def cut_off(law: Weighted) -> float:
    """Return the relative error of 1 / D, and of what lies beyond the ends of the contours."""
    if is_many(law):
        return _PRECISION_OF_MANY + _BEYOND * _NEGLIGIBLE_OF_MANY
    return _PRECISION + _BEYOND * _NEGLIGIBLE


def at_zero(law: Weighted, inverse: Inverse, shares: FloatArray) -> Sums:
    """Return the sums over the event that no y is negative: then nothing is projected."""
    whole, first, second = law.above(0.0, inverse.s)
    weight = np.exp(law.summed(np.log(whole))) * inverse.weights
    mean = first / whole
    spread = second / whole - mean**2
    gap = mean - shares * law.summed(mean)[:, None]
    square = gap**2 + (1.0 - 2.0 * shares) * spread
    square += shares**2 * law.summed(spread)[:, None]
    return Sums(
        first=np.tile(weight @ mean, (2, 1)),
        second=np.tile((weight * inverse.s) @ square, (2, 1)),
    )


def at_threshold(
    law: Weighted, inverse: Inverse, shares: FloatArray, t: float, start: float
) -> tuple[Sums, float]:
    """Return the sums' density at the threshold ``t``, and the saddlepoint there.

    ``start`` is a saddlepoint nearby.
    """
    saddle = law.saddle(t, start)
    n = law.times.size
    repeat = None if law.times.max() == 1 else np.repeat(np.arange(n), law.times.astype(np.intp))
    above = law.above(t, inverse.s)
    sums = Sums(first=np.zeros((2, n)), second=np.zeros((2, n)))
    size = int(np.clip(2 * (_CHUNK // (2 * n * inverse.s.size)), 1, _AT_ONCE))
    largest, done = 0.0, False
    step = _STEP_OF_MANY if is_many(law) else _STEP
    enough = _NEGLIGIBLE_OF_MANY if is_many(law) else _NEGLIGIBLE
    enough *= float(np.exp(min(saddle.rate, _LARGEST_RATE)))
    for first in range(0, _MOST_STEPS, size):
        points, weights = _along(saddle, first, size, step)
        psi, lift = _transform(law, t, above, points)
        ratio = _relative(law, t, saddle, psi, points)
        product = _product(ratio if repeat is None else ratio[..., repeat])
        live = np.abs(product).max(axis=1) > _NOTHING
        if not live.any():
            break
        if not live.all():
            psi, lift, product, weights = psi[live], lift[live], product[live], weights[:, live]
            done = True
        share = 1.0 / psi
        share[..., : lift.shape[-1]] *= lift
        tilted = _Tilted.of(above, share, law.times)
        kernel = weights[..., None] * product * (np.exp(-saddle.rate) * inverse.weights)
        sums = sums + tilted.sums(kernel.reshape(2, -1), inverse.s, shares)
        sizes = np.abs(kernel[0] * (1.0 + tilted.count.reshape(product.shape))).max(axis=1)
        largest = max(largest, float(sizes.max()))
        if done or sizes[-1] <= enough * largest:
            break
    return sums, saddle.point


def _along(saddle: Saddle, first: int, size: int, step: float) -> tuple[ComplexArray, ComplexArray]:
    """Return points of the contour, with the weights of a fine and of a coarse rule (2, m).

    The transform is real on the real axis: the lower half gives the conjugate of the upper one.
    """
    k = np.arange(first, first + size)
    points, slope = contour(saddle, np.asarray(k * step, dtype=np.float64))
    fine = slope * np.where(k == 0, 0.5, 1.0) * (step / np.pi)
    return points, np.stack([fine, np.where(k % 2 == 0, 2.0 * fine, 0.0)])


def _transform(
    law: Weighted, t: float, above: Transforms, z: ComplexArray
) -> tuple[ComplexArray, ComplexArray]:
    """Return psi exp(-z min(a x, t)), shape (m, q, n), and exp(z (t - a x)) of centres below t.

    The latter is what a part above t counts by in the former: nothing overflows, however far to
    the left z is.
    """
    low = int(np.searchsorted(law.centres, t))
    lift = np.exp(z[:, None, None] * (t - law.centres[:low]))
    psi = np.broadcast_to(law.below(t, z)[:, None, :], (z.size, *above[0].shape)).copy()
    psi[..., :low] += above[0][:, :low] * lift
    psi[..., low:] += above[0][:, low:]
    return psi, lift


def _relative(
    law: Weighted, t: float, saddle: Saddle, psi: ComplexArray, z: ComplexArray
) -> ComplexArray:
    """Return every factor of the transform beside that at the saddlepoint, shape (m, q, n)."""
    low = int(np.searchsorted(law.centres, t))
    column = z[:, None, None]
    ratio = psi * (1.0 / saddle.whole)
    ratio[..., :low] *= np.exp(column * law.centres[:low] - saddle.point * t)
    ratio[..., low:] *= np.exp((column - saddle.point) * t)
    return ratio


@attrs.frozen(kw_only=True, eq=False)
class _Tilted:
    """Parts of the tilted law at every node of z and s, a row each, shape (m, n).

    With beta = P(y > t), the parts are E N and E N^2 and both times beta; ``count`` (m,) is the
    sum of all beta.
    """

    mean: ComplexArray
    square: ComplexArray
    mean_above: ComplexArray
    square_above: ComplexArray
    beta: ComplexArray
    count: ComplexArray
    many: ComplexArray

    @classmethod
    def of(cls, above: Transforms, share: ComplexArray, times: FloatArray) -> Self:
        """Multiply the transforms above t by what a unit of them is of the whole, (m, q, n)."""
        many = times.astype(np.complex128)
        beta, mean, square = ((part * share).reshape(-1, many.size) for part in above)
        return cls(
            mean=mean,
            square=square,
            mean_above=mean * beta,
            square_above=square * beta,
            beta=beta,
            count=_summed(beta, many),
            many=many,
        )

    def sums(self, kernel: ComplexArray, s: FloatArray, shares: FloatArray) -> Sums:
        """Return the sums over all nodes, given weights of shape (2, m).

        Notes
        -----
        With m, r the mean and mean square of N_i, T = sum m and O the sum of variances,
        E (N_i - P D)^2 is F = (1 - 2 P) r + 2 P m^2 - 2 P T m + P^2 (T^2 + O). The number of y
        above t tilts every factor once more, by exp(e) where y > t; its effect is the derivative
        in e at 0, count F and the change of F: m grows by m (1 - beta), r by r (1 - beta).
        """
        grown, plain = 1.0 + self.count, kernel
        kernel = kernel * np.tile(s, kernel.shape[1] // s.size)
        own = kernel * grown @ self.square - kernel @ self.square_above
        squared = self.mean * self.mean
        total, second = _summed(self.mean, self.many), _summed(self.square, self.many)
        power = _summed(squared, self.many)
        more = total - _summed(self.mean_above, self.many)
        common = self.count * (total**2 + second - power) + 2.0 * total * more
        common += second - 2.0 * power - _summed(self.square_above, self.many)
        both = np.concatenate([plain * grown, kernel * (self.count * total + more + total)])
        both = both @ self.mean - np.concatenate([plain, kernel * total]) @ self.mean_above
        first, mixed = both[:2], both[2:]
        mixed -= kernel * (1.0 + grown) @ squared
        squared *= self.beta
        common += 2.0 * _summed(squared, self.many)
        mixed += 2.0 * (kernel @ squared)
        square = (1.0 - 2.0 * shares) * own - 2.0 * shares * mixed
        square += shares**2 * (kernel @ common)[:, None]
        return Sums(first=first.real, second=square.real)


def _summed(matrix: ComplexArray, many: ComplexArray) -> ComplexArray:
    total: ComplexArray = matrix @ many
    return total


def _product(factors: ComplexArray) -> ComplexArray:
    """Return the products over the last axis, by halves: many short multiplications at once."""
    while factors.shape[-1] > 1:
        half = factors.shape[-1] // 2
        left, right, odd = np.split(factors, [half, 2 * half], axis=-1)
        factors = left * right
        if odd.shape[-1]:
            factors[..., :1] *= odd
    return factors[..., 0]
