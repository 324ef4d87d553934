"""Moments of an allotment whose outcomes are then made non-negative, keeping their sum."""

from __future__ import annotations

import math

import attrs
import numpy as np

from dpaudit.estimators.chain import Chain
from dpaudit.estimators.clipped_allotment import ClippedAllotment, clipped_allotment
from dpaudit.estimators.projected_allotment import (
    ProjectedAllotment,
    nonpositive_total,
    projected_allotment,
)
from dpaudit.interfaces import PostProcessor
from dpaudit.model.structure import Proportional

_COARSEST = 0.01
_NIL = 1e-13
"""An error above the first of the spread of the biases, and above the second of the whole, is too
coarse: simulation says more."""

_COMPLETE = 1e-6
"""A rule that misses more probability than this has not found where the threshold lies."""


def keeps_appropriation(structure: Proportional, output: tuple[PostProcessor, ...]) -> bool:
    """Return whether the last step of ``output`` hands out exactly what is shared."""
    last = output[-1]
    handed_out = last.public_sum()
    return (
        last.feasible is not None
        and handed_out is not None
        and math.isclose(handed_out, structure.total, rel_tol=1e-12)
    )


def feasible_shares(
    chain: Chain, structure: Proportional, output: tuple[PostProcessor, ...]
) -> ClippedAllotment | ProjectedAllotment | None:
    """Return the moments of the shares, ``None`` where they are left to simulation.

    Known are those of one step that hands out the appropriation, after the allotment of counts
    with nothing but independent noise, or of such counts clipped at 0 (whose shares need no
    step).
    """
    noise, rest = chain.reduced()
    weights, counts = structure.weights, chain.counts
    measured = chain.is_flat and chain.width == 1 and noise is not None
    if not (measured and len(output) == 1 and keeps_appropriation(structure, output)):
        return None
    if noise is None or counts.sum() <= 0:
        return None
    if chain.is_clipped:
        return clipped_allotment(counts, weights, noise)
    if rest or not np.any(noise.variance > 0):
        return None
    if output[0].feasible == "nearest":
        found = projected_allotment(counts, weights, noise)
        return found if found is not None and is_sharp(found) else None
    return _rescaled(clipped_allotment(counts, weights, noise), chain, structure)


def _rescaled(
    found: ClippedAllotment, chain: Chain, structure: Proportional
) -> ClippedAllotment | None:
    """Widen the errors of clipped counts' shares by the event that the noisy total is not positive.

    Otherwise clipping and rescaling shares is the same as clipping counts before they are shared.
    """
    noise, _ = chain.reduced()
    if noise is None:
        return None
    chance = nonpositive_total(chain.counts, structure.weights, noise)
    # shares lie between 0 and 1: two of one entity are at most 1 apart
    wider = attrs.evolve(
        found,
        bias_error=found.bias_error + chance,
        square_error=found.square_error + chance,
        empty=0.0,
    )
    return wider if is_sharp(wider) else None


def is_sharp(found: ClippedAllotment | ProjectedAllotment) -> bool:
    """Return whether the numbers are sharp enough to stand instead of a simulation."""
    worst = float(found.bias_error.max())
    return found.defect <= _COMPLETE and worst <= max(_COARSEST * float(np.ptp(found.bias)), _NIL)
