"""What is measured, and what may be changed: the views that audits and mitigations get."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from dpaudit.model.arrays import FloatArray
from dpaudit.model.curvature import Curvature
from dpaudit.model.dataset import Dataset
from dpaudit.model.estimate import Estimate
from dpaudit.model.structure import Bounds
from dpaudit.noise.base import Noise
from dpaudit.stats.spread import Halves
from dpaudit.training.data import TrainingData
from dpaudit.training.runs import Arm, Runs

if TYPE_CHECKING:
    from dpaudit.interfaces import Decision, Learner, Mechanism, PostProcessor


class Subject(Protocol):
    """What an audit measures: one decision made from one release, against the truth."""

    @property
    def task(self) -> str:
        """The identifier of the task."""

    @property
    def data(self) -> Dataset:
        """The data of the audit."""

    @property
    def mechanism(self) -> Mechanism:
        """The mechanism of the release, at one parameter point."""

    @property
    def unit(self) -> str:
        """The unit of the outcome."""

    @property
    def confidence(self) -> float:
        """The confidence of the run."""

    @property
    def truth(self) -> FloatArray:
        """The outcome from the true counts, shape (n,)."""

    @property
    def quantities(self) -> tuple[str, ...]:
        """What can be asked: bias, variance, mean-squared-error, expected-shortfall, extras."""

    def entity(self, quantity: str) -> Estimate:
        """Return one of :attr:`quantities` per entity, shape (n,)."""

    def grouped(self, quantity: str, grouping: str) -> Estimate:
        """Return the quantity of the sums over the groups of ``grouping``."""

    def total(self, quantity: str) -> Estimate:
        """Return the sum of the quantity over all entities, a scalar."""

    def halves(self, over: str) -> Halves | None:
        """Return the bias over ``entity`` or a grouping from two independent halves of the draws.

        ``None`` where the bias is deterministic.
        """

    def curvature(self) -> Curvature | None:
        """Return the second-order bias of every entity, for an audit that needs ``curvature``.

        ``None`` where a decision takes several counts of each entity, or sums of counts.
        """

    def spread_bounds(self) -> Bounds | None:
        """Return proved bounds of the largest difference of two biases of entities, if any."""

    def clipped_noise(self) -> Noise | None:
        """Return the noise where the outcome is exactly max(0, count + noise), if it is."""

    @property
    def budget(self) -> tuple[str, float] | None:
        """The parameter that states the mechanism's budget (ε or ρ) with its value, if any."""

    def bias_at(
        self, budget: float, over: str, confidence: float
    ) -> tuple[Estimate, Halves | None]:
        """Return the bias at another budget, on the same random numbers.

        Over ``entity``, a grouping or ``total``, with what :meth:`halves` gives of it.
        """

    def group_labels(self, grouping: str) -> tuple[str, ...]:
        """Return the groups of ``grouping``, in the order of the estimates."""


class LearnerSubject(Protocol):
    """What an audit of learners measures: the runs of one learner at one parameter point.

    Replicates of different learners, points and arms share seeds: run r of one and run r of
    another saw the same random numbers as far as they draw the same, so differences between runs
    of one number are sharp, and the mean of such differences over runs has the error to state.
    """

    @property
    def task(self) -> str:
        """The identifier of the task."""

    @property
    def learner(self) -> Learner:
        """The learner at its parameter point."""

    @property
    def data(self) -> TrainingData:
        """The people, in groups."""

    @property
    def confidence(self) -> float:
        """The confidence of the run."""

    @property
    def reference(self) -> str:
        """What it is measured against."""

    @property
    def unit(self) -> str:
        """The unit of a loss: ``nats``, or ``squared units`` of a label that is a number."""

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms that were trained."""

    def runs(self, arm: Arm = "made") -> Runs:
        """Return the runs of an arm that was trained."""

    def reference_runs(self) -> Runs:
        """Return the reference: one run, or a run for each replicate on the same numbers."""

    @property
    def baseline(self) -> LearnerSubject | None:
        """The learner that this one mitigates, at the same point, if the audit file names one."""


@attrs.frozen(kw_only=True, eq=False)
class Pipeline:
    """What stands between the true counts and an outcome. All of it is public.

    Parameters
    ----------
    mechanism
        The mechanism at one parameter point.
    steps
        Post-processing of the release, in order.
    decision
        The decision, bound to its columns.
    output
        Post-processing of outcomes, in order.
    n
        Number of entities.
    create
        Makes another plug-in, from its kind, its name and its parameters as an audit file gives
        them, bound to the columns of the data.
    """

    mechanism: Mechanism
    steps: tuple[PostProcessor, ...]
    decision: Decision
    output: tuple[PostProcessor, ...]
    n: int
    create: Callable[..., Any] = attrs.field(repr=False)
