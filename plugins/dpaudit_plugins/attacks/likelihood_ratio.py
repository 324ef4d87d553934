"""The likelihood-ratio test: the best attack of all where everything but one person is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Game
from dpaudit.noise.base import Noise
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit.privacy.tradeoff import (
    ApproximateDp,
    GaussianCurve,
    LaplaceCurve,
    TradeOff,
    from_outcomes,
)

_RATES = np.concatenate([[0.001, 0.01], np.logspace(-4, 0, 81)])
_RATES.sort()
_WIDE = 45.0
"""Standard deviations of a whole-valued noise that are looked at: beyond is less than 1e-9."""

_MOST = 200_000
_TINY = 1e-9


@attrs.frozen(kw_only=True)
class LikelihoodRatio(dpaudit.Attack):
    """Ask how much likelier what was printed is with the person than without.

    The attacker knows the true count c of everybody else in the cell, and so tells a release of c
    from one of c + 1. By the lemma of Neyman and Pearson no test does better, and what it reaches
    is known without any simulation: for Laplace, Gaussian and geometric noise, clipped at 0 or
    not, and for every mechanism with finitely many outputs. Each person of the data is in turn
    the one in question; numbers are means over people.

    References
    ----------
    Neyman and Pearson (1933), On the problem of the most efficient tests of statistical
    hypotheses. METHODS-attacks 2 (closed forms, derived for this project).
    """

    name: ClassVar[str] = "likelihood-ratio"
    games: ClassVar[frozenset[Game]] = frozenset({"known-rest"})

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return the probability of the person being in, given what was printed, shape (n,)."""
        public = target.public
        known = np.zeros_like(target.printed) if public.known is None else public.known
        if public.law is None:
            return target.released - known
        cells = np.arange(known.size)
        inside, outside = (public.law(known + one, target.printed, cells) for one in (1.0, 0.0))
        with np.errstate(invalid="ignore", over="ignore"):
            return np.nan_to_num(1.0 / (1.0 + np.exp(outside - inside)), nan=0.5)

    def rates(self, public: dpaudit.Public, counts: FloatArray) -> dpaudit.Rates | None:
        """Return the area and the rates of true alarms of the person in each cell."""
        cells = np.flatnonzero(counts >= 0)
        parameters = (
            np.zeros((counts.size, 1)) if public.noise is None else _parameters(public, counts)
        )
        keys = np.column_stack([counts, parameters])[cells]
        _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        found = [_curve(public, float(counts[cells[at]]), int(cells[at])) for at in first]
        known = [curve for curve in found if curve is not None]
        if len(known) < len(found):
            return None
        auc, tpr = np.full(counts.size, 0.5), np.tile(_RATES[:, None], counts.size)
        auc[cells] = np.array([curve.auc for curve in known])[inverse.reshape(-1)]
        rows = np.stack([curve.tpr(_RATES) for curve in known], axis=1)
        tpr[:, cells] = rows[:, inverse.reshape(-1)]
        return dpaudit.Rates(auc=dpaudit.Estimate.exact(auc), fpr=_RATES, tpr=tpr)


def _parameters(public: dpaudit.Public, counts: FloatArray) -> FloatArray:
    return np.zeros((counts.size, 1)) if public.noise is None else public.noise.parameters(
        counts.size
    )  # fmt: skip


def _curve(public: dpaudit.Public, count: float, cell: int) -> TradeOff | None:
    """Return the trade-off of c against c + 1 people in a cell, or ``None``."""
    noise = None if public.noise is None else public.noise.at(np.array([cell]))
    if noise is not None and float(np.max(noise.variance)) == 0:
        return from_outcomes(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    known = None if noise is None else _known(noise, count, clips=public.clips)
    if known is not None:
        return known
    return None if public.law is None else _discrete(public, noise, count, cell)


def _known(noise: Noise, count: float, *, clips: bool) -> TradeOff | None:
    if isinstance(noise, Laplace):
        return LaplaceCurve(float(np.max(1.0 / noise.scale)))
    if isinstance(noise, Geometric):
        return ApproximateDp(float(np.max(noise.epsilon_per_unit)))
    if isinstance(noise, Gaussian):
        mu = float(np.max(1.0 / noise.sigma))
        return GaussianCurve(mu, count=count if clips else None)
    return None


def _discrete(
    public: dpaudit.Public, noise: Noise | None, count: float, cell: int
) -> TradeOff | None:
    """Return the trade-off where outputs are whole numbers, symbols or 0; else ``None``."""
    law = public.law
    if law is None:
        return None
    reach = 110.0 if noise is None else _WIDE * float(np.sqrt(np.max(noise.variance))) + 2.0
    if reach > _MOST:
        return None
    low = 0.0 if public.clips or noise is None else count - np.ceil(reach)
    outputs = np.arange(max(low, count - np.ceil(reach)), count + np.ceil(reach) + 2.0)
    outputs = np.unique(np.concatenate([[0.0], outputs]) if noise is None else outputs)
    if public.clips:
        outputs = np.unique(np.append(outputs, 0.0))
    shown = np.append(outputs, np.nan) if noise is None else outputs
    cells = np.full(shown.size, cell)
    inside, outside = (
        np.exp(law(np.full(shown.size, count + one), shown, cells)) for one in (1.0, 0.0)
    )
    whole = [abs(float(p.sum()) - 1.0) < _TINY for p in (inside, outside)]
    return from_outcomes(inside / inside.sum(), outside / outside.sum()) if all(whole) else None


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (LikelihoodRatio,)
