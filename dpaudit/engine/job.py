"""A task with its plug-ins made and bound: what a worker computes."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import attrs
import numpy as np

from dpaudit.errors import DataError, PluginError, SpecError
from dpaudit.estimators.chain import Chain, Streams, processed
from dpaudit.estimators.control import DecisionControl, control_of
from dpaudit.estimators.held import held
from dpaudit.estimators.local import local_control
from dpaudit.estimators.projected_control import projected_control
from dpaudit.interfaces import Decision, Extra, Mechanism, PostProcessor
from dpaudit.model.arrays import FloatArray, frozen_floats
from dpaudit.model.estimate import Estimate
from dpaudit.model.plan import Task
from dpaudit.model.structure import Linear, Local, Proportional, Structure

_TOO_LOUD = 1e60
"""Squares and products of noise beyond this variance overflow."""

_SAFE_DEVIATIONS = 10.0

_BUDGETS = ("epsilon", "rho")
"""The parameters of a mechanism that state its budget."""

GUARD = 0.5
"""A guarded ratio never divides by less than this share of the true denominator."""


_ON_CURVATURE: tuple[Extra, Extra] = ("curvature", "curvature-change")
"""What is asked for beside the draws: it is worked out, never simulated."""


@attrs.frozen(kw_only=True, eq=False)
class Grouping:
    """Sums over groups: ``order`` sorts the entities by group, ``starts`` says where each begins.

    ``labels`` are the groups in the order of a report, ``sizes`` their entities (g,).
    """

    labels: tuple[str, ...]
    order: np.ndarray
    starts: np.ndarray
    sizes: FloatArray

    @classmethod
    def of(cls, members: tuple[str, ...], labels: tuple[str, ...]) -> Grouping:
        """Group entities by their label in ``members``; every label has a member."""
        position = {label: i for i, label in enumerate(labels)}
        codes = np.array([position[label] for label in members])
        sizes = np.bincount(codes, minlength=len(labels))
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        order = np.argsort(codes, kind="stable")
        return cls(labels=labels, order=order, starts=starts, sizes=sizes.astype(np.float64))

    @functools.cached_property
    def _runs(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Where each group begins, and its place among them, if the entities of each are together.

        Rows need not be put in order then.
        """
        firsts = self.order[self.starts]
        lasts = self.order[np.append(self.starts[1:], self.order.size) - 1]
        if np.any(lasts - firsts + 1 != self.sizes):
            return None
        return np.sort(firsts), np.argsort(np.argsort(firsts))

    def sums(self, rows: FloatArray) -> FloatArray:
        """Return the sums over groups of ``rows`` (..., n), shape (..., g)."""
        if self._runs is not None:
            firsts, place = self._runs
            return np.asarray(np.add.reduceat(rows, firsts, axis=-1)[..., place])
        total: FloatArray = np.add.reduceat(rows[..., self.order], self.starts, axis=-1)
        return total


