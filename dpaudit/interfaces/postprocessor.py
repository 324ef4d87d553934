"""Post-processors change a noisy release, and see nothing else."""

from __future__ import annotations

import abc
from typing import ClassVar

import attrs
import numpy as np

from dpaudit.interfaces.base import ClosedForm, Kept, Kind, Plugin
from dpaudit.model.arrays import FloatArray
from dpaudit.model.structure import Bounds, Control, Feasible
from dpaudit.noise.base import Noise


@attrs.frozen(kw_only=True)
class PostProcessor(Plugin):
    """Changes a noisy release, seeing nothing but the release and public parameters.

    Attributes
    ----------
    vectorised
        Whether :meth:`process` takes draws stacked in front, shape (..., n).
    linear
        Whether the step is affine with row sums that keep the mean (it adds no bias).
    elementwise
        Whether each entity is processed from its own value alone.
    clips
        Whether the step is exactly ``max(., 0)``.
    nonnegative
        Whether its output is never negative.
    unbiased
        Whether E[output | input] = input.
    hierarchical
        Whether the step takes and returns values of every node of the tree, shape (..., N).
    randomised
        Whether the step draws random numbers: then :meth:`sample` does the work.
    keeps
        What of its input the step leaves as it is: counts stay ``whole`` or ``non-negative``,
        the sum of the entities (``total``) is kept, sums agree with their parts (``additive``).
    commutes
        Names of post-processors that may be applied before or after this one alike.
    """

    kind: ClassVar[Kind] = "postprocessor"
    vectorised: ClassVar[bool] = False
    linear: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    clips: ClassVar[bool] = False
    nonnegative: ClassVar[bool] = False
    unbiased: ClassVar[bool] = False
    hierarchical: ClassVar[bool] = False
    randomised: ClassVar[bool] = False
    keeps: ClassVar[frozenset[Kept]] = frozenset()
    commutes: ClassVar[frozenset[str]] = frozenset()

    @abc.abstractmethod
    def process(self, release: FloatArray) -> FloatArray:
        """Return the processed release, shape (n,), persons (or outcomes).

        Of a randomised step, its expectation given the release.
        """

    def sample(self, release: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return one draw of the processed release; of a step that is not random, the only one."""
        return self.process(release)

    def bias(self, counts: FloatArray, noise: Noise) -> ClosedForm:
        """Return E process(x + X) - x, shape (n,), if known in closed form."""
        return None

    def variance(self, counts: FloatArray, noise: Noise) -> ClosedForm:
        """Return Var process(x + X), shape (n,), if known in closed form."""
        return None

    def spread_bounds(self, counts: FloatArray, noise: Noise) -> Bounds | None:
        """Return proved bounds of the largest difference of two biases, if there are any."""
        return None

    def noise_after(self, noise: Noise) -> Noise | None:
        """Return the noise after this step, if it is still additive, independent of x."""
        return None

    def control(self, counts: FloatArray, noise: Noise) -> Control | None:
        """Return a stand-in for this step whose mean is known exactly, if there is one."""
        return None

    def moves_at_most(self) -> float | None:
        """Return the most by which this step moves any value, persons, where there is a bound.

        It keeps the moments of the release near those of what the mechanism gave.
        """
        return None

    def public_sum(self) -> float | None:
        """Return the sum that its output always has, where there is one."""
        return None

    @property
    def feasible(self) -> Feasible:
        """How it makes non-negative values with its public sum, where it does just that."""
        return None

    def uncovered(self) -> tuple[str, ...]:
        """Return what this step publishes exactly, outside the guarantee (its invariants).

        Each is a noun phrase that reads after "Published exactly:", and the same one that the
        mechanism uses of the same counts.
        """
        return ()
