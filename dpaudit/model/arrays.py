"""The array types that every signature shares."""

from __future__ import annotations

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


def frozen_floats(values: ArrayLike) -> FloatArray:
    """Return ``values`` as a float64 array that cannot be written to."""
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array
