"""What every noise distribution can say about itself."""

from __future__ import annotations

import abc
from typing import Any, ClassVar, Self

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.model.arrays import BoolArray, ComplexArray, FloatArray
from dpaudit.noise.near_zero import Changed, tilted

Variates = tuple[FloatArray, ...]
"""Unit-scale random numbers of one family, each of the shape of the noise."""


class Noise(abc.ABC):
    """A noise distribution X with mean zero, one per entity.

    Parameters of subclasses are scalars or arrays (n,) that broadcast against the entities;
    arguments ``t`` and ``x`` are arrays of shape (..., n) in persons.

    Sampling comes in two steps so that mechanisms with different budgets can share their
    random numbers: :meth:`variates` draws unit-scale variates of the family, and
    :meth:`from_variates` scales them. Both use only operations that give the same bits on
    every CPU.

    Attributes
    ----------
    family
        Name of the unit-scale variates that are shared by every noise of this family.
    symmetric
        Whether X and -X have the same distribution (antithetic pairs are valid).
    lattice
        Whether X takes whole values only.
    log_concave
        Whether the density (or, on the whole numbers, the probability) is log-concave.
    """

    family: ClassVar[str]
    symmetric: ClassVar[bool] = True
    lattice: ClassVar[bool] = False
    log_concave: ClassVar[bool] = False

    @staticmethod
    @abc.abstractmethod
    def variates(rng: np.random.Generator, shape: tuple[int, ...]) -> Variates:
        """Draw the unit-scale variates of the family."""

    @abc.abstractmethod
    def from_variates(self, variates: Variates) -> FloatArray:
        """Turn unit-scale variates into noise, without changing them."""

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
        """Draw noise of ``shape``, whose last axis is the entities."""
        return self.from_variates(self.variates(rng, shape))

    @property
    @abc.abstractmethod
    def variance(self) -> FloatArray:
        """Var X, persons squared."""

    @property
    @abc.abstractmethod
    def fourth_cumulant(self) -> FloatArray:
        """E X^4 - 3 (Var X)^2, persons to the fourth."""

    @property
    @abc.abstractmethod
    def mean_absolute(self) -> FloatArray:
        """E abs(X), persons."""

    @abc.abstractmethod
    def cdf(self, t: FloatArray) -> FloatArray:
        """P(X <= t), accurate relative to itself far in the lower tail."""

    def density(self, t: FloatArray) -> FloatArray | None:  # noqa: ARG002
        """Return the density at ``t``, per person, or ``None`` where there is none."""
        return None

    @abc.abstractmethod
    def excess(self, t: FloatArray) -> FloatArray:
        """E (t - X)^+, the expected amount by which X stays below t, persons."""

    @abc.abstractmethod
    def excess_square(self, t: FloatArray) -> FloatArray:
        """E ((t - X)^+)^2, persons squared."""

    def rests(self, x: FloatArray, draws: int) -> BoolArray:
        """Return for which entries of ``x`` (n,) all ``draws`` may well show no noise at all.

        Noise of entry i is nil in every draw with probability above 1e-6 / n: so it can be for
        whole-number noise alone, whose chance of not being 0 may be as small as one likes.
        """
        if not self.lattice:
            return np.zeros(x.shape, dtype=np.bool_)
        moved = self.cdf(np.full(x.shape, -1.0)) + (1.0 - self.cdf(np.zeros(x.shape)))
        return np.asarray(draws * moved <= np.log(1e6 * x.size))

    @abc.abstractmethod
    def clipped_transform(
        self, x: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Laplace transform of W = (x + X)^+ and its derivatives.

        Parameters
        ----------
        x
            True counts, shape (n,), non-negative.
        s
            Transform variables, shape (m, 1) or (m, n), non-negative, per person.

        Returns
        -------
        phi, psi, chi
            E exp(-s W), E W exp(-s W) and E W^2 exp(-s W), shape (m, n).

        References
        ----------
        METHODS-decisions 6.2 (derived for this project).
        """

    def clipped_change(
        self, x: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return what tilting by exp(-s Y) makes of Y = (x + X)^+ - x.

        Parameters
        ----------
        x, s
            As for :meth:`clipped_transform`.

        Returns
        -------
        tuple of FloatArray
            log E exp(-s Y), and the mean and variance of Y under the tilted law, shape (m, n).
        """
        near = self.near_zero(x, s)
        if near is not None:
            return near.tilted()
        phi, psi, chi = self.clipped_transform(x, s)
        value, mean, variance = tilted(np.array(phi), np.array(psi), np.array(chi))
        return value + s * x, mean - x, variance

    def near_zero(
        self,
        x: FloatArray,  # noqa: ARG002
        s: FloatArray,  # noqa: ARG002
    ) -> Changed | None:
        """Return transforms of (x + X)^+ - x, or ``None`` where ``s`` is not small for them.

        A shorter way to the values of :meth:`clipped_transform`, which loses no accuracy where x
        is large beside the noise. Shapes are those of that method.
        """
        return None

    @property
    def terms(self) -> float:
        """How many terms :meth:`clipped_transform` sums for each value; 0 for a closed form."""
        return 0.0

    def characteristic(
        self,
        theta: FloatArray | ComplexArray,  # noqa: ARG002
    ) -> ComplexArray | None:
        """Return E exp(i theta X), or ``None`` where it is not known.

        Parameters
        ----------
        theta
            Frequencies, shape (m, 1) or (m, n), per person; they may be complex, with an
            imaginary part smaller than :attr:`strip`.
        """
        return None

    @property
    def strip(self) -> FloatArray:
        """The supremum of s with E exp(s X) finite, per person."""
        return np.zeros(())

    def clipped_characteristic(
        self,
        x: FloatArray,  # noqa: ARG002
        theta: FloatArray,  # noqa: ARG002
    ) -> ComplexArray | None:
        """Return E exp(i theta (x + X)^+), or ``None`` where it is not known.

        Parameters
        ----------
        x
            Where the noise is centred, of either sign, shape (..., 1, n), persons; whole numbers
            for noise that is whole.
        theta
            Frequencies, shape (m, 1), per person.

        Returns
        -------
        ComplexArray or None
            Shape (..., m, n).
        """
        return None

    def tail_transform(
        self,
        t: FloatArray,  # noqa: ARG002
        s: FloatArray,  # noqa: ARG002
    ) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Laplace transform of what X has beyond t, or ``None`` where it is not known.

        Parameters
        ----------
        t
            Where the tail begins, of either sign, shape (n,), persons.
        s
            Transform variables, shape (m, 1) or (m, n), above -:attr:`strip`, per person.

        Returns
        -------
        tuple of FloatArray or None
            E (X - t)^k exp(-s (X - t)) over X > t for k = 0, 1, 2, shape (m, n).
        """
        return None

    def tail_characteristic(
        self,
        t: FloatArray,  # noqa: ARG002
        z: ComplexArray,  # noqa: ARG002
    ) -> ComplexArray | None:
        """Return E exp(-z (X - max(t, 0))) over X > t, or ``None`` where it is not known.

        Parameters
        ----------
        t
            Where the tail begins, of either sign, shape (n,), persons.
        z
            Transform variables, shape (m, 1) or (m, n), per person; where the expectation is not
            finite, its analytic continuation is meant. Taken from max(t, 0) on, it stays small
            however far to the left ``z`` is.

        Returns
        -------
        ComplexArray or None
            Shape (m, n).
        """
        return None

    def parameters(self, n: int) -> FloatArray:
        """Return the parameters of each of ``n`` entities, shape (n, number of parameters).

        Entities with equal parameters have the same noise. Of a noise that is no attrs class
        nothing is known: each entity is on its own.
        """
        if not attrs.has(type(self)):
            return np.arange(n, dtype=np.float64)[:, None]
        rows = [np.broadcast_to(value, n) for value in self._arrays().values()]
        return np.stack([*rows, np.zeros(n)], axis=1)

    def at(self, index: NDArray[np.intp]) -> Self:
        """Return the noise of the entities at ``index``."""
        own = {name: value[index] for name, value in self._arrays().items() if value.ndim}
        whole: Any = self
        changed: Self = attrs.evolve(whole, **own) if own else self
        return changed

    def _arrays(self) -> dict[str, FloatArray]:
        """Return the parameters, which are the attrs fields."""
        kind: Any = type(self)
        names = [field.name for field in attrs.fields(kind)] if attrs.has(kind) else []
        return {name: np.asarray(getattr(self, name), dtype=np.float64) for name in names}
