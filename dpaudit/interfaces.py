"""The seven kinds of plug-in: one verb each, and optional closed forms.

A plug-in is a frozen attrs class (``@attrs.frozen(kw_only=True)``) whose fields are the
parameters that an audit file may set. A plain function with a decorator from
:mod:`dpaudit.markers` becomes such a class. Closed forms return ``None`` where there is none;
where one is present the engine checks it against simulation.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeAlias

import attrs
import numpy as np

from dpaudit.model.arrays import ColumnArray, FloatArray
from dpaudit.model.dataset import Dataset
from dpaudit.model.estimate import Estimate
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.measurement import Measurement
from dpaudit.model.spec import Neighbours
from dpaudit.noise.base import Noise

Kind = Literal["mechanism", "postprocessor", "decision", "learner", "attack", "audit", "mitigation"]
KINDS: tuple[Kind, ...] = (
    "mechanism",
    "postprocessor",
    "decision",
    "learner",
    "attack",
    "audit",
    "mitigation",
)


@attrs.frozen
class FromData:
    """Marks a parameter that the audit file names and the data fill in."""

    what: Literal["column", "total"]


class ColumnName(str):
    """A column that a parameter names and that is not bound to data yet."""

    __slots__ = ()


Column: TypeAlias = Annotated[ColumnArray, FromData("column")]
"""A parameter that is a column name in the audit file and an array (n,) to the plug-in."""

Total: TypeAlias = Annotated[float, FromData("total")]
"""A parameter that is a number, or (when left out) the exact total of the true values."""


@attrs.frozen(kw_only=True)
class Plugin:
    """What every plug-in has: a kind, a name and parameters."""

    kind: ClassVar[Kind]
    name: ClassVar[str]


@attrs.frozen(kw_only=True)
class Mechanism(Plugin):
    """Releases noisy counts.

    ``neighbours`` comes from the release, not from the mechanism's own table;
    ``cells_per_person`` is the number of counts that one person may enter.
    """

    kind: ClassVar[Kind] = "mechanism"
    takes: ClassVar[Literal["counts", "records"]] = "counts"
    gives: ClassVar[Literal["counts", "records", "selection"]] = "counts"

    neighbours: Neighbours = "add-remove"
    cells_per_person: int = attrs.field(default=1, validator=attrs.validators.ge(1))

    @abc.abstractmethod
    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return noisy counts of the shape of ``counts``, (n,) or (n, k), persons."""

    @abc.abstractmethod
    def privacy(self) -> Guarantee:
        """Return what the release promises."""

    def noise(self) -> Noise | None:
        """Return the noise distribution of every count, where it is additive and independent."""
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
    commutes
        Names of post-processors that may be applied before or after this one alike.
    """

    kind: ClassVar[Kind] = "postprocessor"
    vectorised: ClassVar[bool] = False
    linear: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    clips: ClassVar[bool] = False
    nonnegative: ClassVar[bool] = False
    commutes: ClassVar[frozenset[str]] = frozenset()

    @abc.abstractmethod
    def process(self, release: FloatArray) -> FloatArray:
        """Return the processed release, shape (n,), persons (or outcomes)."""

    def bias(self, counts: FloatArray, noise: Noise) -> FloatArray | None:
        """Return E process(x + X) - x, shape (n,), if known in closed form."""
        return None

    def variance(self, counts: FloatArray, noise: Noise) -> FloatArray | None:
        """Return Var process(x + X), shape (n,), if known in closed form."""
        return None

    def noise_after(self, noise: Noise) -> Noise | None:
        """Return the noise after this step, if it is still additive, independent of x."""
        return None

    def control(self, counts: FloatArray, noise: Noise) -> Control | None:
        """Return a stand-in for this step whose mean is known exactly, if there is one."""
        return None

    def uncovered(self) -> tuple[str, ...]:
        """Return what this step publishes exactly, outside the guarantee (its invariants)."""
        return ()


@attrs.frozen(kw_only=True, eq=False)
class Control:
    """An approximation of a post-processor with an exactly known mean.

    Parameters
    ----------
    mean
        E of the approximation, shape (n,).
    variance
        Its variance per entity (n,) when entities are independent, else ``None``.
    deviation
        From noisy counts (..., n) to the approximation minus its mean, (..., n).
    """

    mean: FloatArray
    variance: FloatArray | None
    deviation: Deviation


class Deviation(Protocol):
    """A function from noisy counts to a zero-mean deviation."""

    def __call__(self, noisy: FloatArray, /) -> FloatArray:
        """Return the deviation, shape (..., n)."""


@attrs.frozen(kw_only=True, eq=False)
class Linear:
    """Structure of a decision that is affine in the counts.

    ``slope``, shape (n,), says that entity i depends on its own count alone, with this slope.
    """

    slope: FloatArray | None = None


@attrs.frozen(kw_only=True, eq=False)
class Proportional:
    """Structure ``total * a_i x_i / sum_j a_j x_j`` (the allotment P^F).

    Parameters
    ----------
    weights
        a, shape (n,), positive, public.
    total
        What is shared, in the unit of the decision.
    """

    weights: FloatArray
    total: float


Structure: TypeAlias = Linear | Proportional


@attrs.frozen(kw_only=True)
class Decision(Plugin):
    """Decides something for every entity from the counts.

    Attributes
    ----------
    unit
        The unit of the outcome (``dollars``, ``share``, ``persons``).
    vectorised
        Whether :meth:`decide` takes draws stacked in front, shape (..., n).
    """

    kind: ClassVar[Kind] = "decision"
    unit: ClassVar[str] = "share"
    vectorised: ClassVar[bool] = False

    @abc.abstractmethod
    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the outcome of every entity, shape (n,), in ``unit``."""

    def structure(self, n: int) -> Structure | None:
        """Return the declared structure for ``n`` entities, where one applies."""
        return None

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


