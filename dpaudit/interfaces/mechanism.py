"""Mechanisms release noisy counts."""

from __future__ import annotations

import abc
from typing import ClassVar, Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.interfaces.base import ClosedForm, Kind, Plugin
from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.spec import Neighbours
from dpaudit.noise.base import Noise
from dpaudit.noise.law import log_law


def _check_cells(instance: Mechanism, _: attrs.Attribute[int], value: int) -> None:
    """Refuse more counts of a person than a guarantee reckons with; an attrs validator."""
    if value > 1 and instance.one_cell:
        raise ValueError(
            f"cells_per_person {value!r}: what {instance.name!r} promises does not follow from it; "
            "set it to 1 if the guarantee holds for all the counts that a person enters"
        )


@attrs.frozen(kw_only=True)
class Mechanism(Plugin):
    """Releases noisy counts.

    ``neighbours`` comes from the release, not from the mechanism's own table;
    ``cells_per_person`` is the number of counts that one person may enter. A mechanism uses it,
    refuses it (``one_cell``), or promises the same whatever it is.

    Attributes
    ----------
    takes
        ``records`` says that the mechanism works on people one by one. It is given the counts
        of the whole public table (:data:`GivenDomain`), from which the records follow.
    gives
        ``counts``, or ``selection``: 1 for the chosen entity and 0 for all others.
    independent
        Whether the released values are independent of one another.
    nonnegative
        Whether no released value is ever negative.
    one_cell
        Whether ``cells_per_person`` must be 1: the guarantee does not follow from it.
    protects
        Whether it is there to protect anybody; the error of a survey is not, and may depend on
        the true counts.
    repeatable
        Whether the passed generator decides the release: not so where a library draws its own
        random numbers.
    """

    kind: ClassVar[Kind] = "mechanism"
    takes: ClassVar[Literal["counts", "records"]] = "counts"
    gives: ClassVar[Literal["counts", "selection"]] = "counts"
    independent: ClassVar[bool] = True
    nonnegative: ClassVar[bool] = False
    one_cell: ClassVar[bool] = False
    protects: ClassVar[bool] = True
    repeatable: ClassVar[bool] = True

    neighbours: Neighbours = "add-remove"
    cells_per_person: int = attrs.field(default=1, validator=[attrs.validators.ge(1), _check_cells])

    @property
    def measures(self) -> Literal["entities", "hierarchy", "queries"]:
        """Whether counts are those of the entities (n,), of every node of the tree (N,) or others.

        Others are what :meth:`queries` makes of those of the entities.
        """
        return "entities"

    def queries(self, counts: FloatArray) -> FloatArray:
        """Return the sums (m,) of the counts (n,) that are measured, of a mechanism of queries."""
        return counts

    @abc.abstractmethod
    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return noisy counts of the shape of ``counts``, (n,) or (n, k), persons."""

    @abc.abstractmethod
    def privacy(self) -> Guarantee:
        """Return what the release promises."""

    def noise(self) -> Noise | None:
        """Return the noise distribution of every count, where it is additive and independent."""
        return None

    def bias(self, counts: FloatArray) -> ClosedForm:
        """Return E release - counts, shape (n,), if known; zero where the noise is known."""
        return None if self.noise() is None else np.zeros_like(counts)

    def variance(self, counts: FloatArray) -> ClosedForm:
        """Return Var release, shape (n,), if known; that of the noise where it is known."""
        noise = self.noise()
        return None if noise is None else np.broadcast_to(noise.variance, counts.shape).copy()

    def positive(self, counts: FloatArray) -> FloatArray | None:
        """Return P(release > 0), shape (n,), if known."""
        noise = self.noise()
        # The noise is symmetric about 0 only for some: P(x + X > 0) = 1 - P(X <= -x).
        return None if noise is None else 1.0 - noise.cdf(-counts)

    def printed(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return a release as readers see it: NaN where a symbol stands in place of a count."""
        return self.release(counts, rng)

    def log_law(
        self, counts: FloatArray, printed: FloatArray, cells: NDArray[np.intp]
    ) -> FloatArray | None:
        """Return the log probability (or density) of printed values, entry by entry, if known.

        ``counts``, ``printed`` (NaN for a symbol) and ``cells``, the entity of each entry, are
        (m,); -inf says impossible. Where the noise is known, so is this.
        """
        noise = self.noise()
        return None if noise is None else log_law(noise.at(cells), printed - counts)

    def output_probabilities(self, counts: FloatArray) -> Estimate | None:
        """Return the probability of every output, where there are finitely many, if known."""
        return None

    def truth(self, counts: FloatArray) -> FloatArray:
        """Return what would be released if nothing were protected, shape (n,)."""
        return counts

    def replicates(self) -> FloatArray | None:
        """Return releases that were made elsewhere, shape (R, n), R >= 2, if they are all there is.

        Such a mechanism is never simulated: the audit measures these.
        """
        return None
