"""The error of a sample survey, as a yardstick for noise."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.noise.gaussian import Gaussian
from dpaudit_plugins.mechanisms._additive import check_amount
from dpaudit_plugins.mechanisms._ways import check_ways


def _check_margins(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Require one column of margins, or a list of them; an attrs validator."""
    for each in value if isinstance(value, tuple) else (value,):
        check_amount(instance, attribute, each)


@attrs.frozen(kw_only=True, eq=False)
class SamplingError(dpaudit.Mechanism):
    """Add the sampling error that the data already have, as Gaussian noise.

    A baseline: how much do decisions move by the error of the survey alone? It protects nobody
    in a way that could be stated; a sample is no guarantee.

    Parameters
    ----------
    margin_of_error
        A column with the published margin of error of every entity, persons; of entities with
        several counts a list of columns, one for each count in the order of the data.
    level
        The confidence level of the margins of error; 0.9 in the American Community Survey.
    coefficient_of_variation
        Instead: the standard deviation as a share of the estimate ``of``; a column, or one
        number.
    of
        A column with the estimates that the coefficient of variation belongs to, persons.

    Raises
    ------
    ValueError
        If the error is stated twice or not at all, or a coefficient has no estimate.

    References
    ----------
    US Census Bureau (2020), Understanding and using American Community Survey data, chapter 7
    (margin of error over 1.645). Steed, Liu, Wu and Acquisti (2022), Policy impacts of
    statistical uncertainty and privacy, Science 377.

    Examples
    --------
    >>> made = SamplingError(coefficient_of_variation=0.1, of=np.array([50.0, 200.0]))
    >>> made.noise().sigma
    array([ 5., 20.])
    """

    name: ClassVar[str] = "sampling-error"
    protects: ClassVar[bool] = False

    margin_of_error: dpaudit.Column | tuple[dpaudit.Column, ...] | None = attrs.field(
        default=None, validator=_check_margins
    )
    level: float = attrs.field(
        default=0.9, validator=[attrs.validators.gt(0.0), attrs.validators.lt(1.0)]
    )
    coefficient_of_variation: dpaudit.Column | float | None = attrs.field(
        default=None, validator=check_amount
    )
    of: dpaudit.Column | None = attrs.field(default=None, validator=check_amount)

    def __attrs_post_init__(self) -> None:
        check_ways(self, "error", (("margin_of_error",), ("coefficient_of_variation", "of")))

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the counts plus independent errors, persons."""
        return counts + self.noise().sample(rng, counts.shape)

    def privacy(self) -> dpaudit.Guarantee:
        """Return a guarantee that promises nothing (epsilon is infinite)."""
        return dpaudit.Guarantee(neighbours=self.neighbours)

    def caveats(self) -> tuple[str, ...]:
        """Return why nothing is promised."""
        return (
            "sampling error is not a guarantee: it is there whether anybody is protected or not",
        )

    def noise(self) -> Gaussian:
        """Return the error of every count."""
        return Gaussian(self._deviations())

    def _deviations(self) -> FloatArray:
        """Return the standard deviation of every entity, shape (n,), persons."""
        if self.margin_of_error is None:
            # The standard deviation is the share times the estimate, not the root of it.
            return np.asarray(self.coefficient_of_variation, dtype=np.float64) * np.asarray(
                self.of, dtype=np.float64
            )
        if isinstance(self.margin_of_error, tuple):
            raise dpaudit.SpecError(
                f"margin_of_error names {len(self.margin_of_error)} columns, and one count is read",
                hint="name one column, or decide from all counts of an entity",
            )
        width = statistics.NormalDist().inv_cdf(0.5 * (1.0 + self.level))
        return np.asarray(self.margin_of_error, dtype=np.float64) / width


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (SamplingError,)
