"""A release as the estimators see it: noise, then post-processing, with what is known of both."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.estimators.held import held
from dpaudit.interfaces import ClosedForm, Mechanism, PostProcessor
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.model.hierarchy import Hierarchy
from dpaudit.model.spec import Neighbours
from dpaudit.model.structure import Bounds, Control
from dpaudit.noise.base import Noise

T = TypeVar("T", bound=np.generic)

Streams = Callable[[int], np.random.Generator]
"""The generator of a random step, by its position."""


@attrs.frozen(kw_only=True, eq=False, slots=False)
class Chain:
    """A mechanism and its post-processing, applied to one vector of true counts.

    Parameters
    ----------
    counts
        True counts of the entities, shape (n,); of entities with k counts each, row after row.
    mechanism
        The mechanism at one parameter point.
    steps
        Post-processors, bound to their public totals, in order.
    hierarchy
        The tree over the entities, for a mechanism that measures every node of it.
    width
        k, how many counts each entity has.
    """

    counts: FloatArray
    mechanism: Mechanism
    steps: tuple[PostProcessor, ...] = ()
    hierarchy: Hierarchy | None = None
    width: int = 1

    @functools.cached_property
    def measured(self) -> FloatArray:
        """What the mechanism is given: counts (n,), those of every node (N,) or queries (m,)."""
        if self.mechanism.measures == "queries":
            return self.mechanism.queries(self.counts)
        return self.counts if self._tree is None else self._tree.totals(self.counts)

    @functools.cached_property
    def replicates(self) -> FloatArray | None:
        """Releases that were made elsewhere, shape (R, n): then nothing is simulated."""
        return self.mechanism.replicates()

    @property
    def truth(self) -> FloatArray:
        """What the decision would see if nothing were protected, shape (n,)."""
        return self._of_entities(self.mechanism.truth(self.measured))

    def release(self, rng: np.random.Generator) -> FloatArray:
        """Return one release of what is measured, before any step, shape (n,) or (N,)."""
        name = f"mechanism {self.mechanism.name!r}"
        return held(name, lambda counts: self.mechanism.release(counts, rng), self.measured)

    def process(self, noisy: FloatArray, streams: Streams | None = None) -> FloatArray:
        """Return the release of the entities (draws, n) made from what the mechanism gave.

        Without ``streams`` a random step gives its expectation.
        """
        before, after = self.steps[: self._on_nodes], self.steps[self._on_nodes :]
        released = self._of_entities(processed(before, noisy, streams))
        return processed(after, released, streams, first=len(before))

    @property
    def bare(self) -> Chain:
        """The mechanism alone, before any step."""
        return attrs.evolve(self, steps=())

    def reduced(self) -> tuple[Noise | None, tuple[PostProcessor, ...]]:
        """Return the noise with every step that only changes noise folded in, and the rest.

        Rounding whole counts plus noise is the same as adding rounded noise; it may be folded
        past the steps that it commutes with.
        """
        noise = self.mechanism.noise()
        rest: list[PostProcessor] = []
        for step in self._effective:
            after = step.noise_after(noise) if noise is not None and self._is_whole else None
            if after is not None and all(kept.name in step.commutes for kept in rest):
                noise = after
            else:
                rest.append(step)
        return noise, tuple(rest)

    @property
    def moved(self) -> float | None:
        """The most by which the steps move a value, persons, where that is known."""
        moves = [step.moves_at_most() for step in self._effective]
        known = [most for most in moves if most is not None]
        return sum(known) if len(known) == len(moves) else None

    @property
    def _effective(self) -> list[PostProcessor]:
        """The steps that may change something: clipping what is never negative does not."""
        nonnegative = self.mechanism.nonnegative
        found: list[PostProcessor] = []
        for step in self.steps:
            if not (step.clips and nonnegative) and step.moves_at_most() != 0.0:
                found.append(step)
            nonnegative = step.nonnegative or (nonnegative and "non-negative" in step.keeps)
        return found

    @property
    def is_nonnegative(self) -> bool:
        """Whether the released counts can never be negative."""
        nonnegative = self.mechanism.nonnegative
        for step in self.steps:
            nonnegative = step.nonnegative or (nonnegative and "non-negative" in step.keeps)
        return nonnegative

    @property
    def is_flat(self) -> bool:
        """Whether the mechanism is given the counts themselves, and not what is made of them."""
        return self.mechanism.measures == "entities"

    @property
    def is_clipped(self) -> bool:
        """Whether the release is exactly ``max(x + noise, 0)`` for independent noise."""
        noise, rest = self.reduced()
        known = noise is not None and self.is_flat
        return known and len(rest) == 1 and rest[0].clips

    def reveals(self, neighbours: Neighbours) -> bool:
        """Return whether a number that differs between neighbours is published exactly.

        One person more or less changes every total that the person is in; a changed record
        leaves the total of all as it is.
        """
        changes = neighbours == "add-remove"
        totals = any(step.public_sum() is not None or step.uncovered() for step in self.steps)
        if changes and totals:
            return True
        noise = self.mechanism.noise()
        if noise is None or self._tree is None:
            return False
        exact = np.broadcast_to(noise.variance == 0, self.measured.shape)
        return bool(np.any(exact if changes else exact[1:]))

    @property
    def public_sum(self) -> float | None:
        """The sum that every release has, where there is one.

        A total that is not whole is not held to be kept: a step that rounds keeps its whole part.
        """
        total: float | None = None
        for step in self.steps:
            whole = total is not None and total == np.rint(total)
            kept = total if whole and "total" in step.keeps else None
            if step.hierarchical and self._is_total_exact and "additive" in step.keeps:
                kept = float(self.counts.sum())
            total = step.public_sum() if step.public_sum() is not None else kept
        return total

    @property
    def is_independent(self) -> bool:
        """Whether the released counts of the entities are independent of one another."""
        return self.mechanism.independent and all(step.elementwise for step in self.steps)

    @property
    def entity_variance(self) -> FloatArray | None:
        """Variance of the noise of every entity, shape (n,), where the noise is known."""
        noise = self.mechanism.noise()
        if noise is None:
            return None
        return self._of_entities(np.broadcast_to(noise.variance, self.measured.shape))

    @functools.cached_property
    def is_still(self) -> bool:
        """Whether the mechanism gives the same release whenever it is asked, by its closed form."""
        noise = self.mechanism.noise()
        variance = self.mechanism.variance(self.measured) if noise is None else noise.variance
        value = getattr(variance, "value", variance)
        return value is not None and not np.any(np.asarray(value, dtype=np.float64) > 0)

    def rests(self, draws: int) -> BoolArray:
        """Return which entities may well show no noise in any of ``draws``, shape (n,)."""
        noise = self.mechanism.noise()
        rests = np.zeros(self.counts.shape, dtype=np.bool_)
        if noise is not None and self.mechanism.measures != "queries":
            rests = self._of_entities(noise.rests(self.measured, draws))
        return np.asarray(rests.reshape(-1, self.width).all(axis=1))

    def closed_bias(self) -> Estimate | None:
        """Return the bias of the released counts, shape (n,), where a closed form applies."""
        noise, rest = self.reduced()
        while rest and rest[-1].unbiased:
            rest = rest[:-1]
        if not rest:
            return self._closed(self.mechanism.bias(self.measured))
        if noise is None or len(rest) > 1:
            return None
        return self._closed(rest[0].bias(*self._seen_by(rest[0], noise)))

    def closed_variance(self) -> Estimate | None:
        """Return the variance of the released counts, shape (n,), where a closed form applies."""
        noise, rest = self.reduced()
        if noise is None:
            return None if rest else self._closed(self.mechanism.variance(self.measured))
        if len(rest) > 1:
            return None
        if rest:
            return self._closed(rest[0].variance(*self._seen_by(rest[0], noise)))
        return self._closed(np.broadcast_to(noise.variance, self.measured.shape).copy())

    def positive(self) -> FloatArray | None:
        """Return the probability that a released count is above 0, shape (n,), where known."""
        noise, rest = self.reduced()
        if not rest and noise is None:
            known = self.mechanism.positive(self.measured)
            return None if known is None else self._of_entities(known)
        if noise is None or not all(step.clips for step in rest):
            return None
        return self._of_entities(1.0 - noise.cdf(-self.measured))

    def spread_bounds(self) -> Bounds | None:
        """Return proved bounds of the largest difference of two biases, if there are any."""
        noise, rest = self.reduced()
        if noise is None or len(rest) != 1 or self._tree is not None:
            return None
        return rest[0].spread_bounds(self.counts, noise)

    def control(self) -> Control | None:
        """Return a stand-in for the whole release whose mean is known, given noisy counts."""
        if self.is_independent:
            return self._exact_control()
        noise, rest = self.reduced()
        if noise is None or len(rest) > 1 or self._tree is not None:
            return None
        left = {id(step) for step in rest}
        folded = [step for step in self.steps if id(step) not in left]
        control = rest[0].control(self.counts, noise) if rest else None
        if control is None or not folded:
            return control
        before = attrs.evolve(self, steps=tuple(folded))
        deviation = control.deviation
        return attrs.evolve(control, deviation=lambda noisy: deviation(before.process(noisy)))

    def _exact_control(self) -> Control | None:
        """Return the release itself: entities are independent and both moments are known."""
        bias, variance = self.closed_bias(), self.closed_variance()
        if bias is None or variance is None:
            return None
        mean = self._of_entities(self.measured) + bias.value
        return Control(
            mean=mean, variance=variance.value, deviation=lambda noisy: self.process(noisy) - mean
        )

    @property
    def _tree(self) -> Hierarchy | None:
        return self.hierarchy if self.mechanism.measures == "hierarchy" else None

    @property
    def _is_total_exact(self) -> bool:
        """Whether the mechanism gives the total of all without noise."""
        noise = self.mechanism.noise()
        if noise is None or self._tree is None:
            return False
        return bool(np.broadcast_to(noise.variance, self.measured.shape)[0] == 0)

    @property
    def _on_nodes(self) -> int:
        """How many steps see every node; the next one sees the entities alone."""
        if self._tree is None:
            return 0
        fits = [step.hierarchical or step.elementwise for step in self.steps]
        return fits.index(False) if False in fits else len(fits)

    def _seen_by(self, step: PostProcessor, noise: Noise) -> tuple[FloatArray, Noise]:
        """Return the counts that ``step`` sees, and the noise on them."""
        if self._tree is None or any(each is step for each in self.steps[: self._on_nodes]):
            return self.measured, noise
        return self.counts, noise.at(self._tree.entity_nodes)

    def _of_entities(self, values: NDArray[T]) -> NDArray[T]:
        """Return the part of the entities, shape (..., n), of values of what was measured."""
        if self._tree is None or values.shape[-1] == self.counts.size:
            return values
        return values[..., self._tree.entities]

    def _closed(self, known: ClosedForm) -> Estimate | None:
        if known is None:
            return None
        estimate = known if isinstance(known, Estimate) else Estimate.exact(known)
        if self._tree is None or estimate.value.size == self.counts.size:
            return estimate
        return estimate[self._tree.entities]

    @property
    def _is_whole(self) -> bool:
        return bool(np.all(self.counts == np.rint(self.counts)))


def processed(
    steps: Sequence[PostProcessor],
    outcomes: FloatArray,
    streams: Streams | None = None,
    first: int = 0,
) -> FloatArray:
    """Apply post-processing to counts or outcomes of shape (draws, n).

    ``first`` is the position of the first of ``steps``, which chooses its stream.
    """
    for position, step in enumerate(steps, first):
        call: Callable[[FloatArray], object] = step.process
        if step.randomised and streams is not None:
            call = _sampler(step, streams(position))
        name = f"post-processor {step.name!r}"
        outcomes = held(name, call, outcomes, by_row=not step.vectorised)
    return outcomes


def _sampler(step: PostProcessor, rng: np.random.Generator) -> Callable[[FloatArray], object]:
    return lambda noisy: step.sample(noisy, rng)
