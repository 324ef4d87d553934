"""How much one person can change a vector of counts."""

from __future__ import annotations

import math
from typing import get_args

from dpaudit.errors import UsageError
from dpaudit.model.spec import Neighbours


def l1_sensitivity(neighbours: Neighbours, cells: int = 1) -> int:
    """Return the largest L1 distance between the counts of neighbouring data sets, persons.

    Parameters
    ----------
    neighbours
        ``add-remove``: one person more or less; ``replace``: one person becomes another.
    cells
        Number of counts that one person may enter (nested counts of one entity).

    Raises
    ------
    UsageError
        If the neighbours are unknown or ``cells`` is below 1.

    Notes
    -----
    A person who enters k counts changes each by 1. A replaced person leaves k counts and may
    enter k others (METHODS-decisions 1).

    Examples
    --------
    >>> l1_sensitivity("add-remove"), l1_sensitivity("replace", cells=3)
    (1, 6)
    """
    if neighbours not in get_args(Neighbours):
        raise UsageError(
            f"neighbours {neighbours!r} are not known",
            hint=f"choose one of {', '.join(get_args(Neighbours))}",
        )
    if cells < 1:
        raise UsageError(
            f"cells {cells!r} is below 1", hint="give the number of counts that a person may enter"
        )
    return 2 * cells if neighbours == "replace" else cells


def l2_sensitivity(neighbours: Neighbours, cells: int = 1) -> float:
    """Return the largest Euclidean distance between the counts of neighbours, persons.

    It is the square root of :func:`l1_sensitivity`, because every count changes by at most 1
    when the counts that are left and those that are entered differ.

    Examples
    --------
    >>> l2_sensitivity("add-remove", cells=4)
    2.0
    """
    return math.sqrt(l1_sensitivity(neighbours, cells))
