"""What several releases about the same people promise together.

Sequential composition is for releases that all look at everybody; parallel composition for
releases of which each looks at a part of the people. References: Dwork and Roth (2014),
The algorithmic foundations of differential privacy, sections 2.3 and 3.5; Bun and Steinke (2016),
Lemma 1.7 and Proposition 1.9 (zCDP and groups); McSherry (2009), Privacy integrated queries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import attrs

from dpaudit.errors import UsageError
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.spec import Neighbours
from dpaudit.privacy.zcdp import STATED_DELTA, epsilon_of, pure_rho

_OVERFLOW = 709.0
"""An epsilon beyond which e^epsilon is no number."""


def from_rho(
    rho: float,
    neighbours: Neighbours,
    *,
    delta: float = STATED_DELTA,
    uncovered: tuple[str, ...] = (),
) -> Guarantee:
    """Return the guarantee of a budget in rho, with its epsilon at ``delta`` by the best order.

    Raises
    ------
    UsageError
        If ``rho`` is negative or ``delta`` is not in (0, 1).

    Examples
    --------
    >>> round(from_rho(2.63, "replace").epsilon, 2)
    17.43
    """
    return Guarantee(
        neighbours=neighbours,
        epsilon=epsilon_of(delta, rho),
        delta=delta if 0 < rho < math.inf else 0.0,
        rho=rho,
        uncovered=uncovered,
    )


def rho_of_guarantee(guarantee: Guarantee) -> float | None:
    """Return the rho of a guarantee: stated, or epsilon^2 / 2 of a pure one; else ``None``."""
    if guarantee.rho is not None:
        return guarantee.rho
    pure = guarantee.delta == 0 and not guarantee.every_epsilon
    return pure_rho(guarantee.epsilon) if pure else None


def sequential(parts: Sequence[Guarantee]) -> Guarantee:
    """Return what releases about the same people promise together.

    Parameters
    ----------
    parts
        At least one, all with the same neighbours and unit.

    Returns
    -------
    Guarantee
        If all are pure: epsilons add (and so do rhos where all are stated). If all have a rho,
        stated or epsilon^2 / 2: rhos add, with one conversion at the largest delta of a part,
        unless plain addition gives less of both. A single part is returned as it is.
        If all give delta at every epsilon: deltas add. Else epsilons and deltas add, a part
        that gives delta at every epsilon counting as (0, delta), and one stated in rho alone
        with its epsilon at delta = 1e-10. What one part reveals, all of them together reveal.

    Raises
    ------
    UsageError
        If there is no part, or neighbours or units differ.

    Examples
    --------
    >>> half = Guarantee(neighbours="replace", epsilon=0.5)
    >>> sequential([half, half, half]).epsilon
    1.5
    """
    _check(parts)
    if len(parts) == 1:
        return parts[0]
    parts = [_with_epsilon(part) for part in parts]
    whole = attrs.evolve(
        parts[0],
        uncovered=_uncovered(parts),
        rho=None,
        revealed=any(part.revealed for part in parts),
    )
    if all(part.every_epsilon for part in parts):
        return attrs.evolve(whole, delta=_sum_of_deltas(parts))
    stated = [part.rho for part in parts if part.rho is not None]
    whole = attrs.evolve(
        whole,
        epsilon=math.fsum(_epsilon(part) for part in parts),
        delta=_sum_of_deltas(parts),
        rho=math.fsum(stated) if len(stated) == len(parts) else None,
        every_epsilon=False,
    )
    rhos = [rho for part in parts if (rho := rho_of_guarantee(part)) is not None]
    if len(rhos) < len(parts) or (whole.delta == 0 and whole.epsilon < math.inf):
        return whole
    delta = max(part.delta for part in parts) or STATED_DELTA
    converted = _converted(whole, math.fsum(rhos), delta)
    if whole.epsilon <= converted.epsilon and whole.delta <= converted.delta:
        return attrs.evolve(whole, rho=converted.rho)
    return converted


def parallel(
    parts: Sequence[Guarantee], neighbours: Neighbours, *, counts_only: bool = False
) -> Guarantee:
    """Return what releases about disjoint groups of people promise together.

    Parameters
    ----------
    parts
        At least one, each stated for one person more or less (``add-remove``): under
        ``replace`` a person may move from one part to another, which changes the number of
        people in both, and no guarantee between data of one size covers that.
    neighbours
        What the result is stated for.
    counts_only
        Whether each part looks at nothing but how many people are in it, so that a person who
        is replaced within a part changes nothing.

    Returns
    -------
    Guarantee
        For ``add-remove``: the weakest part's, for a person is in one part: the largest
        epsilon, delta and rho of any, a part stated in rho alone with its epsilon at delta =
        1e-10. For ``replace`` two parts are touched: the two weakest parts' in sequence; or,
        unless ``counts_only``, the weakest part's for a group of two (a person of one part
        becomes another of the same part, one removal and one addition). What one part reveals
        is revealed, but by a single part of counts, which replacing does not change.

    Raises
    ------
    UsageError
        If there is no part, or one is stated for ``replace``.

    Examples
    --------
    >>> parts = [Guarantee(neighbours="add-remove", epsilon=e) for e in (0.2, 1.0, 0.5)]
    >>> parallel(parts, "add-remove").epsilon, parallel(parts, "replace").epsilon
    (1.0, 2.0)
    >>> parallel(parts, "replace", counts_only=True).epsilon
    1.5
    """
    _check(parts)
    if parts[0].neighbours != "add-remove":
        raise UsageError(
            "parts of disjoint data are stated under 'replace', which does not cover a person "
            "who moves between them",
            hint="state each part under add-remove",
        )
    parts = [_with_epsilon(part) for part in parts]
    touched = attrs.evolve(
        parts[0],
        uncovered=_uncovered(parts),
        epsilon=max(_epsilon(part) for part in parts),
        delta=max(part.delta for part in parts),
        rho=_largest_rho(parts),
        every_epsilon=all(part.every_epsilon for part in parts),
        revealed=any(part.revealed for part in parts),
    )
    if neighbours == "add-remove":
        return touched
    if not counts_only:
        return _of_two(touched)
    return attrs.evolve(
        _two_weakest(parts, touched), neighbours=neighbours, uncovered=touched.uncovered
    )


def _of_two(guarantee: Guarantee) -> Guarantee:
    """Return the guarantee for a group of two: 2 epsilon, (1 + e^epsilon) delta, 4 rho."""
    epsilon, delta, rho = guarantee.epsilon, guarantee.delta, guarantee.rho
    growth = math.exp(epsilon) if epsilon < _OVERFLOW else math.inf
    both = delta * (1.0 + growth) if delta else 0.0
    made = attrs.evolve(
        guarantee,
        neighbours="replace",
        epsilon=2.0 * epsilon,
        delta=min(1.0, both),
        rho=None if rho is None else 4.0 * rho,
    )
    return made if rho is None or delta == 0 else _converted(made, 4.0 * rho, delta)


def _two_weakest(parts: Sequence[Guarantee], touched: Guarantee) -> Guarantee:
    """Return the two weakest parts in sequence; a single part of counts is never touched."""
    if len(parts) == 1:
        return attrs.evolve(
            touched, epsilon=0.0, delta=0.0, rho=0.0, every_epsilon=False, revealed=False
        )

    def two_largest(what: Callable[[Guarantee], float]) -> float:
        return math.fsum(sorted((what(part) for part in parts), reverse=True)[:2])

    rho = None if touched.rho is None else two_largest(lambda part: part.rho or 0.0)
    if rho is not None and touched.delta > 0:
        return _converted(touched, rho, touched.delta)
    return attrs.evolve(
        touched,
        epsilon=two_largest(_epsilon),
        delta=min(1.0, two_largest(lambda part: part.delta)),
        rho=rho,
    )


def _converted(guarantee: Guarantee, rho: float, delta: float) -> Guarantee:
    """Return ``guarantee`` stated in rho, with its epsilon at ``delta``."""
    made = from_rho(rho, guarantee.neighbours, delta=delta, uncovered=guarantee.uncovered)
    return attrs.evolve(made, unit=guarantee.unit, revealed=guarantee.revealed)


def _with_epsilon(part: Guarantee) -> Guarantee:
    """Return a part that is stated in rho alone with its epsilon."""
    if part.rho is None or part.epsilon < math.inf or part.delta > 0:
        return part
    return _converted(part, part.rho, STATED_DELTA)


def _epsilon(part: Guarantee) -> float:
    """Return epsilon; 0 where delta holds at every epsilon."""
    return 0.0 if part.every_epsilon else part.epsilon


def _largest_rho(parts: Sequence[Guarantee]) -> float | None:
    rhos = [part.rho for part in parts if part.rho is not None]
    return max(rhos) if len(rhos) == len(parts) else None


def _sum_of_deltas(parts: Sequence[Guarantee]) -> float:
    return min(1.0, math.fsum(part.delta for part in parts))


def _uncovered(parts: Sequence[Guarantee]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(what for part in parts for what in part.uncovered))


def _check(parts: Sequence[Guarantee]) -> None:
    if not parts:
        raise UsageError("nothing to compose", hint="give at least one guarantee")
    for what in ("neighbours", "unit"):
        found = dict.fromkeys(str(getattr(part, what)) for part in parts)
        if len(found) > 1:
            raise UsageError(
                f"guarantees differ in {what}: {', '.join(map(repr, found))}",
                hint=f"state all of them for the same {what}",
            )
