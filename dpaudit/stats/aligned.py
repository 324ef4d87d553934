"""Merges parts as they come, along the tree that :func:`merge_tree` would build of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

import attrs

from dpaudit.stats.moments import Mergeable

T = TypeVar("T", bound=Mergeable)


@attrs.frozen
class Node(Generic[T]):
    """The merged leaves ``index * 2**level`` to ``(index + 1) * 2**level - 1``."""

    level: int
    index: int
    part: T


class Aligned(Generic[T]):
    """A binary tree aligned at powers of two, in which siblings merge as soon as both are there.

    The order of every sum depends on the position of its parts alone, never on when they came or
    how they were cut into pieces. Leaves that come in order leave at most log2(N) + 1 nodes.

    Parameters
    ----------
    nodes
        What is there from the start.

    Examples
    --------
    >>> tree = Aligned()
    >>> for index in (2, 0, 1):
    ...     tree.add(Node(0, index, index + 0.5))
    >>> [(node.level, node.index) for node in tree.nodes()]
    [(1, 0), (0, 2)]
    >>> tree.total()
    4.5
    """

    def __init__(self, nodes: Iterable[Node[T]] = ()) -> None:
        self._parts: dict[tuple[int, int], T] = {}
        for node in nodes:
            self.add(node)

    def add(self, node: Node[T]) -> None:
        """Put a part where it belongs, and merge it with its siblings."""
        level, index, part = node.level, node.index, node.part
        while (level, index ^ 1) in self._parts:
            sibling = self._parts.pop((level, index ^ 1))
            part = sibling + part if index & 1 else part + sibling
            level, index = level + 1, index >> 1
        self._parts[level, index] = part

    def nodes(self) -> tuple[Node[T], ...]:
        """Return what is merged so far, in the order of the leaves."""
        places = sorted(self._parts, key=lambda place: place[1] << place[0])
        return tuple(Node(*place, self._parts[place]) for place in places)

    def total(self) -> T:
        """Return the merged leaves 0 to N - 1, equal in every bit to ``merge_tree``.

        Raises
        ------
        ValueError
            If there is no leaf.
        """
        if not self._parts:
            raise ValueError("an aligned tree without leaves has no total")
        parts = [node.part for node in self.nodes()]
        total = parts.pop()
        while parts:
            total = parts.pop() + total
        return total
