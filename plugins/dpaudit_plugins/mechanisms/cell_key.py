"""The cell-key method: perturbation by a table of probabilities and keys of records."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import attrs
import numpy as np
from attrs import validators
from numpy.typing import NDArray

import dpaudit
from dpaudit import FloatArray
from dpaudit.privacy.sensitivity import l1_sensitivity
from dpaudit.solvers.maximum_entropy import maximum_entropy

_GRAIN = 2**48
"""Probabilities are multiples of 2^-48, so that draws are the same on every computer."""


@attrs.frozen(kw_only=True)
class CellKey(dpaudit.Mechanism):
    """Perturb every positive count by a bounded, unbiased random whole number.

    Each record carries a random key; the keys of a cell's records, summed modulo 1, look up
    the perturbation in a table of probabilities. Cells of one table share no record, so that
    their keys are independent and uniform. The probabilities are those of largest entropy with
    mean 0 and the wanted variance among perturbations that release neither a negative count nor
    one from 1 to ``smallest``. Zeros stay zeros.

    Parameters
    ----------
    max_noise
        D, the largest perturbation, persons, from 1 to 100.
    variance
        V, of the perturbation of every positive count, persons squared.
    smallest
        j_s: no count from 1 to j_s is released.

    Raises
    ------
    ValueError
        If some count has no perturbation with mean 0 and that variance.

    Notes
    -----
    The perturbation is bounded, so that outputs exist that only one of two neighbours can give.
    delta is what the largest total variation between neighbouring counts gives for all counts
    that one person changes: it holds at every epsilon. Mostly the pair 0 and 1 has it: what
    1 becomes other than 0 is impossible for 0, and then no epsilon lowers it. The caveats say
    what no epsilon lowers.

    References
    ----------
    Fraser and Wooton (2005), A proposed method for confidentialising tabular output to protect
    against differencing, UNECE work session on statistical data confidentiality. Giessing
    (2016), Computational issues in the design of transition probabilities and disclosure risk
    estimation for additive noise, Privacy in Statistical Databases.

    Examples
    --------
    >>> CellKey(max_noise=1, variance=0.5).transitions(1).round(9).tolist()
    [0.25, 0.5, 0.25]
    """

    name: ClassVar[str] = "cell-key"
    nonnegative: ClassVar[bool] = True

    max_noise: int = attrs.field(validator=[validators.ge(1), validators.le(100)])
    variance_: float = attrs.field(alias="variance")
    smallest: int = attrs.field(default=0, validator=[validators.ge(0), validators.le(100)])

    @variance_.validator
    def _is_positive(self, _: attrs.Attribute[Any], value: float) -> None:
        if not 0 < value < math.inf:
            raise ValueError(f"variance {value!r} is not a positive number")

    def __attrs_post_init__(self) -> None:
        self._table  # noqa: B018 (a table that does not exist is said at once)

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return perturbed counts, persons, of the shape of ``counts``."""
        keys = rng.integers(0, _GRAIN, size=counts.shape)
        below = self._table.cumulative[self._rows(counts)] <= keys[..., None]
        return counts + np.where(counts > 0, below.sum(axis=-1) - self.max_noise, 0)

    def transitions(self, count: int) -> FloatArray:
        """Return the probabilities of the perturbations -D .. D of ``count``, shape (2 D + 1,)."""
        made: FloatArray = self._table.probabilities[min(count, self._last)].copy()
        return made

    def log_law(
        self, counts: FloatArray, printed: FloatArray, cells: NDArray[np.intp]
    ) -> FloatArray:
        """Return the log probability of a perturbed count, exactly."""
        moved = np.rint(printed - counts)
        reached = (np.abs(moved) <= self.max_noise) & (moved == printed - counts)
        at = np.where(reached, moved + self.max_noise, 0.0).astype(np.int64)
        chance = self._table.probabilities[self._rows(counts), at]
        with np.errstate(divide="ignore"):
            return np.log(np.where(reached, chance, 0.0))

    def privacy(self) -> dpaudit.Guarantee:
        """Return a delta that holds at every epsilon."""
        changed = l1_sensitivity(self.neighbours, self.cells_per_person)
        same = 1.0 - self._table.variation
        delta = -math.expm1(changed * math.log(same)) if same > 0 else 1.0
        return dpaudit.Guarantee(neighbours=self.neighbours, delta=delta, every_epsilon=True)

    def bias(self, counts: FloatArray) -> FloatArray:
        """Return 0, shape (n,), persons; exact."""
        return np.zeros_like(counts)

    def variance(self, counts: FloatArray) -> FloatArray:
        """Return V for positive counts and 0 for empty ones, shape (n,), persons squared."""
        return np.where(counts > 0, self.variance_, 0.0)

    def positive(self, counts: FloatArray) -> FloatArray:
        """Return 1 - P(perturbation = -x), shape (n,)."""
        at = np.clip(self.max_noise - counts, 0, None).astype(np.int64)
        vanish = self._table.probabilities[self._rows(counts), at]
        reachable = (counts > 0) & (counts <= self.max_noise)
        return np.where(counts > 0, 1.0 - np.where(reachable, vanish, 0.0), 0.0)

    def caveats(self) -> tuple[str, ...]:
        """Return what is different between tables."""
        return (
            "other tables and totals are perturbed on their own, so that they do not add up",
            f"of its delta, {self._remaining():.6g} is left at any epsilon",
        )

    @property
    def _last(self) -> int:
        """The first count whose perturbations are not restricted any more."""
        return self.max_noise + self.smallest + 1

    @property
    def _table(self) -> _Table:
        return _table(self.max_noise, self.variance_, self.smallest)

    def _rows(self, counts: FloatArray) -> np.ndarray:
        rows: np.ndarray = np.minimum(counts, self._last).astype(np.int64)
        return rows

    def _remaining(self) -> float:
        """Return the mass of outputs that the other neighbour cannot give, at its largest."""
        more, fewer, cells = self._table.more, self._table.fewer, self.cells_per_person
        if self.neighbours == "replace":
            return 1.0 - ((1.0 - more) * (1.0 - fewer)) ** cells
        return 1.0 - (1.0 - max(more, fewer)) ** cells


