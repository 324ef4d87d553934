"""The law of the threshold at which a noisy allotment is projected on the simplex.

With y_j = a_j (x_j + X_j) and S = sum_j y_j > 0, the projection of y / S is (y - t)^+ / S, where
t >= 0 is the root of G(t) = sum_j min(y_j, t). This module says where t lies, and gives for each t
a contour on which the transform of G(t) dies away: it starts at the saddlepoint on the real axis
and bends to the left, where every term of the transform decays because no centre a_j x_j is
negative.
"""

from __future__ import annotations

from typing import TypeVar

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import ComplexArray, FloatArray
from dpaudit.noise.base import Noise

T = TypeVar("T")

Transforms = tuple[FloatArray, FloatArray, FloatArray]
"""E (y - t)^k exp(-s (y - t)) over y > t for k = 0, 1, 2, shape (q, n)."""

_STEPS = 60
_SHRINK = 0.999
_CLOSE = 1e-3
"""The saddlepoint is found well enough this many standard deviations from it."""

_LEAP = 4.0
_NEAR = 0.1
_FEWEST = 1e-300
_ANGLE = 0.4
"""How far the contour leans to the left far out, in radians from the vertical."""

_BEND = 5.0
"""The contour bends at this many standard deviations, if nothing is in its way."""


@attrs.frozen(kw_only=True, eq=False)
class Saddle:
    """Where the contour crosses the real axis.

    Parameters
    ----------
    point
        zeta, per unit of y: the minimum of log E exp(zeta G).
    rate
        Minus that minimum, non-negative: about -log P(G is 0 or beyond).
    root
        The signed root of twice the rate, above 0 where t is above its centre: nearly normal.
    pace
        dt / d(root) there.
    remoteness
        The rate, and -log of the number of y above t that are expected there, where that is below
        1: thresholds that lie above every y are none.
    reach
        The scale on which the contour bends, per unit of y.
    whole
        E exp(zeta (min(y, t) - t)) there, shape (n,).
    """

    point: float
    rate: float
    root: float
    pace: float
    remoteness: float
    reach: float
    whole: FloatArray


