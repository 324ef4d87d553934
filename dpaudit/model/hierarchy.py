"""A tree over the entities: districts in counties in states in the nation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray

ROOT = "total"
"""The name of the coarsest level, and of its only node."""


@attrs.frozen(kw_only=True, eq=False)
class Hierarchy:
    """Nodes level by level: the root first, the entities last and in their own order.

    A vector over all nodes has shape (..., N) with N the sum of ``sizes``; the part of a level
    is ``[..., hierarchy.part(level)]``. Every node but an entity has a child.

    Parameters
    ----------
    levels
        Names of the levels, ``total`` first.
    labels
        For each level, what its nodes are called.
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
        n = len(paths[0])
        labels: list[tuple[str, ...]] = [(ROOT,)]
        parents = [np.zeros(0, dtype=np.intp)]
        above = np.zeros(n, dtype=np.intp)
        for depth, column in enumerate(paths):
            if depth == len(paths) - 1:
                labels.append(tuple(column))
                parents.append(above)
                break
            keys = dict.fromkeys(sorted(zip(above.tolist(), column, strict=True)))
            position = {key: i for i, key in enumerate(keys)}
            labels.append(tuple(label for _, label in keys))
            parents.append(np.array([parent for parent, _ in keys], dtype=np.intp))
            above = np.array(
                [position[key] for key in zip(above.tolist(), column, strict=True)], dtype=np.intp
            )
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

    @property
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
        before = sum(self.sizes[:level])
        return slice(before, before + self.sizes[level])

    @property
    def entities(self) -> slice:
        """Where the entities stand in a vector over all nodes."""
        return self.part(self.depth - 1)

    def up(self, level: int, values: FloatArray) -> FloatArray:
        """Return the sums of ``level``'s values over siblings, shape (..., size of level - 1)."""
        ordered = values[..., self._orders[level]]
        sums: FloatArray = np.add.reduceat(ordered, self._starts[level], axis=-1)
        return sums

    def down(self, level: int, values: FloatArray) -> FloatArray:
        """Return for each node of ``level`` the value of its parent, shape (..., its size)."""
        return values[..., self.parents[level]]

    def groups(self, level: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the order that sorts ``level`` by parent, and where each parent's children begin.

        Shapes (size of ``level``,) and (size of the level above,).
        """
        return self._orders[level], self._starts[level]

    def totals(self, counts: FloatArray) -> FloatArray:
        """Return the sums of entity counts (..., n) at every node, shape (..., N)."""
        parts = [counts]
        for level in range(self.depth - 1, 0, -1):
            parts.append(self.up(level, parts[-1]))
        return np.concatenate(parts[::-1], axis=-1)

    def spread(self, by_level: Sequence[float]) -> FloatArray:
        """Return one number for each level at every node, shape (N,)."""
        return np.repeat(np.asarray(by_level, dtype=np.float64), self.sizes)
