"""What authors of a learner test it with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dpaudit.interfaces.learner import Learner
from dpaudit.model.arrays import FloatArray
from dpaudit.testing.faults import Fault, refuse, uses_global_state
from dpaudit.training.data import TrainingData
from dpaudit.training.records import Records

_PEOPLE = 60
_RUNS = 2


def check_learner(learner: Learner, *, seed: int = 0) -> None:
    """Raise if a learner does not do what every learner has to.

    On 60 people of two groups and two classes, in every arm that it has: finite losses, the same
    runs for the same seed however they are cut into blocks, no draw from a global random state,
    and people left as they were.

    Raises
    ------
    PluginError
        If anything is wrong; the message lists every fault with its next step.
    DataError, UsageError
        If these people do not meet its conditions.

    Examples
    --------
    >>> from dpaudit_plugins.learners.logistic import Logistic
    >>> check_learner(Logistic())
    """
    refuse(learner, learner_faults(learner, seed=seed))


def learner_faults(learner: Learner, *, seed: int = 0) -> tuple[Fault, ...]:
    """Return every fault; parameters as for :func:`check_learner`."""
    learner.check(people())
    return tuple(fault for arm in learner.arms for fault in _of_arm(learner, arm, seed))


def _of_arm(learner: Learner, arm: str, seed: int) -> Iterator[Fault]:
    data = people()

    def losses(replicates: range) -> FloatArray:
        return learner.train(data, replicates, seed, arm).losses()  # type: ignore[arg-type]

    runs = losses(range(_RUNS))
    if not np.all(np.isfinite(runs)):
        yield Fault(f"arm {arm!r}: a loss is not finite", "check the losses of the fitted model")
    apart = np.concatenate([losses(range(r, r + 1)) for r in range(_RUNS)])
    if not np.array_equal(runs, apart):
        yield Fault(
            f"arm {arm!r}: a run depends on the runs beside it, or on nothing that is given",
            "draw run r from the seed and r alone (dpaudit.training.draws.generator)",
        )
    if uses_global_state(lambda: losses(range(1))):
        yield Fault(
            f"arm {arm!r}: it draws from numpy's global random state",
            "use the generator that is passed",
        )
    if not _same(data.train, people().train):
        yield Fault(f"arm {arm!r}: it changes the people that it is given", "copy what it works on")


def _same(one: Records, two: Records) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(two, name))
        for name in ("inputs", "labels", "groups")
    )


def people() -> TrainingData:
    """Return 60 people of two groups, whose class follows from one of two columns and chance."""
    rng = np.random.default_rng(20)
    values = rng.uniform(-0.5, 0.5, (_PEOPLE, 2))
    labels = (values[:, 0] + 0.2 * rng.standard_normal(_PEOPLE) > 0).astype(np.float64)
    return TrainingData(
        train=Records(
            inputs=np.column_stack([values, np.full(_PEOPLE, 0.5)]),
            labels=labels,
            groups=np.arange(_PEOPLE) % 2,
            names=("a", "b"),
        ),
        rows=np.arange(_PEOPLE),
        columns=("one", "two", "constant"),
        classes=("no", "yes"),
        norm_bound=1.0,
        public_scaling=True,
        source="a trial",
        digest="0" * 64,
        status="public",
    )
