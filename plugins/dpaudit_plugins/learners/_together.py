"""Learners whose runs are trained many at once: one run is a block of one."""

from __future__ import annotations

import abc

import attrs
import numpy as np

import dpaudit
from dpaudit.training.runs import Arm, ModelFit, ModelRuns


@attrs.frozen(kw_only=True)
class Together(dpaudit.Learner):
    """A learner that trains replicates together; a single fit is the first of them."""

    def fit(self, data: dpaudit.TrainingData, rng: np.random.Generator) -> ModelFit:
        """Return one run."""
        runs = self.train(data, range(1), int(rng.integers(2**63)))
        return ModelFit(model=runs.model, theta=runs.parameters[0])

    @abc.abstractmethod
    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> ModelRuns:
        """Return the runs of ``replicates``, trained together."""


def check_batch(batch: float, data: dpaudit.TrainingData) -> None:
    """Refuse an expected batch of more records than there are.

    Raises
    ------
    UsageError
        If it is larger.
    """
    if not batch <= len(data.train):
        raise dpaudit.UsageError(
            f"batch {batch!r} is larger than the {len(data.train)} records learnt from",
            hint="take a smaller batch",
        )
