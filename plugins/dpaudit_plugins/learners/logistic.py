"""Logistic regression without privacy: the exact minimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.model.arrays import FloatArray
from dpaudit.training.models import Model
from dpaudit.training.runs import ModelFit
from dpaudit_plugins.learners._forms import POSITIVE, linear, minimiser


@attrs.frozen(kw_only=True)
class Logistic(dpaudit.Learner):
    """Fit logistic regression of two classes exactly, with no protection.

    The minimiser of mean loss + (penalty/2) ||theta||^2; the bias is the constant column and is
    penalised as all parameters are.

    Parameters
    ----------
    penalty
        lambda. That of scikit-learn is 1/(n C), and its intercept is not penalised.
    """

    name: ClassVar[str] = "logistic"
    randomised: ClassVar[bool] = False

    penalty: float = attrs.field(default=1e-3, validator=POSITIVE)

    def fit(self, data: dpaudit.TrainingData, rng: np.random.Generator) -> ModelFit:
        """Return the minimiser."""
        return ModelFit(model=self.model(data), theta=self.optimum(data))

    def check(self, data: dpaudit.TrainingData) -> None:
        """Refuse a label without two classes."""
        self.model(data)

    def model(self, data: dpaudit.TrainingData) -> Model:
        """Return one logit."""
        return linear("logistic", data)

    def optimum(self, data: dpaudit.TrainingData) -> FloatArray:
        """Return the minimiser."""
        return minimiser(self.model(data), data.train, self.penalty)


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (Logistic,)
