"""The guarantee of a release: unit of privacy, neighbours, budget, and what it leaves out."""

from __future__ import annotations

import decimal
import math

import attrs

from dpaudit.model.spec import Neighbours


@attrs.frozen(kw_only=True)
class Guarantee:
    """What a release promises to each person.

    Parameters
    ----------
    neighbours
        ``add-remove`` (one person more or less) or ``replace`` (one person changed).
    epsilon, delta
        (ε, δ)-differential privacy; ``epsilon = inf`` says that nothing is promised.
    rho
        Zero-concentrated differential privacy, where it is known; with an infinite ``epsilon``
        it is all that is promised, and a report converts it.
    every_epsilon
        Whether δ is the tight δ at every ε (something is published exactly with this
        probability), so that no ε is stated and ``epsilon`` is not read.
    revealed
        Whether something that differs between neighbours is published exactly (a total under
        ``add-remove``): whoever knows the rest then tells them apart, whatever ε is.
    unit
        Whose presence is protected.
    uncovered
        What is published exactly, outside the guarantee (invariants), as noun phrases that read
        after "Published exactly:".

    Raises
    ------
    ValueError
        If ε or ρ is negative, or δ is not in [0, 1].
    """

    neighbours: Neighbours
    epsilon: float = math.inf
    delta: float = 0.0
    rho: float | None = None
    every_epsilon: bool = False
    revealed: bool = False
    unit: str = "one person"
    uncovered: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not self.epsilon >= 0:
            raise ValueError(f"epsilon {self.epsilon!r} is negative")
        if not 0 <= self.delta <= 1:
            raise ValueError(f"delta {self.delta!r} is not in [0, 1]")
        if self.rho is not None and not self.rho >= 0:
            raise ValueError(f"rho {self.rho!r} is negative")

    @property
    def promises(self) -> bool:
        """Whether anything at all is promised."""
        if self.every_epsilon:
            return self.delta < 1
        stated = self.epsilon < math.inf and self.delta < 1
        return stated or (self.rho is not None and self.rho < math.inf)


def rounded_up(value: float, digits: int = 6) -> str:
    """Return a loss with at most so many significant digits, never less than it is.

    Examples
    --------
    >>> rounded_up(0.12345611), rounded_up(1.00001, 4)
    ('0.123457', '1.001')
    """
    context = decimal.Context(prec=digits, rounding=decimal.ROUND_CEILING)
    return f"{float(context.plus(decimal.Decimal(repr(value)))):g}"
