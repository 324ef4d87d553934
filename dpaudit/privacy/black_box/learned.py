"""Scores that are fitted to columns of numbers: densities, logistic regression, boosted trees."""

from __future__ import annotations

import math

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.privacy.black_box import keys
from dpaudit.privacy.black_box.features import Features
from dpaudit.privacy.black_box.keys import KeyArray

_RIDGE = 1.0
_NEWTON, _CLOSE = 12, 1e-4
_TREES, _DEPTH, _BINS, _RATE = 12, 3, 16, 0.4
_COLUMNS = 12
"""Columns that trees look at: those most correlated with the side."""

_SAMPLE = 40_000
"""Outputs of each side that a score is fitted to: the latest ones."""

_PRIOR = 4.0
"""Outputs that are worth as much as what both sides have in common."""

_REACH, _FAR, _TINY = 30.0, 1e100, 1e-100


class _Learned:
    """What scores share that are fitted to columns of numbers: the latest outputs, kept."""

    name = ""

    def __init__(self, ours: FloatArray, theirs: FloatArray) -> None:
        self._inputs = (ours, theirs)
        self._features: Features | None = None
        self._rows: list[FloatArray] = []

    def learn(self, ours: FloatArray, theirs: FloatArray) -> None:
        """Fit to the latest outputs of both sides, equally many."""
        if self._features is None:
            self._features = Features.learned(np.concatenate([ours, theirs]), *self._inputs)
        new = [self._read(self._features, side) for side in (ours, theirs)]
        old = self._rows or [rows[:0] for rows in new]
        self._rows = [np.concatenate(both)[-_SAMPLE:] for both in zip(old, new, strict=True)]
        table = np.concatenate(self._rows)
        self._fit(table, np.repeat([1.0, 0.0], [len(rows) for rows in self._rows]))

    def logit(self, outputs: FloatArray) -> FloatArray:
        """Return the fitted score, 0 before anything is known."""
        if self._features is None:
            return np.zeros(len(outputs))
        return self._score(self._read(self._features, outputs))

    @staticmethod
    def _read(features: Features, outputs: FloatArray) -> FloatArray:
        """Return the columns of numbers, shape (n, f)."""
        return features.table(outputs)

    def _fit(self, table: FloatArray, side: FloatArray) -> None:
        raise NotImplementedError

    def _score(self, table: FloatArray) -> FloatArray:
        raise NotImplementedError


class Densities(_Learned):
    """Compares Gaussian and Laplace densities, whichever fit, with each side's place and width.

    With few outputs this is the quickest to learn; what it lacks the others learn later.
    """

    name = "densities"

    def __init__(self, ours: FloatArray, theirs: FloatArray) -> None:
        super().__init__(ours, theirs)
        self._sides: list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]] = []
        self._gaussian = 0.5

    @staticmethod
    def _read(features: Features, outputs: FloatArray) -> FloatArray:
        return features.flagged(outputs)[0]

    def _fit(self, table: FloatArray, side: FloatArray) -> None:
        middle, mean = np.median(table, axis=0), table.mean(axis=0)
        width = np.abs(table - middle).mean(axis=0) + _TINY
        spread = np.square(table - mean).mean(axis=0) + _TINY
        self._sides, better = [], 0.0
        for x in (table[side == 1.0], table[side == 0.0]):
            share = _PRIOR / (_PRIOR + len(x))
            centre = x.mean(axis=0) + share * (mean - x.mean(axis=0))
            place = np.median(x, axis=0) + share * (middle - np.median(x, axis=0))
            square, far = np.square(x - centre).mean(axis=0), np.abs(x - place).mean(axis=0)
            fitted = (
                centre,
                square + share * (spread - square),
                place,
                far + share * (width - far),
            )
            self._sides.append(fitted)
            gaussian, laplace = _densities(x, *fitted)
            better += float((gaussian - laplace).sum())
        self._gaussian = float(_expit(np.array([better]))[0])

    def _score(self, table: FloatArray) -> FloatArray:
        ours, theirs = (_densities(table, *fitted) for fitted in self._sides)
        gaussian, laplace = ours[0] - theirs[0], ours[1] - theirs[1]
        return self._gaussian * gaussian + (1.0 - self._gaussian) * laplace


