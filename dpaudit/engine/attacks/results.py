"""From the numbers of all replicates to results: intervals, baselines, ceilings, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from dpaudit.engine.attacks.closed import Closed, closed_of, closed_p_value
from dpaudit.engine.attacks.judges import GRID
from dpaudit.engine.attacks.scored import Scored
from dpaudit.engine.attacks.trials import Numbers
from dpaudit.engine.attacks.verdicts import SURE, verdict_of
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.model.attack import AttackResult, Baseline, ByGroup, Curve
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Measurement
from dpaudit.privacy.ceilings import raised
from dpaudit.privacy.tradeoff import TradeOff
from dpaudit.stats.replicates import (
    FEWEST_REPLICATES,
    over_replicates,
    spread_p_value,
    widened,
)

QUANTITIES = {
    "membership": "attack-auc",
    "pick": "members-found",
    "table": "recall-by-person",
    "attribute": "attack-success",
    "cells": "disclosed-people",
}
"""The main number of an attack, by what it is after."""

FEWEST_PEOPLE = 20
"""Of a smaller group nothing is said."""

_LIMITS = (0.0, 1.0)
_RISK, _HIDDEN = "more risk-above-control", "more hidden-people"


def result_of(
    job: Scored, numbers: Sequence[Numbers], confidence: float
) -> tuple[AttackResult, tuple[Measurement, ...]]:
    """Return what an attack came to, and its measurements."""
    # A number that some release does not have (too few claims) is left out of all.
    shared = set.intersection(*(set(each) for each in numbers))
    stacked = {name: np.stack([each[name] for each in numbers]) for name in sorted(shared)}
    kept = _defined(stacked)
    stacked = {name: values[kept] for name, values in stacked.items()}
    made = _Maker(job=job, stacked=stacked, confidence=confidence, closed=closed_of(job))
    return made.result(), made.measurements()


def _defined(stacked: Mapping[str, FloatArray]) -> BoolArray:
    """Return the releases in which there is somebody on both sides, shape (R,).

    All that is averaged is averaged over these: a number that does not exist is not 0.
    """
    wholes = [values[:, 0] for name, values in stacked.items() if name.startswith("base ")]
    wholes += [stacked[name][:, 0] for name in ("main", "null", "exact") if name in stacked]
    return np.asarray(np.isfinite(wholes).all(axis=0))


@attrs.frozen(kw_only=True, eq=False)
class _Maker:
    job: Scored
    stacked: Mapping[str, FloatArray]
    confidence: float
    closed: Closed | None = None

    @property
    def replicates(self) -> int:
        """How many releases have somebody on both sides."""
        return len(self.stacked["main"])

    @property
    def _is_enough(self) -> bool:
        return self.replicates >= FEWEST_REPLICATES

    def result(self) -> AttackResult:
        job, outcome = self.job, self.job.attack.outcome
        baselines, excess = self._baselines(), self._excess()
        curve = self._curve()
        groups = tuple(g for name in job.groupings if (g := self._by_group(name)) is not None)
        verdict, reason = verdict_of(
            excess=excess,
            null=self._control("null", 1, SURE),
            exact=self._control("exact", 1),
            replicates=None if self.closed else self.replicates,
        )
        bound = self._bound()
        return AttackResult(
            task=job.task.id,
            attack=job.spec.name,
            use=job.attack.name,
            release=job.task.release,
            point=job.task.point,
            game=job.spec.game,
            outcome=outcome,
            candidates=job.candidates,
            unit=job.unit,
            replicates=0 if self.closed else self.replicates,
            quantity=QUANTITIES[outcome],
            estimate=self._main(),
            people=float(self._attacked().value),
            excess=excess,
            baselines=baselines,
            ceiling=self._most,
            ceiling_curve=None if bound is None or curve is None else bound.tpr(curve.fpr),
            curve=curve,
            null=self._control("null"),
            exact=self._control("exact"),
            groups=groups,
            verdict=verdict,
            reason=reason,
            more=self.measurements(),
            caveats=job.attack.caveats(),
        )

    def measurements(self) -> tuple[Measurement, ...]:
        outcome = self.job.attack.outcome
        found = [self._measured(QUANTITIES[outcome], self._main())]
        found += [
            self._measured(f"{QUANTITIES[outcome]}-baseline-{one.name}", one.estimate)
            for one in self._baselines()
        ]
        found += [
            self._measured(
                name.removeprefix("more "),
                self._over(values, (-1.0, 1.0) if name == _RISK else _LIMITS),
            )
            for name, values in self.stacked.items()
            if self._is_enough and name.startswith("more ") and values.ndim == 1 and name != _HIDDEN
        ]
        people = self._measured(f"{QUANTITIES[outcome]}-people", self._attacked())
        found.append(attrs.evolve(people, unit="persons"))
        if (ceiling := self._most) is not None:
            most = Estimate(value=ceiling, low=ceiling, high=ceiling, level=1.0, method="bound")
            found.append(self._measured(f"{QUANTITIES[outcome]}-ceiling", most))
        for name, control in (("null", "null"), ("unprotected", "exact")):
            estimate = self._control(control)
            if estimate is not None:
                found.append(self._measured(f"{QUANTITIES[outcome]}-{name}", estimate))
        for name in self.job.groupings:
            group = self._by_group(name)
            if group is not None:
                found.append(
                    self._measured(QUANTITIES[outcome], group.estimate, name, group.labels)
                )
        if self.closed is not None:
            if self._is_enough:
                found.append(self._measured("attack-auc-simulated", self._simulated()))
            worst = Estimate.exact(self.closed.worst)
            found.append(self._measured("attack-auc-of-the-most-exposed", worst))
        return tuple(found)

    def _measured(
        self, quantity: str, estimate: Estimate, over: str = "total", labels: tuple[str, ...] = ()
    ) -> Measurement:
        return Measurement(
            task=self.job.task.id,
            audit=self.job.spec.name,
            quantity=quantity,
            unit="share",
            over=over,
            labels=labels,
            estimate=estimate,
        )

    def _mean(self, values: FloatArray, at_once: int = 1) -> Estimate:
        return self._over(values, _LIMITS, at_once)

    def _over(self, values: FloatArray, limits: tuple[float, float], at_once: int = 1) -> Estimate:
        """Return the mean over releases; exact where nothing is drawn and nothing differs.

        Of too few releases it is said that the mean lies between the limits.
        """
        if not self._is_enough:
            return _unknown(values, limits, self.confidence)
        is_random = not (self.job.is_fixed and bool((np.ptp(values, axis=0) == 0).all()))
        made = over_replicates(
            values, self.confidence, limits=limits, is_random=is_random, at_once=at_once
        )
        return widened(made, self.job.widening, limits)

    def _main(self) -> Estimate:
        return self._simulated() if self.closed is None else Estimate.exact(self.closed.mean)

    def _simulated(self) -> Estimate:
        return self._mean(self.stacked["main"][:, 0])

    def _control(
        self, name: str, column: int = 0, confidence: float | None = None
    ) -> Estimate | None:
        """Return the mean of a control, or of what it is above its baseline (column 1)."""
        if name not in self.stacked or not self._is_enough:
            return None
        values = self.stacked[name][:, column]
        limits = _LIMITS if column == 0 else (-1.0, 1.0)
        made = self if confidence is None else attrs.evolve(self, confidence=confidence)
        return made._over(values, limits)  # noqa: SLF001 - of this class

    def _bases(self) -> dict[str, FloatArray]:
        return {
            name.removeprefix("base "): values
            for name, values in self.stacked.items()
            if name.startswith("base ")
        }

    def _baselines(self) -> tuple[Baseline, ...]:
        """Return the baselines, the largest first."""
        made = []
        for name, values in self._bases().items():
            known = name == "guessing"
            estimate = Estimate.exact(0.5) if known else self._mean(values[:, 0])
            made.append(Baseline(name=name, estimate=estimate))
        return tuple(sorted(made, key=lambda one: -float(one.estimate.value)))

    def _excess(self) -> Estimate:
        """Return by how much the main number is above its largest baseline, release by release.

        The lower end is the smallest over all baselines: which of them is the largest is only
        seen in the releases. The number is above all of them only if it is above each, so that
        many need no correction (intersection-union).
        """
        if self.closed is not None:
            return Estimate.exact(self.closed.mean - 0.5)
        bases = self._bases()
        ordered = [bases[one.name][:, 0] for one in self._baselines()]
        above = self.stacked["main"][:, 0, None] - np.stack(ordered, axis=1)
        each = self._over(above, (-1.0, 1.0))
        return attrs.evolve(each[0], low=each.low.min())

    def _bound(self) -> TradeOff | None:
        job = self.job
        if job.attack.outcome != "membership":
            return None
        return job.attack.ceiling(job.guarantee, job.spec.game)

    @property
    def _most(self) -> float | None:
        bound = self._bound()
        return self._ceiling(None if bound is None else bound.auc, self._baselines())

    def _ceiling(self, bound: float | None, baselines: tuple[Baseline, ...]) -> float | None:
        if bound is not None or self.job.spec.game != "elsewhere":
            return bound
        # One person of every cell is taken out at once. Where what is printed of a cell depends
        # on that cell alone this is the same as one person of one cell; else nothing follows.
        if not self.job.is_independent:
            return None
        without = [one for one in baselines if one.name == "without-the-person"]
        if not without:
            return None
        return raised(self.job.guarantee, float(without[0].estimate.high))

    def _curve(self) -> Curve | None:
        if self.closed is not None:
            return self.closed.curve
        values = self.stacked.get("more curve")
        if values is None or not self._is_enough:
            return None
        return Curve(fpr=GRID, tpr=values.mean(axis=0))

    def _by_group(self, name: str) -> ByGroup | None:
        job = self.job
        if self.closed is None and not self._is_enough:
            return None
        start = 1
        for other, grouping in job.groupings.items():
            if other == name:
                break
            start += len(grouping.labels)
        labels = job.groupings[name].labels
        at = slice(start, start + len(labels))
        main, base = self.stacked["main"][:, at], self._bases()[self._baselines()[0].name][:, at]
        codes = job.codes(name)
        people = np.bincount(codes, self._people(), len(labels))
        if self.closed is not None:
            main, base = self.closed.by(codes[None, :], len(labels)), np.full((1, len(labels)), 0.5)
        kept = np.isfinite(main).all(axis=0) & np.isfinite(base).all(axis=0)
        kept &= people >= FEWEST_PEOPLE
        if not kept.any():
            return None
        return ByGroup(
            grouping=name,
            labels=tuple(label for label, keep in zip(labels, kept, strict=True) if keep),
            people=people[kept],
            estimate=self._of_groups(main[:, kept], _LIMITS),
            excess=self._of_groups(main[:, kept] - base[:, kept], (-1.0, 1.0)),
            p_value=self._p_value(name, main[:, kept], kept),
            left_out=tuple(label for label, keep in zip(labels, kept, strict=True) if not keep),
        )

    def _of_groups(self, values: FloatArray, limits: tuple[float, float]) -> Estimate:
        if self.closed is not None:
            return Estimate.exact(values[0])
        count = values.shape[1]
        return self._over(values, limits, count)

    def _p_value(self, name: str, main: FloatArray, kept: np.ndarray) -> float | None:
        drawn = self.stacked.get(f"permuted {name}")
        if drawn is None or kept.sum() < 2:  # noqa: PLR2004 - one has nobody to differ from
            return None
        if self.closed is not None:
            return closed_p_value(self.job, self.closed, name, kept)
        return spread_p_value(main, drawn[:, :, kept])

    def _attacked(self) -> Estimate:
        """Return how many people the main number is about; behind symbols the mean of releases."""
        if _HIDDEN in self.stacked and self._is_enough:
            return self._over(self.stacked[_HIDDEN], (0.0, float(self.job.counts.sum())))
        return Estimate.exact(float(self._people().sum()))

    def _people(self) -> FloatArray:
        """Return the people of each cell whom the attack is about, shape (n,)."""
        return self.job.sizes if self.job.spec.game == "pool" else self.job.counts


def _unknown(values: FloatArray, limits: tuple[float, float], confidence: float) -> Estimate:
    """Return what so few releases say, or none: no more than where a number can lie."""
    count = len(values)
    middle = values.mean(axis=0) if count else np.full(values.shape[1:], sum(limits) / 2.0)
    low, high = (np.full(values.shape[1:], end) for end in limits)
    return Estimate(
        value=middle, low=low, high=high, level=confidence, method="simulated", draws=count
    )
