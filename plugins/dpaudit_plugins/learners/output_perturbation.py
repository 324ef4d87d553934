"""Output perturbation: the exact minimiser plus Gaussian noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.data import Split
from dpaudit.training.draws import generator
from dpaudit.training.linear_models import LogisticLoss, SquaredLoss
from dpaudit.training.models import Model
from dpaudit.training.output_perturbation import expected_selection, softplus_excess
from dpaudit.training.runs import Arm, Expected, ModelFit, ModelRuns
from dpaudit.training.sensitivity import Objective, check_norms, guarantee, noise_scale
from dpaudit_plugins.learners._forms import POSITIVE, LinearForm, linear, minimiser

_NOISE = 65
_INTEGRAL_ERROR = 1e-12


@attrs.frozen(kw_only=True)
class OutputPerturbation(dpaudit.Learner):
    """Release theta* + N(0, s^2 I), with s from the sensitivity of theta* (analytic Gaussian).

    theta* minimises mean loss + (penalty/2) ||theta||^2. One person changed moves it by at most
    2 L / (n penalty), where the loss is L-Lipschitz: L is the bound of ||x|| for logistic loss and
    sqrt 2 times that for softmax. Inputs must be scaled with public constants and the bias be
    penalised: where a condition does not hold, it is an error.

    With one logit and with squared loss the excess risk is exact, by integrals in one dimension.

    Parameters
    ----------
    epsilon, delta
        The budget.
    penalty
        lambda > 0: half of it doubles the noise.
    loss
        ``logistic`` (two classes, one logit), ``softmax``, ``squared`` or ``half-squared``.
    penalised_bias
        Whether the bias was penalised too. Where not, nothing bounds its noise: refused.

    References
    ----------
    Chaudhuri, Monteleoni and Sarwate (2011), Differentially private empirical risk minimization,
    JMLR 12, Algorithm 1; Balle and Wang (2018), Improving the Gaussian mechanism, ICML, Theorem 8.
    """

    name: ClassVar[str] = "output-perturbation"

    epsilon: float = attrs.field(validator=POSITIVE)
    delta: float = attrs.field(default=1e-5, validator=[POSITIVE, attrs.validators.lt(1.0)])
    penalty: float = attrs.field(default=1e-3, validator=POSITIVE)
    loss: LinearForm = "logistic"
    penalised_bias: bool = True

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Noise, the same noise with the other sign, and none."""
        return ("made", "twin", "noiseless", "plain")

    def fit(self, data: dpaudit.TrainingData, rng: np.random.Generator) -> ModelFit:
        """Return one noisy model."""
        theta = self.optimum(data)
        noisy = theta + self.parameter_noise(data) * rng.standard_normal(theta.shape)
        return ModelFit(model=self.model(data), theta=noisy)

    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> ModelRuns:
        """Return a noisy model for each replicate; all budgets share their unit noise."""
        self.has(arm)
        theta = self.optimum(data)
        sign = {"made": 1.0, "twin": -1.0}.get(arm, 0.0)
        deviation = sign * self.parameter_noise(data)
        noise = [generator(seed, r, _NOISE).standard_normal(theta.size) for r in replicates]
        return ModelRuns(
            data=data, model=self.model(data), parameters=theta + deviation * np.stack(noise)
        )

    def check(self, data: dpaudit.TrainingData) -> None:
        """Hold the data to every condition of the sensitivity."""
        self.model(data)
        self.parameter_noise(data)
        check_norms(data.train.inputs, data.norm_bound)

    def parameter_noise(self, data: dpaudit.TrainingData) -> float:
        """Return s, the deviation of the noise on each parameter."""
        return noise_scale(self._objective(data), self.epsilon, self.delta)

    def model(self, data: dpaudit.TrainingData) -> Model:
        """Return the form of the parameters."""
        return linear(self.loss, data)

    def optimum(self, data: dpaudit.TrainingData) -> FloatArray:
        """Return the minimiser before noise."""
        return minimiser(self.model(data), data.train, self.penalty)

    def expected(self, data: dpaudit.TrainingData, split: Split) -> Expected | None:
        """Return exact means for one logit and for squared loss."""
        model, theta, scale = self.model(data), self.optimum(data), self.parameter_noise(data)
        records = data.records(split)
        before = model.losses(theta, records.inputs, records.labels)
        if isinstance(model, SquaredLoss):
            return Expected(losses=before + model.factor * scale**2 * records.squared_norms)
        if not isinstance(model, LogisticLoss):
            return None
        reach = scale * np.sqrt(records.squared_norms)
        return Expected(
            losses=before + softplus_excess(records.inputs @ theta, reach),
            selected=expected_selection(theta, records, scale),
            error=_INTEGRAL_ERROR,
        )

    def privacy(self, data: dpaudit.TrainingData) -> dpaudit.Guarantee:
        """Return the budget, for one person changed."""
        return guarantee(self._objective(data), self.epsilon, self.delta)

    def counted(self, data: dpaudit.TrainingData) -> tuple[str, ...]:
        """Return the one query."""
        scale = self.parameter_noise(data)
        said = (
            f"the fitted parameters, once, with noise of deviation {scale:.4g} on each "
            "(analytic Gaussian mechanism, neighbours replace)"
        )
        return (said,)

    def _objective(self, data: dpaudit.TrainingData) -> Objective:
        return Objective(
            loss=self.loss,
            records=len(data.train),
            penalty=self.penalty,
            norm_bound=data.norm_bound,
            label_bound=data.label_bound,
            penalised_bias=self.penalised_bias,
            public_scaling=data.public_scaling,
        )


@dpaudit.hookimpl
def dpaudit_learners() -> Sequence[type[dpaudit.Learner]]:
    """Offer the learner."""
    return (OutputPerturbation,)
