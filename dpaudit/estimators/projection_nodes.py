"""Nodes over the threshold of a projected allotment, in two resolutions at once."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.estimators.projection_threshold import Weighted
from dpaudit.model.arrays import FloatArray

_MANY = 64
"""From so many entities on the density of the threshold is smooth."""

_MOST_KINKS = 8
"""Among more kinks than these none is followed: each is a small one."""

_INTERVALS = 24
_PANELS = 3
_PANELS_OF_FEW = 6

_REMOTEST = 26.0
_SLACK = 4.0
_FARTHEST = 7.2
"""A threshold whose rate is beyond 26 is left out: its probability is near e^-26 or less."""

_MOST_STRIDES = 200
_CLOSE = 1e-2
_LEAP = 2.0
_LONGEST = 2.0
_DEGREE = 8
_HALVINGS = 50
_NIL = 1e-300

_KRONROD = np.array(
    [
        0.991455371120812639206854697526329,
        0.949107912342758524526189684047851,
        0.864864423359769072789712788640926,
        0.741531185599394439863864773280788,
        0.586087235467691130294144691130,
        0.405845151377397166906606412076961,
        0.207784955007898467600689403773245,
        0.0,
    ]
)
_FINE = np.array(
    [
        0.022935322010529224963732008058970,
        0.063092092629978553290700663189204,
        0.104790010322250183839876322541518,
        0.140653259715525918745189590510238,
        0.169004726639267902826583426598550,
        0.190350578064785409913256402421014,
        0.204432940075298892414161999234649,
        0.209482141084727828012999174891714,
    ]
)
_COARSE = np.array(
    [
        0.0,
        0.129484966168869693270611432679082,
        0.0,
        0.279705391489276667901467771423780,
        0.0,
        0.381830050505118944950369775488975,
        0.0,
        0.417959183673469387755102040816327,
    ]
)
"""Gauss-Kronrod rule of 15 nodes with the Gauss rule of 7 in it (Piessens et al. 1983)."""


@attrs.frozen(kw_only=True, eq=False)
class Nodes:
    """Thresholds ``t`` with the weights of a fine rule and of a coarse one on some of them."""

    t: FloatArray
    fine: FloatArray
    coarse: FloatArray


@attrs.frozen(kw_only=True, eq=False)
class _Map:
    """A smooth rising map from r to thresholds, t(r) = (r - start)^2 exp(p(r)).

    r is nearly the signed root of twice the rate of t, on which the threshold is nearly normal
    whatever its own scale is; any map would do, for dt / dr is that of the map itself.

    Parameters
    ----------
    start
        r at t = 0: minus the root of -2 log P(no y is negative).
    low, high
        Beyond these t has next to no probability.
    shape
        The polynomial p.
    """

    start: float
    low: float
    high: float
    shape: np.polynomial.Polynomial

    def at(self, r: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return t and dt / dr."""
        ahead = r - self.start
        t = ahead**2 * np.exp(self.shape(r))
        return t, t * (2.0 / ahead + self.shape.deriv()(r))

    def inverse(self, t: FloatArray) -> FloatArray:
        """Return r for thresholds between those of ``low`` and ``high``, by bisection."""
        low, high = np.full_like(t, self.low), np.full_like(t, self.high)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            below = self.at(middle)[0] < t
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return high


def is_many(law: Weighted) -> bool:
    """Return whether entities are so many that the density of the threshold is smooth."""
    return float(law.times.sum()) > _MANY


def threshold_nodes(law: Weighted) -> Nodes:
    """Return nodes where the threshold has its probability.

    Where the threshold is never near 0 and entities are many, its density is smooth and dies
    away at both ends: the trapezoidal rule converges fastest. Else panels, with an end at every
    kink of a few entities' densities.
    """
    scale = _map(law)
    few = not is_many(law)
    if scale.low > scale.start and not few:
        return _trapezoid(scale)
    if not few:
        return _panels(scale, np.linspace(scale.low, scale.high, _PANELS + 1))
    ends = scale.at(np.array([scale.low + _CLOSE, scale.high]))[0]
    kinks = law.centres[(law.centres > ends[0]) & (law.centres < ends[1])]
    if kinks.size > _MOST_KINKS:
        kinks = kinks[:0]
    edges = np.linspace(scale.low, scale.high, _PANELS_OF_FEW + 1)
    return _panels(scale, np.union1d(edges, scale.inverse(kinks)))


def _map(law: Weighted) -> _Map:
    """Walk from the centre to both ends, and lay a map through what is met on the way."""
    start = -float(np.sqrt(-2.0 * law.summed(np.log(np.maximum(law.noise.cdf(law.counts), _NIL)))))
    middle = law.centre()
    points = [*_walk(law, middle, -1.0, start)[::-1], *_walk(law, middle, 1.0, start)[1:]]
    r, t = np.array(points).T
    shape = np.log(t) - 2.0 * np.log(r - start)
    low, high = max(start, -_FARTHEST), float(r[-1])
    for degree in range(min(r.size - 1, _DEGREE), -1, -1):
        fitted = np.polynomial.Polynomial.fit(r, shape, degree)
        found = _Map(start=start, low=low, high=high, shape=fitted)
        if (found.at(np.linspace(low, high, 200)[1:])[1] > 0).all():
            break
    return found


def _walk(law: Weighted, t: float, direction: float, start: float) -> list[tuple[float, float]]:
    """Return pairs r, t from the centre outwards, near one apart in r."""
    saddle = law.saddle(t)
    found = [(saddle.root, t)]
    stride = 1.0
    for _ in range(_MOST_STRIDES):
        if abs(saddle.root) > _FARTHEST or saddle.root - start < _CLOSE or stride < _CLOSE:
            break
        ahead = t * np.exp(np.clip(direction * stride * saddle.pace / t, -_LEAP, _LEAP))
        tried = law.saddle(float(ahead), saddle.point)
        gone = direction * (tried.root - saddle.root)
        if tried.remoteness > _REMOTEST + _SLACK or not 0 < gone < _LONGEST:
            stride *= 0.5
            continue
        t, saddle = float(ahead), tried
        stride = min(stride * 1.5, 1.0)
        if saddle.root > start:
            found.append((saddle.root, t))
        if saddle.remoteness > _REMOTEST:
            break
    return found


def _trapezoid(scale: _Map) -> Nodes:
    step = (scale.high - scale.low) / _INTERVALS
    t, pace = scale.at(np.linspace(scale.low, scale.high, _INTERVALS + 1))
    coarse = np.zeros(_INTERVALS + 1)
    coarse[::2] = 2.0 * step
    return Nodes(t=t, fine=step * pace, coarse=coarse * pace)


def _panels(scale: _Map, edges: FloatArray) -> Nodes:
    half = np.diff(edges)[:, None] / 2.0
    centre = (edges[1:] + edges[:-1])[:, None] / 2.0
    points = np.concatenate([-_KRONROD, _KRONROD[-2::-1]])
    fine, coarse = (np.concatenate([part, part[-2::-1]]) for part in (_FINE, _COARSE))
    t, pace = scale.at((centre + half * points).ravel())
    return Nodes(t=t, fine=(half * fine).ravel() * pace, coarse=(half * coarse).ravel() * pace)
