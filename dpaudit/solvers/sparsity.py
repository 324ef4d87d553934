"""When noise biases a sparse table more than suppression does.

Clipped noise adds to every cell and most to empty ones; suppression takes from the small cells
and leaves empty ones alone. Which is worse depends on the share of empty cells. All sums are
closed forms: the plug-in L1 norm of a simulated mean is biased upwards, because noise around a
bias of zero is counted as bias.

References
----------
METHODS-attacks 1 (derived for this project).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.solvers.keeping import kept

_FINEST = 4e-16
_LOG_RANGE = 600.0


def clipped_bias(counts: FloatArray, noise: Noise, empty_share: float | None = None) -> float:
    """Return the sum of biases of ``max(0, x + X)`` over the cells of a table, persons.

    Every bias is positive, so that this is the L1 norm and what the total is inflated by.

    Parameters
    ----------
    counts
        True counts, shape (n,).
    noise
        The noise X of every cell.
    empty_share
        p_z in [0, 1): the share of empty cells to reckon with. Without it the empty cells of
        ``counts`` are counted.

    Raises
    ------
    UsageError
        If the share is out of range.
    """
    filled = counts[counts > 0]
    empty: float = float(counts.size - filled.size)
    if empty_share is not None:
        empty = filled.size * _odds(empty_share)
    return float(noise.excess(-filled).sum()) + empty * _at_zero(noise)


def suppression_bias(counts: FloatArray, threshold: float, fill: float = 0.0) -> float:
    """Return the sum of biases of threshold suppression, persons: negative where ``fill`` is 0.

    With ``fill = 0`` its size is L_k, the sum of the counts below k: its L1 norm.
    """
    small = counts[(counts > 0) & (counts < threshold)]
    return float((fill - small).sum())


def noisy_suppression_bias(counts: FloatArray, threshold: float, noise: Noise) -> float:
    """Return the sum of biases where the true count is shown if a noisy one reaches k, persons.

    No bias is positive, so that its size is the L1 norm.
    """
    return -float((counts * kept(counts, noise, threshold)[1]).sum())


def crossing_share(counts: FloatArray, noise: Noise, other: float) -> float | None:
    """Return the share of empty cells at which clipped noise is as biased as ``other``.

    Parameters
    ----------
    counts
        True counts, shape (n,); only the m cells that are not empty matter.
    noise
        The noise of every cell.
    other
        L1 norm of the biases of the other release, persons (it leaves empty cells alone).

    Returns
    -------
    float or None
        p_z in [0, 1): with fewer empty cells noise is less biased, with more it is more biased.
        ``None`` where it is more biased even with none.

    Notes
    -----
    The odds are (other - sum of E (-x - X)^+) / (m E (-X)^+). For Laplace noise of scale b =
    1 / epsilon they are (2 epsilon other - S(b)) / m with S(b) = sum of exp(-x / b).
    """
    spare = other - clipped_bias(counts, noise, 0.0)
    each = np.count_nonzero(counts > 0) * _at_zero(noise)
    if spare < 0:
        return None
    return 1.0 if each == 0 else spare / (spare + each)


def crossing_epsilon(
    counts: FloatArray, noise_at: Callable[[float], Noise], other: float
) -> float | None:
    """Return epsilon_0, below which clipped noise is more biased at any share of empty cells.

    Parameters
    ----------
    counts
        True counts, shape (n,); empty cells do not matter.
    noise_at
        The noise of every cell at a budget epsilon; less of it as epsilon grows.
    other
        L1 norm of the biases of the other release, persons.

    Returns
    -------
    float or None
        The root of 2 epsilon other = S(1 / epsilon) for Laplace noise; ``None`` where there is
        none because the other release, or the table, is without bias.
    """
    if other <= 0 or not np.any(counts > 0):
        return None
    low, high = -_LOG_RANGE, _LOG_RANGE
    while high - low > _FINEST * max(1.0, abs(low)):
        middle = 0.5 * (low + high)
        if middle in {low, high}:
            break
        if clipped_bias(counts, noise_at(math.exp(middle)), 0.0) > other:
            low = middle
        else:
            high = middle
    return math.exp(high)


def _at_zero(noise: Noise) -> float:
    return float(np.max(noise.excess(np.zeros(1))))


def _odds(share: float) -> float:
    if not 0 <= share < 1:
        raise UsageError(
            f"empty_share {share!r} is not in [0, 1)", hint="give the share of empty cells"
        )
    return share / (1.0 - share)
