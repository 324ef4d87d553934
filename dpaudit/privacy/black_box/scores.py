"""Scores that are learned from past outputs: how likely an output is of A rather than of B.

A score is the log of the ratio of chances. It need not be right: what it is worth is learned as
well, from how its earlier guesses turned out.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.privacy.black_box import keys
from dpaudit.privacy.black_box.features import Features
from dpaudit.privacy.black_box.keys import Key, KeyArray

_CELLS, _WIDEST = 256.0, 4
"""Cells of all bins together, and entries that are binned."""


class Score(Protocol):
    """A way to tell outputs of A from those of B."""

    name: str

    def learn(self, ours: FloatArray, theirs: FloatArray) -> None:
        """See more outputs, shape (n, k) each."""

    def logit(self, outputs: FloatArray) -> FloatArray:
        """Return the log of the ratio of chances of A and B, shape (n,); 0: no guess."""


class Frequencies:
    """Compares how often a kind of output came from A and from B.

    Parameters
    ----------
    name
        Of the key.
    key
        Sorts outputs into kinds.
    """

    def __init__(self, name: str, key: Key) -> None:
        self.name, self._key = name, key
        self._kinds: KeyArray = np.empty(0, dtype=np.int64)
        self._counts = np.empty((2, 0))

    def learn(self, ours: FloatArray, theirs: FloatArray) -> None:
        """Count the kinds."""
        self.count(self._key(ours), self._key(theirs))

    def count(self, ours: KeyArray, theirs: KeyArray) -> None:
        """Count kinds that are known already."""
        found = np.concatenate([self._kinds, ours, theirs])
        self._kinds, position = np.unique(found, return_inverse=True)
        old = self._counts.shape[1]
        counts = np.zeros((2, self._kinds.size))
        counts[:, position[:old]] = self._counts
        counts[0] += np.bincount(position[old : old + ours.size], minlength=self._kinds.size)
        counts[1] += np.bincount(position[old + ours.size :], minlength=self._kinds.size)
        self._counts = counts

    def logit(self, outputs: FloatArray) -> FloatArray:
        """Return log (a + 1/2) / (b + 1/2) of the counts of each kind, 0 of one that is new."""
        return self.logit_of(self._key(outputs))

    def logit_of(self, kinds: KeyArray) -> FloatArray:
        """Return the same of kinds that are known already."""
        if not self._kinds.size:
            return np.zeros(kinds.size)
        at = np.minimum(np.searchsorted(self._kinds, kinds), self._kinds.size - 1)
        a, b = self._counts[:, at] * (self._kinds[at] == kinds)
        return np.log(a + 0.5) - np.log(b + 0.5)


class Bins:
    """Compares how often the entries, or the runs of flags, lie between which quantiles.

    Parameters
    ----------
    ours, theirs
        The inputs.
    runs
        Look at runs of flags and not at the entries.
    """

    def __init__(self, ours: FloatArray, theirs: FloatArray, *, runs: bool) -> None:
        self.name = "runs of flags" if runs else "bins"
        self._inputs, self._runs = (ours, theirs), runs
        self._features: Features | None = None
        self._edges = np.zeros((0, 0))
        self._counted = Frequencies(self.name, keys.atoms)

    def learn(self, ours: FloatArray, theirs: FloatArray) -> None:
        """Fix the bins at the first outputs, then count."""
        if self._features is None:
            both = np.concatenate([ours, theirs])
            self._features = Features.learned(both, *self._inputs)
            numbers = self._numbers(both)
            each = 16 if self._runs else max(3, round(_CELLS ** (1.0 / numbers.shape[1])))
            told = numbers[(numbers != 0).any(axis=1)]
            self._edges = keys.quantiles(told if len(told) else numbers, each)
        self._counted.count(self._kinds(ours), self._kinds(theirs))

    def logit(self, outputs: FloatArray) -> FloatArray:
        """Return what the frequencies say, 0 before anything is known."""
        if self._features is None:
            return np.zeros(len(outputs))
        return self._counted.logit_of(self._kinds(outputs))

    def _kinds(self, outputs: FloatArray) -> KeyArray:
        binned = keys.codes(self._numbers(outputs), self._edges)
        if not self._runs or self._features is None:
            return keys.mixed(binned)
        whole = self._features.runs(outputs)[:, [0, 2, 3]].astype(np.int64)
        return keys.mixed(np.concatenate([whole, binned], axis=1))

    def _numbers(self, outputs: FloatArray) -> FloatArray:
        if self._features is None:
            raise RuntimeError("nothing is learned yet")
        if self._runs:
            return self._features.runs(outputs)[:, [1]]
        return self._features.flagged(outputs)[0][:, :_WIDEST]
