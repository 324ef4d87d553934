"""The seven kinds of plug-in: one verb each, and optional closed forms.

A plug-in is a frozen attrs class (``@attrs.frozen(kw_only=True)``) whose fields are the
parameters that an audit file may set. A plain function with a decorator from
:mod:`dpaudit.markers` becomes such a class. Closed forms return ``None`` where there is none;
where one is present the engine checks it against simulation.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from dpaudit.attacking import Attack
from dpaudit.kinds import KINDS, ClosedForm, Kind, Plugin
from dpaudit.model.arrays import FloatArray
from dpaudit.model.dataset import Dataset
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.measurement import Measurement
from dpaudit.model.spec import Neighbours
from dpaudit.model.structure import Bounds, Control, Feasible, Structure
from dpaudit.noise.base import Noise
from dpaudit.noise.law import log_law
from dpaudit.subjects import Pipeline, Subject

__all__ = [
    "BASES",
    "KINDS",
    "Attack",
    "Audit",
    "ClosedForm",
    "Decision",
    "Extra",
    "Kind",
    "Learner",
    "Mechanism",
    "Mitigation",
    "Plugin",
    "PostProcessor",
]

Kept = Literal["whole", "non-negative", "total", "additive"]


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

    def truth(self, counts: FloatArray) -> FloatArray:
        """Return what would be released if nothing were protected, shape (n,)."""
        return counts

    def replicates(self) -> FloatArray | None:
        """Return releases that were made elsewhere, shape (R, n), R >= 2, if they are all there is.

        Such a mechanism is never simulated: the audit measures these.
        """
        return None


@attrs.frozen(kw_only=True)
class PostProcessor(Plugin):
    """Changes a noisy release, seeing nothing but the release and public parameters.

    Attributes
    ----------
    vectorised
        Whether :meth:`process` takes draws stacked in front, shape (..., n).
    linear
        Whether the step is affine with row sums that keep the mean (it adds no bias).
    elementwise
        Whether each entity is processed from its own value alone.
    clips
        Whether the step is exactly ``max(., 0)``.
    nonnegative
        Whether its output is never negative.
    unbiased
        Whether E[output | input] = input.
    hierarchical
        Whether the step takes and returns values of every node of the tree, shape (..., N).
    randomised
        Whether the step draws random numbers: then :meth:`sample` does the work.
    keeps
        What of its input the step leaves as it is: counts stay ``whole`` or ``non-negative``,
        the sum of the entities (``total``) is kept, sums agree with their parts (``additive``).
    commutes
        Names of post-processors that may be applied before or after this one alike.
    """

    kind: ClassVar[Kind] = "postprocessor"
    vectorised: ClassVar[bool] = False
    linear: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    clips: ClassVar[bool] = False
    nonnegative: ClassVar[bool] = False
    unbiased: ClassVar[bool] = False
    hierarchical: ClassVar[bool] = False
    randomised: ClassVar[bool] = False
    keeps: ClassVar[frozenset[Kept]] = frozenset()
    commutes: ClassVar[frozenset[str]] = frozenset()

    @abc.abstractmethod
    def process(self, release: FloatArray) -> FloatArray:
        """Return the processed release, shape (n,), persons (or outcomes).

        Of a randomised step, its expectation given the release.
        """

    def sample(self, release: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return one draw of the processed release; of a step that is not random, the only one."""
        return self.process(release)

    def bias(self, counts: FloatArray, noise: Noise) -> ClosedForm:
        """Return E process(x + X) - x, shape (n,), if known in closed form."""
        return None

    def variance(self, counts: FloatArray, noise: Noise) -> ClosedForm:
        """Return Var process(x + X), shape (n,), if known in closed form."""
        return None

    def spread_bounds(self, counts: FloatArray, noise: Noise) -> Bounds | None:
        """Return proved bounds of the largest difference of two biases, if there are any."""
        return None

    def noise_after(self, noise: Noise) -> Noise | None:
        """Return the noise after this step, if it is still additive, independent of x."""
        return None

    def control(self, counts: FloatArray, noise: Noise) -> Control | None:
        """Return a stand-in for this step whose mean is known exactly, if there is one."""
        return None

    def moves_at_most(self) -> float | None:
        """Return the most by which this step moves any value, persons, where there is a bound.

        It keeps the moments of the release near those of what the mechanism gave.
        """
        return None

    def public_sum(self) -> float | None:
        """Return the sum that its output always has, where there is one."""
        return None

    @property
    def feasible(self) -> Feasible:
        """How it makes non-negative values with its public sum, where it does just that."""
        return None

    def uncovered(self) -> tuple[str, ...]:
        """Return what this step publishes exactly, outside the guarantee (its invariants).

        Each is a noun phrase that reads after "Published exactly:", and the same one that the
        mechanism uses of the same counts.
        """
        return ()


