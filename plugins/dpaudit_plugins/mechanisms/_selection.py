"""What mechanisms share that choose one entity: the largest count, or nearly."""

from __future__ import annotations

import abc
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray


def below_largest(counts: FloatArray, rate: float) -> FloatArray:
    """Return rate (max - counts), shape (n,): 0 for the largest, also at an infinite rate."""
    gap = counts.max() - counts
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(gap > 0, gap * rate, 0.0)


def one_hot(index: int, n: int) -> FloatArray:
    """Return 1 at ``index`` and 0 elsewhere, shape (n,)."""
    chosen = np.zeros(n)
    chosen[index] = 1.0
    return chosen


@attrs.frozen(kw_only=True, eq=False)
class Selection(dpaudit.Mechanism):
    """Choose one entity, the better the larger its count.

    The utility of an entity is its count, which one person changes by at most 1: whoever is
    added, removed or replaced, and however many counts a person enters.

    Parameters
    ----------
    epsilon
        Privacy-loss budget of the choice, positive; ``inf`` chooses the largest.
    monotone
        Use that one person more or less moves all counts in one direction, which halves the
        noise. Not under ``replace``, where one count falls and another rises.

    Raises
    ------
    ValueError
        If ``monotone`` is asked for under ``replace``.
    """

    gives: ClassVar[Literal["counts", "selection"]] = "selection"
    independent: ClassVar[bool] = False
    nonnegative: ClassVar[bool] = True

    epsilon: float = attrs.field(validator=attrs.validators.gt(0.0))
    monotone: bool = False

    def __attrs_post_init__(self) -> None:
        if self.monotone and self.neighbours == "replace":
            raise ValueError(
                "monotone holds for neighbours = 'add-remove' alone: a replaced person lowers "
                "one count and raises another"
            )

    @abc.abstractmethod
    def probabilities(self, counts: FloatArray) -> dpaudit.Estimate:
        """Return the probability that each entity is chosen, shape (n,)."""

    def output_probabilities(self, counts: FloatArray) -> dpaudit.Estimate:
        """Return the probability that each entity is chosen, shape (n,)."""
        return self.probabilities(counts)

    def truth(self, counts: FloatArray) -> FloatArray:
        """Return 1 for the largest count; m equal ones get 1 / m each."""
        largest = counts == counts.max()
        return largest / largest.sum()

    def bias(self, counts: FloatArray) -> dpaudit.Estimate:
        """Return the probability of each choice minus the right choice, shape (n,)."""
        chosen, truth = self.probabilities(counts), self.truth(counts)
        return attrs.evolve(
            chosen,
            value=chosen.value - truth,
            low=chosen.low - truth,
            high=chosen.high - truth,
        )

    def variance(self, counts: FloatArray) -> dpaudit.Estimate:
        """Return p (1 - p), shape (n,)."""
        chosen = self.probabilities(counts)
        p = chosen.value
        # p (1 - p) changes no faster than p.
        return dpaudit.Estimate.exact(
            p * (1.0 - p), error=np.maximum(chosen.high - p, p - chosen.low), method=chosen.method
        )

    def positive(self, counts: FloatArray) -> FloatArray:
        """Return the probability that each entity is chosen, shape (n,)."""
        return self.probabilities(counts).value

    def _rate(self) -> float:
        """Return epsilon per person of utility."""
        return self.epsilon if self.monotone else 0.5 * self.epsilon
