"""Nodes over the threshold of a projected allotment, in two resolutions at once."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.estimators.projection_threshold import Weighted, span
from dpaudit.model.arrays import FloatArray

_MANY = 64
"""From so many entities on, no single kink matters."""

_INTERVALS = 28
_PANELS = 3
_PANELS_OF_FEW = 10

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


def threshold_nodes(law: Weighted) -> Nodes:
    """Return nodes where the threshold has its probability.

    Where the threshold is never near 0 and entities are many, its density is smooth and dies
    away at both ends: the trapezoidal rule converges fastest. Else panels, with an end at every
    kink of a few entities' densities.
    """
    low, high = span(law)
    few = law.times.sum() <= _MANY
    if low > 0 and not few:
        return _trapezoid(low, high)
    if not few:
        return _panels(np.linspace(low, high, _PANELS + 1))
    kinks = law.centres[(law.centres > low) & (law.centres < high)]
    return _panels(np.union1d(np.linspace(low, high, _PANELS_OF_FEW + 1), kinks))


def _trapezoid(low: float, high: float) -> Nodes:
    step = (high - low) / _INTERVALS
    coarse = np.zeros(_INTERVALS + 1)
    coarse[::2] = 2.0 * step
    return Nodes(
        t=np.linspace(low, high, _INTERVALS + 1),
        fine=np.full(_INTERVALS + 1, step),
        coarse=coarse,
    )


def _panels(edges: FloatArray) -> Nodes:
    half = np.diff(edges)[:, None] / 2.0
    centre = (edges[1:] + edges[:-1])[:, None] / 2.0
    points = np.concatenate([-_KRONROD, _KRONROD[-2::-1]])
    fine, coarse = (np.concatenate([part, part[-2::-1]]) for part in (_FINE, _COARSE))
    return Nodes(
        t=(centre + half * points).ravel(),
        fine=(half * fine).ravel(),
        coarse=(half * coarse).ravel(),
    )
