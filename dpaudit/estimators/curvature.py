"""Second-order bias of any decision: closed form, automatic differentiation, differences.

What is measured is the bias that curvature makes of the noise itself: of a release that is
averaged as it will be (linear steps are kept) and never clipped or projected. The rest of the
bias is what non-linear steps do, and what fourth and higher orders add.

References
----------
METHODS-decisions 3.1 (c_i = 1/2 tr(H_i V)), 3.3 (closed form of the allotment) and 3.5.
"""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.errors import DpauditError, UnavailableError
from dpaudit.estimators.autodiff import can_differentiate, second_derivatives
from dpaudit.estimators.chain import Chain, processed
from dpaudit.estimators.differences import MOST_WORK, second_differences, work_of
from dpaudit.estimators.held import held
from dpaudit.interfaces import Decision, PostProcessor
from dpaudit.model.arrays import FloatArray
from dpaudit.model.curvature import Curvature
from dpaudit.model.estimate import Estimate
from dpaudit.model.structure import Linear

_MOST_DIRECTIONS = 2048
"""More counts are left to differences: automatic differentiation takes seconds."""

_ROUNDING = 1e-13
"""Rounding of a closed form, relative to the largest second-order bias."""


@attrs.frozen(kw_only=True, eq=False)
class _Smooth:
    """A decision made from a release that is not clipped."""

    chain: Chain
    decision: Decision
    output: tuple[PostProcessor, ...]
    most_work: int
    memory_limit: float | None

    def outcome(self, noisy: FloatArray) -> FloatArray:
        """Return outcomes (draws, n) of what the mechanism gave (draws, m)."""
        decided = held(
            f"decision {self.decision.name!r}",
            self.decision.decide,
            self.chain.process(noisy),
            by_row=not self.decision.vectorised,
        )
        return processed(self.output, decided)

    def at(self, counts: FloatArray, variance: FloatArray) -> Curvature:
        """Return the second-order biases at ``counts`` (m,) by the highest method that applies."""
        exact = None if self.chain.steps or self.output else self._exact(counts, variance)
        if exact is not None:
            error = _ROUNDING * np.abs(exact).max(initial=0.0)
            everywhere = np.ones(exact.shape, dtype=np.bool_)
            return Curvature(estimate=Estimate.exact(exact, error=error), defined=everywhere)
        found = second_differences(
            self.outcome,
            counts,
            variance,
            most_work=self.most_work,
            memory_limit=self.memory_limit,
        )
        estimate = Estimate.exact(found.value, error=found.error, method="asymptotic")
        return Curvature(
            estimate=estimate, defined=found.defined, missing=_kinks(self.decision, found.defined)
        )

    def _exact(self, counts: FloatArray, variance: FloatArray) -> FloatArray | None:
        if counts.size != self.chain.counts.size:
            return None  # what is measured is a tree, of which the decision sees the leaves
        found = self.decision.curvature(counts, variance)
        small = counts.size <= _MOST_DIRECTIONS
        if found is None and small and self.decision.differentiable and can_differentiate():
            found = second_derivatives(
                self.decision.decide, counts, variance, memory_limit=self.memory_limit
            )
        is_known = found is not None and np.isfinite(found).all()
        return np.asarray(found, dtype=np.float64) if is_known else None


def curvature_of(
    decision: Decision,
    chain: Chain,
    output: tuple[PostProcessor, ...] = (),
    *,
    change: bool = False,
    most_work: int = MOST_WORK,
    memory_limit: float | None = None,
) -> Curvature:
    """Return the second-order bias of every outcome.

    Parameters
    ----------
    decision
        The decision, bound to its columns.
    chain
        The release. Its linear steps are kept, all others are left out.
    output
        Steps on outcomes, treated alike.
    change
        Whether to measure how much they differ where every count is larger: as much work again.
    most_work
        The largest number of outcomes of single entities that differences may evaluate.
    memory_limit
        Bytes that derivatives or differences may need, by default what this machine has.

    Returns
    -------
    Curvature
        Shape (n,), in the unit of the decision. Where nothing can be said, ``missing`` says
        why; no error is raised.
    """
    noise, rest = chain.reduced()
    n = chain.counts.size
    if noise is None:
        return Curvature.none(n, _none(decision, "the noise of the release is not known"))
    smooth = _Smooth(
        chain=attrs.evolve(chain, steps=tuple(step for step in rest if step.linear)),
        decision=decision,
        output=tuple(step for step in output if step.linear),
        most_work=most_work,
        memory_limit=memory_limit,
    )
    counts = chain.measured
    variance = np.broadcast_to(noise.variance, counts.shape).astype(np.float64)
    if isinstance(decision.structure(n), Linear):
        zero = Estimate.exact(np.zeros(n))
        everywhere = np.ones(n, dtype=np.bool_)
        return Curvature(estimate=zero, defined=everywhere, change=Estimate.exact(0.0))
    with np.errstate(all="ignore"):
        try:
            found = smooth.at(counts, variance)
        except UnavailableError as error:
            return Curvature.none(n, _none(decision, error.message), refused=True)
        except DpauditError as error:
            return Curvature.none(n, _none(decision, error.message))
        if not (change and found.defined.any()):
            return found
        return attrs.evolve(found, change=_change(smooth, counts, variance, found))


def _change(
    smooth: _Smooth, counts: FloatArray, variance: FloatArray, here: Curvature
) -> Estimate | None:
    """Return how much the second-order biases differ where every count is one sd larger."""
    exact = here.estimate.method == "exact"
    if not exact and 2 * work_of(counts.size, here.defined.size) > smooth.most_work:
        return None
    try:
        there = smooth.at(counts + np.sqrt(variance), variance)
    except DpauditError:
        return None
    both = here.defined & there.defined
    if not both.any():
        return None
    ends = [(each.low[both], each.high[both]) for each in (here.estimate, there.estimate)]
    apart = np.maximum(ends[1][0] - ends[0][1], ends[0][0] - ends[1][1])
    within = np.maximum(ends[1][1] - ends[0][0], ends[0][1] - ends[1][0])
    gap = np.abs(there.estimate.value - here.estimate.value)[both]
    return Estimate(
        value=gap.max(),
        low=np.maximum(apart, 0.0).max(),
        high=within.max(),
        level=1.0,
        method=here.estimate.method,
    )


def _none(decision: Decision, why: str) -> str:
    return f"the second-order bias of {decision.name} is not measured: {why}"


def _kinks(decision: Decision, defined: np.ndarray) -> str:
    if defined.all():
        return ""
    return (
        f"{decision.name} has no second-order bias for {int((~defined).sum()):,} of "
        f"{defined.size:,} entities: its outcome bends or jumps at the true counts"
    )
