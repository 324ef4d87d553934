"""Rankings of candidates by a score: ROC curves, areas, and rates at few false alarms.

Candidates come in cells whose members share one score, so a ranking is a table of scores with
how many candidates of each are in the data and how many are not. Ties are broken at random:
between the corners of a curve its chord is meant, and a tied pair counts half in the area.

References
----------
Fawcett (2006), An introduction to ROC analysis, Pattern Recognition Letters 27(8). Hanley and
McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143(1).
"""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray

_AT_ONCE = 4_000_000
"""Numbers that are worked on at once."""

FEWEST = {0.001: 3000, 0.01: 300}
"""How many non-members it takes to speak of a rate of true alarms at so few false ones."""


@attrs.frozen(kw_only=True, eq=False)
class Ranking:
    """Scores in falling order, ties together.

    Parameters
    ----------
    block
        Which run of equal scores each cell is in, 0 for the highest, shape (n,).
    members, others
        Candidates of each cell that are in the data and that are not, shape (n,).
    """

    block: np.ndarray
    members: FloatArray
    others: FloatArray

    @classmethod
    def of(cls, scores: FloatArray, members: FloatArray, others: FloatArray) -> Ranking:
        """Rank cells by ``scores`` (n,), the highest first.

        Examples
        --------
        >>> made = Ranking.of(np.array([0.9, 0.1]), np.array([3.0, 1.0]), np.array([1.0, 3.0]))
        >>> made.auc, float(made.tpr(np.array([0.25]))[0])
        (0.75, 0.75)
        """
        _, inverse = np.unique(-scores, return_inverse=True)
        return cls(block=inverse.reshape(-1), members=members, others=others)

    @property
    def auc(self) -> float:
        """P(a member is ranked above another), ties counting half; NaN without either."""
        return float(self.aucs(np.zeros((1, self.block.size), dtype=np.intp), 1)[0, 0])

    def aucs(self, labels: np.ndarray, count: int) -> FloatArray:
        """Return the area within each of ``count`` groups, shape (p, count).

        Parameters
        ----------
        labels
            The group of each cell, p times over, shape (p, n).

        Returns
        -------
        FloatArray
            NaN for a group without members or without others.
        """
        some = np.flatnonzero(self.members + self.others > 0)
        kept = self.within(some)
        step = max(1, _AT_ONCE // max(1, count * kept.blocks))
        rows = [
            kept._aucs(labels[first : first + step, some], count)  # noqa: SLF001 - of this class
            for first in range(0, labels.shape[0], step)
        ]
        return np.concatenate(rows)

    def _aucs(self, labels: np.ndarray, count: int) -> FloatArray:
        rows, blocks = labels.shape[0], self.blocks
        at = (labels * blocks + self.block + count * blocks * np.arange(rows)[:, None]).ravel()
        inside, outside = (
            np.bincount(
                at, np.broadcast_to(weight, labels.shape).ravel(), rows * count * blocks
            ).reshape(rows, count, blocks)
            for weight in (self.members, self.others)
        )
        below = outside.sum(axis=-1, keepdims=True) - np.cumsum(outside, axis=-1) + 0.5 * outside
        pairs = inside.sum(axis=-1) * outside.sum(axis=-1)
        area = (inside * below).sum(axis=-1)
        return np.divide(area, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)

    @property
    def blocks(self) -> int:
        """How many different scores there are."""
        return int(self.block.max(initial=0)) + 1

    def tpr(self, fpr: FloatArray) -> FloatArray:
        """Return the rate of true alarms at rates of false ones, ties broken at random.

        NaN without members or without others.
        """
        inside, outside = (
            np.concatenate([[0.0], np.cumsum(np.bincount(self.block, w, self.blocks))])
            for w in (self.members, self.others)
        )
        if inside[-1] <= 0 or outside[-1] <= 0:
            return np.full(np.shape(fpr), np.nan)
        x, y = outside / outside[-1], inside / inside[-1]
        # At a vertical piece the upper end counts: no false alarm is spent on it.
        last = np.append(np.diff(x) > 0, [True])
        return np.interp(fpr, x[last], y[last])

    def within(self, keep: np.ndarray) -> Ranking:
        """Return the ranking of the cells at ``keep``."""
        _, block = np.unique(self.block[keep], return_inverse=True)
        return Ranking(
            block=block.reshape(-1), members=self.members[keep], others=self.others[keep]
        )


def top(scores: FloatArray, candidates: FloatArray, count: float) -> FloatArray:
    """Return how many candidates of each cell are among the first ``count`` by score, shape (n,).

    Of equal scores every cell gives the same share of its candidates.

    Examples
    --------
    >>> top(np.array([0.9, 0.5, 0.5, 0.1]), np.array([2.0, 4.0, 2.0, 9.0]), 5.0).tolist()
    [2.0, 2.0, 1.0, 0.0]
    """
    _, block = np.unique(-scores, return_inverse=True)
    sizes = np.bincount(block.reshape(-1), candidates)
    before = np.cumsum(sizes) - sizes
    taken = np.clip(count - before, 0.0, sizes)
    share = np.divide(taken, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    return candidates * share[block.reshape(-1)]


def estimable(others: float) -> tuple[float, ...]:
    """Return the rates of false alarms at which so many non-members say anything.

    Examples
    --------
    >>> estimable(400.0)
    (0.01,)
    """
    return tuple(rate for rate, least in FEWEST.items() if others >= least)
