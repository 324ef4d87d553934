"""Outputs of a mechanism as columns of numbers for scores that are learned.

The columns are fixed once some outputs are known: a value that comes back exactly (a symbol for
"suppressed", "below", "no answer") is a flag, everything else a number.
"""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.model.arrays import BoolArray, FloatArray

MOST_ENTRIES = 12
_FLAGS = 3
_SHARE = 0.02
_FAR = 1e100


@attrs.frozen(kw_only=True, eq=False)
class Features:
    """How to read outputs.

    Parameters
    ----------
    entries
        Which entries of an output are looked at one by one, shape (m,).
    centres
        Values that noise may lie around, one for A and one for B, shape (2, m); of the outputs
        that have an entry for each count.
    flags
        Values that are no numbers but symbols, shape (f,).
    numeric
        Whether there is anything but flags.
    """

    entries: np.ndarray
    centres: FloatArray
    flags: FloatArray
    numeric: bool

    @classmethod
    def learned(cls, outputs: FloatArray, ours: FloatArray, theirs: FloatArray) -> Features:
        """Return how to read outputs of which some are known, shape (n, k).

        Parameters
        ----------
        outputs
            Of both inputs.
        ours, theirs
            The inputs, shape (d,) each.
        """
        width = outputs.shape[1]
        touched = np.arange(width)
        same = width == ours.size
        if same and width > MOST_ENTRIES:
            touched = np.flatnonzero(ours != theirs)
        entries = touched[:MOST_ENTRIES]
        centres = np.stack([ours[entries], theirs[entries]]) if same else np.zeros((0, 0))
        values, counts = np.unique(outputs[:, entries], return_counts=True)
        often = counts >= max(3.0, _SHARE * outputs[:, entries].size)
        order = np.argsort(-counts[often], kind="stable")[:_FLAGS]
        found = values[often][order]
        numeric = not np.isin(values, found).all()
        return cls(entries=entries, centres=centres, flags=np.sort(found), numeric=numeric)

    def flagged(self, outputs: FloatArray) -> tuple[FloatArray, BoolArray, FloatArray]:
        """Return the entries with 0 for flags, which are flags, and which one, (n, m) each."""
        with np.errstate(over="ignore"):
            x = np.clip(np.nan_to_num(outputs[:, self.entries], nan=_FAR), -_FAR, _FAR)
        which = np.zeros(x.shape)
        for number, flag in enumerate(self.flags, start=1):
            which[outputs[:, self.entries] == flag] = number
        is_flag = which > 0
        return np.where(is_flag, 0.0, x), is_flag, which

    def runs(self, outputs: FloatArray) -> FloatArray:
        """Return how long runs of flags are: (n, 4).

        The length of the first run, the number that ends it, how many entries are numbers, and
        how many are the rarest flag.
        """
        x, is_flag, which = self.flagged(outputs)
        first = np.where((which != which[:, :1]).any(axis=1), (which != which[:, :1]).argmax(1), -1)
        number = np.where(is_flag.all(axis=1), -1, (~is_flag).argmax(axis=1))
        ends = np.where(number >= 0, x[np.arange(len(x)), number], 0.0)
        some = (which == len(self.flags)).sum(axis=1) if self.flags.size else number
        return np.stack([first, ends, (~is_flag).sum(axis=1), some], axis=1).astype(np.float64)

    def table(self, outputs: FloatArray) -> FloatArray:
        """Return numbers for a score, shape (n, f)."""
        x, is_flag, which = self.flagged(outputs)
        parts = [x, np.log(np.abs(x) + 1e-9) * ~is_flag] if self.numeric else []
        if self.centres.size and not self.flags.size:
            parts += [np.abs(x - self.centres[0]), np.abs(x - self.centres[1])]
        told = len(self.flags) + int(self.numeric)  # the last one follows from the others
        parts += [(which == number) * 1.0 for number in range(1, max(told, 2))]
        if x.shape[1] > 1:
            x = x if self.numeric else which
            parts += [np.stack([x.sum(axis=1), x.max(axis=1), x.min(axis=1)], axis=1)]
            if self.flags.size:
                parts.append(self.runs(outputs))
        return np.concatenate(parts, axis=1)
