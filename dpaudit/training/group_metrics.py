"""How well people of each group are served: shares of right, selected and wrong, and their gaps.

References
----------
Hardt, Price and Srebro (2016), Equality of opportunity in supervised learning, NeurIPS (TPR and FPR
gaps); Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, ICML;
Mittelstadt, Wachter and Russell (2023), The unfairness of fair machine learning, Michigan
Technology Law Review 30 (levelling down); METHODS-learning 1.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.training.records import IntArray, Records, as_classes

_BINS = 10


@attrs.frozen(kw_only=True, eq=False)
class Share:
    """A share of people in every group, under every run.

    Parameters
    ----------
    runs
        Shape (R, A); NaN of a group that ``people`` has none of.
    people
        How many people the share is of, in each group, shape (A,).
    """

    runs: FloatArray
    people: FloatArray

    @property
    def known(self) -> BoolArray:
        """Which groups have anybody that the share is of, shape (A,)."""
        return self.people > 0

    @property
    def means(self) -> FloatArray:
        """The mean over runs, shape (A,)."""
        return self.runs.mean(axis=0)


def shares(predictions: IntArray, records: Records, classes: int) -> Mapping[str, Share]:
    """Return shares of each group by name.

    Parameters
    ----------
    predictions
        The class of every record under every run, shape (R, n).
    classes
        K. With two, class 1 is the one that is selected.

    Returns
    -------
    Mapping
        ``accuracy`` of all; with two classes also ``selection-rate`` of all,
        ``true-positive-rate`` of those with label 1 and ``false-positive-rate`` of those with 0.

    Examples
    --------
    >>> people = Records(inputs=np.ones((4, 1)), labels=[0, 1, 0, 1], groups=[0, 0, 1, 1])
    >>> shares(np.array([[0, 1, 1, 1]]), people, 2)["accuracy"].means.tolist()
    [1.0, 0.5]
    """
    labels = as_classes(records.labels, classes)
    everybody = np.ones(len(records), dtype=np.bool_)
    found = {"accuracy": _share(predictions == labels, everybody, records)}
    if classes == 2:  # noqa: PLR2004 (two classes)
        chosen = predictions == 1
        found["selection-rate"] = _share(chosen, everybody, records)
        found["true-positive-rate"] = _share(chosen, labels == 1, records)
        found["false-positive-rate"] = _share(chosen, labels == 0, records)
    return found


def class_recall(predictions: IntArray, labels: FloatArray, classes: int) -> Share:
    """Return the share of each class that is recognised, shape (R, K)."""
    truth = as_classes(labels, classes)
    of_class = Records(inputs=np.zeros((len(truth), 1)), labels=labels, groups=np.zeros(len(truth)))
    parts = [_share(predictions == truth, truth == k, of_class) for k in range(classes)]
    return Share(
        runs=np.concatenate([part.runs for part in parts], axis=1),
        people=np.concatenate([part.people for part in parts]),
    )


def calibration(chances: FloatArray, records: Records) -> Mapping[str, FloatArray]:
    """Return how far stated chances are from what happens, in every group under every run.

    Parameters
    ----------
    chances
        Shape (R, n, K).

    Returns
    -------
    Mapping
        ``calibration-error``: the mean distance between stated confidence and accuracy over ten
        bins of equal width, shape (R, A). With two classes ``calibration-gap``: the mean chance
        of class 1 minus its share, above 0 where the group is promised too much.
    """
    labels = as_classes(records.labels, chances.shape[2])
    right = (chances.argmax(axis=2) == labels).astype(np.float64)
    confidence = chances.max(axis=2)
    of_bin = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    groups = len(records.sizes)
    place = of_bin + _BINS * records.groups
    size = groups * _BINS
    excess = np.stack(
        [np.bincount(p, weights=c - r, minlength=size) for p, c, r in zip(
            place, confidence, right, strict=True)]
    )  # fmt: skip
    error = np.abs(excess.reshape(-1, groups, _BINS)).sum(axis=2) / records.sizes
    if chances.shape[2] != 2:  # noqa: PLR2004 (two classes)
        return {"calibration-error": error}
    missed = chances[:, :, 1] - labels
    gap = np.stack([records.means(row) for row in missed])
    return {"calibration-error": error, "calibration-gap": gap}


def gaps(runs: FloatArray) -> FloatArray:
    """Return the largest difference between groups of each run, shape (R,), of runs (R, A)."""
    return np.ptp(runs, axis=1)


def levelled_down(before: FloatArray, after: FloatArray, *, better: str = "higher") -> FloatArray:
    """Return by how much each group lost where the gap between groups became smaller.

    Parameters
    ----------
    before, after
        What every group has, shape (A,).
    better
        Whether ``higher`` or ``lower`` is better.

    Returns
    -------
    FloatArray
        Shape (A,), 0 or more; all 0 where the gap did not shrink. A gap that shrinks because
        somebody got worse off is no gain in fairness: it is to be said.

    Examples
    --------
    >>> levelled_down(np.array([0.8, 0.9]), np.array([0.8, 0.85])).round(2).tolist()
    [0.0, 0.05]
    """
    if better not in {"higher", "lower"}:
        raise UsageError(f"better {better!r} is not 'higher' or 'lower'", hint="choose one of both")
    sign = 1.0 if better == "higher" else -1.0
    lost = np.maximum(sign * (before - after), 0.0)
    return lost if np.ptp(after) < np.ptp(before) else np.zeros_like(lost)


def _share(hits: BoolArray, among: BoolArray, records: Records) -> Share:
    people = np.bincount(records.groups[among], minlength=len(records.sizes)).astype(np.float64)
    counted = np.stack(
        [np.bincount(records.groups[among], weights=row[among], minlength=len(people))
         for row in hits.astype(np.float64)]
    )  # fmt: skip
    empty = np.full(counted.shape, np.nan)
    return Share(runs=np.divide(counted, people, out=empty, where=people > 0), people=people)
