"""The learner: what is fitted, privately or not, and what it says of itself."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.interfaces.base import Kind, Plugin
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.model.guarantee import Guarantee
from dpaudit.training.data import Split, TrainingData
from dpaudit.training.draws import generator
from dpaudit.training.models import Model
from dpaudit.training.runs import Arm, Expected, Runs, fitted, runs_of
from dpaudit.training.theorem2 import PrivateStep

_FIT = 64
"""The stream of a single fit, apart from those of :mod:`dpaudit.training.draws`."""

_APART = 65
"""The stream of a fit to some of the people."""


@attrs.frozen(kw_only=True)
class Learner(Plugin):
    """Fits a model to the people of ``data.train``; all else is optional and sharpens the audit.

    The one verb is :meth:`fit`. The engine trains many replicates of every learner; without more
    it calls :meth:`fit` again and again, each time with a generator of the replicate's own.

    **Many runs at once.** A learner that can train replicates together overrides :meth:`train`.
    Run r must depend on the seed and on r alone (draw from ``dpaudit.training.draws.generator``),
    so that any split of the replicates into blocks gives the same runs.

    **Arms.** ``train(..., arm=...)`` trains the same replicates on the same random numbers another
    way (see ``dpaudit.training.runs.Arm``); :attr:`arms` says which it has. The noiseless arm and
    the twin make differences sharp, the four of clipping and noise make attribution add up, and
    ``plain`` is the reference of an audit that says ``reference = "sgd"``.

    **Attacks.** :meth:`train_each` trains every replicate on people of its own, of whom an attack
    on the models then asks which ones; a learner that can do so for many at once overrides it.

    **What is known without simulation.** :meth:`optimum` is the exact minimiser that the learner
    approximates (the reference of ``reference = "optimum"``); :meth:`expected` gives exact means
    over the noise; :meth:`model` is the form of the parameters, from which gradients, Hessian
    traces and Theorems 1 and 2 follow.

    **What it costs.** :meth:`privacy` states the guarantee with its neighbours, and
    :meth:`counted` every query that was counted in it. A learner that reads a statistic of the
    data (a group's clipped share, a threshold) counts it there or is no private learner.

    **Conditions.** :meth:`check` raises where the data or the parameters break a condition that
    the guarantee or the fit rests on; ``dpaudit check`` calls it before anything is trained.

    Examples
    --------
    >>> import dpaudit
    >>> from dpaudit.training.erm import fit
    >>> from dpaudit.training.linear_models import LogisticLoss
    >>> from dpaudit.training.runs import ModelFit
    >>> @dpaudit.learner(name="mine")
    ... def mine(data, rng, *, penalty: float = 1e-3):
    ...     "Logistic regression."
    ...     model = LogisticLoss(features=data.features)
    ...     return ModelFit(model=model, theta=fit(model, data.train, penalty))

    Attributes
    ----------
    randomised
        Whether two replicates may differ; where not, one run is trained.
    """

    kind: ClassVar[Kind] = "learner"
    randomised: ClassVar[bool] = True

    @abc.abstractmethod
    def fit(self, data: TrainingData, rng: np.random.Generator) -> Any:
        """Return a fitted model with per-sample loss and prediction.

        A ``dpaudit.training.runs.ModelFit``, any object with ``losses(inputs, labels)`` and
        ``chances(inputs)``, or one in the manner of scikit-learn (``predict_proba(inputs)``).
        """

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The ways to train that it has; ``made`` is one of them."""
        return ("made",)

    def train(self, data: TrainingData, replicates: range, seed: int, arm: Arm = "made") -> Runs:
        """Return the runs of ``replicates``.

        Raises
        ------
        UsageError
            If the learner has no such arm.
        """
        self.has(arm)
        fits = [self.fit(data, generator(seed, r, _FIT)) for r in replicates]
        for one in fits:
            fitted(one, self.name)
        return runs_of(fits, data, self.name)

    @property
    def arms_apart(self) -> tuple[Arm, ...]:
        """The ways in which :meth:`train_each` trains; ``made`` is one of them."""
        return ("made",)

    def train_each(
        self,
        data: TrainingData,
        members: BoolArray,
        replicates: range,
        seed: int,
        arm: Arm = "made",
    ) -> Runs:
        """Return runs that learn from people of their own each, judged on all people of ``data``.

        Run r must depend on the seed, on r and on its own people alone.

        Parameters
        ----------
        members
            Whom each of ``replicates`` learns from, among ``data.train``, shape (R, n).

        Raises
        ------
        UsageError
            If the learner has no such arm.
        """
        self.has(arm, self.arms_apart)
        fits = [
            self.fit(data.of(own), generator(seed, r, _APART))
            for r, own in zip(replicates, members, strict=True)
        ]
        for one in fits:
            fitted(one, self.name)
        return runs_of(fits, data, self.name)

    def given_members(self, data: TrainingData) -> BoolArray | None:
        """Return whom each run has learnt from, shape (R, n), where the runs were made elsewhere.

        Then :meth:`train_each` gives these runs, and no others can be made.
        """
        return None

    def has(self, arm: Arm, known: tuple[Arm, ...] | None = None) -> None:
        """Refuse an arm that the learner has not, of all or of those that are ``known``.

        Raises
        ------
        UsageError
            If it has not.
        """
        arms = self.arms if known is None else known
        if arm not in arms:
            raise UsageError(
                f"learner {self.name!r} has no arm {arm!r}",
                hint=f"it has {', '.join(arms)}",
            )

    def check(self, data: TrainingData) -> None:
        """Raise a ``DataError`` or ``UsageError`` where a condition does not hold."""

    def model(self, data: TrainingData) -> Model | None:
        """Return the form of the parameters of a run, where it is known."""
        return None

    def optimum(self, data: TrainingData) -> FloatArray | None:
        """Return the exact minimiser of the objective without privacy, shape (P,), if there is one.

        Of parameters as :meth:`model` takes them.
        """
        return None

    def expected(self, data: TrainingData, split: Split) -> Expected | None:
        """Return exact means over the noise of what is released, where they are known."""
        return None

    def parameter_noise(self, data: TrainingData) -> float | None:
        """Return s, where what is released is :meth:`optimum` plus N(0, s^2) on each parameter."""
        return None

    def private_step(self, data: TrainingData) -> PrivateStep | None:
        """Return the step of a learner that trains by clipped and noisy gradient steps."""
        return None

    def path(
        self, data: TrainingData, replicates: range, seed: int, steps: Sequence[int]
    ) -> FloatArray | None:
        """Return the parameters of each replicate after so many :meth:`private_step`, (T, R, P).

        With the random numbers of :meth:`train`, so that the last step gives what it returns.
        """
        return None

    def privacy(self, data: TrainingData) -> Guarantee:
        """Return what a released model promises; by default nothing."""
        return Guarantee(neighbours="replace", epsilon=math.inf)

    def counted(self, data: TrainingData) -> tuple[str, ...]:
        """Return every query that :meth:`privacy` counts, as sentences without a full stop."""
        return ()

    def diagnostics(self, data: TrainingData, runs: Runs) -> Mapping[str, Estimate]:
        """Return what the learner knows of its runs beyond losses, by quantity.

        Scalars, or one value of each group of ``data.names``.
        """
        return {}