@attrs.frozen(kw_only=True, eq=False)
class Job:
    """One task, ready to be measured.

    Parameters
    ----------
    task
        Its address.
    chain
        Mechanism and post-processing on the true counts.
    decision
        The decision, bound to its columns.
    output
        Post-processing of outcomes.
    groupings
        Sums to take, by grouping.
    truth
        Outcome from the true counts, shape (n,).
    own
        What the decision itself makes of the true counts, shape (n,): another than ``truth``
        where a mitigation has changed it.
    structure
        Declared structure of the decision, if there is no post-processing of outcomes.
    guard
        Why the expected outcome does not exist unguarded, or ``None``.
    extras
        What audits asked to be simulated beyond the standard quantities.
    wants_curvature, wants_change
        Whether an audit asked for second-order biases, and for their change with the counts.
    base
        The job that a mitigation has made this one of, if one has.
    """

    task: Task
    chain: Chain
    decision: Decision
    output: tuple[PostProcessor, ...]
    groupings: Mapping[str, Grouping]
    truth: FloatArray
    own: FloatArray
    structure: Structure | None
    guard: str | None
    extras: frozenset[Extra] = frozenset()
    wants_curvature: bool = False
    wants_change: bool = False
    base: Job | None = None

    @classmethod
    def make(
        cls,
        task: Task,
        chain: Chain,
        decision: Decision,
        output: tuple[PostProcessor, ...],
        *,
        groupings: Mapping[str, Grouping],
        extras: frozenset[Extra] = frozenset(),
        base: Job | None = None,
        truth: FloatArray | None = None,
    ) -> Job:
        """Find out the truth, unless it is given, and what the decision declares about itself."""
        n = chain.counts.size // chain.width
        declared = decision.structure(n)
        guard = decision.existence(chain.mechanism.noise(), clipped=chain.is_nonnegative)
        if guard is None and base is not None and decision is base.decision:
            # Noise that a mitigation makes may not say what it is: what it divides by stays.
            guard = None if chain.is_nonnegative else base.guard
        if bounds_outcomes(output):
            guard = None  # whatever it divides by, the outcome is bounded: its mean exists
        if guard is not None and not isinstance(declared, Proportional):
            raise PluginError(
                f"task {task.id!r}: {guard}",
                hint="clip the release before the decision, or bound the decision's denominator",
            )
        if guard is not None and not _is_guardable(declared, chain.counts):
            raise DataError(
                f"task {task.id!r}: the true counts are all zero, so there is nothing to share",
                hint="leave the decision out, or audit data with a positive count",
            )
        variance = _noise_variance(chain)
        if not np.all(variance < _TOO_LOUD):
            raise SpecError(
                f"task {task.id!r}: noise of variance {float(np.max(variance)):g} cannot be "
                "computed with",
                hint="raise epsilon",
            )
        own = processed(output, decide(decision, chain.truth[None, :], n, task.id))[0]
        wants_curvature, wants_change = (each in extras for each in _ON_CURVATURE)
        extras = extras.difference(_ON_CURVATURE)
        bounded = chain.is_nonnegative or any(step.nonnegative for step in output[-1:])
        return cls(
            task=task,
            chain=chain,
            decision=decision,
            output=output,
            groupings=groupings,
            truth=frozen_floats(own if truth is None else truth),
            own=frozen_floats(own),
            base=base,
            structure=None if output else declared,
            guard=guard,
            # The expected share of a sum that may be near zero does not exist.
            extras=extras if bounded and declared is not None else extras - {"share"},
            wants_curvature=wants_curvature or wants_change,
            wants_change=wants_change,
        )

    @property
    def asked(self) -> frozenset[Extra]:
        """What audits asked for beyond the standard quantities, curvature with them."""
        wanted = zip(_ON_CURVATURE, (self.wants_curvature, self.wants_change), strict=True)
        return self.extras | {name for name, wants in wanted if wants}

    @property
    def n(self) -> int:
        """Number of entities."""
        return self.truth.size

    @property
    def is_declared_smooth(self) -> bool:
        """Whether the outcome is declared to be a smooth function of the released counts."""
        return isinstance(self.structure, Linear | Proportional)

    @property
    def declared(self) -> Structure | None:
        """What the decision declares of itself, before any post-processing of outcomes."""
        return self.decision.structure(self.n)

    @property
    def is_smooth(self) -> bool:
        """Whether the outcome is known to be a smooth function of the noise."""
        noise, rest = self.chain.reduced()
        declared = noise is not None and self.is_declared_smooth
        return declared and all(step.linear for step in rest)

    @property
    def is_random_after_noise(self) -> bool:
        """Whether a step after the mechanism draws random numbers of its own."""
        return any(step.randomised for step in (*self.chain.steps, *self.output))

    def largest_change(self, over: str) -> FloatArray:
        """Return the most that outcomes or their sums can change, infinite if not bounded."""
        change = self.decision.largest_change
        each = np.inf if change is None or self.output else change
        each += float(np.abs(self.own - self.truth).max())  # what a mitigation has moved before
        sizes = {"entity": np.ones(self.n), "total": np.full(1, float(self.n))}
        found: FloatArray = each * (sizes[over] if over in sizes else self.groupings[over].sizes)
        return found

    @property
    def guard_matters(self) -> bool:
        """Whether the denominator may come within ten standard deviations of its guard."""
        variance = self.chain.entity_variance
        declared = self.decision.structure(self.n)
        if self.guard is None or variance is None or not isinstance(declared, Proportional):
            return False
        deviation = float(np.sqrt((declared.weights**2 * variance).sum()))
        denominator = float((declared.weights * self.chain.counts).sum())
        return (1.0 - GUARD) * denominator < _SAFE_DEVIATIONS * deviation

    def outcome(self, released: FloatArray, streams: Streams | None = None) -> FloatArray:
        """Return the outcomes of released counts (draws, n), output steps included."""
        if self.guard is not None:
            decided = self._guarded(released)
        else:
            decided = decide(self.decision, released, self.n, self.task.id)
        return processed(self.output, decided, streams, first=len(self.chain.steps))

    def _guarded(self, released: FloatArray) -> FloatArray:
        declared = self.decision.structure(self.n)
        if not isinstance(declared, Proportional):
            raise PluginError(
                f"task {self.task.id!r}: only a declared ratio can be guarded",
                hint="return dpaudit.Proportional from structure() of the decision",
            )
        weighted = declared.weights * released
        floor = GUARD * float((declared.weights * self.chain.counts).sum())
        denominator = np.maximum(weighted.sum(axis=-1, keepdims=True), floor)
        shares: FloatArray = declared.total * weighted / denominator
        return shares

    def control(self) -> DecisionControl | None:
        """Return the control of the release followed by the decision, where there is one.

        It is complete where the structure of the decision is declared, and the release smooth in
        the noise or its clipping known exactly: the stand-in for a projection knows it to first
        order only.
        """
        if isinstance(self.structure, Local):
            local = local_control(self.chain, self.structure)
            if local is not None:
                return local
        if self.output and isinstance(self.declared, Proportional):
            projected = projected_control(self.chain, self.declared, self.output)
            if projected is not None:
                return projected
        declared = self.structure if self.is_declared_smooth else None
        release = self.chain.control()
        if release is None:
            return None
        try:
            found = control_of(declared, self.outcome, release)
        except (PluginError, FloatingPointError):
            return None  # the decision is not defined around the mean: simulate without a control
        known = declared is not None and (self.is_smooth or release.variance is not None)
        return None if found is None else attrs.evolve(found, is_complete=known)

    def extended(self, rows: FloatArray) -> FloatArray:
        """Append the sums over every grouping and the total: (draws, n) to (draws, m)."""
        wide = np.empty((*rows.shape[:-1], self.width))
        wide[..., : self.n] = rows
        self.extend(wide)
        return wide

    def extend(self, wide: FloatArray) -> None:
        """Write the sums of the first n columns of ``wide`` (draws, m) to the others."""
        rows, start = wide[..., : self.n], self.n
        for grouping in self.groupings.values():
            stop = start + len(grouping.labels)
            wide[..., start:stop] = grouping.sums(rows)
            start = stop
        np.add.reduce(rows, axis=-1, out=wide[..., start])

    @property
    def width(self) -> int:
        """Columns of :meth:`extended`: entities, groups and the total."""
        return self.n + sum(len(each.labels) for each in self.groupings.values()) + 1

    def columns(self, over: str) -> slice:
        """Return which columns of :meth:`extended` are ``entity``, a grouping or ``total``."""
        if over == "entity":
            return slice(0, self.n)
        start = self.n
        for name, grouping in self.groupings.items():
            if name == over:
                return slice(start, start + len(grouping.labels))
            start += len(grouping.labels)
        return slice(start, start + 1)


