"""``Estimate``: the only shape of a number in this project."""

from __future__ import annotations

from typing import Literal, Self, get_args

import attrs
import numpy as np

from dpaudit.model.arrays import ColumnArray, FloatArray, frozen_floats

Method = Literal["exact", "quadrature", "controlled", "simulated", "asymptotic", "bound"]
METHODS: tuple[Method, ...] = get_args(Method)
DETERMINISTIC: frozenset[Method] = frozenset({"exact", "quadrature", "bound"})


@attrs.frozen(kw_only=True, eq=False)
class Estimate:
    """A value, or one per entity, with its interval, level and method.

    Parameters
    ----------
    value, low, high
        Scalars or arrays of one shape, in the unit of the quantity; ``low <= value <= high``.
        For a deterministic method the interval is the numerical error bound.
    level
        The probability that the interval (simultaneously for all entries of an array) holds
        the truth: 1 for a deterministic method, else the confidence of the run, also of a
        ``bound`` that rests on draws.
    method
        How the number was made: ``exact`` (closed form), ``quadrature`` (deterministic
        integral), ``controlled`` (simulation with a control of known mean), ``simulated``,
        ``asymptotic`` or ``bound``.
    draws
        Noise vectors that were simulated; 0 for a deterministic method.

    Raises
    ------
    ValueError
        If shapes differ, a value is NaN, an interval does not hold its value, the level is
        outside (0, 1] or the method is unknown.
    """

    value: FloatArray = attrs.field(converter=frozen_floats)
    low: FloatArray = attrs.field(converter=frozen_floats)
    high: FloatArray = attrs.field(converter=frozen_floats)
    level: float
    method: Method
    draws: int = 0

    def __attrs_post_init__(self) -> None:
        if not self.value.shape == self.low.shape == self.high.shape:
            raise ValueError(
                f"value {self.value.shape}, low {self.low.shape} and high {self.high.shape} differ"
            )
        if np.isnan(self.value).any() or np.isnan(self.low).any() or np.isnan(self.high).any():
            raise ValueError("an estimate holds NaN")
        if (self.low > self.value).any() or (self.value > self.high).any():
            raise ValueError("an interval does not hold its value")
        if not 0 < self.level <= 1:
            raise ValueError(f"level {self.level!r} is not in (0, 1]")
        if self.method not in METHODS:
            raise ValueError(f"method {self.method!r} is none of {', '.join(METHODS)}")

    @classmethod
    def exact(
        cls, value: FloatArray | float, *, error: FloatArray | float = 0.0, method: Method = "exact"
    ) -> Self:
        """Return a deterministic estimate with numerical error at most ``error``."""
        centre = np.asarray(value, dtype=np.float64)
        return cls(value=centre, low=centre - error, high=centre + error, level=1.0, method=method)

    @property
    def is_deterministic(self) -> bool:
        """Whether the number carries no sampling error."""
        return self.method in DETERMINISTIC and not (self.method == "bound" and self.draws)

    def __getitem__(self, index: int | slice | ColumnArray) -> Estimate:
        return attrs.evolve(
            self, value=self.value[index], low=self.low[index], high=self.high[index]
        )

    def scaled(self, factor: FloatArray | float) -> Estimate:
        """Return the estimate of ``factor`` times the quantity (unit conversion)."""
        ends = np.stack([self.low * factor, self.high * factor])
        return attrs.evolve(
            self, value=self.value * factor, low=ends.min(axis=0), high=ends.max(axis=0)
        )

    def plus(self, exact: FloatArray | float) -> Estimate:
        """Return the estimate of the quantity plus a number that is known exactly."""
        return attrs.evolve(
            self, value=self.value + exact, low=self.low + exact, high=self.high + exact
        )
