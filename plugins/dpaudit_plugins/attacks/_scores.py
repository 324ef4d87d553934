"""Scores of membership that several attacks share."""

from __future__ import annotations

import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers.pool_score import pool_scores


def printed_counts(target: dpaudit.Target) -> FloatArray:
    """Return what was printed of each cell, symbols taken for nobody, shape (n,)."""
    return target.released


def best_scores(target: dpaudit.Target) -> FloatArray:
    """Return E[M | printed] / N of each cell of a pool, or printed over N without a law, (n,)."""
    public = target.public
    sizes = np.asarray(public.sizes, dtype=np.float64)
    if public.law is None:
        return np.minimum(target.released / np.maximum(sizes, 1.0), 1.0)
    law, cells = public.law, np.flatnonzero(sizes > 0)
    owner = np.repeat(cells, sizes[cells].astype(np.int64) + 1)
    made = np.full(sizes.shape, 0.5)
    made[cells] = pool_scores(
        sizes[cells], target.printed[cells], lambda counts, shown: law(counts, shown, owner)
    )
    return made