@attrs.frozen(kw_only=True, eq=False)
class _Table:
    """Probabilities of -D .. D by count 0 .. last, shape (last + 1, 2 D + 1), and what follows.

    ``variation`` is the largest total variation between a count and the next; ``more`` and
    ``fewer`` are the largest probability of an output of the larger (smaller) that the other
    cannot give.
    """

    probabilities: FloatArray
    cumulative: np.ndarray
    variation: float
    more: float
    fewer: float


@functools.lru_cache(maxsize=64)
def _table(max_noise: int, variance: float, smallest: int) -> _Table:
    last = max_noise + smallest + 1
    rows = [_row(count, max_noise, variance, smallest) for count in range(last + 1)]
    thresholds = np.rint(np.cumsum(rows, axis=1) * _GRAIN).astype(np.int64)
    thresholds[:, -1] = _GRAIN
    probabilities = np.diff(thresholds, axis=1, prepend=0) / _GRAIN
    # Row x holds outputs x - D .. x + D; one more person moves them by one.
    outputs = np.zeros((last + 2, last + 2 + 2 * max_noise))
    for count in range(last + 2):
        row = probabilities[min(count, last)]
        outputs[count, count : count + row.size] = row
    one, next_ = outputs[:-1], outputs[1:]
    return _Table(
        probabilities=probabilities,
        cumulative=thresholds,
        variation=_most(np.abs(next_ - one) / 2.0),
        more=_most(np.where(one == 0, next_, 0.0)),
        fewer=_most(np.where(next_ == 0, one, 0.0)),
    )


def _most(masses: FloatArray) -> float:
    return min(1.0, float(masses.sum(axis=1).max()))


def _row(count: int, max_noise: int, variance: float, smallest: int) -> FloatArray:
    """Return the probabilities of -D .. D for one count."""
    values = np.arange(-max_noise, max_noise + 1, dtype=np.float64)
    released = count + values
    allowed = (released >= 0) & ~((released >= 1) & (released <= smallest))
    made = np.zeros(values.shape)
    if count == 0:
        made[max_noise] = 1.0
        return made
    try:
        made[allowed] = maximum_entropy(values[allowed], variance)
    except dpaudit.UsageError as error:
        raise ValueError(f"the count {count} cannot be perturbed: {error.message}") from error
    return made


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (CellKey,)
