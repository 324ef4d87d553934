"""What mitigations share: decisions made of others, and what is public of a pipeline."""

from __future__ import annotations

from typing import TypeVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.base import Noise

T = TypeVar("T")

_NOBODY = 1e-9
"""Persons: a total below counts nobody."""


@attrs.frozen(kw_only=True, eq=False)
class Changed(dpaudit.Decision):
    """A decision made of another one, in the same unit.

    Parameters
    ----------
    decision
        The decision that is changed.
    """

    decision: dpaudit.Decision

    @property
    def unit(self) -> str:  # type: ignore[override]  # one class serves decisions of any unit
        """The unit of the outcome."""
        return self.decision.unit


def proportional(subject: dpaudit.Pipeline) -> dpaudit.Proportional | None:
    """Return the structure of a decision that shares an amount by weighted counts, or ``None``."""
    if subject.decision.rows or subject.decision.takes != "counts":
        return None
    structure = subject.decision.structure(subject.n)
    return structure if isinstance(structure, dpaudit.Proportional) else None


def noise_seen(subject: dpaudit.Pipeline) -> Noise | None:
    """Return the noise that is decided from, where it is additive, of mean zero, one per count.

    ``None`` where a step does more than change the noise, or where a tree is measured.
    """
    if subject.mechanism.measures != "entities" or subject.mechanism.gives != "counts":
        return None
    noise = subject.mechanism.noise()
    for step in subject.steps:
        noise = None if noise is None else step.noise_after(noise)
    return noise


def takes_negative_counts(subject: dpaudit.Pipeline) -> bool:
    """Return whether a decision can be measured from counts that may be negative.

    It has an expectation then, or is an allotment, which the engine guards.
    """
    noise = subject.mechanism.noise()
    exists = subject.decision.existence(noise, clipped=False) is None
    return exists or isinstance(subject.decision.structure(subject.n), dpaudit.Proportional)


def found(mitigation: dpaudit.Mitigation, subject: dpaudit.Pipeline, what: T | None) -> T:
    """Return what :meth:`applies` has found before.

    Raises
    ------
    UsageError
        If there is nothing: the mitigation does not apply.
    """
    if what is None:
        raise dpaudit.UsageError(
            f"mitigation {mitigation.name!r} does not apply to the decision "
            f"{subject.decision.name!r} from the mechanism {subject.mechanism.name!r}",
            hint="ask applies() first",
        )
    return what


def deviation_of_total(weights: FloatArray, noise: Noise) -> float:
    """Return the standard deviation of the noise of sum_j a_j x_j, in weighted persons."""
    return float(np.sqrt((np.square(weights) * noise.variance).sum()))


def least_total(weights: FloatArray, deviation: float) -> float:
    """Return what a noisy total is held up at: its deviation, or 1e-9 persons if that is more."""
    return max(deviation, _NOBODY * float(weights.max()))


def positive_column(name: str, parameter: str, column: FloatArray, n: int) -> FloatArray:
    """Return a public column of ``n`` numbers above 0 as floats, shape (n,).

    Raises
    ------
    DataError
        If it holds text or a number of 0 or less.
    """
    values = np.asarray(column)
    if values.shape != (n,):
        raise dpaudit.DataError(
            f"mitigation {name!r}: {parameter} of shape {values.shape} for {n} entities",
            hint="name a column of the data",
        )
    wrong = ~(values > 0) if values.dtype.kind in "iuf" else np.ones(n, dtype=np.bool_)
    if wrong.any():
        raise dpaudit.DataError(
            f"mitigation {name!r}: the column given as {parameter} has the value "
            f"{values[wrong].tolist()[0]!r}, which is not a number above 0",
            hint="fill the cells with small positive numbers, or leave those entities out",
        )
    return values.astype(np.float64)
