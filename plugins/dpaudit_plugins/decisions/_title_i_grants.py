"""What the decisions of Title I have in common: columns, floors, minima, and rows of counts."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.solvers.shared_out import ratio, shared_out, shared_out_by_state, sums
from dpaudit_plugins.decisions._title_i import LEAST_CHILDREN, hold_harmless_rate
from dpaudit_plugins.decisions._title_i_columns import Districts, read_amount, read_districts

_AT_ONCE = 1 << 16
"""Counts that are worked on at once: what the processor keeps near."""

PUERTO_RICO = ("PR", "72", "Puerto Rico")
"""How a column of states may call Puerto Rico."""


def _read(grants: Grants) -> Districts | None:
    return read_districts(
        population=grants.population,
        expenditure=grants.expenditure,
        average=grants.average_expenditure,
        state=grants.state,
    )


@attrs.frozen(kw_only=True, eq=False)
class Grants(dpaudit.Decision):
    """Amounts made from counts of formula children, under Title I, Part A.

    Counts below 0 count as 0; fractions of a child count as such, and thresholds hold as they
    are written. Where nobody is eligible, all amounts are 0 and the appropriation stays unspent.

    Parameters
    ----------
    population
        A column with the children of 5 to 17, persons.
    expenditure
        A column with what the state spends per pupil, dollars; left out, states do not differ.
    average_expenditure
        Of the United States, dollars per pupil; left out, the mean of ``expenditure`` weighted
        by ``population``.
    state
        A column with the state. Without it no state has a minimum.

    Raises
    ------
    DataError
        If a column is no number where one is needed, or out of range.
    """

    unit: ClassVar[str] = "dollars"
    vectorised: ClassVar[bool] = True

    population: dpaudit.Column
    expenditure: dpaudit.Column | float = 1.0
    average_expenditure: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0.0))
    )
    state: dpaudit.Column | None = None
    districts: Districts | None = attrs.field(
        init=False, repr=False, default=attrs.Factory(_read, takes_self=True)
    )

    def caveats(self) -> tuple[str, ...]:
        """Return what the formula leaves out or takes on trust."""
        left_out = (
            "the counts are taken to be all formula children; what is set aside first, for "
            "outlying areas, Indian schools and states, is not in the appropriation"
        )
        known = self.districts
        if known is None or not set(PUERTO_RICO) & set(known.states):
            return (left_out,)
        bounded = (
            "the amount per child of Puerto Rico is bounded as that of a state; 20 U.S.C. "
            "6333(a)(4) has another rule"
        )
        return (left_out, bounded)

    def _known(self) -> Districts:
        if self.districts is None:
            columns = ("population", "expenditure", "state")
            name = next(one for one in columns if isinstance(getattr(self, one), str))
            raise dpaudit.UsageError(
                f"{name}: the column {getattr(self, name)!r} is not filled in",
                hint="give an array, or let an audit fill in the column of its data",
            )
        return self.districts


@attrs.frozen(kw_only=True, eq=False)
class OneGrant(Grants):
    """One of the four formulas.

    Parameters
    ----------
    appropriation
        What is shared, dollars, positive. 1 means that outcomes are shares.
    previous
        A column with last year's amounts, dollars: 85, 90 or 95 percent of them are kept. Left
        out, nobody is held harmless.
    minimum_share
        The part of the appropriation that the minimum of a state is made from; 0 for none.
    """

    appropriation: float = attrs.field(default=1.0, validator=attrs.validators.gt(0.0))
    previous: dpaudit.Column | None = None
    minimum_share: float = attrs.field(
        default=0.0, validator=[attrs.validators.ge(0.0), attrs.validators.le(1.0)]
    )

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return the amount of every entity, shape (..., n), dollars."""
        districts = self._known()
        n = districts.size
        if counts.shape[-1:] != (n,):
            raise dpaudit.DataError(
                f"counts of shape {counts.shape} for {n} entities",
                hint="population has one value for each entity",
            )
        rows = counts.reshape(-1, n)
        amounts = np.empty(rows.shape)
        step = max(1, _AT_ONCE // n)
        for start in range(0, rows.shape[0], step):
            children = np.maximum(districts.sorted(rows[start : start + step]), 0.0)
            amounts[start : start + step] = districts.unsorted(self._amounts(children, districts))
        return amounts.reshape(counts.shape)

    def caveats(self) -> tuple[str, ...]:
        """Return what the formula leaves out or takes on trust."""
        found = list(super().caveats())
        if self.previous is None:
            found.append("nobody is held harmless, for last year's amounts are not given")
        if self.state is None:
            found.append("states have no minimum, for the column of states is not given")
        return tuple(found)

    def _amounts(self, children: FloatArray, districts: Districts) -> FloatArray:
        """Return amounts (d, n) made from children (d, n), which stand state by state."""
        due = self._due(children, districts)
        floors = self._floors(children, due, districts)
        if not self._by_state:
            budgets = np.full((children.shape[0], 1), self.appropriation)
            return shared_out(due, budgets, floors)
        minimum = self._minima(sums(np.where(due > 0, children, 0.0), districts.starts))
        return shared_out_by_state(due, self.appropriation, floors, minimum, districts.starts)

    def structure(self, n: int) -> dpaudit.Structure | None:
        """Return that amounts follow from what each is due, unless somebody is held harmless."""
        districts = self.districts
        if districts is None or districts.size != n or self.previous is not None:
            return None
        places = districts.unsorted(self._breaks(districts)).T
        groups = np.zeros(n)
        if self._by_state:
            sizes = np.diff(districts.starts, append=n)
            groups = districts.unsorted(np.repeat(np.arange(sizes.size, dtype=np.float64), sizes))
        share = dpaudit.Share(
            own=self._own, level=self._level, breaks=places, groups=groups.astype(np.intp)
        )
        return dpaudit.Local(terms=(share,))

    @property
    def _by_state(self) -> bool:
        """Whether states have an appropriation or a minimum of their own."""
        return self.state is not None and self.minimum_share > 0

    def _own(self, counts: FloatArray) -> tuple[FloatArray, ...]:
        """Return what each is due, (d, n), and what the level needs to know beside it."""
        districts = self._known()
        children = np.maximum(districts.sorted(counts), 0.0)
        return tuple(map(districts.unsorted, self._parts(children, districts)))

    def _parts(self, children: FloatArray, districts: Districts) -> tuple[FloatArray, ...]:
        """Return the same of children (d, n), which stand state by state."""
        due = self._due(children, districts)
        return (due, np.where(due > 0, children, 0.0)) if self._by_state else (due,)

    def _level(self, totals: tuple[FloatArray, ...]) -> FloatArray:
        """Return what is paid for each dollar that is due, (d, g), by the sums of each group."""
        due = totals[0]
        if not self._by_state:
            return ratio(np.full_like(due, self.appropriation), due)
        minimum, starts = self._minima(totals[1]), np.arange(due.shape[1])
        return ratio(shared_out_by_state(due, self.appropriation, None, minimum, starts), due)

    @abc.abstractmethod
    def _breaks(self, districts: Districts) -> FloatArray:
        """Return where what is due jumps or bends, shape (k, n), persons, state by state."""

    @abc.abstractmethod
    def _due(self, children: FloatArray, districts: Districts) -> FloatArray:
        """Return what each entity is due before reduction, shape (d, n); 0: not eligible."""

    def _floors(
        self, children: FloatArray, due: FloatArray, districts: Districts
    ) -> FloatArray | None:
        """Return what each eligible entity keeps of last year's amount, shape (d, n), dollars."""
        if self.previous is None:
            return None
        kept = hold_harmless_rate(children, districts.population) * self._previous(districts)
        return np.where(due > 0, kept, 0.0)

    def _previous(self, districts: Districts) -> FloatArray:
        if isinstance(self.previous, str):
            raise dpaudit.UsageError(
                f"previous: the column {self.previous!r} is not filled in",
                hint="give an array, or let an audit fill in the column of its data",
            )
        return districts.sorted(read_amount("previous", self.previous, districts.size))

    def _minima(self, children: FloatArray) -> FloatArray:
        """Return the minimum of each state, shape (d, g), dollars; 0 if nobody is eligible there.

        The lesser of a part m of the appropriation B, and of the mean of that and one and a half
        times the average amount per child for each of the state's eligible children (d, g).
        """
        part = self._least()
        total = children.sum(axis=-1, keepdims=True)
        average = np.divide(self.appropriation, total, out=np.zeros_like(total), where=total > 0)
        minimum = np.minimum(part, 0.5 * (part + self._by_children(1.5 * average * children)))
        return np.where(children > 0, minimum, 0.0)

    def _least(self) -> float:
        """Return the part m of the appropriation, dollars."""
        return self.minimum_share * self.appropriation

    def _by_children(self, amounts: FloatArray) -> FloatArray:
        """Return what a state's children are worth in its minimum, shape (d, g), dollars."""
        return amounts


@attrs.frozen(kw_only=True, eq=False)
class WeightedGrant(OneGrant):
    """A formula that counts children by brackets.

    Parameters
    ----------
    puerto_rico_cap
        The most that a child of Puerto Rico counts on average.
    """

    puerto_rico_cap: float = attrs.field(default=1.82, validator=attrs.validators.gt(0.0))

    def _capped(
        self, counted: FloatArray, children: FloatArray, districts: Districts
    ) -> FloatArray:
        """Return weighted counts (d, n), with those of Puerto Rico held to the cap."""
        for name in PUERTO_RICO:
            if name in districts.states:
                here = districts.of(name)
                most = self.puerto_rico_cap * children[:, here]
                counted[:, here] = np.minimum(counted[:, here], most)
        return counted

    def _cap(self, districts: Districts) -> float | None:
        """Return the cap, if there is somebody whom it holds."""
        return self.puerto_rico_cap if set(PUERTO_RICO) & set(districts.states) else None

    def _breaks(self, districts: Districts) -> FloatArray:
        population = districts.population
        rule = np.stack([np.full_like(population, LEAST_CHILDREN), 0.05 * population])
        return np.concatenate([rule, *self._bends(districts)])

    @abc.abstractmethod
    def _bends(self, districts: Districts) -> Sequence[FloatArray]:
        """Return where weighted counts bend, shape (k, n) each."""
