"""Teachers on disjoint parts of the people, and what they vote.

References
----------
Papernot, Abadi, Erlingsson, Goodfellow and Talwar (2017), Semi-supervised knowledge transfer for
deep learning from private training data, ICLR (PATE).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import attrs
import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.training.data import TrainingData
from dpaudit.training.erm import fit
from dpaudit.training.linear_models import SoftmaxLoss
from dpaudit.training.pate import VoteNoise
from dpaudit.training.records import IntArray, Records, as_classes

_MOST_STEPS = 50
_ROUNDING = 1e-10


@attrs.frozen(kw_only=True, eq=False)
class Votes:
    """What teachers say of the inputs that the student learns from.

    Parameters
    ----------
    counts
        Votes for each class, shape (m, K), with sum k.
    records
        These inputs with their true labels and groups; only inputs are public.
    """

    counts: FloatArray
    records: Records

    @property
    def teachers(self) -> int:
        """K."""
        return round(float(self.counts[0].sum()))


@runtime_checkable
class Voting(Protocol):
    """A learner that learns from votes: what an audit of votes asks of it."""

    @property
    def teachers(self) -> int:
        """How many teachers vote."""

    @property
    def vote_noise(self) -> VoteNoise:
        """The noise on every count of votes."""

    @property
    def names_winner(self) -> bool:
        """Whether what is released is the class that wins, and not the votes themselves."""

    def votes(self, data: TrainingData, teachers: int | None = None) -> Votes:
        """Return the votes before noise, of as many teachers as it has, or of ``teachers``."""


def parts(records: int, teachers: int) -> list[IntArray]:
    """Return which records each teacher sees: record i belongs to teacher i modulo k.

    Raises
    ------
    UsageError
        If there are fewer than two teachers, or fewer records than teachers.
    """
    if not 2 <= teachers <= records:  # noqa: PLR2004 (one teacher has no vote)
        raise UsageError(
            f"{teachers!r} teachers for {records} records",
            hint="take at least 2, and no more than there are records",
        )
    return [np.arange(t, records, teachers) for t in range(teachers)]


def votes_of(
    inputs: FloatArray, labels: FloatArray, asked: FloatArray, *, classes: int, teachers: int,
    penalty: float,
) -> FloatArray:  # fmt: skip
    """Return the votes of teachers for ``asked`` inputs (m, d), shape (m, K).

    Parameters
    ----------
    inputs, labels
        What the teachers learn from, (n, d) and (n,), each from a part of its own.
    penalty
        lambda of every teacher's regression: logistic with two classes, else softmax.
    """
    chosen = parts(len(inputs), teachers)
    if classes == 2:  # noqa: PLR2004 (two classes)
        thetas = _logistic_teachers(inputs, as_classes(labels, 2), chosen, penalty)
        said = (asked @ thetas.T > 0).astype(np.int64)
    else:
        said = np.stack(
            [_softmax_teacher(inputs[rows], labels[rows], asked, classes, penalty)
             for rows in chosen], axis=1
        )  # fmt: skip
    return np.stack([(said == k).sum(axis=1) for k in range(classes)], axis=1).astype(np.float64)


def _softmax_teacher(
    inputs: FloatArray, labels: FloatArray, asked: FloatArray, classes: int, penalty: float
) -> IntArray:
    model = SoftmaxLoss(features=inputs.shape[1], classes=classes)
    people = Records(inputs=inputs, labels=labels, groups=np.zeros(len(inputs)))
    theta = fit(model, people, penalty, tolerance=_ROUNDING)
    return model.probabilities(theta, asked).argmax(axis=1)


def _logistic_teachers(
    inputs: FloatArray, labels: IntArray, chosen: list[IntArray], penalty: float
) -> FloatArray:
    """Return the exact minimiser of every part, (k, d), by Newton's steps on all at once.

    A part that is shorter than the longest is filled up with records of weight 0. The steps of
    logistic regression with ||x|| <= 1 and a penalty converge undamped from 0 in practice; where
    one does not, the general solver is asked.
    """
    width = max(map(len, chosen))
    rows = np.stack([np.resize(part, width) for part in chosen])
    weights = np.stack([(np.arange(width) < len(part)) / len(part) for part in chosen])
    x, y = inputs[rows], labels[rows]
    theta = np.zeros((len(chosen), inputs.shape[1]))
    ridge = penalty * np.eye(inputs.shape[1])
    worst = np.full(len(chosen), np.inf)
    for _ in range(_MOST_STEPS):
        chance = special.expit(np.einsum("knd,kd->kn", x, theta))
        gradient = np.einsum("kn,knd->kd", weights * (chance - y), x) + penalty * theta
        worst = np.linalg.norm(gradient, axis=1)
        if worst.max() <= _ROUNDING:
            break
        scaled = x * (weights * chance * (1.0 - chance))[:, :, None]
        theta -= np.linalg.solve(x.transpose(0, 2, 1) @ scaled + ridge, gradient[:, :, None])[
            ..., 0
        ]
    for late in np.flatnonzero(~(worst <= _ROUNDING)):
        theta[late] = _alone(inputs[chosen[late]], labels[chosen[late]], penalty)
    return theta


def _alone(inputs: FloatArray, labels: IntArray, penalty: float) -> FloatArray:
    from dpaudit.training.linear_models import LogisticLoss

    people = Records(inputs=inputs, labels=labels, groups=np.zeros(len(inputs)))
    return fit(LogisticLoss(features=inputs.shape[1]), people, penalty, tolerance=_ROUNDING)
