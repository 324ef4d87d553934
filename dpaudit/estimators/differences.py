"""Second-order bias of a black box, by central second differences that state their error.

With steps of t standard deviations, h_j = t sd_j,

    D_t = sum_j (P(x + h_j e_j) - 2 P(x) + P(x - h_j e_j)) / (2 t^2)
        = 1/2 sum_j v_j d_jj P + t^2 / 24 sum_j v_j^2 d_jjjj P + O(t^4).

Two steps give Richardson's extrapolation and its error; where they disagree the step is halved
again. A kink within reach of every step makes the differences grow instead of settle: there
is no second derivative, and the entity is named as one without.

References
----------
METHODS-decisions 3.1 and 3.5; PERFORMANCE W4. Richardson (1911), The approximate arithmetical
solution by finite differences of physical problems, Phil. Trans. R. Soc. A 210.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.errors import UsageError
from dpaudit.estimators.room import require
from dpaudit.model.arrays import BoolArray, FloatArray, keep_freed_memory

Outcome = Callable[[FloatArray], FloatArray]
"""From what is measured (draws, m) to outcomes (draws, n)."""

MOST_WORK = 2**30
"""Outcomes of single entities that may be evaluated: some seconds of a vectorised decision."""

_CHUNK = 2**17
"""Numbers that are evaluated at once: what a processor's cache holds."""

_MOST_ROWS = 64
_OF_INPUTS, _OF_OUTPUTS, _SINGLE = 3, 5, 8
"""Arrays of a chunk: points, and what a rule makes of them; differences, outcomes and theirs.
Beside them arrays of one outcome each: two steps and their error."""

_HALVINGS = 6
_SETTLED = 1e-3
"""Two steps agree if they differ by less than this share of the second differences' sizes."""

_CAUTION = 3.0
"""Times what the last halving changed: enough for a kink too small to be told from curvature."""

_ROUNDING = 2.0 * np.finfo(np.float64).eps
"""Rounding error of one second difference, relative to the outcome."""


@attrs.frozen(kw_only=True, eq=False)
class Differences:
    """Second-order biases (n,) with an estimate of their error, and where they exist."""

    value: FloatArray
    error: FloatArray
    defined: BoolArray


def work_of(inputs: int, outputs: int) -> int:
    """Return how many outcomes of single entities two steps evaluate."""
    return 4 * inputs * outputs


def memory_of(inputs: int, outputs: int) -> float:
    """Return how many bytes the arrays of second differences and of a usual decision take."""
    chunk = _rows(inputs, outputs) * (_OF_INPUTS * inputs + _OF_OUTPUTS * outputs)
    return 8.0 * (chunk + _SINGLE * outputs)


