"""Calls a plug-in and holds it to its word: the shape it was given, and finite numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dpaudit.errors import DpauditError, PluginError
from dpaudit.model.arrays import FloatArray


def held(
    name: str,
    call: Callable[[FloatArray], object],
    given: FloatArray,
    *,
    by_row: bool = False,
    shape: tuple[int, ...] | None = None,
    where: str = "",
) -> FloatArray:
    """Return what a plug-in makes of counts or outcomes.

    Parameters
    ----------
    name
        The plug-in as an error names it, such as ``decision 'allotment'``.
    call
        What to call with ``given``, which it can read and not write.
    given
        Shape (n,) or (draws, n), or with more axes behind it.
    by_row
        Whether ``call`` takes one draw at a time.
    shape
        The shape that is wanted, by default that of ``given``.
    where
        What an error adds to the name, such as `` in task 'a / b'``.

    Raises
    ------
    PluginError
        If the plug-in fails, or returns another shape or a number that is not finite.
    """
    given = given.view()
    given.flags.writeable = False
    shape = given.shape if shape is None else shape
    try:
        if by_row:
            made = np.stack([_shaped(name, call(row), shape[1:], where) for row in given])
        else:
            made = _shaped(name, call(given), shape, where)
    except DpauditError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"{name} failed{where}: {type(error).__name__}: {error}", hint=_advice(error)
        ) from error
    if not np.isfinite(made).all():
        bad = made[~np.isfinite(made)][0]
        raise PluginError(
            f"{name} returned {bad}{where}",
            hint="return a finite number for every count: mind zero totals and negative counts",
        )
    return made


def _shaped(name: str, made: object, shape: tuple[int, ...], where: str) -> FloatArray:
    array = np.asarray(made, dtype=np.float64)
    if array.shape != shape:
        raise PluginError(
            f"{name} returned shape {array.shape}{where}",
            hint=f"return one number for each of them, shape {shape}",
        )
    return array


def _advice(error: BaseException) -> str:
    if "read-only" in str(error):
        return "do not write into what is given: make a copy first"
    return "try it by hand on the counts of your data"
