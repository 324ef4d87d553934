"""A decision as part of another one: whatever it takes itself, it takes rows of counts."""

from __future__ import annotations

from typing import ClassVar

import attrs
import numpy as np

from dpaudit.interfaces import ClosedForm, Decision
from dpaudit.model.arrays import FloatArray
from dpaudit.noise.base import Noise


@attrs.frozen(kw_only=True, eq=False)
class Rule(Decision):
    """A decision that takes rows (..., n, k), of which it may read one count alone.

    Parameters
    ----------
    decision
        The decision as the audit file names it.
    position
        Which of the k counts it reads; ``None`` where it takes rows itself.
    """

    name: ClassVar[str] = "rule"
    rows: ClassVar[bool] = True
    vectorised: ClassVar[bool] = True

    decision: Decision
    position: int | None

    @property
    def reads(self) -> tuple[int, ...] | None:
        """The positions of the counts that the outcome depends on; ``None``: all."""
        return self.decision.reads if self.position is None else (self.position,)

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the outcomes, shape (..., n)."""
        given = counts if self.position is None else counts[..., self.position]
        if self.decision.vectorised:
            return self.decision.decide(given)
        axes = 2 if self.decision.rows else 1
        draws = given.reshape(-1, *given.shape[given.ndim - axes :])
        made = np.stack([self.decision.decide(each) for each in draws])
        return made.reshape(counts.shape[:-1])

    def probability(self, counts: FloatArray, noise: Noise, *, clipped: bool) -> ClosedForm:
        """Return P(outcome = 1), shape (n,), where the decision knows it."""
        if self.position is None:
            return self.decision.probability(counts, noise, clipped=clipped)
        own = np.arange(counts.size).reshape(counts.shape)[:, self.position]
        return self.decision.probability(counts[:, self.position], noise.at(own), clipped=clipped)