@attrs.frozen(kw_only=True)
class Decision(Plugin):
    """Decides something for every entity from the counts.

    Attributes
    ----------
    unit
        The unit of the outcome (``dollars``, ``share``, ``persons``).
    takes
        ``counts``, or ``selection`` (1 for the chosen entity, 0 for all others).
    rows
        Whether :meth:`decide` takes a row of k counts of each entity, (n, k), and not one, (n,).
    vectorised
        Whether :meth:`decide` takes draws stacked in front, shape (..., n) or (..., n, k).
    bounded
        Whether outcomes lie within fixed limits, whatever the counts: then their mean exists.
    """

    kind: ClassVar[Kind] = "decision"
    unit: ClassVar[str] = "share"
    takes: ClassVar[Literal["counts", "selection"]] = "counts"
    rows: ClassVar[bool] = False
    vectorised: ClassVar[bool] = False
    bounded: ClassVar[bool] = False

    @abc.abstractmethod
    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the outcome of every entity, shape (n,), in ``unit``."""

    @property
    def reads(self) -> tuple[int, ...] | None:
        """The positions in a row of the counts that the outcome depends on; ``None``: all."""
        return None

    @property
    def grows_with(self) -> tuple[int, ...]:
        """The positions of counts that, raised alone, never turn a 1 into a 0."""
        return ()

    def probability(self, counts: FloatArray, noise: Noise, *, clipped: bool) -> ClosedForm:
        """Return P(outcome = 1), shape (n,), of outcomes that are 0 or 1, if known.

        ``counts`` are (n,), or (n, k) where the decision takes rows; ``noise`` is independent
        noise of ``counts.ravel()``. Where ``clipped``, what is decided from is max(0, x + X).
        Only a decision that looks at each entity by itself may state it.
        """
        return None

    def structure(self, n: int) -> Structure | None:
        """Return the declared structure for ``n`` entities, where one applies."""
        return None

    @property
    def differentiable(self) -> bool:
        """Whether :meth:`decide` is smooth, and also takes and returns a torch tensor (n,)."""
        return False

    def curvature(self, counts: FloatArray, variance: FloatArray) -> FloatArray | None:
        """Return 1/2 sum_j v_j d^2 P_i / dx_j^2, shape (n,), if known in closed form."""
        return None

    def existence(self, noise: Noise | None, *, clipped: bool) -> str | None:
        """Return why the expected outcome does not exist under this noise, or ``None``."""
        return None


@attrs.frozen(kw_only=True)
class Learner(Plugin):
    """Fits a model."""

    kind: ClassVar[Kind] = "learner"

    @abc.abstractmethod
    def fit(self, data: Dataset, rng: np.random.Generator) -> Any:
        """Return a fitted model with per-sample loss and prediction."""


Extra: TypeAlias = Literal["share", "erased", "invented", "changed", "curvature"]
"""A quantity that is only measured where an audit asks for it."""


@attrs.frozen(kw_only=True)
class Audit(Plugin):
    """Measures one thing about a subject.

    Attributes
    ----------
    needs
        What the engine must measure beyond bias, squared error and shortfall.
    once
        Whether it is asked once for a release and decision, not at every swept value.
    """

    kind: ClassVar[Kind] = "audit"
    needs: ClassVar[frozenset[Extra]] = frozenset()
    once: ClassVar[bool] = False

    @abc.abstractmethod
    def measure(self, subject: Subject, rng: np.random.Generator) -> Sequence[Measurement]:
        """Return what was measured over entities, groupings and in total."""


@attrs.frozen(kw_only=True)
class Mitigation(Plugin):
    """Changes a release, a decision or a learner; the engine measures before and after.

    What it is given is public, and so is what it makes: it never sees a true count.
    """

    kind: ClassVar[Kind] = "mitigation"

    @abc.abstractmethod
    def apply(self, subject: Pipeline) -> Pipeline:
        """Return the changed pipeline; outcomes are still compared with the first one's truth."""

    def applies(self, subject: Pipeline) -> bool:
        """Return whether the mitigation makes sense for ``subject``."""
        return True

    def cost(self) -> str:
        """Return what it costs beside what is measured (data, money, law), as a noun phrase."""
        return ""


BASES: Mapping[Kind, type[Plugin]] = {
    base.kind: base
    for base in (Mechanism, PostProcessor, Decision, Learner, Attack, Audit, Mitigation)
}
