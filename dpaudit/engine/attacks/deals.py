"""Who is in the data: the deal of one replicate, by the game."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.engine.attacks.jobs import AttackJob
from dpaudit.model.arrays import FloatArray


@attrs.frozen(kw_only=True, eq=False)
class Deal:
    """One deal.

    Parameters
    ----------
    counts
        True counts of the data that are released, shape (n,).
    members, others
        Candidates of each cell who are in the data and who are not, shape (n,). In the game
        *known-rest* a cell stands for its people, each of whom could be the one in question.
    """

    counts: FloatArray
    members: FloatArray
    others: FloatArray


def deal(job: AttackJob, rng: np.random.Generator) -> Deal:
    """Decide who is in the data."""
    if job.spec.game == "known-rest":
        return _coins(job.counts, rng)
    if job.spec.game == "pool":
        return _pool(job.sizes, rng)
    return Deal(counts=job.counts, members=job.counts, others=_elsewhere(job, rng))


def redealt(job: AttackJob, dealt: Deal, rng: np.random.Generator) -> Deal:
    """Return who could as well be in, whatever was released: the release says nothing of it.

    In the game *elsewhere* members and others are shuffled, each side of the size it had.
    """
    if job.spec.game == "known-rest":
        return _coins(job.counts, rng)
    if job.spec.game == "pool":
        return _pool(job.sizes, rng)
    both = (dealt.members + dealt.others).astype(np.int64)
    drawn = rng.multivariate_hypergeometric(both, int(dealt.members.sum()), method="marginals")
    members = drawn.astype(np.float64)
    return attrs.evolve(dealt, members=members, others=both - members)


def _coins(counts: FloatArray, rng: np.random.Generator) -> Deal:
    """Toss a coin for one person of each cell with people; all others are in for certain."""
    inside = rng.integers(0, 2, counts.size).astype(np.float64)
    inside = np.where(counts > 0, inside, 0.0)
    rest = np.maximum(counts - 1.0, 0.0)
    return Deal(counts=rest + inside, members=counts * inside, others=counts * (1.0 - inside))


def _pool(sizes: FloatArray, rng: np.random.Generator) -> Deal:
    members = rng.binomial(sizes.astype(np.int64), 0.5).astype(np.float64)
    return Deal(counts=members, members=members, others=sizes - members)


def _elsewhere(job: AttackJob, rng: np.random.Generator) -> FloatArray:
    if job.others is not None:
        return job.others
    share = job.sizes / job.sizes.sum()
    return rng.multinomial(int(job.counts.sum()), share).astype(np.float64)
