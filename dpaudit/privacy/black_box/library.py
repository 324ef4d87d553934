"""Every way to tell outputs apart that an audit tries."""

from __future__ import annotations

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.privacy.black_box import keys
from dpaudit.privacy.black_box.keys import Key, KeyArray
from dpaudit.privacy.black_box.learned import Boosted, Densities, Logistic
from dpaudit.privacy.black_box.scores import Bins, Frequencies, Score


def touched(ours: FloatArray, theirs: FloatArray, key: Key) -> Key:
    """Return a key of the entries at which the inputs differ, where an output has these."""
    entries = np.flatnonzero(ours != theirs)

    def of_some(outputs: FloatArray) -> KeyArray:
        return key(outputs[:, entries] if outputs.shape[1] == ours.size else outputs)

    return of_some


def library(ours: FloatArray, theirs: FloatArray) -> list[Score]:
    """Return every way to tell outputs apart that is tried, for a pair of inputs."""
    return [
        Frequencies("atoms", keys.atoms),
        Frequencies("support", keys.support),
        Frequencies("bit grid", touched(ours, theirs, keys.bit_grid)),
        Frequencies("differences", keys.differences),
        Frequencies("totals", keys.totals),
        Bins(ours, theirs, runs=True),
        Bins(ours, theirs, runs=False),
        Densities(ours, theirs),
        Logistic(ours, theirs),
        Boosted(ours, theirs),
    ]
