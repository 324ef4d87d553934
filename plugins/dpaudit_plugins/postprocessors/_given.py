"""What post-processors say of what the engine gives them: the tree and the noise."""

from __future__ import annotations

import numpy as np

import dpaudit
from dpaudit.model.arrays import FloatArray


def given_tree(
    step: dpaudit.PostProcessor, hierarchy: dpaudit.Hierarchy | None
) -> dpaudit.Hierarchy:
    """Return the tree that a step was given.

    Raises
    ------
    UsageError
        If there is none.
    """
    if hierarchy is None:
        raise dpaudit.UsageError(
            f"the post-processor {step.name!r} has no hierarchy",
            hint="name the levels of the hierarchy under [data]",
        )
    return hierarchy


def given_noise(step: dpaudit.PostProcessor, noise: dpaudit.Noise | None) -> dpaudit.Noise:
    """Return the noise that a step was given.

    Raises
    ------
    UsageError
        If it is not known.
    """
    if noise is None:
        raise dpaudit.UsageError(
            f"the post-processor {step.name!r} does not know the noise of what it sees",
            hint="put it right after the mechanism, one whose noise is additive and independent",
        )
    return noise


def node_variances(tree: dpaudit.Hierarchy, noise: dpaudit.Noise) -> FloatArray:
    """Return the variance of every node's noise, shape (N,), persons squared."""
    return np.broadcast_to(noise.variance, (tree.size,)).astype(np.float64)


def exact_levels(tree: dpaudit.Hierarchy | None, noise: dpaudit.Noise | None) -> tuple[str, ...]:
    """Return in words which levels have no noise: they are published exactly."""
    if tree is None or noise is None:
        return ()
    exact = node_variances(tree, noise) == 0
    shares = {name: exact[tree.part(level)] for level, name in enumerate(tree.levels)}
    return tuple(
        f"the counts of level {name!r}, which are published exactly"
        if part.all()
        else f"{int(part.sum())} counts of level {name!r}, which are published exactly"
        for name, part in shares.items()
        if part.any()
    )
