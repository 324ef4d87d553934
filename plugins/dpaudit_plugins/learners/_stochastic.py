"""What all learners share that train by DP-SGD: parameters, arms, account and reference."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import BoolArray, FloatArray, Neighbours
from dpaudit.training.accounting import ACCOUNTANTS, Account, Query
from dpaudit.training.calibration import calibrated
from dpaudit.training.models import Model
from dpaudit.training.records import Records
from dpaudit.training.runs import Arm, ModelRuns, Runs
from dpaudit.training.theorem2 import PrivateStep
from dpaudit_plugins.learners._forms import POSITIVE, linear, minimiser, one_hidden_layer
from dpaudit_plugins.learners._together import Together, check_batch

if TYPE_CHECKING:
    from dpaudit.training.dp_sgd import DpSgd

Architecture = Literal["logistic", "softmax", "mlp"]
ARMS: dict[Arm, dict[str, Any]] = {
    "made": {},
    "twin": {"noise_sign": -1},
    "noiseless": {"noise_sign": 0},
    "unclipped": {"clipped": False},
    "unclipped-twin": {"clipped": False, "noise_sign": -1},
    "plain": {"clipped": False, "noise_sign": 0},
}
_WHOLE = attrs.validators.ge(1)
_OPTIONAL = attrs.validators.optional(POSITIVE)


def _known(_: Any, attribute: attrs.Attribute[str], value: str) -> None:
    """Refuse an accountant that gives no upper bound; an attrs validator."""
    if value == "gdp":
        raise ValueError(
            "accountant 'gdp' is a central limit and no upper bound of epsilon: take pld or prv"
        )
    if value not in ACCOUNTANTS:
        raise ValueError(f"{attribute.name} {value!r} is none of {', '.join(ACCOUNTANTS)}")


@functools.lru_cache(maxsize=32)
def _still(trainer: Any, records: Records, replicates: range, seed: int) -> FloatArray:
    """Return runs without noise, once for all budgets: the same array each time."""
    parameters: FloatArray = trainer.train(records, replicates, seed)
    parameters.flags.writeable = False
    return parameters


def dp_sgd(learner: str) -> type[DpSgd]:
    """Return the trainer, of which torch is needed.

    Raises
    ------
    UnavailableError
        If torch is not installed.
    """
    try:
        from dpaudit.training.dp_sgd import DpSgd
    except ImportError as error:
        raise dpaudit.UnavailableError(
            f"learner {learner!r} needs torch, which is not installed",
            hint="pip install 'dpaudit[learn]'",
        ) from error
    return DpSgd


@attrs.frozen(kw_only=True)
class Stochastic(Together):
    """A learner that trains by clipped and noisy gradient steps.

    Parameters
    ----------
    epsilon, delta
        The budget; the noise follows from it.
    noise_multiplier
        sigma, in place of ``epsilon``.
    clip_norm
        C.
    batch, steps, step
        Expected size of a batch, how many of them, and the step size.
    architecture
        ``logistic`` (one logit), ``softmax`` (linear) or ``mlp`` (one hidden layer).
    hidden, activation
        Of ``mlp``.
    neighbours
        ``add-remove``, or ``replace`` (one person changed, which costs about twice as much).
    accountant
        ``pld`` or ``prv``.
    penalty
        lambda of the exact minimiser that is the reference, where there is one: the steps
        themselves have no penalty.
    device
        ``cpu`` or ``cuda``: the draws are the same.
    """

    epsilon: float | None = attrs.field(default=None, validator=_OPTIONAL)
    noise_multiplier: float | None = attrs.field(default=None, validator=_OPTIONAL)
    delta: float = attrs.field(default=1e-5, validator=[POSITIVE, attrs.validators.lt(1.0)])
    clip_norm: float = attrs.field(default=1.0, validator=POSITIVE)
    batch: float = attrs.field(default=256.0, validator=POSITIVE)
    steps: int = attrs.field(default=400, validator=_WHOLE)
    step: float = attrs.field(default=1.0, validator=POSITIVE)
    architecture: Architecture = "logistic"
    hidden: int = attrs.field(default=32, validator=_WHOLE)
    activation: Literal["tanh", "relu"] = "tanh"
    neighbours: Neighbours = "add-remove"
    accountant: str = attrs.field(default="pld", validator=_known)
    penalty: float = attrs.field(default=1e-3, validator=POSITIVE)
    device: Literal["cpu", "cuda"] = "cpu"

    def __attrs_post_init__(self) -> None:
        if (self.epsilon is None) == (self.noise_multiplier is None):
            raise ValueError("give either epsilon or noise_multiplier, and not both")

    @property
    def arms(self) -> tuple[Arm, ...]:
        """All: clipping and noise on and off, and the twin."""
        return tuple(ARMS)

    def train(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, arm: Arm = "made"
    ) -> ModelRuns:
        """Return the runs of ``replicates``, trained together."""
        self.has(arm)
        trainer = self.trainer(data, **ARMS[arm])
        if trainer.noise_sign == 0:  # no budget changes it
            still = attrs.evolve(
                trainer,
                noise_multiplier=1.0,
                clip_norm=trainer.clip_norm if trainer.clipped else 1.0,
            )
            parameters = _still(still, data.train, replicates, seed)
        else:
            parameters = trainer.train(data.train, replicates, seed)
        return ModelRuns(data=data, model=self.model(data), parameters=parameters)

    @property
    def arms_apart(self) -> tuple[Arm, ...]:
        """With protection and without."""
        return ("made", "plain")

    def train_each(
        self,
        data: dpaudit.TrainingData,
        members: BoolArray,
        replicates: range,
        seed: int,
        arm: Arm = "made",
    ) -> Runs:
        """Return runs that learn from people of their own each, trained together if they can be.

        The noise is that of so many people: a part keeps the budget of the whole.
        """
        self.has(arm, self.arms_apart)
        trainer = self.trainer(data.of(members[0]), **ARMS[arm])
        alike = len({int(own.sum()) for own in members}) == 1
        # Of parts that differ in size the noise differs; a rule asks for statistics of one part.
        if arm == "made" and (self.one_by_one or not alike or trainer.rule is not None):
            return super().train_each(data, members, replicates, seed, arm)
        parameters = trainer.train(data.train, replicates, seed, members)
        return ModelRuns(data=data, model=self.model(data), parameters=parameters)

    @property
    def one_by_one(self) -> bool:
        """Whether runs cannot be trained together."""
        return False

    def check(self, data: dpaudit.TrainingData) -> None:
        """Refuse labels and batches that do not fit, and an account without a bound."""
        self.model(data)
        check_batch(self.batch, data)
        self.privacy(data)

    def trainer(self, data: dpaudit.TrainingData, **arm: Any) -> Any:
        """Return what trains: :class:`dpaudit.training.dp_sgd.DpSgd` with these parameters."""
        net = self.architecture == "mlp"
        classes = 1 if self.architecture == "logistic" else len(data.classes)
        return dp_sgd(self.name)(
            sizes=(data.features, *([self.hidden] if net else []), classes),
            batch=self.batch,
            steps=self.steps,
            step=self.step,
            clip_norm=self.clip_norm,
            noise_multiplier=self.multiplier(data),
            activation=self.activation,
            bias=net,
            start="random" if net else "zero",
            device=self.device,
            **arm,
        )

    def multiplier(self, data: dpaudit.TrainingData) -> float:
        """Return sigma: as given, or the least that keeps ``epsilon``."""
        if self.epsilon is None:
            return float(self.noise_multiplier or 0.0)
        return calibrated(
            lambda sigma: self.account(data, sigma), self.epsilon, self.delta, self.accountant
        )

    def account(self, data: dpaudit.TrainingData, multiplier: float) -> Account:
        """Return all that is queried with this noise multiplier."""
        return Account(
            sample_rate=self.batch / len(data.train),
            steps=self.steps,
            each_step=(Query(name="clipped gradients", noise_multiplier=multiplier),
                       *self.statistics(multiplier)),
            neighbours=self.neighbours,
        )  # fmt: skip

    def statistics(self, multiplier: float) -> tuple[Query, ...]:
        """Return what else is asked of every batch, where the gradients have this multiplier."""
        return ()

    def private_step(self, data: dpaudit.TrainingData) -> PrivateStep:
        """Return the step."""
        return PrivateStep(
            step=self.step,
            clip_norm=self.clip_norm,
            noise_multiplier=self.multiplier(data),
            batch=self.batch,
            steps=self.steps,
        )

    def path(
        self, data: dpaudit.TrainingData, replicates: range, seed: int, steps: Sequence[int]
    ) -> FloatArray:
        """Return the parameters of each replicate after so many steps, shape (T, R, P)."""
        trainer = self.trainer(data)
        return np.stack([trainer.after(step, data.train, replicates, seed) for step in steps])

    def privacy(self, data: dpaudit.TrainingData) -> dpaudit.Guarantee:
        """Return what the accountant proves."""
        made = self.account(data, self.multiplier(data))
        return made.guarantee(self.delta, self.accountant)

    def counted(self, data: dpaudit.TrainingData) -> tuple[str, ...]:
        """Return the account in words."""
        multiplier = self.multiplier(data)
        said = self.account(data, multiplier).statement(self.delta, self.accountant)
        return (f"{said}; noise multiplier {multiplier:.4g}",)

    def model(self, data: dpaudit.TrainingData) -> Model:
        """Return the form of the parameters."""
        if self.architecture != "mlp":
            return linear(self.architecture, data)
        return one_hidden_layer(data, self.hidden, self.activation)

    def optimum(self, data: dpaudit.TrainingData) -> FloatArray | None:
        """Return the exact minimiser of a linear model; a net has none."""
        if self.architecture == "mlp":
            return None
        return minimiser(self.model(data), data.train, self.penalty)
