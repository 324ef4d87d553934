"""What removing weights does to each group, and how well it is predicted.

References
----------
Tran, Fioretto, Kim and Naidu (2022), Pruning has a disparate impact on model accuracy, NeurIPS,
Theorem 1; METHODS-learning 6.
"""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.training.models import (
    Model,
    group_gradients,
    group_largest_eigenvalues,
    group_losses,
)
from dpaudit.training.records import IntArray, Records


@attrs.frozen(kw_only=True, eq=False)
class PruningLoss:
    """What pruning does to every group, each of shape (A,), in the unit of the loss.

    Parameters
    ----------
    excess
        R(a) = J(pruned; D_a) - J(theta; D_a).
    first, second
        g_a . d and d' H_a d / 2 with d = pruned - theta: their sum predicts ``excess``.
    gradient_norms, largest_eigenvalues
        Of the mean loss of each group at theta.
    bound
        Theorem 1: ||g_a|| ||d|| + lambda_max(H_a) ||d||^2 / 2, measured to be 290 to 7,700 times
        too large: a footnote, not a prediction.
    """

    excess: FloatArray
    first: FloatArray
    second: FloatArray
    gradient_norms: FloatArray
    largest_eigenvalues: FloatArray
    bound: FloatArray

    @property
    def largest_difference(self) -> float:
        """The largest |R(a) - R(b)|, xi."""
        return float(np.ptp(self.excess))


def pruned_by_magnitude(theta: FloatArray, prunable: BoolArray, rate: float) -> FloatArray:
    """Return ``theta`` (P,) with the smallest of its ``prunable`` entries set to 0.

    Parameters
    ----------
    rate
        Share of the prunable entries that go, in [0, 1]; rounded to a whole number of them, as
        torch does. Of equal ones the earlier goes first.
    """
    if not 0 <= rate <= 1:
        raise UsageError(f"rate {rate!r} is not in [0, 1]", hint="give the share to remove")
    places = np.flatnonzero(prunable)
    order = np.argsort(np.abs(theta[places]), kind="stable")
    pruned = theta.copy()
    pruned[places[order[: round(rate * len(places))]]] = 0.0
    return pruned


def pruning_loss(
    model: Model, theta: FloatArray, pruned: FloatArray, records: Records
) -> PruningLoss:
    """Return what replacing ``theta`` by ``pruned`` does to each group, and its predictions."""
    moved = pruned - theta
    gradients = group_gradients(model, theta, records)
    groups = range(len(records.sizes))
    second = np.array(
        [0.5 * moved @ model.product(theta, *records.members(a), moved) for a in groups]
    )
    norms, largest = (
        np.linalg.norm(gradients, axis=1),
        group_largest_eigenvalues(model, theta, records),
    )
    length = float(np.linalg.norm(moved))
    return PruningLoss(
        excess=group_losses(model, pruned, records) - group_losses(model, theta, records),
        first=gradients @ moved,
        second=second,
        gradient_norms=norms,
        largest_eigenvalues=largest,
        bound=norms * length + 0.5 * largest * length**2,
    )


def flipped(before: IntArray, after: IntArray, classes: int) -> BoolArray:
    """Return which records another class is likeliest for after pruning, shape (n,).

    Parameters
    ----------
    before, after
        The class of every record under every run, shape (R, n): the likeliest is the one that
        most runs name, of equally many the first (pruning identified exemplars).
    classes
        K.

    Examples
    --------
    >>> flipped(np.array([[0, 1], [0, 1], [1, 1]]), np.array([[0, 0], [1, 0], [0, 1]]), 2).tolist()
    [False, True]
    """
    return _likeliest(before, classes) != _likeliest(after, classes)


def rank_correlation(left: FloatArray, right: FloatArray) -> float | None:
    """Return Spearman's rank correlation of values (A,), ``None`` where there is none.

    It needs three values, and two that differ on either side. Equal values share their rank.

    Examples
    --------
    >>> rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 15.0]))
    0.5
    """
    if len(left) < 3 or not np.ptp(left) or not np.ptp(right):  # noqa: PLR2004 (two always agree)
        return None
    ranks = [_ranks(values) - (len(values) - 1) / 2.0 for values in (left, right)]
    scale = float(np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1])))
    return float(ranks[0] @ ranks[1]) / scale


def _ranks(values: FloatArray) -> FloatArray:
    below = (values[:, None] > values).sum(axis=1)
    return below + ((values[:, None] == values).sum(axis=1) - 1) / 2.0


def _likeliest(said: IntArray, classes: int) -> IntArray:
    return np.stack([(said == k).sum(axis=0) for k in range(classes)]).argmax(axis=0)
