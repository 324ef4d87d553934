"""What sentences say beside what was measured: people, places, and what the true counts give.

They stand in the files of measurements with the rest, so that every number of every sentence can
be made again from one file. ``the data`` and ``the data / DECISION`` are their tasks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.model.measurement import Measurement
from dpaudit.model.results import Results

GIVEN = "the data"
PEOPLE, PLACES, TRUE = "people", "entities", "true-outcome"


def given(results: Results) -> tuple[Measurement, ...]:
    """Return people and places in all and by group, and the outcomes from the true counts.

    Of confidential data of learners nothing is returned: only what an audit measured of them
    says what it discloses.
    """
    data = results.data
    if results.learners and data.status == "confidential":
        return ()
    made = [*_over(results, GIVEN, PEOPLE, "persons", data.counts)]
    made += [
        each
        for each in _over(results, GIVEN, PLACES, "entities", np.ones(len(data)))
        if each.over != "entity"
    ]
    outcomes = {each.task.decision: each for each in results.tasks if each.task.mitigation is None}
    for decision, result in outcomes.items():
        made += _over(results, f"{GIVEN} / {decision}", TRUE, result.unit, result.truth)
    return tuple(made)


def _over(
    results: Results, task: str, quantity: str, unit: str, values: FloatArray
) -> Iterator[Measurement]:
    """Yield the sum of values over everything, over each group, and each of them."""
    data = results.data
    whole: list[tuple[str, tuple[str, ...], FloatArray | float]]
    whole = [("total", (), float(values.sum())), ("entity", data.entities, values)]
    for over, labels, numbers in (*whole, *_groups(results, values)):
        yield Measurement(
            task=task,
            audit=GIVEN,
            quantity=quantity,
            unit=unit,
            over=over,
            labels=labels,
            estimate=Estimate.exact(numbers),
        )


def _groups(
    results: Results, values: FloatArray
) -> Iterator[tuple[str, tuple[str, ...], FloatArray]]:
    for grouping, members in results.data.groups.items():
        labels = tuple(dict.fromkeys(members))
        at = {label: i for i, label in enumerate(labels)}
        codes = np.array([at[member] for member in members], dtype=np.int64)
        yield grouping, labels, np.bincount(codes, values, len(labels)).astype(np.float64)
