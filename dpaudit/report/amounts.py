"""Amounts as people read them: a unit, the interval's precision, an interval in words.

Rounding: to two figures of the interval's width; never finer than a cent, a tenth of a person
below ten people or one person above, nor than five figures; never so coarse that a bound that
excludes zero prints as zero.
"""

from __future__ import annotations

import math

import attrs
import numpy as np

from dpaudit.model.estimate import Estimate
from dpaudit.report.prose import Prose

_FIGURES = 5
_FLOOR = {"dollars": -4, "persons": -4, "entities": -4, "probability": -6, "share": -7}
_FLOOR_ELSE = -15
"""Power of ten below which nobody cares: an exact 1e-300 of a person is not a gain."""

_HUNDREDTHS = frozenset({"share", "probability"})
_MILLION, _BILLION = 6, 9
_MOST_PLACES = 9
_SMALL = 10.0


@attrs.frozen
class Amounts:
    """Writes numbers of one unit in one language.

    Parameters
    ----------
    prose
        The language.
    unit
        ``dollars``, ``persons``, ``share`` or any other word, which is printed as it is.
    counted
        What is counted in ``persons``, plural, where it is not people.
    many
        What the rows of the data are called, plural: the unit of ``entities``.
    bare
        Whether amounts are written without their unit, where a heading names it; dollars keep
        their sign.
    """

    prose: Prose
    unit: str
    counted: str | None = None
    many: str = "entities"
    bare: bool = False

    def size(self, value: float, *, place: int | None = None) -> str:
        """Return an amount without its sign, at a power of ten or at its own precision."""
        return self._written(abs(value), place=self.place(value) if place is None else place)

    def signed(self, value: float, *, place: int | None = None) -> str:
        """Return an amount with ``+`` or a real minus sign, zero without either."""
        place = self.place(value) if place is None else place
        text = self._written(abs(value), place=place)
        if self._is_zero(value, place):
            return text
        return ("+" if value > 0 else "\u2212") + text

    def tick(self, value: float) -> str:
        """Return a round number with as few figures as it has."""
        size = abs(value)
        if size == 0:
            return self._written(0.0, place=0)
        top = math.floor(math.log10(size))
        exact = (p for p in range(top, top - _FIGURES, -1) if math.isclose(
            round(size / 10.0**p) * 10.0**p, size, rel_tol=1e-9))  # fmt: skip
        place = next(exact, top - _FIGURES)
        return ("\u2212" if value < 0 else "") + self._written(size, place=place)

    def value(self, estimate: Estimate, *, signed: bool = False) -> str:
        """Return the value of a scalar estimate at its interval's precision."""
        place = self.precision(estimate)
        value = float(estimate.value)
        return self.signed(value, place=place) if signed else self._ended(value, place)

    def interval(self, estimate: Estimate, *, absolute: bool = False) -> str:
        """Return ``95% interval a to b``, or ``exact`` for a deterministic estimate."""
        _ = self.prose
        if estimate.is_deterministic:
            return _("exact") if estimate.method != "bound" else _("bound")
        return _(
            "{level} interval {ends}",
            level=percent(_, estimate.level),
            ends=self.ends(estimate, absolute=absolute),
        )

    def ends(self, estimate: Estimate, *, absolute: bool = False) -> str:
        """Return ``a to b``; ``absolute`` tells a loss by its size, smaller end first.

        Ends that print alike are told by what separates them at most: ``within $1``.
        """
        _ = self.prose
        if estimate.is_deterministic:
            return _("exact") if estimate.method != "bound" else _("bound")
        place = self.precision(estimate)
        low, high = float(estimate.low), float(estimate.high)
        if absolute and high <= 0:
            low, high = -high, -low
        step = 10.0**place
        if np.rint(low / step) == np.rint(high / step):
            return _("within {step}", step=self.size(step, place=place))
        return _("{low} to {high}", low=self._ended(low, place), high=self._ended(high, place))

    def precision(self, estimate: Estimate) -> int:
        """Return the power of ten to round a scalar estimate and its interval to."""
        low, value, high = (float(x) for x in (estimate.low, estimate.value, estimate.high))
        if estimate.is_deterministic or not math.isfinite(high - low) or high == low:
            return self.place(value)
        place = max(math.floor(math.log10(high - low)) - 1, self.place(value))
        kept = [abs(end) for end in (low, high) if (low > 0 or high < 0)]
        seen = [end for end in kept if end > negligible(self.unit)]
        while any(round(end / 10.0**place) == 0 for end in seen):
            place -= 1
        return place

    def place(self, value: float) -> int:
        """Return the finest power of ten that ``value`` is printed to."""
        size = abs(value)
        if size < negligible(self.unit) or not math.isfinite(size):
            return 0
        top = math.floor(math.log10(size))
        if self.unit == "dollars":
            finest = 0 if size >= _SMALL else -2
        elif self.unit == "persons":
            finest = 0 if size >= _SMALL else min(-1, top)
        else:
            finest = top - 2
        if top >= _MILLION:
            return top - 2
        if top >= 0:
            return max(finest, top - _FIGURES + 1)
        return max(min(finest, top), _FLOOR.get(self.unit, _FLOOR_ELSE))

    def _ended(self, value: float, place: int) -> str:
        text = self._written(abs(value), place=place)
        return "\u2212" + text if value < 0 and not self._is_zero(value, place) else text

    def _is_zero(self, value: float, place: int) -> bool:
        """Whether a value prints as zero: its unit may hold digits of its own."""
        return math.isfinite(value) and round(abs(value) / 10.0**place) == 0

    def _written(self, size: float, *, place: int) -> str:  # noqa: PLR0911 (one for each unit)
        _ = self.prose
        if not math.isfinite(size):
            return _("no limit")
        hundredths = self.unit in _HUNDREDTHS
        number = _rounded(_, size * 100, place + 2) if hundredths else _scaled(_, size, place)
        if self.unit == "dollars":
            return _("${number}", number=number)
        if self.bare:
            return number
        if self.unit == "share":
            return _("{number} percentage points", number=number)
        if self.unit == "probability":
            return _("{number} chances in 100", number=number)
        if self.unit == "persons" and self.counted is None:
            return _("{number} people", number=number)
        named = {"persons": self.counted, "entities": self.many}.get(self.unit, self.unit)
        return f"{number} {named}".strip()


