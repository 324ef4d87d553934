"""Deciding from the mean of several independent releases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.base import Noise
from dpaudit.noise.gaussian import Gaussian
from dpaudit.privacy.composition import sequential
from dpaudit_plugins.mitigations._changed import found


@attrs.frozen(kw_only=True, eq=False)
class Averaged(dpaudit.Mechanism):
    """Release the mean of m independent releases of the same counts.

    Parameters
    ----------
    base
        The mechanism of each release, of additive noise of mean zero.
    releases
        m, at least 2.
    """

    name: ClassVar[str] = "averaged"

    base: dpaudit.Mechanism
    releases: int

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the mean of m releases, of the shape of ``counts``."""
        made = [self.base.release(counts, rng) for _ in range(self.releases)]
        mean: FloatArray = np.mean(made, axis=0)
        return mean

    def privacy(self) -> dpaudit.Guarantee:
        """Return what all releases together promise: their budgets add up."""
        return sequential([self.base.privacy()] * self.releases)

    def noise(self) -> Noise | None:
        """Return the mean's noise where it is known: that of Gaussian noise is Gaussian again."""
        noise = self.base.noise()
        if not isinstance(noise, Gaussian):
            return None
        return Gaussian(noise.sigma / math.sqrt(self.releases))

    def bias(self, counts: FloatArray) -> dpaudit.ClosedForm:
        """Return that every release is unbiased, shape (n,)."""
        return np.zeros_like(counts)

    def variance(self, counts: FloatArray) -> dpaudit.ClosedForm:
        """Return the variance of one release over m, shape (n,)."""
        noise = self.base.noise()
        if noise is None:
            return None
        return np.broadcast_to(noise.variance / self.releases, counts.shape).copy()

    def caveats(self) -> tuple[str, ...]:
        """Return that nothing is assumed to change between releases."""
        said = (
            f"the {self.releases} releases are taken to be of the same counts: what changes "
            "between the years is not measured"
        )
        return (said,)


@attrs.frozen(kw_only=True)
class MultiYearAverage(dpaudit.Mitigation):
    """Decide from the mean of m independent releases, such as those of m years.

    The variance of the noise falls by m. So does the bias of smooth decisions, and the bias that
    clipping adds falls much faster. It helps where releases are made anyway. It does harm to
    privacy, since a person who is in all of them is protected by m budgets together, and to
    places that change: they are paid by what they were.

    Parameters
    ----------
    years
        m, the number of releases, at least 2.

    References
    ----------
    METHODS-decisions 7.8 and 1.6.
    """

    name: ClassVar[str] = "multi-year-average"

    years: int = attrs.field(default=3, validator=attrs.validators.ge(2))

    def applies(self, subject: dpaudit.Pipeline) -> bool:
        """Return whether the mechanism adds noise of mean zero to the counts of entities."""
        mechanism = subject.mechanism
        return mechanism.measures == "entities" and mechanism.noise() is not None

    def apply(self, subject: dpaudit.Pipeline) -> dpaudit.Pipeline:
        """Return the pipeline with the mean of m releases in place of one."""
        found(self, subject, self.applies(subject) or None)
        base = subject.mechanism
        mechanism = Averaged(
            base=base,
            releases=self.years,
            neighbours=base.neighbours,
            cells_per_person=base.cells_per_person,
        )
        return attrs.evolve(subject, mechanism=mechanism)

    def cost(self) -> str:
        """Return that the budget is spent m times."""
        return f"{self.years} times the privacy-loss budget, and decisions by older counts"


@dpaudit.hookimpl
def dpaudit_mitigations() -> Sequence[type[dpaudit.Mitigation]]:
    """Offer the mitigation."""
    return (MultiYearAverage,)
