"""What is known of a task beside its simulation: they must agree."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np

from dpaudit.engine.subject import ROUNDING, MeasuredTask
from dpaudit.estimators.chain import Chain
from dpaudit.estimators.known import Known
from dpaudit.estimators.near import Near
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Note
from dpaudit.model.structure import Linear
from dpaudit.stats.bands import agreement
from dpaudit.stats.moments import Moments


def checks(subject: MeasuredTask) -> Iterator[Note]:
    """Compare what is known with the simulation, over all entities at once.

    The bias is compared with plain simulation, which shares nothing with the closed form,
    and with controlled simulation, which is sharper but knows the moments of the release. The
    moments of near outcomes, the control of others, are compared with their own simulation.
    """
    chain, near = subject.controlled.job.chain, subject.controlled.near
    yield from _Declared(subject=subject, chain=chain, known=subject.known).notes()
    if near is not None:
        before = _Declared(subject=subject, chain=chain.bare, known=near, prefix="near-")
        yield from before.notes()


@attrs.frozen(kw_only=True, eq=False)
class _Declared:
    """Declared moments of outcomes per entity, shape (n,), with their simulation.

    ``chain`` makes the release that the outcomes are decided from; ``prefix`` begins the names of
    the parts of the tally that are theirs.
    """

    subject: MeasuredTask
    chain: Chain
    known: Known | Near
    prefix: str = ""

    def notes(self) -> Iterator[Note]:
        """Yield the comparison of the bias and of the mean squared error, where known."""
        known, rounding = self.known, self._rounding()
        after = " before post-processing" if self.prefix else ""
        if known.bias is not None:
            variance = None if known.variance is None else known.variance.high
            yield self._note(f"bias{after}", known.bias, self._plain, rounding, variance)
            if not self.prefix:
                offset = self.subject.offset("entity")
                left = self.subject.columns("bias", "entity").shifted(offset)
                yield self._note("bias, controlled", known.bias, left, self._rounding(offset))
        if known.square is not None:
            # Of (e + r)^2, r the rounding error of e; e^2 is declared as exactly as that.
            error = rounding * (1.0 + 2.0 * np.sqrt(np.maximum(known.square.high, 0.0)) + rounding)
            error = error + self._hidden(known.square)
            squares = self.subject.columns(f"{self.prefix}square", "entity")
            yield self._note(f"mean-squared-error{after}", known.square, squares, error)

    def _note(
        self,
        message: str,
        exact: Estimate,
        simulated: Moments,
        error: FloatArray,
        variance: FloatArray | None = None,
    ) -> Note:
        worst, limit = agreement(
            exact.value,
            simulated,
            (exact.high - exact.low) / 2.0 + error,
            excused=self._excused(),
            variance=variance,
        )
        draws = float(self.subject.draws)
        values = (("max_z", worst), ("limit", limit), ("draws", draws))
        return Note(task=self.subject.task, kind="check", message=message, values=values)

    @property
    def _plain(self) -> Moments:
        return self.subject.columns(f"{self.prefix}error", "entity")

    def _rounding(self, offset: FloatArray | float = 0.0) -> FloatArray:
        """Return the rounding error of every outcome, shape (n,).

        A step that mixes counts gives each the rounding error of their sum. ``offset`` was added
        to what was simulated beside a control.
        """
        truth, counts = np.abs(self.subject.truth), self.chain.counts
        largest = float(counts.max(initial=0.0))
        if largest > 0 and not all(step.elementwise for step in self.chain.steps):
            truth = np.maximum(truth, truth.max() * (float(counts.sum()) / largest))
        return ROUNDING * np.asarray(truth + np.abs(offset))

    def _excused(self) -> BoolArray:
        """Return which entities may have stood still in every draw, though they are random.

        The noise may be nil that often. Otherwise an outcome that was c in all N draws has bias
        b and variance v only if P(outcome is not c) >= g^2 / (g^2 + v) with g = abs(x + b - c),
        by Cauchy and Schwarz (Cantelli's inequality); unless that is above ln(n / 1e-6) / N,
        chance may hide it.
        """
        plain, known = self._plain, self.known
        rests = self.chain.rests(plain.count)
        if known.bias is None or known.variance is None:
            return rests
        gap = np.square(known.bias.value - plain.mean)
        moved = np.divide(gap, gap + known.variance.high, out=np.zeros_like(gap), where=gap > 0)
        return rests | self._may_be_missed(moved)

    def _hidden(self, square: Estimate) -> FloatArray:
        """Return the part of E e^2 that the draws may lack, shape (n,).

        Where it is known how often a release is 0, so is what these draws bring: x^2 P(0), and
        the others bring the rest. Either may be too rare to be seen, though the others vary.
        """
        structure, positive = self.subject.controlled.job.structure, self.chain.positive()
        linear = isinstance(structure, Linear) and structure.slope is not None
        if positive is None or not linear or not self.chain.is_nonnegative:
            return np.zeros_like(square.value)
        at_zero = np.square(self.subject.truth) * (1.0 - positive)
        others = np.maximum(square.high - at_zero, 0.0)
        hidden = np.where(self._may_be_missed(1.0 - positive), at_zero, 0.0)
        return np.maximum(hidden, np.where(self._may_be_missed(positive), others, 0.0))

    def _may_be_missed(self, chance: FloatArray) -> BoolArray:
        """Whether events of these probabilities may be in no draw: for any of n, at 1e-6."""
        return np.asarray(self._plain.count * chance <= np.log(1e6 * chance.size))
