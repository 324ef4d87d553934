"""The public columns of Title I formulas, checked, and the entities sorted by state."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

import dpaudit
from dpaudit import BoolArray, ColumnArray, FloatArray
from dpaudit.solvers.shared_out import NATION, IntArray

Amount = ColumnArray | float | None


@attrs.frozen(kw_only=True, eq=False)
class Districts:
    """What is public of the entities, which stand state by state.

    Parameters
    ----------
    population
        Children of 5 to 17, shape (n,).
    expenditure
        Of the state, dollars per pupil, shape (n,).
    average
        Of the United States, dollars per pupil.
    starts
        Where each state begins; one group if states are not known.
    states
        Their names, in order.
    order
        Positions in the data of the entities as they stand here; ``None`` if they stand as there.
    """

    population: FloatArray
    expenditure: FloatArray
    average: float
    starts: IntArray
    states: tuple[str, ...]
    order: IntArray | None

    @property
    def size(self) -> int:
        """The number of entities."""
        return self.population.size

    def sorted(self, values: FloatArray) -> FloatArray:
        """Return values (..., n) in the order of the data as they stand here."""
        return values if self.order is None else values[..., self.order]

    def unsorted(self, values: FloatArray) -> FloatArray:
        """Return values (..., n) as they stand here in the order of the data."""
        if self.order is None:
            return values
        back = np.empty_like(values)
        back[..., self.order] = values
        return back

    def of(self, state: str) -> BoolArray:
        """Return which entities are of a state, shape (n,)."""
        sizes = np.diff(self.starts, append=self.size)
        return np.repeat([one == state for one in self.states], sizes)


def read_districts(
    *, population: Any, expenditure: Any, average: float | None, state: Any
) -> Districts | None:
    """Check the columns and sort the entities; ``None`` while a column is but a name.

    Parameters
    ----------
    population, expenditure, average
        As in :class:`Districts`; without ``average`` it is the mean of ``expenditure``, weighted
        by ``population``.
    state
        A column of names or codes, or ``None``.

    Raises
    ------
    DataError
        If a column has another length, or a value that is no number or out of range.
    """
    if any(isinstance(column, str) for column in (population, expenditure, state)):
        return None
    n = np.asarray(population).size
    children = read_amount("population", population, n)
    spent = read_amount("expenditure", expenditure, n, positive=True)
    if average is None:
        total = children.sum()
        average = float(spent @ children / total) if total > 0 else float(spent.mean())
    starts, states, order = _sorted_states(state, n)
    return Districts(
        population=children if order is None else children[order],
        expenditure=spent if order is None else spent[order],
        average=average,
        starts=starts,
        states=states,
        order=order,
    )


def read_amount(name: str, column: Any, n: int, *, positive: bool = False) -> FloatArray:
    """Return a column of numbers of 0 or more (or above 0), or one number for all, shape (n,).

    Raises
    ------
    DataError
        If a value is none, or the column has another length than ``n``.
    """
    values = np.asarray(column)
    wanted = "a positive number" if positive else "a number of 0 or more"
    if values.dtype.kind not in "iuf":
        raise dpaudit.DataError(
            f"{name}: {str(values.flat[0])!r} is not {wanted}", hint="name a column of numbers"
        )
    if values.ndim and values.shape != (n,):
        raise dpaudit.DataError(
            f"{name} of shape {values.shape} for {n} entities", hint="give one value for each"
        )
    wrong = ~(np.isfinite(values) & ((values > 0) if positive else (values >= 0)))
    if wrong.any():
        entity = int(np.flatnonzero(wrong)[0])
        raise dpaudit.DataError(
            f"{name}: {float(values.flat[entity])!r} (entity {entity + 1}) is not {wanted}",
            hint="correct the value, or leave the entity out",
        )
    return np.broadcast_to(values, (n,)).astype(np.float64)


def _sorted_states(state: Any, n: int) -> tuple[IntArray, tuple[str, ...], IntArray | None]:
    """Return where each state starts, the states, and the order; none if sorted already."""
    if state is None:
        return NATION, ("",), None
    if np.shape(state) != (n,):
        raise dpaudit.DataError(
            f"state of shape {np.shape(state)} for {n} entities", hint="give one value for each"
        )
    states, first, codes = np.unique(np.asarray(state), return_index=True, return_inverse=True)
    # As they come in the data, for data mostly come state by state.
    by_first = np.argsort(first)
    codes = np.argsort(by_first)[codes]
    states = states[by_first]
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(states.size))
    is_sorted = bool((order == np.arange(n)).all())
    return starts, tuple(map(str, states.tolist())), None if is_sorted else order
