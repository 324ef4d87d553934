"""From the numbers of all replicates to results: intervals, baselines, ceilings, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np

from dpaudit.engine.attacks.closed import Closed, closed_of, closed_p_value
from dpaudit.engine.attacks.jobs import AttackJob
from dpaudit.engine.attacks.judges import GRID
from dpaudit.engine.attacks.trials import Numbers, codes_of
from dpaudit.engine.attacks.verdicts import verdict_of
from dpaudit.model.arrays import FloatArray
from dpaudit.model.attack import AttackResult, Baseline, ByGroup, Curve
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Measurement
from dpaudit.privacy.ceilings import raised
from dpaudit.stats.replicates import over_replicates, spread_p_value

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
_RISK = "more risk-above-control"
_HIDDEN = "more something-hidden"


def result_of(
    job: AttackJob, numbers: Sequence[Numbers], confidence: float
) -> tuple[AttackResult, tuple[Measurement, ...]]:
    """Return what an attack came to, and its measurements."""
    # A number that some release does not have (too few claims) is left out of all.
    shared = set.intersection(*(set(each) for each in numbers))
    stacked = {name: np.stack([each[name] for each in numbers]) for name in sorted(shared)}
    made = _Maker(job=job, stacked=stacked, confidence=confidence, closed=closed_of(job))
    return made.result(), made.measurements()


@attrs.frozen(kw_only=True, eq=False)
class _Maker:
    job: AttackJob
    stacked: Mapping[str, FloatArray]
    confidence: float
    closed: Closed | None = None

    def result(self) -> AttackResult:
        job, outcome = self.job, self.job.attack.outcome
        baselines, excess = self._baselines(), self._excess()
        curve = self._curve()
        null, exact = self._whole("null"), self._whole("exact")
        groups = tuple(g for name in job.groupings if (g := self._by_group(name)) is not None)
        verdict, reason = verdict_of(
            excess=excess,
            null=self._whole("null", 1),
            # A table that hides nothing is no control of an attack on what is hidden.
            exact=excess if outcome == "cells" else self._whole("exact", 1),
            hidden=bool(self.stacked.get(_HIDDEN, np.ones(1)).all()),
        )
        bound = (
            job.attack.ceiling(job.guarantee, job.spec.game) if outcome == "membership" else None
        )
        return AttackResult(
            task=job.task.id,
            attack=job.spec.name,
            use=job.attack.name,
            release=job.task.release,
            point=job.task.point,
            game=job.spec.game,
            outcome=outcome,
            candidates=job.candidates,
            replicates=0 if self.closed else len(self.stacked["main"]),
            quantity=QUANTITIES[outcome],
            estimate=self._main(),
            excess=excess,
            baselines=baselines,
            ceiling=self._ceiling(None if bound is None else bound.auc, baselines),
            ceiling_curve=None if bound is None or curve is None else bound.tpr(curve.fpr),
            curve=curve,
            null=null,
            exact=exact,
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
            if name.startswith("more ") and values.ndim == 1 and name != _HIDDEN
        ]
        found.append(self._measured(f"{QUANTITIES[outcome]}-null", self._whole("null")))
        found.append(self._measured(f"{QUANTITIES[outcome]}-unprotected", self._whole("exact")))
        for name in self.job.groupings:
            group = self._by_group(name)
            if group is not None:
                found.append(
                    self._measured(QUANTITIES[outcome], group.estimate, name, group.labels)
                )
        if self.closed is not None:
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
        """Return the mean over releases; exact where nothing is drawn and nothing differs."""
        is_random = not (self.job.is_fixed and bool((np.ptp(values, axis=0) == 0).all()))
        return over_replicates(
            values, self.confidence, limits=limits, is_random=is_random, at_once=at_once
        )

    def _main(self) -> Estimate:
        return self._simulated() if self.closed is None else Estimate.exact(self.closed.mean)

    def _simulated(self) -> Estimate:
        return self._mean(np.nan_to_num(self.stacked["main"][:, 0]))

    def _whole(self, name: str, column: int = 0) -> Estimate:
        values = self.stacked[name][:, column]
        limits = _LIMITS if column == 0 else (-1.0, 1.0)
        return self._over(values, limits)

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
            whole = np.nan_to_num(values[:, 0])
            known = name == "guessing"
            estimate = Estimate.exact(0.5) if known else self._mean(whole)
            made.append(Baseline(name=name, estimate=estimate))
        return tuple(sorted(made, key=lambda one: -float(one.estimate.value)))

    def _excess(self) -> Estimate:
        """Return by how much the main number is above its largest baseline, release by release."""
        if self.closed is not None:
            return Estimate.exact(self.closed.mean - 0.5)
        first = self._bases()[self._baselines()[0].name]
        values = np.nan_to_num(self.stacked["main"][:, 0] - first[:, 0])
        return self._over(values, (-1.0, 1.0))

    def _ceiling(self, bound: float | None, baselines: tuple[Baseline, ...]) -> float | None:
        if bound is not None or self.job.spec.game != "elsewhere":
            return bound
        without = [one for one in baselines if one.name == "without-the-person"]
        if not without:
            return None
        return raised(self.job.guarantee, float(without[0].estimate.value))

    def _curve(self) -> Curve | None:
        if self.closed is not None:
            return self.closed.curve
        values = self.stacked.get("more curve")
        if values is None:
            return None
        return Curve(fpr=GRID, tpr=values.mean(axis=0))

    def _by_group(self, name: str) -> ByGroup | None:
        job = self.job
        start = 1
        for other, grouping in job.groupings.items():
            if other == name:
                break
            start += len(grouping.labels)
        labels = job.groupings[name].labels
        at = slice(start, start + len(labels))
        main, base = self.stacked["main"][:, at], self._bases()[self._baselines()[0].name][:, at]
        codes = codes_of(job, name)
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

    def _people(self) -> FloatArray:
        """Return the people of each cell whom the attack is about, shape (n,)."""
        return self.job.sizes if self.job.spec.game == "pool" else self.job.counts