def bounds_outcomes(output: tuple[PostProcessor, ...]) -> bool:
    """Whether a step makes every outcome lie between 0 and a public sum."""
    return any(step.nonnegative and step.public_sum() is not None for step in output)


def _is_guardable(structure: Structure | None, counts: FloatArray) -> bool:
    """Whether half the true denominator is a positive floor."""
    return isinstance(structure, Proportional) and float((structure.weights * counts).sum()) > 0


def decide(decision: Decision, released: FloatArray, n: int, task: str) -> FloatArray:
    """Return the outcomes (draws, n) of releases, held to their shape and finite.

    ``released`` has a row for each draw; it is cut into rows of counts for a decision that
    takes those.
    """
    draws = released.shape[0]
    return held(
        f"decision {decision.name!r}",
        decision.decide,
        released.reshape(draws, n, -1) if decision.rows else released,
        by_row=not decision.vectorised,
        shape=(draws, n),
        where=f" in task {task!r}",
    )


def _noise_variance(chain: Chain) -> FloatArray:
    """Return the variance of the mechanism, of its noise or as it declares it; 0 if unknown."""
    noise = chain.mechanism.noise()
    if noise is not None:
        return np.asarray(noise.variance)
    with np.errstate(all="ignore"):
        declared = chain.mechanism.variance(chain.measured)
    if declared is None:
        return np.zeros(1)
    return declared.value if isinstance(declared, Estimate) else np.asarray(declared)


def budget_of(mechanism: Mechanism) -> tuple[str, float] | None:
    """Return the parameter that states a mechanism's budget with its value, if one does."""
    for name in _BUDGETS:
        value = getattr(mechanism, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return name, float(value)
    return None
