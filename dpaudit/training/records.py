"""Training data in groups: inputs, labels and who belongs where."""

from __future__ import annotations

from typing import TypeAlias

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dpaudit.errors import DataError
from dpaudit.model.arrays import BoolArray, FloatArray

IntArray: TypeAlias = NDArray[np.int64]
"""Whole numbers: classes, groups, positions."""


def _numbers(values: ArrayLike) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def _whole(values: ArrayLike) -> IntArray:
    return np.asarray(values, dtype=np.int64)


@attrs.frozen(kw_only=True, eq=False)
class Records:
    """People whose data train a model.

    Parameters
    ----------
    inputs
        x, shape (n, d), scaled with public constants; a constant column where there is a bias.
    labels
        y, shape (n,): a number for squared loss, 0, 1, ... for a class.
    groups
        The group of each record as a whole number 0 ... A - 1, shape (n,).
    names
        What to call each group, A of them; by default its number.

    Raises
    ------
    DataError
        If shapes differ, a value is not finite, or a group has no record.
    """

    inputs: FloatArray = attrs.field(converter=_numbers)
    labels: FloatArray = attrs.field(converter=_numbers)
    groups: IntArray = attrs.field(converter=_whole)
    names: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.inputs.ndim != 2 or not len(self.inputs):  # noqa: PLR2004 (rows and columns)
            raise DataError(
                f"inputs have the shape {self.inputs.shape}", hint="give one row of each record"
            )
        for what in ("labels", "groups"):
            if getattr(self, what).shape != (len(self.inputs),):
                raise DataError(
                    f"{what} have the shape {getattr(self, what).shape}, inputs have "
                    f"{len(self.inputs)} rows",
                    hint="give one of each record",
                )
        for what in ("inputs", "labels"):
            bad = np.argwhere(~np.isfinite(getattr(self, what)))
            if bad.size:
                place = tuple(int(i) for i in bad[0])
                raise DataError(
                    f"{what}{list(place)} is {float(getattr(self, what)[place])!r}",
                    hint="leave the record out or fill the value in before training",
                )
        if self.groups.min() < 0:
            raise DataError(
                f"group {int(self.groups.min())!r} is negative", hint="number the groups from 0"
            )
        empty = np.flatnonzero(self.sizes == 0)
        if empty.size:
            raise DataError(
                f"group {self._name(int(empty[0]))!r} has no record",
                hint="leave the group out, or number the groups without gaps",
            )

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def sizes(self) -> IntArray:
        """The records of each group, shape (A,)."""
        return np.bincount(self.groups, minlength=len(self.names)).astype(np.int64)

    @property
    def shares(self) -> FloatArray:
        """p_a, the share of each group among all records, shape (A,)."""
        return self.sizes / len(self)

    @property
    def squared_norms(self) -> FloatArray:
        """||x||^2 of each record, shape (n,)."""
        return np.einsum("ij,ij->i", self.inputs, self.inputs)

    def means(self, values: FloatArray) -> FloatArray:
        """Return the mean of ``values`` (n, ...) over each group, shape (A, ...)."""
        if values.ndim == 1:
            return np.bincount(self.groups, weights=values, minlength=len(self.names)) / self.sizes
        return np.stack([values[self.groups == a].mean(axis=0) for a in range(len(self.sizes))])

    def of(self, rows: BoolArray) -> Records:
        """Return some of the records, shape (n,); a group without any is left out."""
        present, groups = np.unique(self.groups[rows], return_inverse=True)
        return Records(
            inputs=self.inputs[rows],
            labels=self.labels[rows],
            groups=groups.reshape(-1),
            names=tuple(self._name(int(group)) for group in present),
        )

    def members(self, group: int) -> tuple[FloatArray, FloatArray]:
        """Return inputs and labels of the records in ``group``."""
        chosen = self.groups == group
        return self.inputs[chosen], self.labels[chosen]

    def classes(self, count: int) -> IntArray:
        """Return labels as classes, shape (n,).

        Raises
        ------
        DataError
            If a label is not one of 0 ... ``count`` - 1.
        """
        return as_classes(self.labels, count)

    def _name(self, group: int) -> str:
        return self.names[group] if group < len(self.names) else str(group)


def as_classes(labels: FloatArray, count: int) -> IntArray:
    """Return ``labels`` (n,) as whole numbers below ``count``.

    Raises
    ------
    DataError
        If one is not.

    Examples
    --------
    >>> as_classes(np.array([0.0, 1.0]), 2)
    array([0, 1])
    """
    bad = np.flatnonzero((labels != np.floor(labels)) | (labels < 0) | (labels >= count))
    if bad.size:
        raise DataError(
            f"label {float(labels[bad[0]])!r} of record {int(bad[0])} is not one of 0 ... "
            f"{count - 1}",
            hint="number the classes from 0, or give the model more classes",
        )
    return labels.astype(np.int64)
