"""Spending part of the budget on the weighted total that counts are divided by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.discrete_gaussian import DiscreteGaussian
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.geometric import Geometric
from dpaudit.noise.laplace import Laplace
from dpaudit_plugins.mitigations._changed import Changed, found, least_total, proportional


@attrs.frozen(kw_only=True, eq=False)
class WithTotal(dpaudit.Mechanism):
    """Measure n counts and their weighted total, each with a part of the budget.

    Parameters
    ----------
    base
        The mechanism whose budget is split. Its noise is Laplace, Gaussian or whole.
    weights
        a, shape (n,), positive; whole numbers where the noise is whole.
    share
        f, the share of the budget (of rho where the noise is Gaussian) for the total, in (0, 1).

    Notes
    -----
    Where count i alone has the loss 1 / lambda_i for each person, it gets the scale
    lambda_i / (1 - f), and the total max_j (a_j lambda_j) / f. One person in entity i then costs
    (1 - f) / lambda_i + a_i f / max_j (a_j lambda_j), at most 1 / lambda_i: what the base promises
    holds, for each neighbouring relation. For Gaussian noise the squares 1 / sigma^2 add alike,
    and a person in c counts moves the total by up to c a_j, hence the factor sqrt(c).
    """

    name: ClassVar[str] = "counts-with-total"

    base: dpaudit.Mechanism
    weights: FloatArray
    share: float

    @property
    def measures(self) -> Literal["queries"]:
        """Sums of the counts: each of them, and the weighted total."""
        return "queries"

    def queries(self, counts: FloatArray) -> FloatArray:
        """Return the counts and their weighted total, shape (n + 1,)."""
        return np.append(counts, float((self.weights * counts).sum()))

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return what is measured plus independent noise, shape (n + 1,)."""
        return counts + self.noise().sample(rng, counts.shape)

    def privacy(self) -> dpaudit.Guarantee:
        """Return what the base promises: its budget is split, not spent twice."""
        return self.base.privacy()

    def noise(self) -> Noise:
        """Return the noise of the counts and of the total."""
        reach = math.sqrt(self.cells_per_person)
        return _split(self.base.noise(), self.weights, self.share, reach)

    def caveats(self) -> tuple[str, ...]:
        """Return where the total has too little of the budget to be better than the sum."""
        least = break_even(self.weights)
        if self.share >= least:
            return ()
        said = (
            f"the total has a share of {self.share:.3g} of the budget, and below about "
            f"{least:.3g} the sum of the noisy counts is the better total"
        )
        return (said,)


