"""The runs of one learner, as audits of learners see them."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np

from dpaudit.engine.learning_plan import LearnerJob
from dpaudit.errors import UsageError
from dpaudit.interfaces import Learner
from dpaudit.training.data import TrainingData
from dpaudit.training.runs import Arm, ModelRuns, Runs, unpacked


@attrs.frozen(kw_only=True, eq=False)
class TrainedTask:
    """A task that was trained; it satisfies :class:`dpaudit.LearnerSubject`.

    Parameters
    ----------
    job
        What was trained.
    data
        The people.
    arrays
        What the runs keep, by ``arm/array``, first axis the replicates.
    baseline, compared
        The task that it mitigates, and the one that is its reference, if the audit file names one.
    """

    job: LearnerJob
    data: TrainingData
    arrays: Mapping[str, np.ndarray]
    confidence: float
    reference: str
    baseline: TrainedTask | None = None
    compared: TrainedTask | None = None

    @property
    def task(self) -> str:
        """The identifier of the task."""
        return self.job.task.id

    @property
    def learner(self) -> Learner:
        """The learner at its point."""
        return self.job.learner

    @property
    def unit(self) -> str:
        """The unit of a loss."""
        return "nats" if self.data.classes else "squared units"

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms that were trained."""
        return self.job.arms

    def runs(self, arm: Arm = "made") -> Runs:
        """Return the runs of an arm.

        Raises
        ------
        UsageError
            If the arm was not trained.
        """
        if arm not in self.arms:
            raise UsageError(
                f"task {self.task!r} has no arm {arm!r}",
                hint="name it in the audit's arms, and look into subject.arms",
            )
        start = f"{arm}/"
        kept = {
            name.removeprefix(start): rows
            for name, rows in self.arrays.items()
            if name.startswith(start)
        }
        return unpacked(kept, self.data, self.learner.model(self.data))

    def reference_runs(self) -> Runs:
        """Return the exact minimiser, the unprotected arm, or the runs of another learner."""
        if self.compared is not None:
            return self.compared.runs("made")
        if self.reference == "sgd":
            return self.runs("plain")
        theta, model = self.learner.optimum(self.data), self.learner.model(self.data)
        if theta is None or model is None:  # refused by the planner
            raise UsageError(
                f"task {self.task!r} has no exact minimiser", hint='say reference = "sgd"'
            )
        return ModelRuns(data=self.data, model=model, parameters=theta[None, :])
