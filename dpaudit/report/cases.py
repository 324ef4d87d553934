"""A view of the results by decision, release and operating point.

The *operating point* of a release is the middle of each swept parameter's values (the lower
middle of an even number), so that the sweep shows what more and what less privacy would do.
The *leading case* of a decision is its first release in the audit file at that point: the
author's order says which release is being audited. Its *baseline* is the release of the same
mechanism at the same point with no post-processing at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

import attrs
import numpy as np

from dpaudit.model.dataset import Dataset
from dpaudit.model.measurement import Measurement, Note
from dpaudit.model.plan import Task
from dpaudit.model.results import Results, TaskResult

T = TypeVar("T")

_GAPS = frozenset({"alpha-fairness", "alpha-bounds"})
"""Quantities that compare one bias with another."""


@attrs.frozen(eq=False)
class Case:
    """One task with what was measured of it."""

    results: Results
    result: TaskResult

    @property
    def task(self) -> Task:
        """The task."""
        return self.result.task

    @property
    def steps(self) -> tuple[str, ...]:
        """Every post-processing step, of the release and of the outcomes."""
        return self.result.postprocess + self.result.output

    @property
    def notes(self) -> tuple[Note, ...]:
        """What the engine says beside the numbers."""
        return tuple(note for note in self.results.notes if note.task == self.task.id)

    @property
    def is_private(self) -> bool:
        """Whether the release promises anything."""
        return self.result.guarantee.promises

    @property
    def is_assumed(self) -> bool:
        """Whether its numbers rest on something that was not checked: never a comparison's base."""
        return any(note.kind == "assumption" for note in self.notes)

    @property
    def shortfall(self) -> Measurement | None:
        """What all entities together fall short in one release, bad luck included."""
        named = self.find("total-shortfall")
        return named if named is not None else self.find("expected-shortfall")

    def typical(self, over: str) -> float:
        """Return the mean size of an outcome over an axis; the sum of all for ``total``."""
        whole = float(np.abs(self.result.truth).sum())
        if over == "total":
            return whole
        if over == "entity":
            return whole / self.result.truth.size
        return whole / len(set(self.results.data.groups[over]))

    def find(self, quantity: str, *, over: str = "total", per: str = "total") -> Measurement | None:
        """Return the measurement with this address, or ``None``.

        Entities are called by their names, not by their identifiers. Sums of chances are
        numbers of entities, and differences between two changes of a chance, which may pass
        100 in 100, are shares.
        """
        found = self.results.select(task=self.task.id, quantity=quantity, over=over, per=per)
        if not found:
            return None
        data, measured = self.results.data, found[0]
        if over == "entity" and quantity in _GAPS and measured.unit == "probability":
            return attrs.evolve(measured, unit="share")
        if over == "entity" and measured.labels == data.entities:
            return attrs.evolve(measured, labels=called(data))
        if over != "entity" and per == "total" and quantity != "changed":
            return attrs.evolve(measured, unit=summed(measured.unit))
        return measured

    @property
    def unit(self) -> str:
        """The unit of sums of outcomes."""
        return summed(self.result.unit)


@attrs.frozen(eq=False)
class Cases:
    """All cases of an audit; what mitigations made of them stands apart."""

    results: Results
    cases: tuple[Case, ...] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        tasks = self.results.tasks
        made = tuple(Case(self.results, each) for each in tasks if each.task.mitigation is None)
        object.__setattr__(self, "cases", made)

    def decisions(self) -> tuple[str, ...]:
        """Return the decisions, in the order of the audit file."""
        return _unique(case.task.decision for case in self.cases)

    def releases(self, decision: str) -> tuple[str, ...]:
        """Return the releases that a decision was made from, in the order of the audit file."""
        return _unique(case.task.release for case in self._of(decision))

    def operating(self, decision: str, release: str) -> Case:
        """Return the case at the operating point of a release."""
        cases = self._of(decision, release)
        wanted = {
            key: _middle(_unique(c.task.point[key] for c in cases if key in c.task.point))
            for key in _unique(key for c in cases for key in c.task.point)
        }
        return max(cases, key=lambda c: sum(c.task.point.get(k) == v for k, v in wanted.items()))

    def leading(self, decision: str) -> Case:
        """Return the case that the report speaks of first."""
        return self.operating(decision, self.releases(decision)[0])

    def swept(self, case: Case) -> str | None:
        """Return the parameter that the case's release sweeps (ε first), if any."""
        cases = self._of(case.task.decision, case.task.release)
        swept = [
            key for key in case.task.point if len(_unique(c.task.point.get(key) for c in cases)) > 1
        ]
        return "epsilon" if "epsilon" in swept else swept[0] if swept else None

    def sweep(self, case: Case) -> tuple[tuple[float, Case], ...]:
        """Return the cases along the swept parameter, others held, ascending."""
        parameter = self.swept(case)
        if parameter is None:
            return ()
        held = {k: v for k, v in case.task.point.items() if k != parameter}
        along = [
            (float(c.task.point[parameter]), c)
            for c in self._of(case.task.decision, case.task.release)
            if all(c.task.point.get(k) == v for k, v in held.items())
            and isinstance(c.task.point.get(parameter), int | float)
        ]
        return tuple(sorted(along, key=lambda pair: pair[0]))

    def siblings(self, case: Case) -> tuple[Case, ...]:
        """Return the same decision from releases of the same mechanism and parameters."""
        return tuple(
            c
            for c in self._of(case.task.decision)
            if c.result.mechanism == case.result.mechanism
            and dict(c.task.point) == dict(case.task.point)
            and c.result.guarantee.neighbours == case.result.guarantee.neighbours
            and dict(c.result.parameters) == dict(case.result.parameters)
        )

    def baseline(self, case: Case) -> Case | None:
        """Return the sibling without post-processing, or ``None``."""
        return next((c for c in self.siblings(case) if not c.steps), None)

    def mitigated(self, case: Case) -> tuple[Case, ...]:
        """Return what every mitigation made of a case, in the order of the audit file."""
        tasks = self.results.tasks
        return tuple(Case(self.results, r) for r in tasks if r.task.baseline == case.task.id)

    def groupings(self) -> tuple[str, ...]:
        """Return the groupings, those with the fewest groups first."""
        groups = self.results.data.groups
        return tuple(sorted(groups, key=lambda name: len(set(groups[name]))))

    def _of(self, decision: str, release: str | None = None) -> tuple[Case, ...]:
        return tuple(
            c
            for c in self.cases
            if c.task.decision == decision and release in {None, c.task.release}
        )


def summed(unit: str) -> str:
    """Return the unit of a sum over entities: chances of a yes add up to entities."""
    return "entities" if unit == "probability" else unit


def called(data: Dataset) -> tuple[str, ...]:
    """Return what to call each entity: its name, with its identifier where names repeat."""
    times = Counter(data.names)
    return tuple(
        name if times[name] == 1 else f"{name} ({entity})"
        for name, entity in zip(data.names, data.entities, strict=True)
    )


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


def _middle(values: tuple[Any, ...]) -> Any:
    numbers = all(isinstance(value, int | float) for value in values)
    ordered = sorted(values) if numbers else list(values)
    return ordered[(len(ordered) - 1) // 2]
