"""Sharing an appropriation in proportion to weighted counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray


@attrs.frozen(kw_only=True, eq=False)
class Allotment(dpaudit.Decision):
    """Share an appropriation in proportion to weighted counts: B a_i x_i / sum_j a_j x_j.

    The allotment problem P^F: Title I grants are of this form, with the weights a the
    expenditure per pupil. Where the weighted counts sum to zero there is nothing to go by, and
    the shares are those of the weights, a_i / sum_j a_j.

    Parameters
    ----------
    weights
        Public weights a, positive: a column, or one number for all entities.
    appropriation
        What is shared, B, dollars, positive. 1 means that outcomes are shares.

    Raises
    ------
    DataError
        If a weight is not a positive number.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao (2021), Decision making with differential privacy
    under a fairness lens, IJCAI, section 3.

    Examples
    --------
    >>> Allotment(appropriation=100.0).decide(np.array([1.0, 3.0]))
    array([25., 75.])
    """

    name: ClassVar[str] = "allotment"
    unit: ClassVar[str] = "dollars"
    vectorised: ClassVar[bool] = True

    weights: dpaudit.Column | float = 1.0
    appropriation: float = attrs.field(default=1.0, validator=attrs.validators.gt(0.0))

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the allotment of every entity, shape (..., n), dollars."""
        weights = self._weights(counts.shape[-1])
        weighted = weights * counts
        total = weighted.sum(axis=-1, keepdims=True)
        fallback = np.broadcast_to(weights / weights.sum(), weighted.shape).copy()
        shares = np.divide(weighted, total, out=fallback, where=total != 0)
        return self.appropriation * shares

    def structure(self, n: int) -> dpaudit.Structure:
        """Return that outcomes are shares of the weighted counts."""
        return dpaudit.Proportional(weights=self._weights(n), total=self.appropriation)

    def curvature(self, counts: FloatArray, variance: FloatArray) -> FloatArray | None:
        """Return B (P_i S_2 - a_i^2 v_i) / Z^2 with S_2 = sum_j a_j^2 v_j, shape (n,), dollars.

        The second-order bias under independent noise of ``variance`` (METHODS-decisions 3.3);
        ``None`` where the weighted counts do not sum to something positive.
        """
        weights = self._weights(counts.size)
        total = float((weights * counts).sum())
        if total <= 0:
            return None
        spread = weights**2 * variance
        shares = weights * counts / total
        return self.appropriation * (shares * spread.sum() - spread) / total**2

    def existence(self, noise: dpaudit.Noise | None, *, clipped: bool) -> str | None:
        """Return why the expected share of unclipped noisy counts does not exist, or ``None``.

        Clipped counts give shares between 0 and 1; without noise there is nothing to expect.
        Of unknown noise nothing is said.
        """
        if clipped or noise is None or not np.any(noise.variance > 0):
            return None
        return (
            "the expected allotment of unclipped noisy counts does not exist: the sum that they "
            "are divided by may be arbitrarily near zero"
        )

    def _weights(self, n: int) -> FloatArray:
        """Return the weights, shape (n,), checked."""
        if isinstance(self.weights, str):
            raise dpaudit.UsageError(
                f"weights: the column {self.weights!r} is not filled in",
                hint="give an array, or let an audit fill in the column of its data",
            )
        weights = np.asarray(self.weights)
        if weights.dtype.kind not in "iuf":
            raise dpaudit.DataError(
                f"weights: {str(weights.flat[0])!r} is not a number",
                hint="name a column of positive numbers",
            )
        if weights.ndim and weights.shape != (n,):
            raise dpaudit.DataError(
                f"weights of shape {weights.shape} for {n} entities",
                hint="give one number, or one for each entity",
            )
        wrong = ~((weights > 0) & np.isfinite(weights))
        if wrong.any():
            entity = int(np.flatnonzero(wrong)[0])
            raise dpaudit.DataError(
                f"weights: {float(weights.flat[entity])!r} (entity {entity + 1}) is not positive",
                hint="leave the entity out, or give it a positive weight",
            )
        return np.broadcast_to(weights, (n,)).astype(np.float64)


@dpaudit.hookimpl
def dpaudit_decisions() -> Sequence[type[dpaudit.Decision]]:
    """Offer the decision."""
    return (Allotment,)
