"""What learners share that fit exactly, without privacy."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.models import Model
from dpaudit.training.runs import Arm, ModelFit
from dpaudit_plugins.learners._forms import POSITIVE, LinearForm, linear, minimiser


@attrs.frozen(kw_only=True)
class Exact(dpaudit.Learner):
    """The minimiser of mean loss + (penalty/2) ||theta||^2, with no protection.

    The bias is the constant column and is penalised as all parameters are.

    Parameters
    ----------
    penalty
        lambda. That of scikit-learn is 1/(n C), and its intercept is not penalised.
    """

    randomised: ClassVar[bool] = False
    form: ClassVar[LinearForm]

    penalty: float = attrs.field(default=1e-3, validator=POSITIVE)

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Nothing is protected: it is its own plain arm."""
        return ("made", "plain")

    def fit(self, data: dpaudit.TrainingData, rng: np.random.Generator) -> ModelFit:
        """Return the minimiser."""
        return ModelFit(model=self.model(data), theta=self.optimum(data))

    def check(self, data: dpaudit.TrainingData) -> None:
        """Refuse a label that does not fit the loss."""
        self.model(data)

    def model(self, data: dpaudit.TrainingData) -> Model:
        """Return the form of the parameters."""
        return linear(self.form, data)

    def optimum(self, data: dpaudit.TrainingData) -> FloatArray:
        """Return the minimiser."""
        return minimiser(self.model(data), data.train, self.penalty)
