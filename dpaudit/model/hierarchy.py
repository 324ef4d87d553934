"""A tree over the entities: districts in counties in states in the nation."""

from __future__ import annotations

import collections
import functools
import itertools
from collections.abc import Sequence
from typing import Self

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.model.arrays import FloatArray

ROOT = "total"
"""The name of the coarsest level, and of its only node."""


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Hierarchy:
    """Nodes level by level: the root first, the entities last and in their own order.

    A vector over all nodes has shape (..., N) with N the sum of ``sizes``; the part of a level
    is ``[..., hierarchy.part(level)]``. Every node but an entity has a child.

    Parameters
    ----------
    levels
        Names of the levels, ``total`` first.
    labels
        For each level, what its nodes are called. Where two nodes of one level would be called
        the same, the label of the parent follows in brackets.
    parents
        For each level, the position within the level above of every node's parent; empty for
        the root.
    """

    levels: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    parents: tuple[np.ndarray, ...]
    _orders: tuple[np.ndarray, ...]
    _starts: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, levels: Sequence[str], paths: Sequence[Sequence[str]]) -> Self:
        """Build the tree of entities whose ancestors are given.

        Parameters
        ----------
        levels
            Names of the levels below the root, coarsest first; the last is that of the entities.
        paths
            One sequence of labels (n) for each level. A node is known by its whole path, so that
            two counties of one name in different states are two nodes.
        """
        labels: list[tuple[str, ...]] = [(ROOT,)]
        parents = [np.zeros(0, dtype=np.intp)]
        above = [0] * len(paths[0])
        for column in paths[:-1]:
            keys = sorted(set(zip(above, column, strict=True)))
            position = {key: i for i, key in enumerate(keys)}
            parents.append(np.array([parent for parent, _ in keys], dtype=np.intp))
            labels.append(_unique([label for _, label in keys], parents[-1], labels[-1]))
            above = [position[key] for key in zip(above, column, strict=True)]
        parents.append(np.array(above, dtype=np.intp))
        labels.append(_unique(paths[-1], parents[-1], labels[-1]))
        orders = tuple(np.argsort(p, kind="stable") for p in parents)
        starts = tuple(
            np.searchsorted(p[order], np.arange(len(labels[depth - 1]))) if depth else p
            for depth, (p, order) in enumerate(zip(parents, orders, strict=True))
        )
        return cls(
            levels=(ROOT, *levels),
            labels=tuple(labels),
            parents=tuple(parents),
            orders=orders,
            starts=starts,
        )

    @staticmethod
    def counts_of(level: str) -> str:
        """Return what a reader calls the counts of a level, as a noun phrase."""
        return "the total of the counts" if level == ROOT else f"the counts of level {level!r}"

    @functools.cached_property
    def sizes(self) -> tuple[int, ...]:
        """The number of nodes of each level."""
        return tuple(len(labels) for labels in self.labels)

    @property
    def size(self) -> int:
        """The number of all nodes, N."""
        return sum(self.sizes)

    @property
    def depth(self) -> int:
        """The number of levels."""
        return len(self.levels)

    def part(self, level: int) -> slice:
        """Return where the nodes of ``level`` stand in a vector over all nodes."""
        return self._parts[level]

    @property
    def entities(self) -> slice:
        """Where the entities stand in a vector over all nodes."""
        return self.part(self.depth - 1)

    @property
    def entity_nodes(self) -> NDArray[np.intp]:
        """The same places as positions, shape (n,)."""
        return np.arange(self.size)[self.entities]

    def up(self, level: int, values: FloatArray) -> FloatArray:
        """Return the sums of ``level``'s values over siblings, shape (..., size of level - 1)."""
        sums: FloatArray = np.add.reduceat(
            self.arranged(level, values), self._starts[level], axis=-1
        )
        return sums

    def down(self, level: int, values: FloatArray) -> FloatArray:
        """Return for each node of ``level`` the value of its parent, shape (..., its size)."""
        return np.take(values, self.parents[level], axis=-1)

    def groups(self, level: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the order that sorts ``level`` by parent, and where each parent's children begin.

        Shapes (size of ``level``,) and (size of the level above,).
        """
        return self._orders[level], self._starts[level]

    def arranged(self, level: int, values: FloatArray) -> FloatArray:
        """Return the values of ``level`` sorted by parent, shape (..., its size)."""
        return values if self._sorted[level] else np.take(values, self._orders[level], axis=-1)

    def restored(self, level: int, values: FloatArray) -> FloatArray:
        """Return values that :meth:`arranged` sorted in the order of the nodes."""
        if self._sorted[level]:
            return values
        left = np.empty_like(values)
        left[..., self._orders[level]] = values
        return left

    def totals(self, counts: FloatArray) -> FloatArray:
        """Return the sums of entity counts (..., n) at every node, shape (..., N)."""
        parts = [counts]
        for level in range(self.depth - 1, 0, -1):
            parts.append(self.up(level, parts[-1]))
        return np.concatenate(parts[::-1], axis=-1)

    def spread(self, by_level: Sequence[float]) -> FloatArray:
        """Return one number for each level at every node, shape (N,)."""
        return np.repeat(np.asarray(by_level, dtype=np.float64), self.sizes)

    @functools.cached_property
    def _parts(self) -> tuple[slice, ...]:
        """Where each level stands in a vector over all nodes."""
        ends = itertools.accumulate(self.sizes)
        return tuple(slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True))

    @functools.cached_property
    def _sorted(self) -> tuple[bool, ...]:
        """For each level, whether siblings stand side by side, in the order of their parents."""
        return tuple(bool((np.diff(parents) >= 0).all()) for parents in self.parents)


def _unique(labels: Sequence[str], parents: np.ndarray, above: Sequence[str]) -> tuple[str, ...]:
    """Return the labels of a level, with the parent's in brackets where two would be the same."""
    seen = collections.Counter(labels)
    return tuple(
        label if seen[label] == 1 else f"{label} ({above[parent]})"
        for label, parent in zip(labels, parents.tolist(), strict=True)
    )
