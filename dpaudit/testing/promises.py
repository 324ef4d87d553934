"""Whether releases of neighbouring counts tell more than a guarantee allows."""

from __future__ import annotations

import math

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.privacy.black_box import InputPair
from dpaudit.privacy.black_box.sequential import PairAudit
from dpaudit.stats.laws import FALSE_ALARM

MOST = 4_096
"""Pairs of releases that are bet on: as many as find nearly all specimens."""

GRID = 2.0**-20
"""Releases are rounded to it first.

What floating-point arithmetic leaves in the last digits is a fault of nearly every mechanism that
is written in Python; ``dpaudit audit-mechanism`` looks for it, and each mechanism says so itself.
"""


def told_apart(
    ours: FloatArray,
    theirs: FloatArray,
    inputs: tuple[FloatArray, FloatArray],
    epsilon: float,
    delta: float,
) -> str | None:
    """Return what tells releases of neighbouring counts apart better than allowed, if anything.

    Parameters
    ----------
    ours, theirs
        Releases, shape (N, n) each.
    inputs
        The counts that they are of, shape (n,) each.
    epsilon, delta
        What is promised.

    Returns
    -------
    str or None
        Name of the score that saw it; a false alarm has probability 1e-6 at most.
    """

    def nothing(_given: FloatArray, runs: int, _rng: np.random.Generator) -> FloatArray:
        return np.zeros((runs, 1))

    rounded = [np.rint(x / GRID) * GRID for x in (ours, theirs)]
    pair = InputPair(name="neighbours", ours=inputs[0], theirs=inputs[1])
    audit = PairAudit(nothing, pair, np.array([epsilon]), delta)
    most = min(MOST, len(ours))
    while audit.pairs < most:
        size = min(audit.next_round(), most - audit.pairs)
        part = slice(audit.pairs, audit.pairs + size)
        audit.settle(rounded[0][part], rounded[1][part])
        if audit.log_wealth()[0] >= -math.log(FALSE_ALARM):
            return audit.best()
    return None
