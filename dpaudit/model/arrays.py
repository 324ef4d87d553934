"""The array types that every signature shares."""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray: TypeAlias = NDArray[np.float64]
"""Real numbers: counts, noise, outcomes."""

ComplexArray: TypeAlias = NDArray[np.complex128]
"""Values of characteristic functions."""

BoolArray: TypeAlias = NDArray[np.bool_]
"""Marks on entities."""

ColumnArray: TypeAlias = NDArray[Any]
"""One column of the data: numbers (float64) or text (``str``)."""


_LARGE = 2**21
"""Numbers of an array larger than any that is made again and again: 16 MB."""


@functools.cache
def keep_freed_memory() -> None:
    """Let this process make arrays from memory that it has freed, not from new pages.

    Unasked, the C library of Linux hands an array of a few hundred kilobytes back to the system
    when it is freed, and the next one pays for as many new, zeroed pages: three quarters of the
    time of work in chunks that fit the cache. It stops doing so for sizes below the largest that
    was ever freed, so one large array is made and freed, of which no page is touched, once for a
    process. Elsewhere this does nothing.
    """
    np.empty(_LARGE)


def frozen_floats(values: ArrayLike) -> FloatArray:
    """Return ``values`` as a float64 array that cannot be written to."""
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array
