"""A view of an audit of learners: each learner along its sweep, and what it mitigates."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.model.measurement import Measurement
from dpaudit.model.plan import Task
from dpaudit.model.results import LearnerResult, Results
from dpaudit.report.amounts import Amounts
from dpaudit.report.prose import Prose, words


@attrs.frozen(eq=False)
class Trained:
    """One learner at one point with what was measured of it."""

    results: Results
    result: LearnerResult

    @property
    def task(self) -> Task:
        """Its task."""
        return self.result.task

    @property
    def name(self) -> str:
        """What the audit file calls the learner."""
        return self.task.release

    @property
    def is_private(self) -> bool:
        """Whether anything is promised."""
        return self.result.guarantee.promises

    def find(self, quantity: str, *, over: str | None = None) -> Measurement | None:
        """Return what was measured: over the groups, or ``over`` another axis or ``total``."""
        axis = over or self.grouping
        found = self.results.select(task=self.task.id, quantity=quantity, over=axis)
        return found[0] if found else None

    @property
    def grouping(self) -> str:
        """What the grouping is called."""
        spec = self.results.spec.training
        return "group" if spec is None else " × ".join(spec.group)

    @property
    def budget(self) -> float | None:
        """The epsilon of its point, or of its guarantee; none where nothing is promised."""
        swept = self.task.point.get("epsilon")
        if isinstance(swept, int | float):
            return float(swept)
        return self.result.guarantee.epsilon if self.is_private else None


@attrs.frozen(eq=False)
class Learning:
    """Everything that the report of an audit of learners needs."""

    results: Results
    prose: Prose

    @classmethod
    def of(cls, results: Results) -> Learning:
        """Return the view in the language of the report."""
        return cls(results, Prose(results.spec.report.language))

    @property
    def attacks_alone(self) -> bool:
        """Whether nothing was measured but attacks."""
        return bool(self.results.attacks) and not self.results.spec.audits

    @property
    def every(self) -> tuple[Trained, ...]:
        """All that were trained, in the order of the audit file."""
        return tuple(Trained(self.results, each) for each in self.results.learners)

    @property
    def names(self) -> tuple[str, ...]:
        """The learners, in the order of the audit file."""
        return tuple(dict.fromkeys(one.name for one in self.every))

    @property
    def audited(self) -> tuple[str, ...]:
        """The learners that mitigate no other."""
        return tuple(dict.fromkeys(o.name for o in self.every if o.task.baseline is None))

    @property
    def told(self) -> tuple[str, ...]:
        """The learners that mitigate no other, and those that were trained at several budgets."""
        return tuple(
            name
            for name in self.names
            if name in self.audited or len(self.sweep(self.operating(name))) > 1
        )

    def points(self, name: str) -> tuple[Trained, ...]:
        """Return a learner at all of its points."""
        return tuple(one for one in self.every if one.name == name)

    def operating(self, name: str) -> Trained:
        """Return a learner in the middle of what it sweeps."""
        found = self.points(name)
        wanted = {}
        for key in found[0].task.point:
            values = list(dict.fromkeys(one.task.point[key] for one in found))
            if all(isinstance(value, int | float) for value in values):
                values.sort()
            wanted[key] = values[(len(values) - 1) // 2]
        return next(one for one in found if dict(one.task.point) == wanted)

    def sweep(self, one: Trained) -> tuple[tuple[float, Trained], ...]:
        """Return a learner along epsilon, all else as in ``one``, ascending."""
        rest = {key: value for key, value in one.task.point.items() if key != "epsilon"}
        along = [
            (float(other.task.point["epsilon"]), other)
            for other in self.points(one.name)
            if "epsilon" in other.task.point
            and all(other.task.point.get(key) == value for key, value in rest.items())
        ]
        return tuple(sorted(along, key=lambda pair: pair[0]))

    def strands(self, name: str) -> tuple[Trained, ...]:
        """Return one point of each sweep along epsilon: what else is swept tells them apart."""
        middle = self.operating(name).task.point.get("epsilon")
        return tuple(one for one in self.points(name) if one.task.point.get("epsilon") == middle)

    def mitigations(self, one: Trained) -> tuple[Trained, ...]:
        """Return what mitigates ``one`` at its point."""
        return tuple(other for other in self.every if other.task.baseline == one.task.id)

    def amounts(self, unit: str, *, bare: bool = False) -> Amounts:
        """Return how amounts of a unit are written."""
        return Amounts(self.prose, unit, None, bare=bare)

    def label(self, one: Trained) -> str:
        """Return ``dp-sgd at ε = 1``."""
        if not one.task.point:
            return self.prose("“{name}”", name=one.name)
        point = ", ".join(self.prose.point(k, v) for k, v in one.task.point.items())
        return self.prose("“{learner}” at {point}", learner=one.name, point=point)

    def strand(self, one: Trained) -> str:
        """Return the name of a learner with what it sweeps beside epsilon."""
        rest = [
            self.prose.point(key, value)
            for key, value in one.task.point.items()
            if key != "epsilon"
        ]
        return ", ".join([one.name, *rest])

    def group(self, one: Trained, name: str) -> str:
        """Return ``sex “Male”``."""
        return self.prose("{axis} “{name}”", axis=words(one.grouping), name=name)


def worst(measured: Measurement) -> int:
    """Return the place of the largest value."""
    return int(np.argmax(measured.estimate.value))


def changed(measured: Measurement) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return who is certainly better and who certainly worse off, of a change of losses."""
    low, high = measured.estimate.low, measured.estimate.high
    better = tuple(g for g, end in zip(measured.labels, high, strict=True) if end < 0)
    worse = tuple(g for g, end in zip(measured.labels, low, strict=True) if end > 0)
    return better, worse
