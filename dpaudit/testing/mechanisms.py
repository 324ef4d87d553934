"""Whether a mechanism does what it declares."""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import numpy as np

from dpaudit.interfaces import Mechanism
from dpaudit.model.arrays import FloatArray, frozen_floats
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.stats.laws import FALSE_ALARM, law_gap
from dpaudit.stats.proportions import clopper_pearson
from dpaudit.testing.faults import (
    COUNTS,
    Fault,
    form_faults,
    moment_faults,
    refuse,
    share_differs,
)
from dpaudit.testing.promises import told_apart

_LARGEST = 700.0
"""e to this is still a number."""


def check_mechanism(
    mechanism: Mechanism,
    counts: FloatArray | None = None,
    *,
    draws: int = 20_000,
    seed: int = 0,
) -> None:
    """Raise if a mechanism does not do what it declares.

    Parameters
    ----------
    mechanism
        The mechanism, with its parameters and (for those that need them) columns filled in.
    counts
        True counts to try it on, shape (n,), or (N,) over the nodes of a tree, persons; a few
        small ones by default.
    draws
        Releases that are simulated.
    seed
        Of the simulation.

    Raises
    ------
    PluginError
        If anything is wrong; the message lists every fault with its next step.

    Examples
    --------
    >>> from dpaudit_plugins.mechanisms.laplace import Laplace
    >>> check_mechanism(Laplace(epsilon=1.0))
    """
    refuse(mechanism, mechanism_faults(mechanism, counts, draws=draws, seed=seed))


def mechanism_faults(
    mechanism: Mechanism,
    counts: FloatArray | None = None,
    *,
    draws: int = 20_000,
    seed: int = 0,
) -> tuple[Fault, ...]:
    """Return every fault of a mechanism; parameters as for :func:`check_mechanism`."""
    counts = frozen_floats(COUNTS if counts is None else counts)

    def released() -> FloatArray:
        return mechanism.release(counts, np.random.default_rng(1))

    form = form_faults("release", released, counts.shape, repeatable=mechanism.repeatable)
    faults = [*form, *_promise(mechanism)]
    if faults:
        return tuple(faults)
    rng = np.random.default_rng(seed)
    rows = np.stack([mechanism.release(counts, rng) for _ in range(draws)])
    faults += _moments(mechanism, counts, rows)
    faults += _noise(mechanism, counts, rows, rng)
    faults += _privacy(mechanism, counts, rows, rng)
    faults += _replicates(mechanism, counts, rows)
    return tuple(faults)


def _promise(mechanism: Mechanism) -> Iterator[Fault]:
    try:
        promised = mechanism.privacy()
    except ValueError as error:
        yield Fault(f"privacy() is no guarantee: {error}", "epsilon is 0 or more, delta in [0, 1]")
        return
    if not isinstance(promised, Guarantee):
        yield Fault(f"privacy() returns {type(promised).__name__}", "return a dpaudit.Guarantee")
        return
    if promised.neighbours != mechanism.neighbours:
        yield Fault(
            f"the guarantee is for {promised.neighbours!r}, the release for "
            f"{mechanism.neighbours!r}",
            "pass self.neighbours on",
        )


def _moments(mechanism: Mechanism, counts: FloatArray, rows: FloatArray) -> Iterator[Fault]:
    """Compare declared bias, variance and chance of a positive release with simulation."""
    errors = rows - mechanism.truth(counts)
    bias, variance = mechanism.bias(counts), mechanism.variance(counts)
    yield from moment_faults(bias, variance, errors, reach=float(np.abs(rows).max()))
    positive = mechanism.positive(counts)
    if positive is not None and share_differs(positive, (rows > 0).sum(axis=0), len(rows)):
        yield Fault(
            "the declared chance of a positive release disagrees with simulation",
            "derive positive(counts) again",
        )
    if mechanism.nonnegative and rows.min() < 0:
        yield Fault("a release is negative", "take nonnegative = True away")


