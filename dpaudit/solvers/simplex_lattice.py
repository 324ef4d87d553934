"""K_i for whole-number noise of whole counts, where the law of the threshold has no density.

For t between c - 1 and c, c whole, the distribution function F_i is constant, and with
M = sum_{j != i} (x_j + X_j - c)^+ and k = #{j != i: x_j + X_j >= c} the sum at t is
M + k (c - t). So the integral of P(threshold > t) over (c - 1, c) is, without any rounding of t,

    A = E [((M + k - C)^+ - (M - C)^+) / k] = P(k > 0) / 2 + int_0^1 (U(z) - V(z)) / (2 z) dz,
    U(z) = E z^k abs(M + k - C),   V(z) = E z^k abs(M - C),

as 1 / k = int z^{k - 1} dz. On the whole numbers within N / 2 of 0, abs(y) is a finite sum of
cosines: a constant (which cancels) minus 2 / (N sin^2(theta / 2)) cos(theta y) over the odd
multiples theta of 2 pi / N up to pi. Under the expectation each is a product over entities of
P(x_j + X_j < c) + z E (e^{i theta (x_j + X_j - c)}; x_j + X_j >= c).

Derived for this project; the quadrature over z is exact for the polynomial in z where k takes
few values.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from scipy import special

from dpaudit.model.arrays import ComplexArray, FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.geometric import GeometricTails
from dpaudit.solvers.products import products_without
from dpaudit.solvers.simplex_inversion import product_of
from dpaudit.solvers.simplex_range import Groups, Range, parts, threshold_range

_NIL = -39.0
_LEVELS = 80
_CHUNK = 2**20
_MARGIN = 12.0
_JACOBI = 300.0
"""Up to this power of z its weight is put into the quadrature rule (Gauss-Jacobi)."""

_OVERHEAD = 1e4
"""What one interval costs, in complex values, however small the problem."""

_TABLE = 19.0
"""The length of the tables of noise without closed form, in standard deviations."""


def lattice_quadrature(
    groups: Groups, total: float, largest_cost: float
) -> tuple[FloatArray, FloatArray] | None:
    """Return K of each group and a bound of its error, both of shape (m,), persons.

    ``None`` where counts or the total are not whole, the noise is not known well enough or the
    cost would be too large.
    """
    whole = np.append(groups.counts, total)
    if (whole != np.rint(whole)).any():
        return None
    span = threshold_range(groups, total)
    if not span.near.any():
        return np.zeros_like(groups.counts), np.full_like(groups.counts, span.pooled)
    each = _OVERHEAD + 2.0 * _LEVELS * _table(groups.noise)
    if (span.high - span.low) * each > largest_cost or not _is_known(groups.noise, groups.counts):
        return None
    intervals = np.arange(math.floor(span.low) + 1, math.ceil(span.high) + 1, dtype=np.float64)
    grids = [
        [
            _Interval.of(groups, span, total, c=float(c), order=order, widening=widening)
            for c in intervals
        ]
        for order, widening in ((11, 1.0), (16, 1.25))
    ]
    if sum(piece.cost for grid in grids for piece in grid) > largest_cost:
        return None
    near = grids[0][0].near
    below = np.stack([near.below(c - 1.0) for c in intervals])
    start = near.noise.excess(intervals[0] - 1.0 - near.counts)
    values = []
    for grid in grids:
        pieces = [piece.exceed() for piece in grid]
        if any(piece is None for piece in pieces):
            return None
        values.append(start + (below * np.stack([p for p in pieces if p is not None])).sum(axis=0))
    coarse, fine = values
    push, error = np.zeros_like(groups.counts), np.full_like(groups.counts, span.pooled)
    push[span.near] = fine
    error[span.near] += np.abs(fine - coarse)
    return push, error


def _table(noise: Noise) -> float:
    """Return how many values are summed for each frequency, of noise without a closed form."""
    if isinstance(noise, GeometricTails):
        return 0.0
    return _TABLE * float(np.sqrt(np.unique(noise.variance)).sum())


def _is_known(noise: Noise, counts: FloatArray) -> bool:
    theta = np.ones((1, 1))
    clipped = noise.clipped_characteristic(counts, theta)
    return clipped is not None and noise.characteristic(theta) is not None


@attrs.frozen(kw_only=True, eq=False)
class _Interval:
    """The thresholds between c - 1 and c."""

    near: Groups
    far: tuple[tuple[Noise, float], ...]
    gap: float
    total: float
    c: float
    length: int
    size: int
    z: FloatArray
    weight: FloatArray

    @classmethod
    def of(
        cls, groups: Groups, span: Range, total: float, *, c: float, order: int, widening: float
    ) -> _Interval:
        """Choose the frequencies and the nodes of z."""
        near, far = groups.some(span.near), groups.some(~span.near)
        gap = groups.gap(total)
        most = groups.surplus(c - 1.0, gap)
        least = groups.surplus(c, gap) - float(near.excess(c).max())
        reach = widening * (max(abs(most), abs(least)) + span.slack)
        z, weight = _nodes(near, float(far.many.sum()), c, order)
        draft = cls(
            near=near,
            far=parts(far),
            gap=far.gap(total),
            total=total,
            c=c,
            length=4 * math.ceil(reach / 2.0),
            size=0,
            z=z,
            weight=weight,
        )
        return attrs.evolve(draft, size=draft.needed())

    @property
    def cost(self) -> float:
        """The number of complex values that the interval costs."""
        width = 2.0 * self.z.size * self.near.counts.size + _table(self.near.noise)
        return self.size * width + _OVERHEAD

    def needed(self) -> int:
        """Return the number of odd frequencies at which the product matters."""
        first, all_of_them = 2.0 * np.pi / self.length, self.length // 4
        theta = np.geomspace(first, np.pi, _LEVELS)
        found = self._factors(theta)
        if found is None:
            return all_of_them
        miss, hit = found
        level = np.full(theta.size, -np.inf)
        for z in (1.0, float(np.median(self.z))):
            each = np.log(np.maximum(np.abs(miss + z * hit), 1e-300))
            whole = np.log(np.maximum(miss + z * (1.0 - miss), 1e-300))
            ratio = each - whole
            level = np.maximum(level, ratio @ self.near.many - ratio.min(axis=1))
        level += np.log(np.maximum(np.abs(product_of(self.far, theta)), 1e-300))
        alive = np.flatnonzero(level > _NIL)
        last = theta[min(int(alive[-1]) + 1, theta.size - 1)] if alive.size else theta[0]
        return min(math.ceil(last / first / 2.0) + 1, all_of_them)

    def exceed(self) -> FloatArray | None:
        """Return the integral of P(threshold without one entity > t), shape (m,)."""
        miss = self.near.below(self.c - 1.0)
        none = products_without(miss, self.near.many) * (0.0 if self.far else 1.0)
        if self.total == 0:
            return 1.0 - none
        result = 0.5 * (1.0 - none)
        rows = max(1, _CHUNK // (2 * self.z.size * miss.size))
        for first in range(0, self.size, rows):
            odd = 2.0 * np.arange(first, min(first + rows, self.size)) + 1.0
            found = self._sum((2.0 * np.pi / self.length) * np.asarray(odd, dtype=np.float64))
            if found is None:
                return None
            result -= found
        return np.clip(result, 0.0, 1.0)

    def _sum(self, theta: FloatArray) -> FloatArray | None:
        """Sum the integrand over some of the frequencies, shape (m,)."""
        found = self._factors(theta)
        if found is None:
            return None
        miss, hit = found
        others = math.fsum(many for _, many in self.far)
        turn = np.exp(1j * theta)
        wave = product_of(self.far, theta) * np.exp(1j * theta * (self.gap - others * self.c))
        wave = wave / (self.length * np.square(np.sin(0.5 * theta)))
        total = np.zeros(self.near.counts.size)
        for zeta, outside in ((turn, wave * turn**others), (np.ones_like(turn), -wave)):
            points = self.z[:, None] * zeta
            without = products_without(miss + points[:, :, None] * hit, self.near.many)
            weights = self.weight[:, None] * outside
            total += np.real(np.einsum("zkm,zk->m", without, weights))
        return total

    def _factors(self, theta: FloatArray) -> tuple[FloatArray, ComplexArray] | None:
        """Return P(x + X < c), shape (m,), and E (e^{i theta (x + X - c)}; x + X >= c), (k, m)."""
        miss = self.near.below(self.c - 1.0)
        noise = self.near.noise
        clipped = noise.clipped_characteristic(self.near.counts - self.c, theta[:, None])
        return None if clipped is None else (miss, clipped - miss)


def _nodes(near: Groups, others: float, c: float, order: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes z and weights that integrate z^{others - 1} times the product over [0, 1]."""
    miss = near.below(c - 1.0)
    mean = others + float((1.0 - miss) @ near.many)
    width = 9.0 * math.sqrt(float((miss * (1.0 - miss)) @ near.many)) + _MARGIN
    least = max(1.0, math.floor(mean - width))
    most = min(math.ceil(mean + width), others + float(near.many.sum()))
    size = max(1, min(order, math.ceil((most - least + 1.0) / 2.0)))
    if least <= _JACOBI:
        points, weights = special.roots_jacobi(size, 0.0, least - 1.0)
        z = 0.5 * (1.0 + points)
        log_weight = np.log(weights) - least * math.log(2.0) + (others - least) * np.log(z)
        return z, np.exp(log_weight)
    middle = 0.5 * (least + most)
    points, weights = special.roots_laguerre(size)
    z = np.exp(-points / middle)
    return z, weights * np.exp(points * (1.0 - others / middle)) / middle