def negligible(unit: str) -> float:
    """Return the size under which an amount of ``unit`` prints as nothing."""
    return 0.5 * 10.0 ** _FLOOR.get(unit, _FLOOR_ELSE)


def shown(value: float, unit: str) -> float:
    """Return a value as a chart shows it: zero where it would print as nothing."""
    return 0.0 if abs(value) < negligible(unit) else float(value)


def _scaled(_: Prose, size: float, place: int) -> str:
    top = math.floor(math.log10(size)) if size > 0 else 0
    if top >= _BILLION:
        return _("{number} billion", number=_rounded(_, size / 10.0**_BILLION, place - _BILLION))
    if top >= _MILLION:
        return _("{number} million", number=_rounded(_, size / 10.0**_MILLION, place - _MILLION))
    return _rounded(_, size, place)


def _rounded(_: Prose, size: float, place: int) -> str:
    step = 10.0**place
    return _.decimal(round(size / step) * step, places=max(0, -place))


def percent(_: Prose, share: float) -> str:
    """Return a share as ``95%`` or ``99.9%``."""
    value = round(100 * share, 3)
    places = 0 if value == round(value) else 1 if value == round(value, 1) else 3
    return _("{number}%", number=_.decimal(value, places=places))


def odds(epsilon: float, delta: float = 0.0) -> float | None:
    """Return how often, of 100, an attacker who is right 50 by guessing is right at most.

    The balanced accuracy of any test of one person's presence under (ε, δ)-differential
    privacy is at most (e^ε + δ) / (1 + e^ε) (Kairouz, Oh and Viswanath 2015, region of
    type I and II errors). ``None`` where nothing is promised.
    """
    if not math.isfinite(epsilon):
        return None
    return 100.0 * min(1.0, (1.0 + delta * math.exp(-epsilon)) / (1.0 + math.exp(-epsilon)))


def chances(prose: Prose, right: float) -> str:
    """Return chances in 100 with one decimal, or as many as tell them from certainty."""
    places = 1
    while right < 100.0 and round(right, places) == 100.0 and places < _MOST_PLACES:  # noqa: PLR2004
        places += 1
    return prose.decimal(right, places=places)


def scalar(estimate: Estimate, index: int) -> Estimate:
    """Return one entry of an estimate over entities or groups."""
    return estimate[index]


def rooted(estimate: Estimate) -> Estimate:
    """Return the square root of an estimate: a variance as a standard deviation."""
    return attrs.evolve(
        estimate,
        value=np.sqrt(np.maximum(estimate.value, 0.0)),
        low=np.sqrt(np.maximum(estimate.low, 0.0)),
        high=np.sqrt(np.maximum(estimate.high, 0.0)),
    )


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Return ``one - other`` with the interval that two intervals guarantee (Bonferroni)."""
    level = max(1e-9, 1.0 - (1.0 - one.level) - (1.0 - other.level))
    worse = other if one.is_deterministic else one
    return Estimate(
        value=one.value - other.value,
        low=one.low - other.high,
        high=one.high - other.low,
        level=level,
        method=worse.method,
        draws=min((e.draws for e in (one, other) if e.draws), default=0),
    )