@attrs.frozen(kw_only=True, eq=False)
class ByTotal(Changed):
    """B a_i x_i~ / Z~ with a total that was measured by itself.

    Z~ is held up at the standard deviation of its noise.

    Parameters
    ----------
    shared
        Weights a and the amount B that is shared.
    floor
        The least total that is divided by, positive.
    """

    name: ClassVar[str] = "shares-of-a-measured-total"
    vectorised: ClassVar[bool] = True

    shared: dpaudit.Proportional
    floor: float

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the shares, shape (..., n), of counts and total, shape (..., n + 1)."""
        total = np.maximum(counts[..., -1:], self.floor)
        shares: FloatArray = self.shared.weights * counts[..., :-1] / total
        return self.shared.total * shares


@attrs.frozen(kw_only=True)
class RedundantTotal(dpaudit.Mitigation):
    """Measure the total that counts are divided by, too, with a share f of the budget.

    Given the total Z~, shares are linear in the counts, so that their bias is P_i E[Z / Z~ - 1],
    about P_i Var(Z~) / Z^2. It helps where many entities are summed, and f is above the
    break-even share of about a_max / sqrt(sum_j a_j^2); below, alpha gets worse. It does harm to
    accuracy: the error of each count grows by 1 / (1 - f), and shares no longer sum to 1.
    Correcting outcomes (output-debiasing) costs no budget and does better for smooth ratios.

    Parameters
    ----------
    share
        f, in (0, 1).

    References
    ----------
    METHODS-decisions 7.1; Tran, Fioretto, Van Hentenryck and Yao (2021), Decision making with
    differential privacy under a fairness lens, IJCAI, section 6.
    """

    name: ClassVar[str] = "redundant-total"

    share: float = attrs.field(validator=[attrs.validators.gt(0.0), attrs.validators.lt(1.0)])

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether an amount is shared by counts whose budget can be split."""
        structure = proportional(subject)
        if structure is None or subject.output or not all(step.clips for step in subject.steps):
            return False
        noise = subject.mechanism.noise() if subject.mechanism.measures == "entities" else None
        return _can_split(noise, structure.weights)

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline with the split budget and the decision by the measured total."""
        structure = proportional(subject) if self.applies(subject) else None
        structure = found(self, subject, structure)
        base = subject.mechanism
        mechanism = WithTotal(
            base=base,
            weights=structure.weights,
            share=self.share,
            neighbours=base.neighbours,
            cells_per_person=base.cells_per_person,
        )
        floor = float(np.sqrt(mechanism.noise().variance[-1]))
        decision = ByTotal(
            decision=subject.decision,
            shared=structure,
            floor=least_total(structure.weights, floor),
        )
        return attrs.evolve(subject, mechanism=mechanism, decision=decision)

    def cost(self) -> str:
        """Return what is left for the counts, and that shares do not sum to 1."""
        return (
            f"counts with {1.0 - self.share:.3g} of the budget, and outcomes that do not sum to "
            "the appropriation"
        )


def break_even(weights: FloatArray) -> float:
    """Return the share of the budget at which both totals are equally good (METHODS 7.1)."""
    return float(weights.max() / np.sqrt(np.square(weights).sum()))


def _can_split(noise: Noise | None, weights: FloatArray) -> bool:
    """Return whether there is noise of this kind for counts and their weighted total.

    Whole noise on a total that is not whole would show which total it was.
    """
    if isinstance(noise, Geometric | DiscreteGaussian):
        return np.array_equal(weights, np.rint(weights))
    return isinstance(noise, Laplace | Gaussian)


def _split(noise: Noise | None, weights: FloatArray, share: float, reach: float) -> Noise:
    """Return the noise of n counts and their total.

    Raises
    ------
    UsageError
        If there is none of this kind, or it is too loud to compute with.
    """
    if not _can_split(noise, weights):
        raise dpaudit.UsageError(
            f"the budget of {type(noise).__name__} noise cannot be split",
            hint="take laplace or gaussian, or whole weights with whole noise",
        )
    if isinstance(noise, Geometric):
        return Geometric(1.0 / _loss_split(1.0 / noise.epsilon_per_unit, weights, share))
    if isinstance(noise, Laplace):
        return Laplace(_loss_split(noise.scale, weights, share))
    either: Any = noise
    made: Noise = type(either)(_square_split(either.sigma, weights, share, reach))
    return made


def _loss_split(scale: FloatArray, weights: FloatArray, share: float) -> FloatArray:
    """Return scales lambda_i / (1 - f) and max_j (a_j lambda_j) / f, shape (n + 1,)."""
    scales = np.broadcast_to(scale, weights.shape)
    with np.errstate(over="ignore"):  # noise refuses scales that are not finite
        return np.append(scales / (1.0 - share), (weights * scales).max() / share)


def _square_split(sigma: FloatArray, weights: FloatArray, share: float, reach: float) -> FloatArray:
    """Return sigma_i / sqrt(1 - f) and sqrt(c) max_j (a_j sigma_j) / sqrt f, shape (n + 1,)."""
    sigmas = np.broadcast_to(sigma, weights.shape)
    total = reach * (weights * sigmas).max() / math.sqrt(share)
    return np.append(sigmas / math.sqrt(1.0 - share), total)


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (RedundantTotal,)
