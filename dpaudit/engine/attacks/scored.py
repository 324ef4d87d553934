"""What is common to attacks on releases and on models: who is scored, in which groups."""

from __future__ import annotations

import abc
import functools
from collections.abc import Mapping

import attrs
import numpy as np

from dpaudit.engine.job import Grouping
from dpaudit.interfaces.attack import Attack
from dpaudit.model.arrays import FloatArray
from dpaudit.model.dataset import Dataset
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.plan import Task
from dpaudit.model.spec import AttackSpec
from dpaudit.stats.streams import block_generator

STREAM = 2**42
"""Number of the stream of the first release that is attacked; replicate r has the r-th after it."""

DEAL, RELEASE, ATTACK, NULL, TRAINING, PERMUTED = range(6)
"""What draws within the stream of a replicate."""

PERMUTATIONS = 199
"""How often the labels of groups are permuted."""


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Scored(abc.ABC):
    """One attack at one parameter point of what it attacks, ready to be played.

    Parameters
    ----------
    task
        Its address; ``decision`` is the name of the attack.
    spec
        As the audit file has it.
    attack
        The plug-in, bound to the data.
    sizes
        Candidates that share one score, or what is expected of them, see :class:`dpaudit.Public`,
        shape (n,).
    candidates
        Where candidates come from, in words.
    data
        The data of the audit.
    groupings
        Sums to take, by grouping.
    guarantee
        What is promised of what is attacked.
    seed
        Of the run.
    """

    task: Task
    spec: AttackSpec
    attack: Attack
    sizes: FloatArray
    candidates: str
    data: Dataset
    groupings: Mapping[str, Grouping]
    guarantee: Guarantee
    seed: int

    @property
    @abc.abstractmethod
    def unit(self) -> str:
        """What is repeated independently, as a noun."""

    @property
    @abc.abstractmethod
    def counts(self) -> FloatArray:
        """The true counts of the data, shape (n,)."""

    @property
    @abc.abstractmethod
    def is_fixed(self) -> bool:
        """Whether nothing is drawn, so that every replicate is the same."""

    @property
    def is_independent(self) -> bool:
        """Whether what is released of one cell depends on that cell alone."""
        return False

    @functools.cached_property
    def permutations(self) -> np.ndarray:
        """Orders of the cells with candidates, all others in place, shape (p, n)."""
        rng = self.stream(0, PERMUTED)
        at = np.flatnonzero((self.sizes > 0) | (self.counts > 0))
        made = np.tile(np.arange(self.sizes.size), (PERMUTATIONS, 1))
        for row in made:
            row[at] = rng.permutation(at)
        return made

    def codes(self, grouping: str) -> np.ndarray:
        """Return the number of each cell's group, shape (n,)."""
        own = self.groupings[grouping]
        codes = np.empty(self.sizes.size, dtype=np.intp)
        codes[own.order] = np.repeat(np.arange(len(own.labels)), own.sizes.astype(np.int64))
        return codes

    def stream(self, replicate: int, what: int) -> np.random.Generator:
        """Return the generator of one part of a replicate: the same for every attack."""
        return block_generator(self.seed, self.data.digest, STREAM + replicate, what)