@attrs.frozen(kw_only=True)
class Attack(Plugin):
    """Scores candidates against a release or a model."""

    kind: ClassVar[Kind] = "attack"

    @abc.abstractmethod
    def score(self, target: Any, rng: np.random.Generator) -> FloatArray:
        """Return one score per candidate; higher means more likely a member."""


class Subject(Protocol):
    """What an audit measures: one decision made from one release, against the truth."""

    @property
    def task(self) -> str:
        """The identifier of the task."""

    @property
    def data(self) -> Dataset:
        """The data of the audit."""

    @property
    def unit(self) -> str:
        """The unit of the outcome."""

    @property
    def confidence(self) -> float:
        """The confidence of the run."""

    @property
    def truth(self) -> FloatArray:
        """The outcome from the true counts, shape (n,)."""

    def entity(self, quantity: str) -> Estimate:
        """Return ``bias``, ``variance``, ``mean-squared-error`` or ``expected-shortfall``."""

    def grouped(self, quantity: str, grouping: str) -> Estimate:
        """Return the quantity of the sums over the groups of ``grouping``."""

    def total(self, quantity: str) -> Estimate:
        """Return the sum of the quantity over all entities, a scalar."""

    def halves(self, over: str) -> tuple[FloatArray, FloatArray] | None:
        """Return the bias over ``entity`` or a grouping from two independent halves of the draws.

        ``None`` where the bias is deterministic.
        """

    def group_labels(self, grouping: str) -> tuple[str, ...]:
        """Return the groups of ``grouping``, in the order of the estimates."""


@attrs.frozen(kw_only=True)
class Audit(Plugin):
    """Measures one thing about a subject."""

    kind: ClassVar[Kind] = "audit"

    @abc.abstractmethod
    def measure(self, subject: Subject, rng: np.random.Generator) -> Sequence[Measurement]:
        """Return what was measured over entities, groupings and in total."""


@attrs.frozen(kw_only=True)
class Mitigation(Plugin):
    """Changes a release, a decision or a learner; the engine measures before and after."""

    kind: ClassVar[Kind] = "mitigation"

    @abc.abstractmethod
    def apply(self, subject: Any) -> Any:
        """Return the changed subject."""

    def applies(self, subject: Any) -> bool:
        """Return whether the mitigation makes sense for ``subject``."""
        return True


BASES: Mapping[Kind, type[Plugin]] = {
    "mechanism": Mechanism,
    "postprocessor": PostProcessor,
    "decision": Decision,
    "learner": Learner,
    "attack": Attack,
    "audit": Audit,
    "mitigation": Mitigation,
}
