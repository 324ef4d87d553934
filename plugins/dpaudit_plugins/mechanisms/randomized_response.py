"""Randomised response: every person reports for themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray

_LARGEST = 2.0**53


@attrs.frozen(kw_only=True, eq=False)
class RandomizedResponse(dpaudit.Mechanism):
    """Let each person report the true cell with probability e^epsilon / (e^epsilon + m - 1).

    Otherwise the person reports one of the other m - 1 cells, all alike. The published counts
    are those of the reports, corrected so that they are right on average.

    Parameters
    ----------
    epsilon
        Privacy-loss budget of each person's report, positive; ``inf`` reports the truth.
    attribute
        Randomise this attribute of the table alone; all others are reported as they are.
        Left out: the whole cell is randomised.
    unbiased
        Correct the counts of reports: (y - N q) / (p - q), with N the number of people whose
        reports share the other attributes. Otherwise publish the reports as counted.

    References
    ----------
    Warner (1965), Randomized response: a survey technique for eliminating evasive answer bias,
    JASA 60. Kairouz, Bonawitz and Ramage (2016), Discrete distribution estimation under local
    privacy, ICML, section 3 (k-ary randomised response).

    Examples
    --------
    >>> import math
    >>> made = RandomizedResponse(epsilon=math.log(3.0), unbiased=False)
    >>> made.bias(np.array([40.0, 0.0]))
    array([-10.,  10.])
    """

    name: ClassVar[str] = "randomized-response"
    takes: ClassVar[Literal["counts", "records"]] = "records"
    independent: ClassVar[bool] = False
    one_cell: ClassVar[bool] = True

    epsilon: float = attrs.field(validator=attrs.validators.gt(0.0))
    attribute: str | None = None
    unbiased: bool = True
    domain: dpaudit.GivenDomain = None

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the counts of one round of reports, corrected if asked, shape (n,), persons."""
        table = self._table(counts)
        if not (np.all(table == np.rint(table)) and np.all((table >= 0) & (table <= _LARGEST))):
            raise dpaudit.DataError(
                f"{self.name}: the counts are not whole numbers of people",
                hint="audit counts that are whole, at least 0 and at most 2^53",
            )
        people = table.astype(np.int64)
        keep, other = self._odds(table.shape[-1])
        kept = rng.binomial(people, keep)
        moved = (people - kept).sum(axis=-1)
        # Whoever does not keep the true cell reports any of the m, the true one among them.
        uniform = np.full(table.shape[-1], 1.0 / table.shape[-1])
        reports = (kept + rng.multinomial(moved, uniform)).astype(np.float64)
        if self.unbiased:
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                reports = (reports - table.sum(axis=-1, keepdims=True) * other) / keep
            self._check_range(reports)
        return self._vector(reports, counts)

    def _check_range(self, corrected: FloatArray) -> None:
        """Require that correcting left the counts within the range of numbers."""
        if not np.isfinite(corrected).all():
            raise dpaudit.UsageError(
                f"{self.name}: with epsilon {self.epsilon!r} corrected counts are beyond all "
                "numbers",
                hint="choose a larger epsilon, or unbiased = false",
            )

    def privacy(self) -> dpaudit.Guarantee:
        """Return epsilon-local differential privacy of each person's report.

        It is a promise about what a person reports (``replace``). How many people report is
        published, and with one attribute randomised so are all others.
        """
        uncovered = []
        if self.attribute is not None:
            uncovered.append(f"every attribute but {self.attribute!r}")
        elif self.neighbours == "add-remove":
            uncovered.append("the number of people")
        return dpaudit.Guarantee(
            neighbours=self.neighbours,
            epsilon=self.epsilon,
            revealed=bool(uncovered),
            uncovered=tuple(uncovered),
        )

    def bias(self, counts: FloatArray) -> FloatArray:
        """Return (N - x) q - x (1 - p), or 0 where reports are corrected, shape (n,), persons."""
        if self.unbiased:
            return np.zeros_like(counts)
        table = self._table(counts)
        m = table.shape[-1]
        _, other = self._odds(m)
        rest = table.sum(axis=-1, keepdims=True) - table
        return self._vector(other * (rest - (m - 1.0) * table), counts)

    def variance(self, counts: FloatArray) -> FloatArray:
        """Return x p (1 - p) + (N - x) q (1 - q), over (p - q)^2 where corrected, shape (n,)."""
        table = self._table(counts)
        keep, other = self._odds(table.shape[-1])
        lose = other * (table.shape[-1] - 1.0)
        rest = table.sum(axis=-1, keepdims=True) - table
        spread = table * (1.0 - lose) * lose + rest * other * (1.0 - other)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            corrected = np.where(spread > 0, spread / keep / keep, 0.0)
        return self._vector(corrected if self.unbiased else spread, counts)

    def _odds(self, m: int) -> tuple[float, float]:
        """Return p - q and q for m cells; p = 1 - (m - 1) q."""
        decay = float(np.exp(-self.epsilon))
        scale = 1.0 + (m - 1.0) * decay
        return float(-np.expm1(-self.epsilon)) / scale, decay / scale

    def _table(self, counts: FloatArray) -> FloatArray:
        """Return the counts as rows of people who share the attributes that are not randomised."""
        if self.attribute is None:
            return counts[None, :]
        axis = self._axis(self.attribute)
        table = np.moveaxis(self._domain().table(counts), axis, -1)
        return table.reshape(-1, table.shape[-1])

    def _vector(self, table: FloatArray, counts: FloatArray) -> FloatArray:
        """Return what :meth:`_table` made as a vector again."""
        if self.attribute is None:
            return table.reshape(counts.shape)
        shape, axis = self._domain().shape, self._axis(self.attribute)
        moved = table.reshape(*shape[:axis], *shape[axis + 1 :], shape[axis])
        return np.moveaxis(moved, -1, axis).reshape(counts.shape)

    def _axis(self, attribute: str) -> int:
        names = self._domain().names
        if attribute not in names:
            raise dpaudit.SpecError(
                f"mechanism {self.name!r}: the table has no attribute {attribute!r}",
                hint=f"its attributes are {', '.join(names)}",
            )
        return names.index(attribute)

    def _domain(self) -> dpaudit.Domain:
        if self.domain is None:
            raise dpaudit.SpecError(
                f"mechanism {self.name!r}: attribute {self.attribute!r} is given, but the data "
                "have no table",
                hint="name the attributes of the table in [data.domain]",
            )
        return self.domain


@dpaudit.hookimpl
def dpaudit_mechanisms() -> Sequence[type[dpaudit.Mechanism]]:
    """Offer the mechanism."""
    return (RandomizedResponse,)
