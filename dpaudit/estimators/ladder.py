"""The top of the method ladder: what is known without simulation."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.estimators.chain import Chain
from dpaudit.estimators.clipped_allotment import ClippedAllotment, clipped_allotment
from dpaudit.estimators.feasible import feasible_shares, keeps_appropriation
from dpaudit.estimators.known import Known, sum_of_square
from dpaudit.estimators.projected_allotment import ProjectedAllotment
from dpaudit.interfaces import Extra, PostProcessor
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate, Method
from dpaudit.model.structure import Linear, Proportional, Structure

_MOST_TERMS = 1e7
"""Terms of transforms, over all entities, that a quadrature may sum: some ten seconds."""

_OVERHEAD = 20
"""What a term costs however few the entities are, in entities."""


def known(
    chain: Chain,
    structure: Structure | None,
    extras: frozenset[Extra] = frozenset(),
    output: tuple[PostProcessor, ...] = (),
) -> Known:
    """Return what is known exactly of a decision with ``structure`` made from ``chain``.

    ``output`` are the steps that its outcomes go through.
    """
    found = Known()
    if output:
        return _made_feasible(chain, structure, extras, output)
    if isinstance(structure, Linear) and structure.slope is not None:
        found = _linear(chain, structure.slope)
    elif isinstance(structure, Proportional) and chain.is_clipped and chain.counts.sum() > 0:
        found = _clipped(chain, structure)
    if isinstance(structure, Proportional) and chain.is_nonnegative:
        # Shares sum to 1 whatever the counts are: the appropriation is handed out whole.
        found = attrs.evolve(found, total_bias=Estimate.exact(0.0))
    return attrs.evolve(found, extra=_extras(chain, structure, found, extras)) if extras else found


def _made_feasible(
    chain: Chain,
    structure: Structure | None,
    extras: frozenset[Extra],
    output: tuple[PostProcessor, ...],
) -> Known:
    """Return what is known of an allotment whose outcomes are post-processed."""
    if not isinstance(structure, Proportional) or not keeps_appropriation(structure, output):
        return Known()
    shares = feasible_shares(chain, structure, output) if _is_cheap(chain) else None
    found = Known() if shares is None else _scaled(shares, structure.total)
    extra = {}
    if found.bias is not None and "share" in extras:
        extra["share"] = found.bias.scaled(1.0 / structure.total)
    return attrs.evolve(found, total_bias=Estimate.exact(0.0), extra=extra)


def _extras(
    chain: Chain, structure: Structure | None, found: Known, extras: frozenset[Extra]
) -> dict[str, Estimate]:
    """Return what is known of vanished and invented outcomes, and of shares of the sum."""
    made: dict[str, Estimate] = {}
    share: Estimate | None = None
    if isinstance(structure, Linear) and structure.slope is not None and structure.slope.min() > 0:
        made = _appearances(chain.truth, chain.positive())
        share = _share_of_counts(chain, structure.slope, found)
    elif isinstance(structure, Proportional) and found.bias is not None:
        made = _appearances(chain.truth, chain.positive(), found.empty)
        share = found.bias.scaled(1.0 / structure.total)
    if share is not None:
        made["share"] = share
    return {name: value for name, value in made.items() if name in extras}


def _appearances(
    truth: FloatArray, positive: FloatArray | None, empty: float = 0.0
) -> dict[str, Estimate]:
    """Return the probabilities of vanished and of invented outcomes.

    With probability ``empty`` all counts are 0 and the outcome is another: an error that wide.
    """
    if positive is None:
        return {}
    gone, new = np.where(truth > 0, 1.0 - positive, 0.0), np.where(truth > 0, 0.0, positive)
    return {
        "erased": Estimate.exact(gone, error=np.where(truth > 0, empty, 0.0)),
        "invented": Estimate.exact(new, error=np.where(truth > 0, 0.0, empty)),
    }


def _share_of_counts(chain: Chain, slope: FloatArray, found: Known) -> Estimate | None:
    """Return the bias of x_i's share of the sum, where the release is clipped or not random."""
    total = float((slope * chain.truth).sum())
    if total <= 0:
        return None
    if chain.public_sum and found.bias is not None and np.ptp(slope) == 0:
        gap = total / (slope[0] * chain.public_sum) - 1.0
        shift = slope * chain.truth / total * gap
        return found.bias.scaled(1.0 / (slope[0] * chain.public_sum)).plus(shift)
    if chain.is_clipped:
        return _clipped(chain, Proportional(weights=slope, total=1.0)).bias
    if found.variance is None or found.bias is None or np.any(found.variance.high > 0):
        return None
    released = slope * chain.truth + found.bias.value
    whole = released.sum()
    shares = released / whole if whole > 0 else np.zeros_like(released)
    return Estimate.exact(shares - slope * chain.truth / total)


def _linear(chain: Chain, slope: FloatArray) -> Known:
    bias, variance = chain.closed_bias(), chain.closed_variance()
    if bias is None:
        return Known(total_bias=_total_bias(chain, slope))
    bias = bias.scaled(slope)
    if variance is None:
        return Known(bias=bias)
    variance = variance.scaled(slope**2)
    shortfall = _one_sided_shortfall(chain, bias, variance)
    return Known(
        bias=bias,
        variance=variance,
        square=sum_of_square(bias, variance),
        shortfall=shortfall,
        one_sided=shortfall is not None,
        group_variance=chain.is_independent,
    )


def _total_bias(chain: Chain, slope: FloatArray) -> Estimate | None:
    if chain.public_sum is None or np.ptp(slope) > 0:
        return None
    return Estimate.exact(float(slope[0]) * (chain.public_sum - float(chain.truth.sum())))


def _one_sided_shortfall(chain: Chain, bias: Estimate, variance: Estimate) -> Estimate | None:
    """Return the size of every loss, where an outcome can only ever be off to one side.

    So it is where nothing is random, and of selections: who is due can only lose, and who is
    not can only gain.
    """
    selects = chain.mechanism.gives == "selection" and bool(np.isin(chain.truth, (0.0, 1.0)).all())
    if np.any(variance.high > 0) and not (selects and not chain.steps):
        return None
    return Estimate.exact(np.maximum(-bias.value, 0.0), error=bias.high - bias.value)


def _clipped(chain: Chain, structure: Proportional) -> Known:
    noise, _ = chain.reduced()
    if noise is None or not _is_cheap(chain):
        return Known()
    shares = clipped_allotment(chain.counts, structure.weights, noise)
    return attrs.evolve(_scaled(shares, structure.total), empty=shares.empty)


def _is_cheap(chain: Chain) -> bool:
    """Return whether transforms of the noise may be evaluated at every node of a quadrature."""
    noise, _ = chain.reduced()
    return noise is not None and noise.terms * max(chain.counts.size, _OVERHEAD) <= _MOST_TERMS


def _scaled(shares: ClippedAllotment | ProjectedAllotment, budget: float) -> Known:
    """Return moments of outcomes from those of shares."""
    square_error = budget**2 * shares.square_error
    variance = budget**2 * (shares.square - shares.bias**2)
    variance_error = square_error + 2.0 * budget**2 * np.abs(shares.bias) * shares.bias_error
    return Known(
        bias=_quadrature(budget * shares.bias, budget * shares.bias_error),
        variance=_quadrature(np.clip(variance, 0.0, None), variance_error),
        square=_quadrature(budget**2 * shares.square, square_error),
    )


def _quadrature(value: FloatArray, error: FloatArray) -> Estimate:
    method: Method = "quadrature"
    return Estimate.exact(value, error=error, method=method)
