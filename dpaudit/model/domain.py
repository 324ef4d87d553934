"""The public domain of a table: attributes and the values that each may take."""

from __future__ import annotations

import math

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray


@attrs.frozen(kw_only=True)
class Domain:
    """A contingency table over attributes whose values are known beforehand.

    The cells of the table are the entities, in the order in which the last attribute changes
    fastest. A plain list of n entities is a table over one attribute with n values.

    Parameters
    ----------
    names
        The attributes (k of them).
    values
        For each attribute the values that it may take; they must not come from the people
        counted, for a missing value would say that nobody has it.
    """

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values of each attribute (k)."""
        return tuple(len(values) for values in self.values)

    @property
    def size(self) -> int:
        """The number of cells."""
        return math.prod(self.shape)

    def table(self, counts: FloatArray) -> FloatArray:
        """Return counts of shape (..., size) as a table of shape (..., *shape)."""
        return counts.reshape(*counts.shape[:-1], *self.shape)

    def codes(self, attribute: str) -> np.ndarray:
        """Return the position of each cell's value of ``attribute``, shape (size,)."""
        axis = self.names.index(attribute)
        return np.unravel_index(np.arange(self.size), self.shape)[axis]
