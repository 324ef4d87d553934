"""All blocks of people that agree with published counts, medians and means: counted, not guessed.

Every statistic is about the people with certain attributes, each of two values: how many they are,
the median and the sum of their ages (a rounded mean leaves several sums). Two statistics that
part all people are needed; ages of each part are listed in full, and every other attribute is
tried in every way, so that the number of solutions is exact.

References
----------
Garfinkel, Abowd and Martindale (2019), Understanding database reconstruction attacks on public
data, Communications of the ACM 62(3) (the block of seven people).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np

from dpaudit.errors import UsageError

_OLDEST = 125

Person = tuple[int, ...]
"""Age, then the value (0 or 1) of each attribute."""

Block = tuple[Person, ...]
"""People in ascending order."""


@attrs.frozen(kw_only=True)
class Statistic:
    """What is published of the people of a block who have certain attributes.

    Parameters
    ----------
    where
        Values of attributes, 0 or 1, by position; empty for all people.
    count
        How many they are.
    median, mean
        Of their ages, the mean rounded to ``places`` decimals; ``None``: not published.
    least
        The smallest age that they can have.
    """

    where: Mapping[int, int]
    count: int
    median: float | None = None
    mean: float | None = None
    places: int = 1
    least: int = 0

    @property
    def sums(self) -> range:
        """The sums of ages that round to the mean."""
        if self.mean is None:
            return range(_OLDEST * self.count + 1)
        half = 0.5 * 10.0**-self.places
        low = int(np.ceil(self.count * (self.mean - half) - 1e-9))
        high = int(np.floor(self.count * (self.mean + half) + 1e-9))
        exact = self.count * self.mean
        near = round(exact)
        if abs(exact - near) < 1e-9:  # noqa: PLR2004 - printed to the last digit
            return range(near, near + 1)
        return range(low, high + 1)


def universe(statistics: Sequence[Statistic], attributes: int) -> frozenset[Block]:
    """Return every block that agrees with all statistics.

    Parameters
    ----------
    statistics
        Two of them part all people by the values of one attribute and state a median.
    attributes
        How many attributes a person has beside the age.

    Raises
    ------
    UsageError
        If no attribute parts all people into two published groups.

    Examples
    --------
    >>> parts = [Statistic(where={0: v}, count=1, median=age, mean=age)
    ...          for v, age in ((0, 3.0), (1, 40.0))]
    >>> sorted(universe(parts, 1))
    [((3, 0), (40, 1))]
    """
    parted, first, second = _parts(statistics, attributes)
    rest = [one for one in statistics if one is not first and one is not second]
    ages = _ages(first, second)
    for whole in (one for one in rest if not one.where):
        ages = ages[_fitting(whole, ages)]
    others = [one for one in rest if one.where]
    fixed = (0,) * first.count + (1,) * second.count
    free = [i for i in range(attributes) if i != parted]
    known: dict[tuple[int, bytes], np.ndarray] = {}
    found: set[Block] = set()
    for values, members in _assignments(free, parted, fixed, others):
        kept = np.ones(len(ages), dtype=np.bool_)
        for number, inside in enumerate(members):
            key = number, inside.tobytes()
            if key not in known:
                known[key] = _fitting(others[number], ages[:, inside])
            kept = kept & known[key]
        for row in ages[kept]:
            people = np.column_stack([row, values]).tolist()
            found.add(tuple(sorted(tuple(person) for person in people)))
    return frozenset(found)


def common(blocks: frozenset[Block]) -> Block:
    """Return the records that are in every block, as often as in that with the fewest of them."""
    listed = [list(block) for block in blocks]
    shared = set.intersection(*(set(block) for block in listed)) if listed else set()
    return tuple(sorted(shared))


def _parts(statistics: Sequence[Statistic], attributes: int) -> tuple[int, Statistic, Statistic]:
    for i in range(attributes):
        halves = [
            one for value in (0, 1) for one in statistics
            if dict(one.where) == {i: value} and one.median is not None
        ]  # fmt: skip
        if len(halves) == 2:  # noqa: PLR2004
            return i, halves[0], halves[1]
    raise UsageError(
        "no attribute parts all people into two groups with a published median",
        hint="publish both halves of one attribute",
    )


def _ages(first: Statistic, second: Statistic) -> np.ndarray:
    """Return the ages of all people, each half ascending, one row for each way, (w, people)."""
    left, right = _listed(first), _listed(second)
    return np.concatenate(
        [np.repeat(left, len(right), axis=0), np.tile(right, (len(left), 1))], axis=1
    )


def _listed(one: Statistic) -> np.ndarray:
    """Return the ascending ages of a group with its median and sum, one row for each way."""
    n, span = one.count, range(one.least, _OLDEST + 1)
    if one.mean is None or n == 0:
        rows = list(itertools.combinations_with_replacement(span, n))
    else:
        rows = [
            (*chosen, s - total)
            for chosen in itertools.combinations_with_replacement(span, n - 1)
            if one.median is None or n < 3 or _sum_of_middle(chosen, n) in {None, one.median * 2}  # noqa: PLR2004
            for total in (sum(chosen),)
            for s in one.sums
            if (chosen[-1] if chosen else one.least) <= s - total <= _OLDEST
        ]
    ages = np.array(rows, dtype=np.int64).reshape(len(rows), n)
    return ages[_fitting(one, ages)]


def _sum_of_middle(chosen: tuple[int, ...], n: int) -> int | None:
    """Return twice the median of n ages, where all but the largest decide it; else ``None``."""
    return chosen[(n - 1) // 2] + chosen[n // 2] if n // 2 < len(chosen) else None


def _fitting(one: Statistic, ages: np.ndarray) -> np.ndarray:
    """Return which rows of ages (w, k) have the count, least age, median and sum published."""
    n = ages.shape[1]
    if n != one.count:
        return np.zeros(len(ages), dtype=np.bool_)
    ordered = np.sort(ages, axis=1)
    fits = np.ones(len(ages), dtype=np.bool_)
    if n:
        fits &= ordered[:, 0] >= one.least
    if one.median is not None and n:
        fits &= ordered[:, (n - 1) // 2] + ordered[:, n // 2] == 2 * one.median
    if one.mean is not None:
        fits &= np.isin(ordered.sum(axis=1), np.array(one.sums))
    return fits


def _assignments(
    free: Sequence[int], parted: int, fixed: tuple[int, ...], others: Sequence[Statistic]
) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Yield values of all attributes (people, k) that fit all counts, with who is meant."""
    width = len(free) + 1
    each = []
    for attribute in free:
        own = [one for one in others if set(one.where) <= {parted, attribute}]
        columns = itertools.product((0, 1), repeat=len(fixed))
        each.append([c for c in columns if _counted(_table(fixed, parted, {attribute: c}, width),
                                                    own)])  # fmt: skip
    for chosen in itertools.product(*each):
        values = _table(fixed, parted, dict(zip(free, chosen, strict=True)), width)
        if _counted(values, others):
            yield values, [_meant(one, values) for one in others]


def _table(
    fixed: tuple[int, ...], parted: int, columns: Mapping[int, tuple[int, ...]], width: int
) -> np.ndarray:
    values = np.full((len(fixed), width), -1, dtype=np.int64)
    values[:, parted] = fixed
    for attribute, column in columns.items():
        values[:, attribute] = column
    return values


def _meant(one: Statistic, values: np.ndarray) -> np.ndarray:
    """Return which people a statistic is about."""
    return np.all([values[:, i] == value for i, value in one.where.items()], axis=0)


def _counted(values: np.ndarray, statistics: Sequence[Statistic]) -> bool:
    """Whether every statistic is about as many people as it says."""
    return all(int(_meant(one, values).sum()) == one.count for one in statistics)
