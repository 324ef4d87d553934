"""The error of a survey, and noise on top of it: what of a loss is whose."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.gaussian import Gaussian
from dpaudit.noise.laplace import Laplace
from dpaudit.privacy.sensitivity import l1_sensitivity
from dpaudit_plugins.mechanisms._additive import check_amount

_LARGEST = 1_000.0
"""No survey is worse than this."""


@attrs.frozen(kw_only=True, eq=False)
class DataError(dpaudit.Mechanism):
    """Estimate the counts as a survey does and, given a budget, add Laplace noise.

    An estimate is max(0, x + c x Z): normal error with the coefficient of variation c, never
    negative. With ``epsilon`` Laplace noise is added to the estimates. Two releases, one with a
    budget and one without, see the same surveys: the difference of their losses is what the noise
    adds to an error that the data have anyway.

    Parameters
    ----------
    epsilon
        Privacy-loss budget of the noise; left out, there is none.
    coefficient_of_variation
        The standard deviation of an estimate as a share of it: a column, or one number.
    coefficients
        Instead: one for each class of ``size``.
    bounds
        The upper ends of the classes but the last, rising, each within its class.
    size
        A column with the size of each entity, such as its population.

    Raises
    ------
    ValueError
        If the error is stated twice or not at all, or classes and bounds do not fit.

    References
    ----------
    Steed, Liu, Wu and Acquisti (2022), Policy impacts of statistical uncertainty and privacy,
    Science 377. METHODS-decisions 9.6.

    Examples
    --------
    >>> made = DataError(coefficients=(0.5, 0.1), bounds=(100.0,), size=np.array([100.0, 101.0]))
    >>> made.coefficient
    array([0.5, 0.1])
    """

    name: ClassVar[str] = "data-error"

    epsilon: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0.0))
    )
    coefficient_of_variation: dpaudit.Column | float | None = attrs.field(
        default=None, validator=check_amount
    )
    coefficients: tuple[float, ...] = ()
    bounds: tuple[float, ...] = ()
    size: dpaudit.Column | None = attrs.field(default=None, validator=check_amount)

    def __attrs_post_init__(self) -> None:
        by_class = bool(self.coefficients) and self.size is not None
        started = bool(self.coefficients) or bool(self.bounds) or self.size is not None
        if (self.coefficient_of_variation is None) != by_class or started != by_class:
            raise ValueError(
                "the error is stated in one way: give coefficient_of_variation, or coefficients, "
                "bounds and size"
            )
        if by_class:
            self._check_classes()
        given = self.coefficients if by_class else self.coefficient_of_variation
        if isinstance(given, str):  # a column that is not bound to data yet
            return
        largest = float(np.max(np.asarray(given, dtype=np.float64), initial=0.0))
        if largest > _LARGEST:
            raise ValueError(
                f"the coefficient {largest!r} is above {_LARGEST:g}: coefficients are shares of "
                "the estimate, such as 0.3"
            )

    def _check_classes(self) -> None:
        if len(self.coefficients) != len(self.bounds) + 1:
            raise ValueError(
                f"{len(self.coefficients)} coefficients need {len(self.coefficients) - 1} bounds "
                f"between their classes, not {len(self.bounds)}"
            )
        if any(low >= high for low, high in pairwise(self.bounds)):
            raise ValueError(f"the bounds {list(self.bounds)} do not rise")
        if min(self.coefficients) < 0:
            raise ValueError(f"the coefficient {min(self.coefficients)} is negative")

    @property
    def nonnegative(self) -> bool:  # type: ignore[override]
        """Whether nothing is ever negative: so are estimates, before noise."""
        return self.epsilon is None

    @property
    def coefficient(self) -> FloatArray:
        """The coefficient of variation of every entity, shape () or (n,)."""
        if self.coefficient_of_variation is not None:
            return np.asarray(self.coefficient_of_variation, dtype=np.float64)
        return np.asarray(self.coefficients)[np.searchsorted(self.bounds, np.asarray(self.size))]

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the estimates plus noise, persons."""
        estimates = np.maximum(counts + self._error(counts).sample(rng, counts.shape), 0.0)
        return estimates + self._noise().sample(rng, counts.shape)

    def privacy(self) -> dpaudit.Guarantee:
        """Return the guarantee of the noise; without noise, none, and why."""
        if self.epsilon is None:
            reason = "every count, for the error of a survey is not a guarantee"
            return dpaudit.Guarantee(neighbours=self.neighbours, uncovered=(reason,))
        return dpaudit.Guarantee(neighbours=self.neighbours, epsilon=self.epsilon)

    def bias(self, counts: FloatArray) -> FloatArray:
        """Return what raising negative estimates to 0 adds on average, shape (n,)."""
        return self._error(counts).excess(-counts)

    def variance(self, counts: FloatArray) -> FloatArray:
        """Return the variance of the estimates and of the noise together, shape (n,)."""
        error = self._error(counts)
        square = error.excess_square(counts) - error.excess(counts) ** 2
        return np.maximum(square, 0.0) + self._noise().variance

    def caveats(self) -> tuple[str, ...]:
        """Return what the guarantee is about."""
        if self.epsilon is None:
            return ()
        told = (
            "the guarantee is that of the noise, for the estimates of the survey as it was taken: "
            "the error of a survey counts as no protection"
        )
        return (told,)

    def _error(self, counts: FloatArray) -> Gaussian:
        return Gaussian(self.coefficient * counts)

    def _noise(self) -> Laplace:
        if self.epsilon is None:
            return Laplace(0.0)
        return Laplace(l1_sensitivity(self.neighbours, self.cells_per_person) / self.epsilon)


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (DataError,)
