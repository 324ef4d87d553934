"""A measured task as audits see it: the sharpest number for every quantity."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.engine.tally import Controlled, Tally
from dpaudit.errors import PluginError
from dpaudit.estimators.ladder import Known
from dpaudit.model.arrays import FloatArray
from dpaudit.model.dataset import Dataset
from dpaudit.model.estimate import Estimate, Method
from dpaudit.model.measurement import Note
from dpaudit.stats.bands import agreement, band
from dpaudit.stats.moments import Moments

_ROUNDING = 1e-13
"""Rounding error of a simulated outcome, relative to the outcome itself."""

_PARTS = {"bias": "bias", "mean-squared-error": "square", "expected-shortfall": "shortfall"}
"""Which part of a tally each simulated quantity is read from."""

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
    """

    controlled: Controlled
    known: Known
    even: Tally
    odd: Tally
    data: Dataset
    confidence: float
    draws: int

    @property
    def task(self) -> str:
        """The identifier of the task."""
        return self.controlled.job.task.id

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

    def halves(self, over: str) -> tuple[FloatArray, FloatArray] | None:
        """Return biases from two independent halves of the draws, where they are simulated."""
        if self.known.bias is not None:
            return None
        columns = self.controlled.job.columns(over)
        offset = self.controlled.offset[columns]
        return (
            self.even.bias.mean[columns] + offset,
            self.odd.bias.mean[columns] + offset,
        )

    def checks(self) -> tuple[Note, ...]:
        """Compare what is known with the simulation, over all entities at once.

        The bias is compared with plain simulation, which shares nothing with the closed form,
        and with controlled simulation, which is sharper but knows the moments of the release.
        """
        offset = self.controlled.offset[self.controlled.job.columns("entity")]
        nothing = np.zeros_like(offset)
        compared = (
            ("bias", self.known.bias, "error", nothing),
            ("bias, controlled", self.known.bias, "bias", offset),
            ("mean-squared-error", self.known.square, "square", nothing),
        )
        return tuple(
            self._check(message, exact, self._columns(part, "entity"), shift)
            for message, exact, part, shift in compared
            if exact is not None
        )

    def _check(self, message: str, exact: Estimate, simulated: Moments, shift: FloatArray) -> Note:
        rounding = _ROUNDING * np.abs(self.truth + shift)
        error = (exact.high - exact.low) / 2.0 + rounding
        worst, limit = agreement(exact.value - shift, simulated, error)
        values = (("max_z", worst), ("limit", limit), ("draws", float(self.draws)))
        return Note(task=self.task, kind="check", message=message, values=values)

    def _over(self, quantity: str, over: str) -> Estimate:
        if quantity not in QUANTITIES:
            raise PluginError(
                f"task {self.task!r} has no quantity {quantity!r}",
                hint=f"quantities: {', '.join(QUANTITIES)}",
            )
        exact = self._exact(quantity, over)
        if exact is not None:
            return exact
        if quantity == "variance":
            return self._variance(over)
        return self._simulated(quantity, over, self.confidence)

    def _exact(self, quantity: str, over: str) -> Estimate | None:
        known = self.known
        if over == "entity":
            return {
                "bias": known.bias,
                "variance": known.variance,
                "mean-squared-error": known.square,
            }.get(quantity)
        if quantity == "bias":
            return self._summed(known.bias, over)
        if quantity == "variance" and (over == "total" or known.group_variance):
            return self._summed(known.variance, over)
        if quantity == "mean-squared-error" and over == "total":
            return self._summed(known.square, over)
        if quantity == "mean-squared-error" and known.group_variance:
            return self._independent_square(over)
        return None

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
        job = self.controlled.job
        moments = self._columns(_PARTS[quantity], over)
        if quantity != "bias":
            estimate = band(moments, confidence, draws=self.draws, method="simulated")
            return attrs.evolve(estimate, low=np.clip(estimate.low, 0.0, None))
        offset = self.controlled.offset[job.columns(over)]
        moments = attrs.evolve(moments, mean=moments.mean + offset)
        method: Method = "simulated" if self.controlled.control is None else "controlled"
        entries = job.chain.counts.size if over != "entity" else 1
        allowance = self.controlled.error * entries
        return band(moments, confidence, draws=self.draws, method=method, allowance=allowance)

    def _variance(self, over: str) -> Estimate:
        """Subtract the squared bias from the mean squared error, each at half the risk."""
        half = (1.0 + self.confidence) / 2.0
        square = self._simulated("mean-squared-error", over, half)
        if over == "total":
            bias = self.known.bias or self._simulated("bias", "entity", half)
            low, high, value = (part.sum(keepdims=True) for part in _squares(bias))
        else:
            bias = self._exact("bias", over) or self._simulated("bias", over, half)
            low, high, value = _squares(bias)
        top = np.clip(square.high - low, 0.0, None)
        bottom = np.clip(square.low - high, 0.0, None)
        return Estimate(
            value=np.clip(square.value - value, bottom, top),
            low=bottom,
            high=top,
            level=self.confidence,
            method="simulated",
            draws=self.draws,
        )

    def _columns(self, part: str, over: str) -> Moments:
        columns = self.controlled.job.columns(over)
        both: Moments = getattr(self.even, part) + getattr(self.odd, part)
        return attrs.evolve(both, mean=both.mean[columns], m2=both.m2[columns], m4=both.m4[columns])


def _squares(bias: Estimate) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the lowest, the highest and the central square of values in an interval."""
    low = np.where((bias.low <= 0) & (bias.high >= 0), 0.0, np.minimum(bias.low**2, bias.high**2))
    return low, np.maximum(bias.low**2, bias.high**2), bias.value**2