def _noise(
    mechanism: Mechanism, counts: FloatArray, rows: FloatArray, rng: np.random.Generator
) -> Iterator[Fault]:
    noise = mechanism.noise()
    if noise is None:
        return
    errors = rows - counts
    if noise.lattice and not np.array_equal(errors, np.rint(errors)):
        yield Fault("whole-number noise is declared, other noise released", "round, or say so")
        return
    noisy = np.broadcast_to(noise.variance > 0, counts.shape)
    if np.any(errors[:, ~noisy] != 0):
        yield Fault("an entity without noise is released changed", "see the scales of noise()")
    if not noisy.any():
        return
    gap, limit = law_gap(noise.at(np.flatnonzero(noisy)).cdf, errors[:, noisy],
                         whole=noise.lattice, rng=rng)  # fmt: skip
    if gap > limit:
        yield Fault(
            "the released noise does not follow the declared distribution",
            "let noise() return what release() adds",
        )


def _privacy(
    mechanism: Mechanism, counts: FloatArray, rows: FloatArray, rng: np.random.Generator
) -> Iterator[Fault]:
    """Look for an event that a neighbour's release makes too rare for the guarantee.

    One entry is raised by a person (under ``replace`` another is lowered), and the events
    {release >= t} and {release <= t} of either entry are compared with Clopper-Pearson bounds.
    Then the whole library of scores of a black-box audit bets against the guarantee. What is
    published exactly beside the guarantee would be mistaken for a violation, so nothing is
    looked for there.
    """
    promised = mechanism.privacy()
    if promised.every_epsilon:
        promised = attrs.evolve(promised, epsilon=0.0, every_epsilon=False)
    if promised.uncovered or not math.isfinite(promised.epsilon) or promised.delta == 1:
        return
    neighbour, touched = _neighbour(mechanism, counts)
    other = np.stack([mechanism.release(neighbour, rng) for _ in range(len(rows))])
    for entry in touched:
        one, two = rows[:, entry], other[:, entry]
        if _violates(one, two, promised) or _violates(two, one, promised):
            yield Fault(
                f"releases of neighbouring counts differ by more than epsilon = "
                f"{promised.epsilon:g} allows",
                "check the sensitivity under this neighbouring relation",
            )
            return
    seen = told_apart(rows, other, (counts, neighbour), promised.epsilon, promised.delta)
    if seen is not None:
        yield Fault(
            f"releases of neighbouring counts differ by more than epsilon = "
            f"{promised.epsilon:g} allows, as their {seen} show",
            "look for noise that is used twice or left out, and for what is published as it is",
        )


def _neighbour(mechanism: Mechanism, counts: FloatArray) -> tuple[FloatArray, list[int]]:
    """Return the counts of one more (or one moved) person, and entries that this changes."""
    tree: Hierarchy | None = getattr(mechanism, "hierarchy", None)
    is_tree = mechanism.measures == "hierarchy" and tree is not None
    n = tree.sizes[-1] if is_tree and tree is not None else counts.size
    people = np.array(counts[-n:])
    people[0] += 1.0
    touched = [counts.size - n]
    if mechanism.neighbours == "replace" and n > 1:
        people[-1] = max(people[-1] - 1.0, 0.0)
        touched.append(counts.size - 1)
    return (tree.totals(people) if is_tree and tree is not None else people), touched


def _replicates(mechanism: Mechanism, counts: FloatArray, rows: FloatArray) -> Iterator[Fault]:
    """Check that replicates are at least two, of the right shape, and all that is released."""
    known = mechanism.replicates()
    if known is None:
        return
    if known.ndim != 2 or len(known) < 2 or known.shape[1:] != counts.shape:  # noqa: PLR2004
        yield Fault(
            f"replicates have shape {known.shape} for counts of shape {counts.shape}",
            "return one row for each of at least two releases",
        )
    elif not {row.tobytes() for row in rows} <= {row.tobytes() for row in known}:
        yield Fault("a release is none of the replicates", "let release() choose one of them")


def _violates(one: FloatArray, two: FloatArray, promised: Guarantee) -> bool:
    """Return whether an event is certainly likelier under one than e^epsilon times two + delta."""
    thresholds = np.unique(np.quantile(np.concatenate([one, two]), np.linspace(0.01, 0.99, 25)))
    risk = FALSE_ALARM / (8.0 * thresholds.size)
    growth = math.exp(min(promised.epsilon, _LARGEST))
    for above in (True, False):
        hits, base = (
            ((x[:, None] >= thresholds) if above else (x[:, None] <= thresholds)).sum(axis=0)
            for x in (one, two)
        )
        low, _ = clopper_pearson(hits, len(one), risk)
        _, high = clopper_pearson(base, len(two), risk)
        if np.any(low > growth * high + promised.delta):
            return True
    return False
