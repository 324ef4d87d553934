"""Excessive risk: how much more loss each group has for privacy, and who has more than others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.data import Split
from dpaudit.training.excess_risk import runs_needed
from dpaudit.training.group_estimates import absolute, of_people
from dpaudit.training.runs import Arm
from dpaudit_plugins.audits._excess import change_of, excess_of, gap_change

_MOST_RUNS = 1e12


@attrs.frozen(kw_only=True)
class ExcessiveRisk(dpaudit.Audit):
    """Measure R_a = E loss of the released model minus loss of the reference, in each group.

    The reference is the exact minimiser or training without protection, as the audit file says.
    Beside R_a: the signed gap R_a - R (above 0: the group is hurt more than people are on
    average), its size, and the largest difference of two groups. The size alone misleads: with two
    groups the smaller one always has the larger gap. On the people learnt from (the definition)
    and on those held out.

    Where the mean over the noise is known exactly no run is needed. Else every replicate is
    averaged with its antithetic twin, where the learner has one, and compared with the reference
    inside the replicate. Two errors are printed apart: of the replicates, which more runs shrink,
    and of the people, which they do not.

    Of a learner that the audit file sets ``against`` another one also the change of every group's
    risk and of the gap, compared inside the replicate.

    Parameters
    ----------
    precision
        The relative half width that ``runs-needed`` plans for: runs until the largest signed gap
        of the people learnt from is known to this share of itself.

    References
    ----------
    Tran, Dinh and Fioretto (2021), Differentially private empirical risk minimization under the
    fairness lens, NeurIPS, Definition 1.
    """

    name: ClassVar[str] = "excessive-risk"
    of: ClassVar = "learners"
    arms: ClassVar[frozenset[Arm]] = frozenset({"made", "twin"})

    precision: float = attrs.field(
        default=0.1, validator=[attrs.validators.gt(0.0), attrs.validators.lt(1.0)]
    )

    def measure(
        self, subject: dpaudit.LearnerSubject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return risks, gaps and differences, on every split."""
        found: list[dpaudit.Measurement] = []
        for split in subject.data.splits:
            found += self._split(subject, split)
        return found

    def _split(
        self, subject: dpaudit.LearnerSubject, split: Split
    ) -> Iterator[dpaudit.Measurement]:
        excess = excess_of(subject, split)
        start = "" if split == "train" else f"{split}-"
        level, groups = subject.confidence, subject.data.names

        def made(quantity: str, estimate: dpaudit.Estimate) -> dpaudit.Measurement:
            over = subject.data.group if estimate.value.ndim else "total"
            return dpaudit.Measurement(
                task=subject.task,
                audit=self.name,
                quantity=start + quantity,
                unit=subject.unit,
                over=over,
                labels=groups if estimate.value.ndim else (),
                estimate=estimate,
            )

        shares = subject.data.records(split).shares
        overall = excess.rows @ shares
        gaps = excess.rows - overall[:, None]
        yield made("excess-risk", excess.estimate(excess.rows, level))
        yield made("excess-risk", excess.estimate(overall, level))
        signed = excess.estimate(gaps, level)
        yield made("signed-gap", signed)
        yield made("gap", absolute(signed))
        yield made("largest-difference", excess.difference(level))
        people = of_people(excess.people, subject.data.records(split).groups, len(groups), level)
        if people is not None:
            yield made("excess-risk-of-people", people)
        if subject.baseline is not None:
            before = excess_of(subject.baseline, split)
            yield made("excess-risk-change", change_of(excess, before, level))
            yield made("gap-change", gap_change(excess, before, level))
        if len(gaps) > 1 and split == "train":
            yield attrs.evolve(made("runs-needed", self._needed(gaps, level)), unit="runs")

    def _needed(self, gaps: FloatArray, level: float) -> dpaudit.Estimate:
        """Return how many runs the largest signed gap needs for the precision asked for."""
        worst = int(np.abs(gaps.mean(axis=0)).argmax())
        half = self.precision * abs(float(gaps[:, worst].mean()))
        deviation = float(gaps[:, worst].std(ddof=1))
        if half * np.sqrt(_MOST_RUNS) <= deviation:
            return dpaudit.Estimate.exact(_MOST_RUNS, method="asymptotic")
        return dpaudit.Estimate.exact(float(runs_needed(deviation, half, level)))


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (ExcessiveRisk,)
