"""What a guarantee implies of every attack, by the game that is played.

*Known-rest.* The attacker tells data with one person from data without: the trade-off curve of
the guarantee itself, for one person more or less.

*Pool.* A member i and another j are told apart: data with i and without j against data with j
and without i, which is one record changed. Under ``add-remove`` that is two steps, so that
(epsilon, delta) becomes (2 epsilon, (1 + e^epsilon) delta) and rho becomes 4 rho.

*Elsewhere.* Members differ from others before anything is released, and no guarantee bounds how
well they are told apart. It bounds what the release adds to an attack without the person in the
data, the *counterfactual*: :func:`raised`.

References
----------
Dwork and Roth (2014), The algorithmic foundations of differential privacy, Theorem 2.2 (groups).
Bun and Steinke (2016), Concentrated differential privacy, Propositions 1.3 and 1.9.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import ArrayLike

from dpaudit.model.arrays import FloatArray
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.spec import Game
from dpaudit.privacy.tradeoff import ApproximateDp, TradeOff
from dpaudit.privacy.zcdp import epsilon_of

_DELTAS = tuple(10.0**-k for k in range(1, 13))
_STEPS = 20_000


@attrs.frozen
class Envelope(TradeOff):
    """The lowest of several ceilings, each of which holds."""

    curves: tuple[ApproximateDp, ...]

    def tpr(self, fpr: ArrayLike) -> FloatArray:
        """Return the lowest ceiling at each rate of false alarms."""
        return np.min([curve.tpr(fpr) for curve in self.curves], axis=0)

    @property
    def auc(self) -> float:
        """An upper bound of the area: rectangles over a rising curve, at most 5e-5 too large."""
        right = self.tpr(np.arange(1, _STEPS + 1) / _STEPS)
        return min(*(curve.auc for curve in self.curves), float(right.mean()))


def ceiling_of(privacy: Guarantee, game: Game) -> TradeOff | None:
    """Return the best trade-off of any attack in a game, or ``None`` where nothing follows.

    Examples
    --------
    >>> promise = Guarantee(neighbours="add-remove", epsilon=1.0)
    >>> round(ceiling_of(promise, "known-rest").auc, 6), round(ceiling_of(promise, "pool").auc, 6)
    (0.731059, 0.880797)
    """
    if privacy.revealed or not privacy.promises or game == "elsewhere":
        return None
    if game == "known-rest":
        return None if privacy.neighbours == "replace" else _curve(privacy, 1)
    return _curve(privacy, 1 if privacy.neighbours == "replace" else 2)


def raised(privacy: Guarantee, counterfactual: float) -> float | None:
    """Return the most that a rate can be with a person in the data, given that without.

    Examples
    --------
    >>> round(raised(Guarantee(neighbours="add-remove", epsilon=1.0), 0.5), 6)
    0.81606
    """
    if privacy.revealed or not privacy.promises or privacy.neighbours == "replace":
        return None
    curve = _curve(privacy, 1)
    return None if curve is None else float(curve.tpr(np.array(counterfactual)))


def _curve(privacy: Guarantee, steps: int) -> TradeOff | None:
    """Return the ceiling of a guarantee over one or two steps between neighbours."""
    if privacy.every_epsilon:
        return ApproximateDp(0.0, min(1.0, steps * privacy.delta))
    known = []
    if math.isfinite(privacy.epsilon):
        known.append((privacy.epsilon, privacy.delta, steps))
    if privacy.rho is not None and math.isfinite(privacy.rho):
        rho = privacy.rho * steps * steps
        known += [(epsilon_of(delta, rho), delta, 1) for delta in _DELTAS]
    curves = tuple(_stepped(*one) for one in known if one[0] < 300.0)  # noqa: PLR2004
    return Envelope(curves) if len(curves) > 1 else (curves[0] if curves else None)


def _stepped(epsilon: float, delta: float, steps: int) -> ApproximateDp:
    if steps == 1:
        return ApproximateDp(epsilon, delta)
    return ApproximateDp(2.0 * epsilon, min(1.0, (1.0 + math.exp(epsilon)) * delta))
