"""Which entities are alike, so that what is found for one holds for the others."""

from __future__ import annotations

from typing import Self

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise


@attrs.frozen(kw_only=True, eq=False)
class Alike:
    """Kinds of entities.

    Parameters
    ----------
    first
        One entity of each kind, shape (k,).
    kind
        The kind of each entity, shape (n,).
    times
        How many entities there are of each kind, shape (k,).
    """

    first: NDArray[np.intp]
    kind: NDArray[np.intp]
    times: FloatArray

    @classmethod
    def of(cls, counts: FloatArray, weights: FloatArray, noise: Noise) -> Self:
        """Tell entities apart by count, weight and parameters of the noise, shape (n,)."""
        n = counts.size
        kind, known = np.zeros(n, dtype=np.intp), 1
        for column in (weights, counts, *noise.parameters(n).T):
            if known < n and np.ptp(column) != 0:
                own, place = np.unique(column, return_inverse=True)
                if known == 1 or own.size == n:
                    kind, known = place.reshape(-1), own.size
                    continue
                own, kind = np.unique(kind * own.size + place.reshape(-1), return_inverse=True)
                kind, known = kind.reshape(-1), own.size
        if known == n:
            return cls(first=np.arange(n), kind=np.arange(n), times=np.ones(n))
        first = np.empty(known, dtype=np.intp)
        first[kind[::-1]] = np.arange(n)[::-1]
        return cls(first=first, kind=kind, times=np.bincount(kind).astype(np.float64))
