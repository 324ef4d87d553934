"""From the numbers of all targets to results: what a release gives, and rates by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from dpaudit.engine.attacks.judges import GRID
from dpaudit.engine.attacks.results import result_of
from dpaudit.engine.attacks.trials import Numbers
from dpaudit.engine.targets.jobs import TargetJob
from dpaudit.model.arrays import FloatArray
from dpaudit.model.attack import AttackResult, ByGroup, Curve, GroupRate
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Measurement
from dpaudit.stats.replicates import FEWEST_REPLICATES, over_replicates
from dpaudit.stats.roc import FEWEST


def target_result(
    job: TargetJob, numbers: Sequence[Numbers], confidence: float, others: float
) -> tuple[AttackResult, tuple[Measurement, ...]]:
    """Return what an attack on models came to, and its measurements.

    ``others`` are the candidates whom a target has not learnt from, the fewest of any target.
    """
    result, measurements = result_of(job, numbers, confidence)
    enough = len(numbers) >= FEWEST_REPLICATES
    groups = tuple(
        _more(job, group, numbers, confidence) if enough else group for group in result.groups
    )
    found = tuple(one for group in groups for one in _measured(job, group))
    refused = tuple(rate for rate, least in FEWEST.items() if others < least)
    return (
        attrs.evolve(result, groups=groups, others=others, refused=refused),
        (*measurements, *found),
    )


def _measured(job: TargetJob, group: ByGroup) -> Iterator[Measurement]:
    """Yield the rates of groups as measurements."""
    for rate in group.rates:
        told = [
            (f"tpr-at-shared-{rate.fpr:g}", rate.labels, rate.shared),
            (f"fpr-at-shared-{rate.fpr:g}", rate.labels, rate.alarms),
        ]
        if rate.own is not None:
            told.append((f"tpr-{rate.fpr:g}", rate.own_labels, rate.own))
        for quantity, labels, estimate in told:
            yield Measurement(
                task=job.task.id, audit=job.spec.name, quantity=quantity, unit="share",
                over=group.grouping, labels=labels, estimate=estimate,
            )  # fmt: skip


def _more(job: TargetJob, group: ByGroup, numbers: Sequence[Numbers], confidence: float) -> ByGroup:
    """Return a grouping with its curves and its rates at few false alarms."""
    names = job.groupings[group.grouping].labels
    places = [names.index(label) for label in group.labels]
    curves = np.stack([each[f"curve {group.grouping}"][places] for each in numbers])
    return attrs.evolve(
        group,
        curves=tuple(Curve(fpr=GRID, tpr=curve) for curve in curves.mean(axis=0)),
        rates=tuple(_rates(group, places, numbers, confidence)),
    )


def _rates(
    group: ByGroup, places: list[int], numbers: Sequence[Numbers], confidence: float
) -> Iterator[GroupRate]:
    for rate in sorted(FEWEST, reverse=True):
        name = f"{rate:g} {group.grouping}"
        if any(f"shared-{name}" not in each for each in numbers):
            continue
        shared, alarms, own = (
            np.stack([each[f"{what}-{name}"][places] for each in numbers])
            for what in ("shared", "alarms", "own")
        )
        told = np.flatnonzero(np.isfinite(own).all(axis=0))
        labels = tuple(group.labels[i] for i in told)
        yield GroupRate(
            fpr=rate,
            labels=group.labels,
            shared=_together(shared, confidence),
            alarms=_together(alarms, confidence),
            own_labels=labels,
            own=_together(own[:, told], confidence) if labels else None,
        )


def _together(values: FloatArray, confidence: float) -> Estimate:
    return over_replicates(values, confidence, limits=(0.0, 1.0), at_once=values.shape[1])
