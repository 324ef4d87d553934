"""A release as the estimators see it: noise, then post-processing, with what is known of both."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from dpaudit.interfaces import ClosedForm, Mechanism, PostProcessor
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.model.structure import Control
from dpaudit.noise.base import Noise


@attrs.frozen(kw_only=True, eq=False)
class Chain:
    """A mechanism and its post-processing, applied to one vector of true counts.

    Parameters
    ----------
    counts
        True counts, shape (n,).
    mechanism
        The mechanism at one parameter point.
    steps
        Post-processors, bound to their public totals, in order.
    """

    counts: FloatArray
    mechanism: Mechanism
    steps: tuple[PostProcessor, ...] = ()

    def process(self, noisy: FloatArray) -> FloatArray:
        """Return the release made from noisy counts of shape (draws, n)."""
        return processed(self.steps, noisy)

    def reduced(self) -> tuple[Noise | None, tuple[PostProcessor, ...]]:
        """Return the noise with every step that only changes noise folded in, and the rest.

        Rounding whole counts plus noise is the same as adding rounded noise; it may be folded
        past the steps that it commutes with.
        """
        noise = self.mechanism.noise()
        rest: list[PostProcessor] = []
        for step in self.steps:
            after = step.noise_after(noise) if noise is not None and _whole(self.counts) else None
            if after is not None and all(kept.name in step.commutes for kept in rest):
                noise = after
            else:
                rest.append(step)
        return noise, tuple(rest)

    @property
    def is_nonnegative(self) -> bool:
        """Whether the released counts can never be negative."""
        nonnegative = False
        for step in self.steps:
            nonnegative = step.nonnegative or (nonnegative and step.elementwise)
        return nonnegative

    @property
    def is_clipped(self) -> bool:
        """Whether the release is exactly ``max(x + noise, 0)`` for independent noise."""
        noise, rest = self.reduced()
        return noise is not None and len(rest) == 1 and rest[0].clips

    def closed_bias(self) -> Estimate | None:
        """Return the bias of the released counts, shape (n,), where a closed form applies."""
        noise, rest = self.reduced()
        if noise is None or len(rest) > 1:
            return None
        return _estimate(rest[0].bias(self.counts, noise) if rest else np.zeros_like(self.counts))

    def closed_variance(self) -> Estimate | None:
        """Return the variance of the released counts, shape (n,), where a closed form applies."""
        noise, rest = self.reduced()
        if noise is None or len(rest) > 1:
            return None
        if rest:
            return _estimate(rest[0].variance(self.counts, noise))
        return _estimate(np.broadcast_to(noise.variance, self.counts.shape).astype(np.float64))

    def control(self) -> Control | None:
        """Return a stand-in for the whole release whose mean is known, given noisy counts."""
        noise, rest = self.reduced()
        if noise is None or len(rest) > 1:
            return None
        if all(step.elementwise for step in self.steps):
            return self._exact_control()
        folded = [step for step in self.steps if step not in rest]
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
        mean = self.counts + bias.value
        return Control(
            mean=mean, variance=variance.value, deviation=lambda noisy: self.process(noisy) - mean
        )


def _estimate(known: ClosedForm) -> Estimate | None:
    return known if known is None or isinstance(known, Estimate) else Estimate.exact(known)


def _whole(counts: FloatArray) -> bool:
    return bool(np.all(counts == np.rint(counts)))


def _row_by_row(step: PostProcessor, noisy: FloatArray) -> FloatArray:
    return np.stack([step.process(row) for row in noisy])


def processed(steps: Sequence[PostProcessor], outcomes: FloatArray) -> FloatArray:
    """Apply post-processing to counts or outcomes of shape (draws, n)."""
    for step in steps:
        outcomes = step.process(outcomes) if step.vectorised else _row_by_row(step, outcomes)
    return outcomes
