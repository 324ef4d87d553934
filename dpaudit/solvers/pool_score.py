"""The best membership score of a published table, where candidates come from a pool.

N_i candidates are known to belong to cell i if they are in the data at all, each with probability
1/2. Candidates of one cell cannot be told apart, so the best score of each is E[M_i | release] /
N_i, where M_i counts those who are in: no classifier that sees the table alone ranks better.

References
----------
METHODS-attacks 2 (game *pool*; derived for this project).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray

Likelihood = Callable[[FloatArray, FloatArray], FloatArray]
"""From true counts and releases, both (L,), to log densities or log probabilities (L,)."""


def pool_scores(sizes: FloatArray, release: FloatArray, log_likelihood: Likelihood) -> FloatArray:
    """Return the probability of each cell's candidates of being in the data, shape (n,).

    Parameters
    ----------
    sizes
        N_i, candidates in each cell, whole numbers, shape (n,); 0 gives the score 1/2.
    release
        What was published of each cell, persons, shape (n,).
    log_likelihood
        Of a release given a true count, entry by entry; any constant may be left out, and
        -inf says that a count is impossible.

    Returns
    -------
    FloatArray
        In [0, 1], in time and memory proportional to the sum of N_i + 1.

    Raises
    ------
    UsageError
        If sizes are no whole numbers of 0 or more, shapes differ, or no count of some cell is
        possible.

    Examples
    --------
    A count that is printed exactly says how many of the candidates are in:

    >>> exact = lambda count, shown: np.where(count == shown, 0.0, -np.inf)
    >>> pool_scores(np.array([4.0]), np.array([3.0]), exact).tolist()
    [0.75]
    """
    n = np.asarray(sizes, dtype=np.float64)
    if n.shape != release.shape or not ((n >= 0) & (n == np.floor(n)) & np.isfinite(n)).all():
        raise UsageError(
            f"sizes of shape {n.shape} for releases of shape {release.shape}",
            hint="give a whole number of candidates for each released count",
        )
    if not n.size:
        return n
    lengths = n.astype(np.int64) + 1
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    cell = np.repeat(np.arange(n.size), lengths)
    count = (np.arange(cell.size) - starts[cell]).astype(np.float64)
    all_of = n[cell]
    log = -special.gammaln(count + 1.0) - special.gammaln(all_of - count + 1.0)
    log = log + log_likelihood(count, release[cell])
    peak = np.maximum.reduceat(log, starts)
    if not np.isfinite(peak).all():
        where = int(np.flatnonzero(~np.isfinite(peak))[0])
        raise UsageError(
            f"the release {float(release[where])!r} of cell {where} is impossible for 0 to "
            f"{int(n[where])} people",
            hint="check that the likelihood is that of the release",
        )
    weight = np.exp(log - peak[cell])
    mean = np.add.reduceat(weight * count, starts) / np.add.reduceat(weight, starts)
    return np.divide(mean, n, out=np.full(n.shape, 0.5), where=n > 0)
