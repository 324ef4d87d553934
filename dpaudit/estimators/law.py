"""The law of what is printed of a release, given a true count: what an attacker reckons with."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.estimators.chain import Chain
from dpaudit.interfaces.attack import Law
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.law import log_law


def law_of(chain: Chain) -> Law | None:
    """Return the law of each printed value given its own true count, or ``None``.

    It is known where noise is added to the counts themselves and at most clipped at 0, and where
    a mechanism without further steps states it.
    """
    if not chain.is_flat or chain.width > 1 or chain.replicates is not None:
        return None
    noise, rest = chain.reduced()
    probe = np.zeros(1), np.zeros(1), np.zeros(1, dtype=np.intp)
    if noise is not None:
        if not all(step.clips for step in rest) or log_law(noise.at(probe[2]), probe[0]) is None:
            return None
        return _additive(noise, clipped=bool(rest))
    if rest or chain.mechanism.log_law(*probe) is None:
        return None
    return _stated(chain)


def printed(chain: Chain, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a release of ``counts`` (n,) as readers see it: NaN where a symbol stands."""
    made = attrs.evolve(chain, counts=counts)
    changed = not all(step.clips for step in chain.reduced()[1])
    if made.is_flat and not changed and chain.mechanism.noise() is None:
        return chain.mechanism.printed(counts, rng)
    noisy = made.release(rng)
    streams = rng.spawn(len(chain.steps))
    return made.process(noisy[None, :], lambda position: streams[position])[0]


def _additive(noise: Noise, *, clipped: bool) -> Law:
    def law(counts: FloatArray, shown: FloatArray, cells: NDArray[np.intp]) -> FloatArray:
        own = noise.at(cells)
        found = log_law(own, shown - counts)
        if found is None or not clipped:
            return np.full(counts.shape, -np.inf) if found is None else found
        with np.errstate(divide="ignore"):
            return np.where(shown == 0, np.log(own.cdf(-counts)), found)

    return law


def _stated(chain: Chain) -> Law:
    def law(counts: FloatArray, shown: FloatArray, cells: NDArray[np.intp]) -> FloatArray:
        found = chain.mechanism.log_law(counts, shown, cells)
        return np.full(counts.shape, -np.inf) if found is None else found

    return law
