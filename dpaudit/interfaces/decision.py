"""Decisions are made from counts."""

from __future__ import annotations

import abc
from typing import ClassVar, Literal

import attrs

from dpaudit.interfaces.base import ClosedForm, Kind, Plugin
from dpaudit.model.arrays import FloatArray
from dpaudit.model.structure import Structure
from dpaudit.noise.base import Noise


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
    def largest_change(self) -> float | None:
        """The most by which an outcome of one entity can change, in ``unit``, if it is bounded."""
        return None

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
