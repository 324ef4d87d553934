"""Records rebuilt from published tables of each block, as the Census Bureau attacked its own."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import attrs
import numpy as np
from scipy import sparse

import dpaudit
from dpaudit import FloatArray, Game, Outcome
from dpaudit.solvers.table_universe import Variability, consistent, frequencies, variability
from dpaudit_plugins.attacks._attributes import known_codes, summed

_TOO_MANY = 5000.0


@attrs.frozen(kw_only=True)
class TableReconstruction(dpaudit.Attack):
    """Find whole records of each block whose sums are the published tables.

    All that is seen of a release are its sums over the attributes of each table, block by block.
    Sums that are not whole are rounded so that the tables of a block agree. Beside the records the
    attack knows how much each block can vary: of how many people another solution says something
    else, proved by the solver or said not to be.

    Parameters
    ----------
    block
        The attributes whose combinations are the blocks.
    tables
        For each published table of a block its attributes.
    solutions
        How many random solutions rank the claims that a cell has people.
    vary
        Whether the variability of each block is worked out (the slowest part).

    References
    ----------
    Abowd et al. (2025), A simulated reconstruction and reidentification attack on the 2010 U.S.
    Census, Harvard Data Science Review. Dick et al. (2023), Confidence-ranked reconstruction of
    census microdata from published statistics, PNAS 120(8).
    """

    name: ClassVar[str] = "table-reconstruction"
    games: ClassVar[frozenset[Game]] = frozenset({"pool", "elsewhere"})
    outcome: ClassVar[Outcome] = "table"

    block: tuple[str, ...] = attrs.field(validator=attrs.validators.min_len(1))
    tables: tuple[tuple[str, ...], ...] = attrs.field(validator=attrs.validators.min_len(1))
    solutions: int = attrs.field(default=10, validator=attrs.validators.ge(1))
    vary: bool = True

    def score(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return the records of each cell in one solution, shape (n,)."""
        made = np.zeros(target.printed.size)
        for cells, sums, totals in self._blocks(target):
            made[cells] = _Block.of(sums, totals).solution()
        return made

    def confidence(self, target: dpaudit.Target, rng: np.random.Generator) -> FloatArray:
        """Return in which share of random solutions each cell has people, shape (n,)."""
        made = np.zeros(target.printed.size)
        for cells, sums, totals in self._blocks(target):
            made[cells] = _Block.of(sums, totals).frequencies(self.solutions)
        return made

    def further(self, target: dpaudit.Target, rng: np.random.Generator) -> Mapping[str, float]:
        """Return the variability of people and blocks, and how much of it is proved."""
        if not self.vary:
            return {}
        found, people = [], 0.0
        for _cells, sums, totals in self._blocks(target):
            one = _Block.of(sums, totals)
            found.append(one.variability())
            people += float(one.solution().sum())
        if not found:
            return {}
        certain = [each.proved and each.people < 0.5 for each in found]  # noqa: PLR2004
        return {
            "block-variability": sum(each.people for each in found) / max(people, 1.0),
            "certain-blocks": float(np.mean(certain)),
            "proved-blocks": float(np.mean([each.proved for each in found])),
        }

    def caveats(self) -> tuple[str, ...]:
        """Return what the attack takes for published."""
        return ("records are rebuilt from sums of the release, and not from its single cells",)

    def _blocks(
        self, target: dpaudit.Target
    ) -> Iterator[tuple[np.ndarray, sparse.csr_matrix, FloatArray]]:
        """Yield the cells of each block with people, the sums of its tables and their totals."""
        public, shown = target.public, _whole(target.released)
        codes = [known_codes(public, names, self.name) for names in self.tables]
        block = known_codes(public, self.block, self.name)
        for number in np.flatnonzero(summed(shown, block) > 0):
            cells = np.flatnonzero(block == number)
            if shown[cells].sum() > _TOO_MANY:
                raise dpaudit.UsageError(
                    f"attack {self.name!r}: a block of {shown[cells].sum():.0f} people",
                    hint="take more attributes for the block",
                )
            sums = sparse.csr_matrix(sparse.vstack([_sums(code[cells]) for code in codes]))
            yield cells, sums, np.asarray(sums @ shown[cells])


@attrs.frozen
class _Block:
    """The tables of one block; equal blocks are solved once, in whichever release they are."""

    indices: bytes
    indptr: bytes
    totals: bytes

    @classmethod
    def of(cls, sums: sparse.csr_matrix, totals: FloatArray) -> _Block:
        """Return the block with these sums."""
        return cls(sums.indices.tobytes(), sums.indptr.tobytes(), totals.tobytes())

    def solution(self) -> FloatArray:
        """Return one table."""
        return _solution(self)

    def frequencies(self, count: int) -> FloatArray:
        """Return in which share of random solutions each cell has people."""
        return _frequencies(self, count)

    def variability(self) -> Variability:
        """Return how far another table can be from the one."""
        return _variability(self)

    def program(self) -> tuple[sparse.csr_matrix, FloatArray]:
        """Return the sums and the totals."""
        indices, indptr = (np.frombuffer(each, np.int32) for each in (self.indices, self.indptr))
        shape = (indptr.size - 1, int(indices.max(initial=-1)) + 1)
        sums = sparse.csr_matrix((np.ones(indices.size), indices, indptr), shape)
        return sums, np.frombuffer(self.totals)


_KEPT = 2048


@functools.lru_cache(_KEPT)
def _solution(block: _Block) -> FloatArray:
    sums, totals = block.program()
    return consistent(sums, totals, np.random.default_rng(0).random(sums.shape[1]))


@functools.lru_cache(_KEPT)
def _frequencies(block: _Block, count: int) -> FloatArray:
    return frequencies(*block.program(), np.random.default_rng(1), count)


@functools.lru_cache(_KEPT)
def _variability(block: _Block) -> Variability:
    return variability(*block.program(), _solution(block))


def _whole(shown: FloatArray) -> FloatArray:
    """Return whole counts: the tables of a block then agree, as published tables do."""
    return np.rint(shown)


def _sums(code: np.ndarray) -> sparse.csr_matrix:
    used, row = np.unique(code, return_inverse=True)
    shape = (used.size, code.size)
    return sparse.csr_matrix((np.ones(code.size), (row.reshape(-1), np.arange(code.size))), shape)


@dpaudit.hookimpl
def dpaudit_attacks() -> Sequence[type[dpaudit.Attack]]:
    """Offer the attack."""
    return (TableReconstruction,)