def _rows(inputs: int, outputs: int) -> int:
    """Return how many draws are evaluated at once."""
    return min(max(_CHUNK // max(inputs, outputs), 1), _MOST_ROWS)


def second_differences(
    outcome: Outcome,
    counts: FloatArray,
    variance: FloatArray,
    *,
    most_work: int = MOST_WORK,
    memory_limit: float | None = None,
) -> Differences:
    """Return 1/2 sum_j v_j d^2 P_i / dx_j^2 of a black box.

    Parameters
    ----------
    outcome
        P, from (draws, m) to (draws, n), in the unit of the decision.
    counts
        x, shape (m,), persons.
    variance
        v, shape (m,), persons squared. What has none is not moved.
    most_work
        The largest number of outcomes of single entities that may be evaluated.
    memory_limit
        Bytes that they may need, by default what this machine has.

    Returns
    -------
    Differences
        Shape (n,). The error is an estimate, nine times the usual one of Richardson, plus the
        rounding of the outcomes.

    Raises
    ------
    UsageError
        If two steps would evaluate more than ``most_work``.
    UnavailableError
        If they are predicted to need more than ``memory_limit``: a few megabytes, unless one
        draw alone fills more.
    PluginError
        If the outcome is not finite a standard deviation away from the counts.

    Examples
    --------
    >>> found = second_differences(lambda x: x**2, np.array([3.0, 5.0]), np.array([2.0, 2.0]))
    >>> found.value.round(9), found.defined
    (array([2., 2.]), array([ True,  True]))
    """
    moved = np.flatnonzero(variance > 0)
    centre = outcome(counts[None, :])[0]
    work = work_of(moved.size, centre.size)
    if work > most_work:
        raise UsageError(
            f"second differences of {moved.size:,} counts and {centre.size:,} outcomes need "
            f"{work:.2g} evaluations, more than {most_work:.2g}",
            hint="give the decision a closed form (its curvature method), or audit fewer entities",
        )
    require(
        f"second differences of {moved.size:,} counts and {centre.size:,} outcomes",
        memory_of(counts.size, centre.size),
        memory_limit,
    )
    if not moved.size:
        nothing = np.zeros_like(centre)
        return Differences(value=nothing, error=nothing, defined=np.ones(nothing.shape, np.bool_))
    keep_freed_memory()
    box = _Box(outcome, centre, counts, moved, np.sqrt(variance[moved]))
    rounding = _ROUNDING * moved.size * np.abs(centre)
    halvings = min(_HALVINGS, max(1, 2 * most_work // work - 1))
    return _refined(box, rounding, int(halvings))


def _refined(box: _Box, rounding: FloatArray, halvings: int) -> Differences:
    """Halve the step until the differences settle, or until it may not be halved again."""
    # The sum of the sizes of the second differences, which do not cancel in it.
    scale = np.zeros_like(rounding)
    step, value = 1.0, box.differences(1.0, scale)
    gap = np.full_like(value, np.nan)
    for _ in range(halvings):
        step /= 2.0
        finer, before, noise = box.differences(step), gap, rounding / step**2
        gap = np.abs(finer - value)
        extrapolated, value = finer + (finer - value) / 3.0, finer
        # The gap of a smooth outcome falls fourfold; at a kink it doubles.
        settled = (gap <= _SETTLED * scale + noise) | (gap <= 0.5 * before + noise)
        if settled.all():
            break
    # What overflows says nothing.
    error = _CAUTION * gap + noise
    defined = settled & np.isfinite(extrapolated) & np.isfinite(error)
    return Differences(
        value=np.where(defined, extrapolated, 0.0),
        error=np.where(defined, error, 0.0),
        defined=defined,
    )


@attrs.frozen(eq=False)
class _Box:
    """A black box around one point: ``spread`` (moved,) is the standard deviation of the noise."""

    outcome: Outcome
    centre: FloatArray
    counts: FloatArray
    moved: NDArray[np.intp]
    spread: FloatArray

    def differences(self, t: float, sizes: FloatArray | None = None) -> FloatArray:
        """Return D_t, shape (n,); the sum of the sizes of its terms is added to ``sizes``."""
        counts, centre = self.counts, self.centre
        rows = _rows(counts.size, centre.size)
        points, (scratch, other) = np.tile(counts, (rows, 1)), np.empty((2, rows, centre.size))
        total, unit = np.zeros_like(centre), 1.0 / (2.0 * t * t)
        for start in range(0, self.moved.size, rows):
            columns, by = self.moved[start : start + rows], t * self.spread[start : start + rows]
            index = np.arange(columns.size)
            given, second = points[: columns.size], scratch[: columns.size]
            given[index, columns] = counts[columns] + by
            np.subtract(self.outcome(given), centre, out=second)
            given[index, columns] = counts[columns] - by
            np.subtract(self.outcome(given), centre, out=other[: columns.size])
            second += other[: columns.size]
            given[index, columns] = counts[columns]
            total += second.sum(axis=0)
            if sizes is not None:
                sizes += unit * np.abs(second, out=second).sum(axis=0)
        return unit * total