@attrs.frozen(kw_only=True, eq=False)
class Weighted:
    """Weighted noisy counts y_j = a_j (x_j + X_j), ``times`` of each, in the order of a_j x_j.

    Parameters
    ----------
    counts
        x, shape (n,), persons, non-negative.
    weights
        a, shape (n,), positive.
    times
        How many entities there are of each kind, shape (n,).
    noise
        Independent symmetric noise X whose tail transforms are known.
    """

    counts: FloatArray
    weights: FloatArray
    times: FloatArray
    noise: Noise

    @property
    def centres(self) -> FloatArray:
        """a_j x_j, shape (n,), in rising order."""
        return self.weights * self.counts

    def summed(self, values: FloatArray) -> FloatArray:
        """Return the sum over all entities of ``values`` (..., n), shape (...,).

        Not by a matrix product, whose threads cost more than they save in sums of this size
        where other programs keep the processors busy.
        """
        return np.asarray((self.times * values).sum(axis=-1))

    @property
    def total(self) -> float:
        """sum_j a_j x_j."""
        return float((self.times * self.weights * self.counts).sum())

    @property
    def deviation(self) -> float:
        """Standard deviation of S."""
        return float(np.sqrt((self.times * self.weights**2 * self.noise.variance).sum()))

    def beyond(self, t: float) -> FloatArray:
        """Return t / a - x, the noise at which y is t, shape (n,), persons."""
        return t / self.weights - self.counts

    def above(self, t: float, s: FloatArray) -> Transforms:
        """Return E (y - t)^k exp(-s (y - t)) over y > t for k = 0, 1, 2, shape (q, n).

        ``s`` has shape (q,).
        """
        found = self.noise.tail_transform(self.beyond(t), s[:, None] * self.weights)
        zeroth, first, second = _known(found)
        return zeroth, self.weights * first, self.weights**2 * second

    def below(self, t: float, z: ComplexArray) -> ComplexArray:
        """Return E exp(z (y - min(a x, t))) over y <= t, shape (m, n), for ``z`` of shape (m,)."""
        scaled = z[:, None] * (self.weights[:1] if np.ptp(self.weights) == 0 else self.weights)
        return _known(self.noise.tail_characteristic(-self.beyond(t), scaled))

    def saddle(self, t: float, start: float = 0.0) -> Saddle:
        """Return the saddlepoint of the transform of G(t), by Newton's method kept in bounds."""
        least = -float(np.min(self.noise.strip / self.weights))
        point = max(start, _SHRINK * least) if np.isfinite(least) else start
        low, high, last = least, np.inf, point
        for _ in range(_STEPS):
            whole, value, slope, bend = self._cumulants(t, point)
            if not np.isfinite(bend) or bend <= 0:
                if point == last:
                    break
                point = 0.5 * (point + last)
                continue
            last = point
            low, high = (low, point) if slope > 0 else (point, high)
            step = -slope / bend
            if abs(step) * np.sqrt(bend) < _CLOSE:
                break
            longest = _LEAP * self._clearance(point)
            point += float(np.clip(step, -longest, longest))
            if not low < point < high:
                point = 0.5 * (low + high)
        if not np.isfinite(bend) or bend <= 0:
            return Saddle(
                point=start,
                rate=0.0,
                root=np.inf,
                pace=0.0,
                remoteness=np.inf,
                reach=1.0,
                whole=whole,
            )
        above = float(self.summed(self.noise.cdf(-self.beyond(t)) / whole))
        rate = max(-value, 0.0)
        root = -np.sign(point) * np.sqrt(2.0 * rate)
        near = abs(root) < _NEAR or above <= 0
        return Saddle(
            point=point,
            rate=rate,
            root=root,
            pace=np.sqrt(bend) / max(above, _FEWEST) if near else -root / (point * above),
            remoteness=rate - min(float(np.log(max(above, _FEWEST))), 0.0),
            reach=min(_BEND / float(np.sqrt(bend)), 2.0 * self._clearance(point)),
            whole=whole,
        )

    def _clearance(self, point: float) -> float:
        """Return how far left of ``point`` the transform of a tail is still smooth."""
        pole = float(np.min(self.noise.strip / self.weights))
        if np.isfinite(pole):
            return point + pole
        return max(point, 0.0) + 1.0 / float(np.max(self.weights * np.sqrt(self.noise.variance)))

    def _cumulants(self, t: float, point: float) -> tuple[FloatArray, float, float, float]:
        """Return E exp(zeta (min(y, t) - t)), (n,), and log E exp(zeta G) with two derivatives."""
        beyond = self.beyond(t)
        with np.errstate(all="ignore"):  # far out in a search something overflows: told by NaN
            found = self.noise.tail_transform(-beyond, np.array([[point]]) * self.weights)
            low0, low1, low2 = (each[0] for each in _known(found))
            whole = low0 + self.noise.cdf(-beyond)
            mean = -self.weights * low1 / whole
            spread = self.weights**2 * low2 / whole - mean**2
            value, slope, bend = (self.summed(part) for part in (np.log(whole), mean, spread))
        many = float(self.times.sum())
        return whole, float(value) + many * point * t, float(slope) + many * t, float(bend)

    def centre(self) -> float:
        """Return the root t of E G(t) = 0; 0 where no y is ever negative."""
        low, high = 0.0, float(np.max(self.weights)) * float(np.max(self.noise.mean_absolute))
        while self._mean(high) < 0:
            low, high = high, 2.0 * high
        for _ in range(_STEPS):
            middle = 0.5 * (low + high)
            if self._mean(middle) < 0:
                low = middle
            else:
                high = middle
        return high

    def _mean(self, t: float) -> float:
        missing = self.weights * self.noise.excess(self.beyond(t))
        return float(self.summed(t - missing))


def contour(saddle: Saddle, u: FloatArray) -> tuple[ComplexArray, ComplexArray]:
    """Return points z(u) of the contour, a hyperbola, shape (m,), and dz / (i du) there."""
    left, up = np.sin(_ANGLE) * saddle.reach, np.cos(_ANGLE) * saddle.reach
    points = saddle.point - left * (np.cosh(u) - 1.0) + 1j * up * np.sinh(u)
    return points, up * np.cosh(u) + 1j * left * np.sinh(u)


def _known(values: T | None) -> T:
    """Return transforms that the caller has made sure are known."""
    if values is None:
        raise UsageError(
            "the transform of the noise's tail is not known", hint="simulate this noise instead"
        )
    return values
