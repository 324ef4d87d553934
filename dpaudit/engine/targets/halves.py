"""Who is learnt from by which model: a design in which every model is a target and a shadow.

Models come in pairs. The people are shared out between the two of a pair at random, half and half:
every person is learnt from by exactly half of the models, and every model learns from as many
people. A target is attacked with the models of all other pairs. Among those again every person is
on either side equally often, and who is on which says nothing of whom the target has learnt from.
"""

from __future__ import annotations

import numpy as np

from dpaudit.model.arrays import BoolArray
from dpaudit.stats.streams import block_generator

_STREAM = 2**44
"""Number of the stream of the first pair of models; pair p has the p-th after it."""

_SAME = 0.4
"""Models that agree about more people than half and this share, or disagree, are kin."""


def halves(people: int, models: int, seed: int, digest: str) -> BoolArray:
    """Return whom every model learns from, shape (models, people).

    Parameters
    ----------
    people
        An even number.
    models
        An even number; more of them leave the first ones as they are.
    seed, digest
        Of the run and of the data: all learners share the design.

    Examples
    --------
    >>> made = halves(6, 4, seed=0, digest="0" * 64)
    >>> made.sum(axis=0).tolist(), made.sum(axis=1).tolist()
    ([2, 2, 2, 2, 2, 2], [3, 3, 3, 3])
    """
    made = np.zeros((models, people), dtype=np.bool_)
    for pair in range(models // 2):
        order = block_generator(seed, digest, _STREAM + pair).permutation(people)
        made[2 * pair, order[: people // 2]] = True
        made[2 * pair + 1] = ~made[2 * pair]
    return made


def kin(members: BoolArray) -> BoolArray:
    """Return which models tell of one another whom they have learnt from, shape (K, K).

    A model and itself, the two of a pair, and of models made elsewhere all that have learnt from
    nearly the same people or from nearly all others.

    Examples
    --------
    >>> kin(halves(40, 4, seed=0, digest="0" * 64)).astype(int).tolist()
    [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    """
    signs = np.where(members, 1.0, -1.0)
    agreement = signs @ signs.T / members.shape[1]
    return np.asarray(np.abs(agreement) > 2.0 * _SAME)
