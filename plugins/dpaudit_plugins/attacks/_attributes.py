"""Tables as rows of what is known by columns of what is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import dpaudit
from dpaudit import FloatArray


def known_codes(public: dpaudit.Public, names: Sequence[str], who: str) -> np.ndarray:
    """Return the number of each cell's combination of ``names``, shape (n,).

    Raises
    ------
    SpecError
        If the data are no table, or an attribute is not one of it.
    """
    domain = public.domain
    if domain is None or not set(names) <= set(domain.names):
        known = () if domain is None else domain.names
        raise dpaudit.SpecError(
            f"attack {who!r}: the table has no attributes {', '.join(names)}",
            hint=f"its attributes are {', '.join(known)}",
        )
    axes = [domain.names.index(name) for name in names]
    places = np.unravel_index(np.arange(domain.size), domain.shape)
    shape = tuple(domain.shape[axis] for axis in axes)
    if not axes:
        return np.zeros(domain.size, dtype=np.intp)
    return np.asarray(np.ravel_multi_index([places[axis] for axis in axes], shape))


def summed(values: FloatArray, codes: np.ndarray) -> FloatArray:
    """Return the sums of ``values`` over equal codes, one for each code."""
    return np.asarray(np.bincount(codes, values), dtype=np.float64)
