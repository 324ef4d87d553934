"""Decisions that are made of other decisions."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray


@attrs.frozen(kw_only=True, eq=False)
class Combined(dpaudit.Decision):
    """A rule made of rules that say 1 or 0.

    Parameters
    ----------
    of
        Names of other decisions of the audit file, two or more.

    Raises
    ------
    ValueError
        If there are fewer than two.
    UsageError
        If the decisions are not filled in.
    DataError
        If one of them gives anything but 0 and 1.

    Notes
    -----
    Rules that read different counts under independent noise are independent, and their chances
    combine in closed form (METHODS-decisions 4.5). Of rules that share a count nothing is said
    in closed form: they are simulated.
    """

    unit: ClassVar[str] = "probability"
    rows: ClassVar[bool] = True
    vectorised: ClassVar[bool] = True
    bounded: ClassVar[bool] = True

    of: dpaudit.Rules

    def __attrs_post_init__(self) -> None:
        if len(self.of) < 2:  # noqa: PLR2004
            named = ", ".join(map(repr, self.of)) or "nothing"
            raise ValueError(f"of is {named}: name two decisions or more")

    @abc.abstractmethod
    def _decided(self, outcomes: FloatArray) -> FloatArray:
        """Return the outcome from those of the rules, (m, ..., n) to (..., n)."""

    @abc.abstractmethod
    def _chance(self, chances: FloatArray) -> FloatArray:
        """Return the chance of 1 from those of independent rules, (m, n) to (n,)."""

    @property
    def largest_change(self) -> float:
        """1: from nothing to a whole."""
        return 1.0

    @property
    def reads(self) -> tuple[int, ...] | None:
        """The positions that any of the rules reads; ``None`` where one reads all."""
        found: set[int] = set()
        for rule in self._rules():
            read = rule.reads
            if read is None:
                return None
            found.update(read)
        return tuple(sorted(found))

    def decide(self, counts: FloatArray) -> FloatArray:
        """Return 1 or 0 for every entity, shape (..., n), of rows (..., n, k)."""
        outcomes = [self._checked(rule, rule.decide(counts)) for rule in self._rules()]
        return self._decided(np.stack(outcomes))

    def probability(
        self, counts: FloatArray, noise: dpaudit.Noise, *, clipped: bool
    ) -> dpaudit.ClosedForm:
        """Return P(outcome = 1), shape (n,), of rows (n, k), where no two rules share a count.

        ``None`` where two do, or where the chance of one of them is not known. The numerical
        errors of the rules add up at most: no chance changes by more than one of its parts.
        """
        if not self._independent(counts.shape[-1]):
            return None
        chances = []
        for rule in self._rules():
            known = rule.probability(counts, noise, clipped=clipped)
            if known is None:
                return None
            chances.append(known)
        values = np.stack([_value(known) for known in chances])
        chance = self._chance(values)
        errors = [known for known in chances if isinstance(known, dpaudit.Estimate)]
        if not errors:
            return chance
        error = sum(np.maximum(each.high - each.value, each.value - each.low) for each in errors)
        is_exact = all(each.method == "exact" for each in errors)
        return dpaudit.Estimate.exact(
            chance, error=error, method="exact" if is_exact else "quadrature"
        )

    def _independent(self, k: int) -> bool:
        """Return whether no count of the k is read by two rules."""
        read = [tuple(range(k)) if rule.reads is None else rule.reads for rule in self._rules()]
        return len(set().union(*read)) == sum(len(set(own)) for own in read)

    def _rules(self) -> Iterator[dpaudit.Decision]:
        for rule in self.of:
            if isinstance(rule, str):
                raise dpaudit.UsageError(
                    f"{self.name}, parameter 'of': the decision {rule!r} is not filled in",
                    hint="give decisions, or let an audit fill in those of its file",
                )
            yield rule

    def _checked(self, rule: dpaudit.Decision, outcomes: FloatArray) -> FloatArray:
        wrong = (outcomes != 0.0) & (outcomes != 1.0)
        if wrong.any():
            raise dpaudit.DataError(
                f"{self.name}, parameter 'of': the decision {rule.name!r} gives "
                f"{float(outcomes[wrong].flat[0])!r}, not 0 or 1",
                hint="name decisions that say yes or no, such as threshold or section-203",
            )
        return outcomes


def _value(known: FloatArray | dpaudit.Estimate) -> FloatArray:
    return known.value if isinstance(known, dpaudit.Estimate) else known
