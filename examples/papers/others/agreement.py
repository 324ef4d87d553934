"""Rebuilds records of blocks from their published tables, and counts how many agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np
from scipy import sparse

import dpaudit
from dpaudit.solvers.table_universe import consistent

_BIN = 5


@attrs.frozen(kw_only=True)
class Agreement(dpaudit.Audit):
    """Find whole records of every block with the published tables, and compare them with the true.

    Published of each block are sex by single year of age, race by sex, and race by age in classes
    of five years. Agreement is the share of people whose record (sex, race and age) is among those
    found, one for one: exactly, and with an age that is off by one year at most. Beside them
    stands what is reached by giving everybody of the block its commonest race.

    Parameters
    ----------
    block
        The attributes whose combinations are the blocks.
    """

    name: ClassVar[str] = "agreement"
    once: ClassVar[bool] = True

    block: tuple[str, ...]

    def measure(self, subject, rng):  # noqa: ARG002
        """Return shares of people, exact and off by one, of the attack and of the guess."""
        data = subject.data
        code = {name: data.domain.codes(name) for name in data.domain.names}
        blocks = np.ravel_multi_index(
            tuple(code[name] for name in self.block),
            tuple(len(data.domain.values[data.domain.names.index(n)]) for n in self.block),
        )
        agreed = np.zeros(4)
        for number in np.unique(blocks[data.counts > 0]):
            cells = np.flatnonzero(blocks == number)
            agreed += _agreed(data.counts[cells], *(code[n][cells] for n in ("SEX", "RACE", "AGE")))
        names = ("exact", "within-a-year", "guess-exact", "guess-within-a-year")
        return [
            dpaudit.Measurement(
                task=subject.task, audit=self.name, quantity=name, unit="share",
                estimate=dpaudit.Estimate.exact(value / data.total),
            )
            for name, value in zip(names, agreed, strict=True)
        ]  # fmt: skip


def _agreed(true, sex, race, age):
    """Return how many people of a block agree: found and guessed, each exactly and nearly."""
    tables = [_code(sex, age), _code(race, sex), _code(race, age // _BIN)]
    sums = sparse.csr_matrix(sparse.vstack([_sums(code) for code in tables]))
    found = consistent(sums, sums @ true, np.random.default_rng(0).random(true.size))
    commonest = np.argmax(np.bincount(race, weights=true))
    by_age = np.bincount(_code(sex, age), weights=true)  # published: sex by age
    guess = np.where(race == commonest, by_age[_code(sex, age)], 0.0)
    return np.array([
        np.minimum(found, true).sum(), _near(found, true, sex, race, age),
        np.minimum(guess, true).sum(), _near(guess, true, sex, race, age),
    ])  # fmt: skip


def _near(found, true, sex, race, age):
    """Return the most people that can be matched within a year of age, sex and race alike."""
    matched = 0.0
    kind = _code(sex, race)
    for one in np.unique(kind[(true > 0) | (found > 0)]):
        inside = kind == one
        ours, theirs = (np.repeat(age[inside], t[inside].astype(int)) for t in (found, true))
        i = j = 0
        while i < ours.size and j < theirs.size:  # both ascend: the first that fits is best
            if abs(int(ours[i]) - int(theirs[j])) <= 1:
                matched, i, j = matched + 1, i + 1, j + 1
            elif ours[i] < theirs[j]:
                i += 1
            else:
                j += 1
    return matched


def _code(one, other):
    return one * (int(other.max()) + 1) + other


def _sums(code):
    used, row = np.unique(code, return_inverse=True)
    shape = (used.size, code.size)
    return sparse.csr_matrix((np.ones(code.size), (row.reshape(-1), np.arange(code.size))), shape)


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (Agreement,)
