"""What plug-ins declare of themselves beyond numbers: structure, controls and proved bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, Self, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

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


Parts: TypeAlias = tuple[FloatArray, ...]
"""Several values of every entity (..., n), or their sums over groups (..., g)."""


@attrs.frozen(kw_only=True, eq=False)
class Share:
    """Structure ``u_i(x_i) * level_g(sums)`` of an entity i of group g.

    Parameters
    ----------
    own
        From counts (..., n) to one or several values of every entity (..., n), each a function
        of the entity's own count alone; u is the first.
    level
        From the sums of the own values over the groups, (..., g) each, to what one unit of u is
        worth in every group, (..., g), in the unit of the decision.
    breaks
        Where an own value jumps or bends as the count grows, shape (n, k), persons; infinite
        where an entity has fewer than k such places.
    groups
        The group of every entity, from 0, shape (n,); every group has an entity.
    """

    own: Callable[[FloatArray], Parts]
    level: Callable[[Parts], FloatArray]
    breaks: FloatArray
    groups: NDArray[np.intp]


@attrs.frozen(kw_only=True, eq=False)
class Local:
    """Structure of outcomes that follow from own values and their sums alone.

    The outcome is the sum of the terms. Ratable reduction is one: what everybody is due, scaled
    so that it adds up to what there is.

    Parameters
    ----------
    terms
        At least one.
    """

    terms: tuple[Share, ...]

    @classmethod
    def ratable(
        cls, own: Callable[[FloatArray], FloatArray], total: float, breaks: FloatArray
    ) -> Self:
        """Return the structure ``total * own_i / sum_j own_j``, 0 where the sum is.

        Parameters
        ----------
        own
            From counts (..., n) to what everybody is due, (..., n), 0 or more.
        total
            What is shared out, in the unit of the decision.
        breaks
            As in :class:`Share`.
        """

        def level(sums: Parts) -> FloatArray:
            return np.divide(total, sums[0], out=np.zeros_like(sums[0]), where=sums[0] > 0)

        groups = np.zeros(len(breaks), dtype=np.intp)
        term = Share(own=lambda counts: (own(counts),), level=level, breaks=breaks, groups=groups)
        return cls(terms=(term,))


Structure: TypeAlias = Linear | Proportional | Local

Feasible: TypeAlias = Literal["nearest", "rescaled"] | None
"""``nearest`` is the Euclidean projection on non-negative values with a public sum; ``rescaled``
sets negative values to zero and rescales the others."""
