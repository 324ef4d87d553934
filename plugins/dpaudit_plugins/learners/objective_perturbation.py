"""Objective perturbation: the minimiser of a randomly tilted objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.draws import generator
from dpaudit.training.models import Model
from dpaudit.training.objective_perturbation import guarantee, perturbed_fit, tilt_of
from dpaudit.training.runs import Arm, ModelFit, ModelRuns
from dpaudit.training.sensitivity import Objective, check_norms
from dpaudit_plugins.learners._forms import POSITIVE, linear, minimiser

_TILT = 67


@attrs.frozen(kw_only=True)
class ObjectivePerturbation(dpaudit.Learner):
    """Minimise mean logistic loss + (penalty/2) ||theta||^2 + b . theta / n with random b.

    Pure epsilon-privacy for one person changed. The conditions are those of output perturbation,
    and the minimiser must be exact; where the penalty is too small for the budget, more of it is
    added.

    Parameters
    ----------
    epsilon
        The budget; there is no delta.
    penalty
        lambda > 0.
    penalised_bias
        Whether the bias was penalised too. Where not, nothing is promised: refused.

    References
    ----------
    Chaudhuri, Monteleoni and Sarwate (2011), Differentially private empirical risk minimization,
    JMLR 12, Algorithm 2.
    """

    name: ClassVar[str] = "objective-perturbation"

    epsilon: float = attrs.field(validator=POSITIVE)
    penalty: float = attrs.field(default=1e-3, validator=POSITIVE)
    penalised_bias: bool = True

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Tilted, and the minimiser without anything added."""
        return ("made", "plain")

    def fit(self, data: dpaudit.TrainingData, rng: np.random.Generator) -> ModelFit:
        """Return one tilted minimiser."""
        theta = perturbed_fit(data.train, self._objective(data), self.epsilon, rng)
        return ModelFit(model=self.model(data), theta=theta)

    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> ModelRuns:
        """Return a minimiser for each replicate; all budgets share the direction of b."""
        self.has(arm)
        if arm == "plain":
            rows = np.tile(self.optimum(data), (len(replicates), 1))
        else:
            rows = np.stack([self.fit(data, generator(seed, r, _TILT)).theta for r in replicates])
        return ModelRuns(data=data, model=self.model(data), parameters=rows)

    def check(self, data: dpaudit.TrainingData) -> None:
        """Hold the data to every condition."""
        self.model(data)
        tilt_of(self._objective(data), self.epsilon)
        check_norms(data.train.inputs, data.norm_bound)

    def model(self, data: dpaudit.TrainingData) -> Model:
        """Return one logit."""
        return linear("logistic", data)

    def optimum(self, data: dpaudit.TrainingData) -> FloatArray:
        """Return the minimiser before the tilt."""
        return minimiser(self.model(data), data.train, self.penalty)

    def privacy(self, data: dpaudit.TrainingData) -> dpaudit.Guarantee:
        """Return the budget, for one person changed."""
        return guarantee(self._objective(data), self.epsilon)

    def counted(self, data: dpaudit.TrainingData) -> tuple[str, ...]:
        """Return the one query."""
        made = tilt_of(self._objective(data), self.epsilon)
        said = (
            f"the minimiser, once, with a linear term of rate {made.rate:.4g} and a penalty of "
            f"{made.penalty:.4g} added (neighbours replace)"
        )
        return (said,)

    def _objective(self, data: dpaudit.TrainingData) -> Objective:
        return Objective(
            loss="logistic",
            records=len(data.train),
            penalty=self.penalty,
            norm_bound=data.norm_bound,
            penalised_bias=self.penalised_bias,
            public_scaling=data.public_scaling,
        )


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (ObjectivePerturbation,)
