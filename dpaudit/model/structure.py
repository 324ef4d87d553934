"""What plug-ins declare of themselves beyond numbers: structure, controls and proved bounds."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import attrs

from dpaudit.model.arrays import FloatArray


@attrs.frozen(kw_only=True)
class Bounds:
    """A proved interval: ``low <= quantity <= high``, with the statement that proves it."""

    low: float
    high: float
    statement: str


@attrs.frozen(kw_only=True, eq=False)
class Control:
    """An approximation of a post-processor with an exactly known mean.

    Parameters
    ----------
    mean
        E of the approximation, shape (n,).
    variance
        Its variance per entity (n,) when entities are independent, else ``None``.
    deviation
        From noisy counts (..., n) to the approximation minus its mean, (..., n).
    """

    mean: FloatArray
    variance: FloatArray | None
    deviation: Deviation


class Deviation(Protocol):
    """A function from noisy counts to a zero-mean deviation."""

    def __call__(self, noisy: FloatArray, /) -> FloatArray:
        """Return the deviation, shape (..., n)."""


@attrs.frozen(kw_only=True, eq=False)
class Linear:
    """Structure of a decision that is affine in the counts.

    ``slope``, shape (n,), says that entity i depends on its own count alone, with this slope.
    """

    slope: FloatArray | None = None


@attrs.frozen(kw_only=True, eq=False)
class Proportional:
    """Structure ``total * a_i x_i / sum_j a_j x_j`` (the allotment P^F).

    Parameters
    ----------
    weights
        a, shape (n,), positive, public.
    total
        What is shared, in the unit of the decision.
    """

    weights: FloatArray
    total: float


Structure: TypeAlias = Linear | Proportional

Feasible: TypeAlias = Literal["nearest", "rescaled"] | None
"""``nearest`` is the Euclidean projection on non-negative values with a public sum; ``rescaled``
sets negative values to zero and rescales the others."""
