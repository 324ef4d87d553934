"""The guarantee of a release: unit of privacy, neighbours, budget, and what it leaves out."""

from __future__ import annotations

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
        Zero-concentrated differential privacy, where the mechanism is stated in it.
    unit
        Whose presence is protected.
    uncovered
        What the guarantee does not cover (invariants published exactly, earlier releases).
    """

    neighbours: Neighbours
    epsilon: float = math.inf
    delta: float = 0.0
    rho: float | None = None
    unit: str = "one person"
    uncovered: tuple[str, ...] = ()