def _densities(
    x: FloatArray, centre: FloatArray, square: FloatArray, place: FloatArray, width: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the log densities of independent Gaussian and Laplace entries, shape (n,) each."""
    gaussian = -0.5 * (np.square(x - centre) / square + np.log(2.0 * math.pi * square))
    laplace = -np.abs(x - place) / width - np.log(2.0 * width)
    return gaussian.sum(axis=1), laplace.sum(axis=1)


class Logistic(_Learned):
    """Logistic regression with a ridge, fitted by Newton's method on standardised columns."""

    name = "logistic score"

    def __init__(self, ours: FloatArray, theirs: FloatArray) -> None:
        super().__init__(ours, theirs)
        self._weights = np.zeros(0)
        self._centre = self._scale = np.zeros(0)

    def _fit(self, table: FloatArray, side: FloatArray) -> None:
        self._centre = np.median(table, axis=0)
        spread = np.sqrt(np.mean(np.square(np.clip(table - self._centre, -_FAR, _FAR)), axis=0))
        typical = np.median(np.abs(table - self._centre), axis=0)
        self._scale = np.where(typical > 0, 1.5 * typical, np.where(spread > 0, spread, 1.0))
        x = self._standard(table)
        ridge = np.full(x.shape[1], _RIDGE)
        ridge[-1] = 1e-3
        weights = self._weights if self._weights.size == x.shape[1] else np.zeros(x.shape[1])
        for _ in range(_NEWTON):
            chance = _expit(x @ weights)
            slope = x.T @ (side - chance) - ridge * weights
            curve = (x * (chance * (1.0 - chance))[:, None]).T @ x + np.diag(ridge)
            step = np.linalg.solve(curve, slope)
            weights = weights + step * min(1.0, 4.0 / (np.abs(step).max() + 1e-12))
            if np.abs(step).max() < _CLOSE:
                break
        self._weights = weights

    def _score(self, table: FloatArray) -> FloatArray:
        return self._standard(table) @ self._weights

    def _standard(self, table: FloatArray) -> FloatArray:
        x = np.clip((table - self._centre) / self._scale, -_REACH, _REACH)
        return np.concatenate([x, np.ones((len(x), 1))], axis=1)


class Boosted(_Learned):
    """Gradient boosting of small trees on binned columns.

    References
    ----------
    Friedman (2001), Greedy function approximation: a gradient boosting machine, Annals of
    Statistics 29(5). Chen and Guestrin (2016), XGBoost, KDD, equation 7 (the gain of a split).
    """

    name = "boosted score"

    def __init__(self, ours: FloatArray, theirs: FloatArray) -> None:
        super().__init__(ours, theirs)
        self._columns = np.zeros(0, dtype=np.int64)
        self._edges = np.zeros((0, 0))
        self._trees: list[_Tree] = []

    def _fit(self, table: FloatArray, side: FloatArray) -> None:
        self._columns = _screened(table, side)
        self._edges = keys.quantiles(table[:, self._columns], _BINS)
        binned = keys.codes(table[:, self._columns], self._edges)
        score, self._trees = np.zeros(len(table)), []
        for _ in range(_TREES):
            chance = _expit(score)
            tree = _Tree.grown(binned, side - chance, chance * (1.0 - chance))
            self._trees.append(tree)
            score += tree.values[tree.leaves(binned)]

    def _score(self, table: FloatArray) -> FloatArray:
        binned = keys.codes(table[:, self._columns], self._edges)
        score = np.zeros(len(table))
        for tree in self._trees:
            score += tree.values[tree.leaves(binned)]
        return score


class _Tree:
    """A tree whose splits at one depth are all of the same column: quick, and hard to overfit.

    References
    ----------
    Prokhorenkova et al. (2018), CatBoost: unbiased boosting with categorical features, NeurIPS,
    section 5 (oblivious trees).
    """

    def __init__(self) -> None:
        self.columns: list[int] = []
        self.cuts: list[int] = []
        self.values = np.zeros(1)

    @classmethod
    def grown(cls, binned: KeyArray, slope: FloatArray, curve: FloatArray) -> _Tree:
        """Return the tree that fits ``slope`` best, shape (n,), by Newton steps."""
        tree = cls()
        leaf = np.zeros(len(binned), dtype=np.int64)
        for depth in range(_DEPTH):
            column, cut = _best_split(binned, leaf, 2**depth, slope, curve)
            tree.columns.append(column)
            tree.cuts.append(cut)
            leaf = 2 * leaf + (binned[:, column] > cut)
        size = 2**_DEPTH
        total = np.bincount(leaf, slope, size)
        tree.values = _RATE * total / (np.bincount(leaf, curve, size) + _RIDGE)
        return tree

    def leaves(self, binned: KeyArray) -> KeyArray:
        """Return the leaf of each row."""
        leaf = np.zeros(len(binned), dtype=np.int64)
        for column, cut in zip(self.columns, self.cuts, strict=True):
            leaf = 2 * leaf + (binned[:, column] > cut)
        return leaf


def _best_split(
    binned: KeyArray, leaf: KeyArray, leaves: int, slope: FloatArray, curve: FloatArray
) -> tuple[int, int]:
    """Return the column and the last bin on its left that gain most over all leaves."""
    width = binned.shape[1]
    cell = (leaf[:, None] * width + np.arange(width)) * _BINS + binned
    shape = (leaves, width, _BINS)
    g, h = (
        np.bincount(cell.ravel(), np.repeat(weight, width), math.prod(shape)).reshape(shape)
        for weight in (slope, curve)
    )
    left, right = g.cumsum(axis=2), h.cumsum(axis=2)
    gain = left**2 / (right + _RIDGE)
    gain += (left[:, :, -1:] - left) ** 2 / (right[:, :, -1:] - right + _RIDGE)
    place = int(gain.sum(axis=0)[:, :-1].argmax())
    return place // (_BINS - 1), place % (_BINS - 1)


def _screened(table: FloatArray, side: FloatArray) -> KeyArray:
    """Return the columns whose values or sizes are most correlated with the side."""
    x = np.clip(table - np.median(table, axis=0), -_FAR, _FAR)
    spread = np.sqrt(np.mean(np.square(x), axis=0))
    x = np.clip(x / np.where(spread > 0, spread, 1.0), -_REACH, _REACH)
    y = side - side.mean()
    found = np.maximum(np.abs(y @ x), np.abs(y @ np.square(x)))
    return np.sort(np.argsort(-found, kind="stable")[:_COLUMNS])


def _expit(score: FloatArray) -> FloatArray:
    return 1.0 / (1.0 + np.exp(-np.clip(score, -_REACH, _REACH)))
