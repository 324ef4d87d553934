"""The largest of a row, with ties settled by a public column or shared equally."""

from __future__ import annotations

import numpy as np

import dpaudit
from dpaudit import FloatArray


def share_of_largest(
    values: FloatArray, wanted: np.ndarray, settle: FloatArray | None = None
) -> FloatArray:
    """Return what each entry gets of the places of the largest in its row.

    Parameters
    ----------
    values
        Shape (draws, n), compared exactly; none is NaN.
    wanted
        Whole number of places of every row, shape (draws,), from 0 to n.
    settle
        Shape (n,): among equal values the entries with the larger number here come first.

    Returns
    -------
    FloatArray
        Shape (draws, n), from 0 to 1; every row sums to its places. 1 for the entries that are
        ahead; equal entries (in ``values`` and ``settle``) that are too many for the places left
        get equal parts of them: the expected result of a lot. Nothing depends on positions.
    """
    ahead, tied, left = _cut(values, wanted[:, None])
    if settle is not None:
        more, tied, left = _cut(np.where(tied, settle, -np.inf), left)
        ahead |= more
    part: FloatArray = ahead + tied * (left / tied.sum(axis=-1, keepdims=True))
    return part


def _cut(values: FloatArray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which are ahead of the last place, which are level with it, and places left for them.

    Without any place nobody is ahead, and the largest share none.
    """
    ranked = -np.sort(-values, axis=-1)
    last = np.take_along_axis(ranked, np.maximum(wanted - 1, 0), axis=-1)
    ahead = values > last
    return ahead, values == last, wanted - ahead.sum(axis=-1, keepdims=True)


def settling(name: str, column: object, n: int) -> FloatArray | None:
    """Return the column that settles ties as numbers, shape (n,), checked; ``None`` without one.

    Raises
    ------
    UsageError
        If the column is not filled in.
    DataError
        If it is not one finite number for each of ``n`` entities.
    """
    if column is None:
        return None
    if isinstance(column, str):
        raise dpaudit.UsageError(
            f"{name}: the column {column!r} is not filled in",
            hint="give an array, or let an audit fill in the column of its data",
        )
    values = np.asarray(column)
    if values.dtype.kind not in "biuf":
        raise dpaudit.DataError(
            f"{name}: {str(values.flat[0])!r} is not a number",
            hint="name a column of numbers; the larger number comes first",
        )
    if values.shape != (n,):
        raise dpaudit.DataError(
            f"{name}: shape {values.shape} for {n} entities", hint="give one number for each entity"
        )
    wrong = ~np.isfinite(values)
    if wrong.any():
        entity = int(np.flatnonzero(wrong)[0])
        raise dpaudit.DataError(
            f"{name}: {float(values[entity])!r} (entity {entity + 1}) is not finite",
            hint="give every entity a number",
        )
    return values.astype(np.float64)
