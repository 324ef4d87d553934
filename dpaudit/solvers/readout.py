"""What an attacker gets who takes a published histogram for the records behind it.

The attacker writes down max(0, release) records of each cell. A record is recovered if it can be
matched with one that was written down: min(x, written) of a cell.

References
----------
METHODS-attacks 3 (derived for this project).
"""

from __future__ import annotations

import math

import attrs
import numpy as np

from dpaudit.errors import UsageError
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise


def expected_recovered(counts: FloatArray, noise: Noise) -> FloatArray:
    """Return E min(x, max(0, x + X)) of every cell, persons, shape (n,).

    Parameters
    ----------
    counts
        True counts x, shape (n,), non-negative.
    noise
        X, of mean zero, of every cell.

    Notes
    -----
    x - E (0 - X)^+ + E (-x - X)^+; for Laplace noise of scale b, x - (b/2) (1 - e^(-x/b)).

    Raises
    ------
    UsageError
        If a count is negative or no number.

    Examples
    --------
    >>> from dpaudit.noise.laplace import Laplace
    >>> round(float(expected_recovered(np.array([3.0]), Laplace(1.0))[0]), 6)
    2.524894
    """
    x = _counts(counts)
    return np.asarray(x - noise.excess(np.zeros_like(x)) + noise.excess(-x))


@attrs.frozen(kw_only=True)
class Readout:
    """How good a histogram was as a list of records.

    Parameters
    ----------
    recall
        Share of the true records that were recovered.
    precision
        Share of the written records that are true; 1 if none was written.
    """

    recall: float
    precision: float


def read_out(counts: FloatArray, release: FloatArray) -> Readout:
    """Compare one release, read as records, with the truth.

    Parameters
    ----------
    counts, release
        Persons, shape (n,) each; negative values of the release are read as 0.

    Raises
    ------
    UsageError
        If nobody is in the table, shapes differ, or a value is no number.

    Examples
    --------
    >>> read_out(np.array([8.0, 2.0]), np.array([8.0, 0.0]))
    Readout(recall=0.8, precision=1.0)
    """
    x, written = _counts(counts), np.maximum(release, 0.0)
    if x.shape != written.shape or not np.isfinite(written).all() or not x.any():
        raise UsageError(
            f"a release of shape {written.shape} of {math.fsum(x):g} people in {x.shape} cells",
            hint="give one finite number for each cell of a table that is not empty",
        )
    matched = math.fsum(np.minimum(x, written))
    shown = math.fsum(written)
    return Readout(recall=matched / math.fsum(x), precision=matched / shown if shown else 1.0)


def _counts(counts: FloatArray) -> FloatArray:
    x = np.asarray(counts, dtype=np.float64)
    if not (x >= 0).all() or not np.isfinite(x).all():
        raise UsageError(
            f"counts from {x.min()!r} to {x.max()!r}", hint="give finite counts of 0 or more"
        )
    return x
