"""What mechanisms share that add independent noise to every count.

*A budget is stated in one way.* ``epsilon`` says what is spent and the noise follows; ``scale``
or ``sigma`` say what the noise is and the guarantee follows. Both, or neither, is an error.

*Noise for each entity.* A scale may be a column. One person more or less touches one entity (or
``cells_per_person`` counts there), so the loss is that of the entity with the least noise. A
replaced person leaves one entity and enters another: losses of the two with the least noise add
(for Laplace noise 1/scale_i + 1/scale_j, for rho half of 1/sigma_i^2 + 1/sigma_j^2).

*A budget for each level.* Every count of the tree is measured, each level with its share of the
budget. A person is in one node of each level, so that levels compose in sequence and the nodes
of a level in parallel. Under ``replace`` the root does not change; its share is counted all the
same, so the guarantee is then an upper bound.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray, Hierarchy
from dpaudit.noise.base import Noise
from dpaudit.privacy import from_rho
from dpaudit.privacy.sensitivity import l2_sensitivity
from dpaudit.privacy.zcdp import gaussian_rho, gaussian_sigma
from dpaudit_plugins.mechanisms._ways import Ways, check_ways

_TOLERANCE = 1e-9


def check_amount(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Require a column, or a finite number of 0 or more; an attrs validator.

    Raises
    ------
    DataError
        If a column holds text or a negative number.
    ValueError
        If a number is negative or not finite.
    """
    if value is None or isinstance(value, str):  # a column that is not bound to data yet
        return
    column = np.asarray(value)
    is_number = column.dtype.kind in "iuf"
    wrong = ~((column >= 0) & np.isfinite(column)) if is_number else np.ones(column.shape, bool)
    if not wrong.any():
        return
    if column.ndim:
        raise dpaudit.DataError(
            f"{instance.name}: the column given as {attribute.name} has the value "
            f"{column[wrong].tolist()[0]!r}, which is not a number of 0 or more",
            hint="0 publishes an entity exactly; leave out entities without a value",
        )
    raise ValueError(f"{attribute.name} must be a finite number of 0 or more, not {value!r}")


def _check_levels(
    _instance: Any, _attribute: attrs.Attribute[Any], value: Mapping[str, float] | None
) -> None:
    """Require positive shares that sum to 1; an attrs validator."""
    if value is None:
        return
    for level, share in value.items():
        if not 0 < share <= 1:
            raise ValueError(f"levels.{level} {share!r} is not in (0, 1]")
    total = math.fsum(value.values())
    if abs(total - 1.0) > _TOLERANCE:
        raise ValueError(f"the shares of the levels sum to {total:.10g}, not to 1")


