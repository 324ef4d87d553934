"""A measured task as audits see it: the sharpest number for every quantity."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from dpaudit.engine.intervals import any_of, folded, frequency, loss, squares, within, without
from dpaudit.engine.job import budget_of
from dpaudit.engine.rare_clips import clip_allowance
from dpaudit.engine.tally import Controlled, Tally
from dpaudit.errors import PluginError
from dpaudit.estimators.known import Known
from dpaudit.estimators.near import Near
from dpaudit.interfaces import Mechanism
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.model.curvature import Curvature
from dpaudit.model.dataset import Dataset
from dpaudit.model.estimate import Estimate, Method
from dpaudit.model.structure import Bounds, Linear
from dpaudit.noise.base import Noise
from dpaudit.stats.bands import band
from dpaudit.stats.moments import Moments
from dpaudit.stats.spread import Halves

ROUNDING = 1e-13
"""Rounding error of a simulated outcome, relative to the outcome itself."""

_PARTS = {name: name for name in ("bias", "share", "erased", "invented", "changed")} | {
    "mean-squared-error": "square",
    "expected-shortfall": "shortfall",
}
"""Which part of a tally each simulated quantity is read from."""

_FEW = 30.0
"""Fewer degrees of freedom say that a handful of draws carry a controlled estimate."""

QUANTITIES = ("bias", "variance", "mean-squared-error", "expected-shortfall")


@attrs.frozen(kw_only=True, eq=False)
class MeasuredTask:
    """Implements :class:`dpaudit.interfaces.Subject` from closed forms and a tally.

    Parameters
    ----------
    controlled
        The job and its control.
    known
        What is known without simulation.
    even, odd
        Tallies of the even and the odd blocks: two independent halves.
    data, confidence, draws
        As in the audit.
    at
        Measures the same task at another budget, with a confidence.
    """

    controlled: Controlled
    known: Known
    even: Tally
    odd: Tally
    data: Dataset
    confidence: float
    draws: int
    at: Callable[[float, float], MeasuredTask] | None = None

    @property
    def budget(self) -> tuple[str, float] | None:
        """The parameter that states the mechanism's budget with its value, if one does.

        A mitigated task has none: what the mitigation made was made for one budget.
        """
        job = self.controlled.job
        return None if job.base is not None else budget_of(job.chain.mechanism)

    def bias_at(
        self, budget: float, over: str, confidence: float
    ) -> tuple[Estimate, Halves | None]:
        """Return the bias at another budget, and what :meth:`halves` gives of it."""
        if self.at is None:
            raise PluginError(
                f"task {self.task!r} cannot be measured at another budget",
                hint="ask subject.budget first: it is None where there is no other",
            )
        other = self.at(budget, confidence)
        bias = other._over("bias", over)  # noqa: SLF001 - of this class
        return (bias[0] if over == "total" else bias), other.halves(over)

    @property
    def task(self) -> str:
        """The identifier of the task."""
        return self.controlled.job.task.id

    @property
    def mechanism(self) -> Mechanism:
        """The mechanism of the release, at one parameter point."""
        return self.controlled.job.chain.mechanism

    @property
    def unit(self) -> str:
        """The unit of the outcome."""
        return self.controlled.job.decision.unit

    @property
    def truth(self) -> FloatArray:
        """The outcome from the true counts, shape (n,)."""
        return self.controlled.job.truth

    def entity(self, quantity: str) -> Estimate:
        """Return the quantity per entity, shape (n,)."""
        return self._over(quantity, "entity")

    def grouped(self, quantity: str, grouping: str) -> Estimate:
        """Return the quantity of the sums over groups, shape (g,)."""
        return self._over(quantity, grouping)

    def total(self, quantity: str) -> Estimate:
        """Return the sum of the quantity over all entities, a scalar."""
        return self._over(quantity, "total")[0]

    def group_labels(self, grouping: str) -> tuple[str, ...]:
        """Return the groups of ``grouping`` in the order of the estimates."""
        return self.controlled.job.groupings[grouping].labels

    def halves(self, over: str) -> Halves | None:
        """Return biases from two independent halves of the draws, where they are simulated."""
        if self.known.bias is not None:
            return None
        resolved = self._resolved(over)
        first, second = (self._bias(half, over, resolved) for half in (self.even, self.odd))
        unseen = self._unseen(first + second, "bias", over, self.confidence)
        return Halves(first=first, second=second, unseen=unseen)

    def columns(self, part: str, over: str) -> Moments:
        """Return the moments of a part of the tallies over ``entity``, a grouping or ``total``."""
        both = self.even.part(part) + self.odd.part(part)
        return both[self.controlled.job.columns(over)]

    def offset(self, over: str) -> FloatArray:
        """Return the known mean of the control minus the truth, in the columns of ``over``."""
        return self.controlled.offset[self.controlled.job.columns(over)]

    @property
    def quantities(self) -> tuple[str, ...]:
        """What can be asked of this task."""
        return (*QUANTITIES, *sorted(self.controlled.job.extras))

    def curvature(self) -> Curvature | None:
        """Return the second-order bias of every entity; ``None`` of several counts each."""
        if not self.controlled.job.wants_curvature:
            raise PluginError(
                f"task {self.task!r}: the curvature was not measured",
                hint='write needs = frozenset({"curvature"}) in the audit that asks for it',
            )
        return self.known.curvature

    def spread_bounds(self) -> Bounds | None:
        """Return proved bounds of α over entities, if there are any."""
        job = self.controlled.job
        if not isinstance(job.structure, Linear) or job.structure.slope is None:
            return None
        if np.ptp(job.structure.slope) > 0:
            return None
        bounds, factor = job.chain.spread_bounds(), abs(float(job.structure.slope[0]))
        if bounds is None:
            return None
        return attrs.evolve(bounds, low=factor * bounds.low, high=factor * bounds.high)

    def clipped_noise(self) -> Noise | None:
        """Return the noise where the outcome is exactly max(0, count + noise), if it is."""
        job = self.controlled.job
        plain = isinstance(job.structure, Linear) and job.structure.slope is not None
        if not plain or np.any(job.truth != job.chain.counts) or not job.chain.is_clipped:
            return None
        return job.chain.reduced()[0]

    def _over(self, quantity: str, over: str) -> Estimate:
        if quantity not in self.quantities:
            raise PluginError(
                f"task {self.task!r} has no quantity {quantity!r}",
                hint=f"quantities: {', '.join(self.quantities)}",
            )
        exact = self._exact(quantity, over)
        if exact is not None:
            return exact
        if quantity == "variance":
            return self._variance(over)
        return self._simulated(quantity, over, self.confidence)

    def _exact(self, quantity: str, over: str) -> Estimate | None:
        known = self.known
        own = {
            "bias": known.bias,
            "variance": known.variance,
            "mean-squared-error": known.square,
            "expected-shortfall": known.shortfall,
            **known.extra,
        }.get(quantity)
        if over == "entity":
            return own
        if quantity == "changed":
            independent = own if known.group_variance else None
            return independent and any_of(independent, lambda each: self._sum(each, over))
        if quantity == "bias" and over == "total" and known.total_bias is not None and own is None:
            return Estimate.exact(known.total_bias.value[None])
        if quantity == "mean-squared-error" and known.group_variance and over != "total":
            return self._independent_square(over)
        if quantity == "expected-shortfall" and known.one_sided and over != "total":
            bias = self._summed(known.bias, over)
            return None if bias is None else loss(bias)
        is_sum = quantity == "bias" or quantity in known.extra or over == "total"
        return self._summed(own, over) if is_sum or self._adds_up(quantity) else None

    def _adds_up(self, quantity: str) -> bool:
        """Whether the quantity of a group is the sum of those of its entities."""
        return quantity == "variance" and self.known.group_variance

    def _summed(self, source: Estimate | None, over: str) -> Estimate | None:
        if source is None:
            return None
        value, error = (
            self._sum(part, over) for part in (source.value, source.high - source.value)
        )
        return Estimate.exact(value, error=error, method=source.method)

    def _independent_square(self, over: str) -> Estimate | None:
        bias, variance = self._exact("bias", over), self._exact("variance", over)
        if bias is None or variance is None:
            return None
        return Estimate.exact(bias.value**2 + variance.value, method=variance.method)

    def _sum(self, values: FloatArray, over: str) -> FloatArray:
        if over == "total":
            return np.sum(values, keepdims=True)
        return self.controlled.job.groupings[over].sums(values)

    def _simulated(self, quantity: str, over: str, confidence: float) -> Estimate:
        if quantity == "bias":
            return self._simulated_bias(over, confidence)
        if quantity == "mean-squared-error":
            return self._simulated_square(over, confidence)
        moments = self.columns(_PARTS[quantity], over)
        if quantity == "changed" and not self.controlled.job.is_smooth:
            return frequency(moments, confidence, draws=self.draws)
        unseen = self._unseen(moments, quantity, over, confidence)
        estimate = band(moments, confidence, draws=self.draws, method="simulated", allowance=unseen)
        if quantity == "share":
            return estimate
        if quantity == "expected-shortfall":
            return self._at_least_theloss(estimate, over)
        return attrs.evolve(estimate, low=np.clip(estimate.low, 0.0, None))

    def _simulated_bias(self, over: str, confidence: float) -> Estimate:
        resolved = self._resolved(over)
        moments = self._bias(self.even + self.odd, over, resolved)
        unseen = self._unseen(moments, "bias", over, confidence)
        method: Method = "controlled" if resolved.all() else "simulated"
        return band(moments, confidence, draws=self.draws, method=method, allowance=unseen)

    def _simulated_square(self, over: str, confidence: float) -> Estimate:
        """Return the mean squared error; beside near outcomes what theirs leaves to simulate."""
        near = self._near(over)
        square = None if near is None else near.square
        method: Method = "simulated" if square is None else "controlled"
        if square is None:
            moments = self.columns("square", over)
        else:
            moments = self.columns("square-beyond", over).shifted(folded(square.value, over))
        unseen = self._unseen(moments, "mean-squared-error", over, confidence)
        estimate = band(moments, confidence, draws=self.draws, method=method, allowance=unseen)
        estimate = attrs.evolve(estimate, low=np.clip(estimate.low, 0.0, None))
        if near is None or square is None:
            return estimate
        return within(estimate, near.certain(square), over)

    def _at_least_theloss(self, shortfall: Estimate, over: str) -> Estimate:
        """Return a simulated shortfall, made to agree with the better known bias.

        It is E (Y - x)^+ minus the bias: at least the expected loss, where that is known
        exactly; and draws that lack a rare loss have a bias that is too high by what their
        shortfall lacks.
        """
        each = "entity" if over == "total" else over
        best, exact = self._over("bias", each), self._exact("bias", each)
        plain = band(
            self.columns("error", each), self.confidence, draws=self.draws, method="simulated"
        )
        lacking = np.where(best.high < plain.low, plain.high - best.low, 0.0)
        lost = np.zeros_like(lacking) if exact is None else np.maximum(-exact.high, 0.0)
        least, more = folded(lost, over), folded(lacking, over)
        return attrs.evolve(
            shortfall,
            value=np.maximum(shortfall.value, least),
            low=np.maximum(shortfall.low, least),
            high=np.maximum(shortfall.high + more, least),
        )

    def _resolved(self, over: str) -> BoolArray:
        """Return which biases may be read from the controlled simulation.

        What is left of a black box or a projection after its control can be carried by a few
        rare events (a kink that few draws cross), whose band would not cover: such an
        entry is read from plain simulation, whose own noise hides what the draws do not show.
        """
        controlled = self.columns("bias", over)
        if self.controlled.near is not None or self.controlled.is_complete:
            return np.ones(controlled.mean.shape, dtype=np.bool_)
        if self.controlled.control is None:
            return np.zeros(controlled.mean.shape, dtype=np.bool_)
        rounding = controlled.count * (ROUNDING * self._largest(over)) ** 2
        return (controlled.m2 <= rounding) | (controlled.degrees_of_freedom >= _FEW)

    def _bias(self, tally: Tally, over: str, resolved: BoolArray) -> Moments:
        """Return the moments of the bias, controlled where that is resolved, else plain."""
        columns = self.controlled.job.columns(over)
        controlled = tally.bias[columns].shifted(self.offset(over))
        return controlled if resolved.all() else controlled.where(resolved, tally.error[columns])

    def _near(self, over: str) -> Near | None:
        """Return what is known of near outcomes: of entities (for the total too) or of groups."""
        near, job = self.controlled.near, self.controlled.job
        if near is None or over in {"entity", "total"}:
            return near
        return near.summed(job.groupings[over].sums, independent=job.chain.mechanism.independent)

    def _largest(self, over: str) -> float:
        """Return an amount that no outcome of the task is expected to pass."""
        error = 10.0 * np.sqrt(self.columns("square", over).mean.max())
        return float(np.abs(self.truth).max() + error)

    def _unseen(self, moments: Moments, quantity: str, over: str, confidence: float) -> FloatArray:
        """Return what an event that no draw showed may add, where nothing varied.

        With probability ``confidence`` an event that was not seen in N draws, for any of m
        outcomes, has probability at most ln(m / (1 - confidence)) / N. Its size is taken to be
        at most ten root mean square errors of the outcome or, where the outcome itself never
        varied, the largest outcome of the task, and never more than the decision says. Where the
        control accounts for such events only what it lacks is added to a bias, and beside near
        outcomes what they leave open, varied or not.
        """
        job, near = self.controlled.job, self._near(over)
        if job.chain.is_still and not job.is_random_after_noise:
            return np.zeros_like(moments.mean)
        entries = moments.mean.size if near is None else max(moments.mean.size, near.distance.size)
        risk = min(1.0, np.log(entries / (1.0 - confidence)) / moments.count)
        if self.controlled.is_complete and (quantity == "bias" or job.is_declared_smooth):
            return self._beyond(over, risk)
        if near is not None and quantity == "bias":
            return folded(near.unseen_bias(risk), over)
        if near is not None and near.square is not None and quantity == "mean-squared-error":
            return folded(near.unseen_square(near.square, risk), over)
        own, largest = 10.0 * np.sqrt(self.columns("square", over).mean), self._largest(over)
        size = np.where(self.columns("error", over).m2 > 0, own, largest)
        size = np.minimum(size, job.largest_change(over))
        size = size**2 if quantity == "mean-squared-error" else size
        if quantity in job.extras:
            size = np.ones_like(size)  # shares and indicators are at most 1 for each entity
        rounding = moments.count * (ROUNDING * largest) ** 2
        rare = self._rare_clips(over, confidence) if quantity == "bias" else 0.0
        return rare + np.where(moments.m2 > rounding, 0.0, risk * size)

    def _rare_clips(self, over: str, confidence: float) -> FloatArray:
        """Return what clips that the draws lack may add to the bias of an undeclared rule."""
        whole, draws = bool(self._resolved(over).all()), (self.even + self.odd).error.count
        found = clip_allowance(self.controlled, draws, confidence, with_control=whole)
        return found if over == "entity" else self._sum(found, over)

    def _beyond(self, over: str, risk: float) -> FloatArray:
        """Return what a complete control lacks: of its mean, and of events that no draw showed."""
        job, control = self.controlled.job, self.controlled.control
        lacking = np.zeros(job.n)
        if control is not None and control.beyond is not None:
            lacking += control.beyond(risk)
        if control is not None and control.error is not None:
            lacking += control.error
        return lacking if over == "entity" else self._sum(lacking, over)

    def _variance(self, over: str) -> Estimate:
        """Subtract the squared bias from the mean squared error, each at half the risk."""
        half = (1.0 + self.confidence) / 2.0
        square = self._simulated("mean-squared-error", over, half)
        if over == "total":
            bias = self.known.bias or self._simulated("bias", "entity", half)
            low, high, value = (part.sum(keepdims=True) for part in squares(bias))
        else:
            bias = self._exact("bias", over) or self._simulated("bias", over, half)
            low, high, value = squares(bias)
        found = without(square, low, high, value, self.confidence)
        near = self._near(over)
        if near is None or near.variance is None:
            return found
        return within(found, near.certain(near.variance), over)
