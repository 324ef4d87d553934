"""A guarantee that somebody else states and nothing here checks."""

from __future__ import annotations

import abc
import math
from typing import ClassVar

import attrs
from attrs import validators

import dpaudit
from dpaudit_plugins.mechanisms._ways import Ways, check_ways


@attrs.frozen(kw_only=True, eq=False)
class Stated(dpaudit.Mechanism):
    """A mechanism whose author states the budget of the whole release, or nothing.

    Parameters
    ----------
    epsilon, delta
        The budget, positive, and the probability that it does not bound (0 when left out).
    rho
        Instead: the budget in zero-concentrated differential privacy, positive.

    Raises
    ------
    ValueError
        If the budget is stated twice, or delta without epsilon.
    """

    independent: ClassVar[bool] = False
    one_cell: ClassVar[bool] = True
    ways: ClassVar[Ways] = (("epsilon",), ("epsilon", "delta"), ("rho",), ())

    epsilon: float | None = attrs.field(
        default=None,
        validator=validators.optional([validators.gt(0.0), validators.lt(math.inf)]),
    )
    delta: float | None = attrs.field(
        default=None, validator=validators.optional([validators.ge(0.0), validators.le(1.0)])
    )
    rho: float | None = attrs.field(
        default=None,
        validator=validators.optional([validators.gt(0.0), validators.lt(math.inf)]),
    )

    def __attrs_post_init__(self) -> None:
        check_ways(self, "budget", self.ways)

    @abc.abstractmethod
    def _whose(self) -> str:
        """Return what the statement is about, as caveats name it."""

    def privacy(self) -> dpaudit.Guarantee:
        """Return what is stated; where nothing is, nothing is promised (epsilon is infinite)."""
        return dpaudit.Guarantee(
            neighbours=self.neighbours,
            epsilon=math.inf if self.epsilon is None else self.epsilon,
            delta=self.delta or 0.0,
            rho=self.rho,
        )

    def caveats(self) -> tuple[str, ...]:
        """Return that the guarantee is stated and not checked, or that none is stated."""
        if self.epsilon is None and self.rho is None:
            return (f"no guarantee of {self._whose()} is stated: nothing is promised",)
        return (f"the guarantee of {self._whose()} is stated, not checked",)