@attrs.frozen(kw_only=True, eq=False)
class Additive(dpaudit.Mechanism):
    """Add independent noise to every count.

    A subclass has the fields that ``ways`` names, each ``None`` where it is not given.

    Parameters
    ----------
    levels
        The share of the budget that each level of the tree gets, by name: ``total``, then the
        levels of the data. All counts of the tree are then measured.
    invariants
        Levels that are published exactly, outside the guarantee.
    """

    ways: ClassVar[Ways]

    levels: Mapping[str, float] | None = attrs.field(default=None, validator=_check_levels)
    invariants: tuple[str, ...] = ()
    hierarchy: dpaudit.GivenHierarchy = None

    def __attrs_post_init__(self) -> None:
        self._check_budget()
        if self.levels is None and self.invariants:
            raise ValueError(
                f"invariants {', '.join(map(repr, self.invariants))} are levels of a tree, but "
                "no levels are measured: give levels"
            )
        if self.levels is not None and self.hierarchy is not None:
            self._by_level(self.hierarchy, self.levels)

    @property
    def measures(self) -> Literal["entities", "hierarchy"]:
        """Whether counts are those of the entities or of every node of the tree."""
        return "entities" if self.levels is None else "hierarchy"

    @abc.abstractmethod
    def noise(self) -> Noise:
        """Return the noise of every count."""

    def release(self, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return the counts plus independent noise, persons."""
        return counts + self.noise().sample(rng, counts.shape)

    def _check_budget(self) -> None:
        """Require that the budget is stated in one way, for all entities alike under levels."""
        name, *_ = check_ways(self, "budget", self.ways)
        amount = getattr(self, name)
        if (isinstance(amount, str) or np.ndim(amount)) and self.levels is not None:
            raise ValueError(f"{name} for each entity and levels exclude one another")

    def _by_level(self, tree: Hierarchy, shares: Mapping[str, float]) -> list[float | None]:
        """Return the share of each level, ``None`` for an invariant."""
        named = (*shares, *self.invariants)
        for level in named:
            if level not in tree.levels:
                raise dpaudit.SpecError(
                    f"mechanism {self.name!r}: the data have no level {level!r}",
                    hint=f"the levels are {', '.join(tree.levels)}",
                )
        for level in tree.levels:
            if named.count(level) != 1:
                what = "both measured and exact" if level in named else "neither measured nor exact"
                raise dpaudit.SpecError(
                    f"mechanism {self.name!r}: the level {level!r} is {what}",
                    hint="name every level once, in levels or in invariants",
                )
        return [shares.get(level) for level in tree.levels]

    def _spread(self, base: FloatArray, power: float, exact: float) -> FloatArray:
        """Return base share^power at every node, ``exact`` where it is an invariant.

        Without levels, ``base`` as it is.
        """
        if self.levels is None:
            return base
        if self.hierarchy is None:
            raise dpaudit.SpecError(
                f"mechanism {self.name!r}: levels are given, but the data have no tree",
                hint='add levels = ["state", ...] to [data]',
            )
        shares = self._by_level(self.hierarchy, self.levels)
        return self.hierarchy.spread(
            [exact if share is None else float(base) * share**power for share in shares]
        )

    def _touched(self, losses: FloatArray) -> float:
        """Return the largest sum of losses that one person causes; ``losses`` is () or (n,)."""
        worst = np.sort(losses.reshape(-1))[-2:]
        if self.neighbours == "replace":
            return self.cells_per_person * float(worst[0] + worst[-1])
        return self.cells_per_person * float(worst[-1])

    def _exact(self) -> tuple[str, ...]:
        """Return what is published exactly, in the words of the steps that keep it."""
        return tuple(Hierarchy.counts_of(level) for level in self.invariants)


@attrs.frozen(kw_only=True, eq=False)
class GaussianBudget(Additive):
    """Additive noise whose budget is (epsilon, delta), rho, or the sigma of the noise itself.

    Parameters
    ----------
    epsilon, delta
        Privacy-loss budget of the whole release: positive and finite, and in (0, 1).
    rho
        Budget in zero-concentrated differential privacy, positive and finite.
    sigma
        Of the noise, persons: one number, or a column with one for each entity. 0 is no noise.
    """

    ways: ClassVar[Ways] = (("epsilon", "delta"), ("rho",), ("sigma",))

    epsilon: float | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(
            [attrs.validators.gt(0.0), attrs.validators.lt(math.inf)]
        ),
    )
    delta: float | None = attrs.field(
        default=None,
        validator=attrs.validators.optional([attrs.validators.gt(0.0), attrs.validators.lt(1.0)]),
    )
    rho: float | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(
            [attrs.validators.gt(0.0), attrs.validators.lt(math.inf)]
        ),
    )
    sigma: dpaudit.Column | float | None = attrs.field(default=None, validator=check_amount)

    @abc.abstractmethod
    def _calibrated(self, epsilon: float, delta: float, distance: float) -> float:
        """Return the sigma that gives (epsilon, delta) at an L2 sensitivity."""

    def privacy(self) -> dpaudit.Guarantee:
        """Return the budget as stated, with rho; for rho and sigma epsilon at delta = 1e-10."""
        if self.epsilon is None or self.delta is None:
            return from_rho(self._rho(), self.neighbours, uncovered=self._exact())
        return dpaudit.Guarantee(
            neighbours=self.neighbours,
            epsilon=self.epsilon,
            delta=self.delta,
            rho=self._rho(),
            uncovered=self._exact(),
        )

    def _rho(self) -> float:
        if self.rho is not None:
            return self.rho
        if self.sigma is None:
            return gaussian_rho(float(self._sigma()), self._distance())
        with np.errstate(divide="ignore", over="ignore"):
            return self._touched(0.5 * np.square(1.0 / np.asarray(self.sigma, dtype=np.float64)))

    def _sigma(self) -> FloatArray:
        """Return sigma before it is split over levels, shape () or (n,), persons."""
        if self.sigma is not None:
            return np.asarray(self.sigma, dtype=np.float64)
        if self.epsilon is not None and self.delta is not None:
            return np.asarray(self._calibrated(self.epsilon, self.delta, self._distance()))
        return np.asarray(gaussian_sigma(self.rho or 0.0, self._distance()))

    def _split_sigma(self) -> FloatArray:
        """Return sigma at every count: shares of a level are shares of rho."""
        return self._spread(self._sigma(), -0.5, 0.0)

    def _distance(self) -> float:
        return l2_sensitivity(self.neighbours, self.cells_per_person)
