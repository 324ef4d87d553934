"""Whether a decision does what it declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from dpaudit.interfaces import Decision
from dpaudit.model.arrays import FloatArray, frozen_floats
from dpaudit.model.estimate import Estimate
from dpaudit.model.structure import Linear, Proportional
from dpaudit.noise.base import Noise
from dpaudit.noise.laplace import Laplace
from dpaudit.testing.faults import Fault, form_faults, refuse, share_differs

COUNTS = (7.0, 31.0, 58.0, 122.0, 150.0)
"""What decisions are tried on where no counts are given, persons: no two alike."""

_STEP = 1e-3
"""Of the differences that second derivatives are compared with, relative to the count."""

_CLOSE = 1e-2
"""Relative difference between a derivative and its difference quotient that is let pass."""


def check_decision(
    decision: Decision,
    counts: FloatArray | None = None,
    *,
    noise: Noise | None = None,
    draws: int = 20_000,
    seed: int = 0,
) -> None:
    """Raise if a decision does not do what it declares.

    Parameters
    ----------
    decision
        The decision, with its parameters and columns filled in.
    counts
        True counts to try it on, shape (n,), or (n, k) where it takes rows, persons.
    noise
        Noise of the counts that it is decided from; Laplace noise of scale 5 by default.
    draws, seed
        Of the simulation that a declared chance is compared with.

    Raises
    ------
    PluginError
        If anything is wrong; the message lists every fault with its next step.

    Examples
    --------
    >>> from dpaudit_plugins.decisions.counts import Counts
    >>> check_decision(Counts())
    """
    refuse(decision, decision_faults(decision, counts, noise=noise, draws=draws, seed=seed))


def decision_faults(
    decision: Decision,
    counts: FloatArray | None = None,
    *,
    noise: Noise | None = None,
    draws: int = 20_000,
    seed: int = 0,
) -> tuple[Fault, ...]:
    """Return every fault; parameters as for :func:`check_decision`."""
    if counts is None:
        counts = np.array(COUNTS)
        counts = np.stack([counts, counts / 2.0], axis=1) if decision.rows else counts
    counts = frozen_floats(counts)
    n = len(counts)
    faults = list(form_faults("decide", lambda: decision.decide(counts), (n,)))
    if faults:
        return tuple(faults)
    noise = Laplace(5.0) if noise is None else noise
    return (
        *_memory(decision, counts),
        *_order(decision, counts),
        *_stacked(decision, counts),
        *_structure(decision, counts),
        *_curvature(decision, counts),
        *_chances(decision, counts, noise, draws, seed),
    )


def permuted(plugin: Any, order: np.ndarray) -> Any:
    """Return a plug-in whose columns, arrays (n,), stand in another order."""
    changed = {
        field.alias: value[order]
        for field in attrs.fields(type(plugin))
        if isinstance(value := getattr(plugin, field.name), np.ndarray)
        and value.shape[:1] == order.shape
    }
    return attrs.evolve(plugin, **changed) if changed else plugin


def _memory(decision: Decision, counts: FloatArray) -> Iterator[Fault]:
    """Check that what was decided before changes nothing."""
    first = decision.decide(counts)
    decision.decide(frozen_floats(2.0 * counts + 1.0))
    if not np.array_equal(first, decision.decide(counts)):
        yield Fault(
            "decide gives something else after it has seen other counts",
            "keep nothing between calls: the outcome is a function of counts and parameters",
        )


def _order(decision: Decision, counts: FloatArray) -> Iterator[Fault]:
    """Check that entities in another order get the same outcomes."""
    if any("hierarchy" in field.name for field in attrs.fields(type(decision))):
        return  # a tree is in the order of its own entities
    order = np.random.default_rng(5).permutation(len(counts))
    moved = np.asarray(permuted(decision, order).decide(frozen_floats(counts[order])))
    outcome = np.asarray(decision.decide(counts), dtype=np.float64)
    scale = 1e-9 * (1.0 + np.abs(outcome).max())
    if not np.allclose(moved, outcome[order], rtol=0.0, atol=scale):
        yield Fault(
            "the order of the entities changes their outcomes",
            "decide from counts and columns, never from positions",
        )


def _stacked(decision: Decision, counts: FloatArray) -> Iterator[Fault]:
    if not decision.vectorised:
        return
    stack = frozen_floats(np.stack([counts, counts + 3.0, 2.0 * counts]))
    alone = np.stack([decision.decide(row) for row in stack])
    made = np.asarray(decision.decide(stack))
    if made.shape != alone.shape or not np.allclose(made, alone, rtol=1e-9, atol=1e-9):
        yield Fault("stacked draws give other results than single ones", "sum over axis=-1")


def _structure(decision: Decision, counts: FloatArray) -> Iterator[Fault]:
    """Compare a declared structure with what is decided."""
    declared = decision.structure(len(counts))
    if declared is None or decision.rows:
        return
    outcome, other = decision.decide(counts), decision.decide(frozen_floats(counts + 10.0))
    scale = 1e-9 * (1.0 + np.abs(outcome).max() + np.abs(other).max())
    if isinstance(declared, Proportional):
        shares = declared.weights * counts
        told = declared.total * shares / shares.sum()
        if not np.allclose(outcome, told, rtol=0.0, atol=scale):
            yield Fault(
                "the outcome is not total * weight * count / sum, as structure(n) declares",
                "return None from structure(n), or the weights and total that it has",
            )
    if isinstance(declared, Linear):
        middle = decision.decide(frozen_floats(counts + 5.0))
        straight = np.allclose(middle, (outcome + other) / 2.0, rtol=0.0, atol=scale)
        slope = declared.slope
        right = slope is None or np.allclose(other - outcome, 10.0 * slope, rtol=0.0, atol=scale)
        if not (straight and right):
            yield Fault(
                "the outcome is not affine in the counts, as structure(n) declares",
                "return None from structure(n), or the slope that it has",
            )


def _curvature(decision: Decision, counts: FloatArray) -> Iterator[Fault]:
    """Compare declared second derivatives with differences, at counts that are not special."""
    if decision.rows:
        return
    at, variance = counts + 0.37, np.linspace(1.0, 2.0, len(counts))
    declared = decision.curvature(frozen_floats(at), frozen_floats(variance))
    if declared is None:
        return
    middle = np.asarray(decision.decide(frozen_floats(at)))
    found, rounding = np.zeros(len(counts)), 0.0
    for j, each in enumerate(variance):
        step = np.zeros(len(counts))
        step[j] = _STEP * max(at[j], 1.0)
        up, down = (decision.decide(frozen_floats(at + sign * step)) for sign in (1.0, -1.0))
        rounding += 1e-14 * each * np.abs(middle).max() / step[j] ** 2
        found += each * (np.asarray(up) - 2.0 * middle + np.asarray(down)) / (2.0 * step[j] ** 2)
    if not np.allclose(declared, found, rtol=_CLOSE, atol=_CLOSE * np.abs(found).max() + rounding):
        yield Fault(
            "the declared curvature disagrees with differences of the outcome",
            "derive curvature(...) again: half the sum of variance times second derivative",
        )


def _chances(
    decision: Decision, counts: FloatArray, noise: Noise, draws: int, seed: int
) -> Iterator[Fault]:
    """Compare declared chances of an outcome of 1 with simulation, clipped and not."""
    rng = np.random.default_rng(seed)
    for clipped in (False, True):
        declared = decision.probability(counts, noise, clipped=clipped)
        if declared is None:
            continue
        noisy = counts.ravel() + noise.sample(rng, (draws, counts.size))
        rows = (np.maximum(noisy, 0.0) if clipped else noisy).reshape(draws, *counts.shape)
        made = np.stack([decision.decide(frozen_floats(row)) for row in rows])
        if not np.isin(made, (0.0, 1.0)).all():
            yield Fault(
                "a chance is declared of outcomes that are not 0 or 1",
                "return None from probability(...)",
            )
            return
        value = declared.value if isinstance(declared, Estimate) else declared
        if share_differs(value, made.sum(axis=0), draws):
            where = "clipped" if clipped else "noisy"
            yield Fault(
                f"the declared chance of a 1 from {where} counts disagrees with simulation",
                "derive probability(...) again",
            )
