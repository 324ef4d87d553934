"""Selection fairness: which group a privately chosen candidate comes from, over budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.blocks import Block, Column, Paragraph, Table
from dpaudit.privacy.finite import choice_probabilities

_FAIR = 0.8
"""Four fifths, from the Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D."""


@attrs.frozen(kw_only=True)
class SelectionFairness(dpaudit.Audit):
    """Choose one candidate by the exponential mechanism over a column of scores, exactly.

    Entities are candidates. At every budget, with chances in proportion to
    exp(epsilon u / (2 sensitivity)): the share of each group in the choice, the chance of a
    qualified member of it, the four-fifths ratio (the smallest chance of a member over the
    largest, among groups), and the expected score. Budget 0 chooses anybody alike and infinity
    the best: both are always measured.

    The last table moves mean and spread of one group's scores and shows where the ratio falls
    below four fifths: what private choices do to groups depends on just these two.

    Parameters
    ----------
    score
        The column of scores; public, or an estimate of them.
    group
        The grouping of candidates.
    qualified
        A column of 0 and 1.
    epsilon
        Budgets.
    sensitivity
        By how much one person may change a score.
    moved
        The group whose scores are moved; the last in order where it is not said.
    shifts, spreads
        What is added to its mean, in units of its standard deviation, and what its distances
        from the mean are multiplied by.

    References
    ----------
    Khalili, Zhang, Abroshan and Sojoudi (2021), Improving fairness and privacy in selection
    problems, AAAI; McSherry and Talwar (2007), Mechanism design via differential privacy, FOCS.
    """

    name: ClassVar[str] = "selection-fairness"
    once: ClassVar[bool] = True

    score: str
    group: str
    qualified: str | None = None
    epsilon: tuple[float, ...] = (1.0, 5.0, 20.0)
    sensitivity: float = attrs.field(default=1.0, validator=attrs.validators.gt(0.0))
    moved: str | None = None
    shifts: tuple[float, ...] = (-1.0, -0.5, 0.0, 0.5, 1.0)
    spreads: tuple[float, ...] = (0.5, 1.0, 2.0)

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return exact shares, ratios and expected scores."""
        scores = self._column(subject, self.score)
        names, members = self._groups(subject)
        fit = None if self.qualified is None else self._column(subject, self.qualified)
        found: list[dpaudit.Measurement] = []
        for epsilon in (0.0, *self.epsilon, np.inf):
            chances = choice_probabilities(scores, epsilon, self.sensitivity)
            found += self._at(subject, epsilon, chances, scores, fit)
        found.append(self._region(subject, scores, names, members))
        return found

    def _at(
        self,
        subject: dpaudit.Subject,
        epsilon: float,
        chances: FloatArray,
        scores: FloatArray,
        fit: FloatArray | None,
    ) -> Iterator[dpaudit.Measurement]:
        names, members = self._groups(subject)
        at = f"epsilon {epsilon:g}"
        share = np.bincount(members, weights=chances, minlength=len(names))
        labels = tuple(f"{name}, {at}" for name in names)

        def made(
            quantity: str, values: Any, unit: str, labels: tuple[str, ...], over: str
        ) -> dpaudit.Measurement:
            return dpaudit.Measurement(
                task=subject.task, audit=self.name, quantity=quantity, unit=unit, over=over,
                labels=labels, estimate=dpaudit.Estimate.exact(np.asarray(values)),
            )  # fmt: skip

        over = f"{self.group} × epsilon"
        yield made("selection-share", share, "share", labels, over)
        if fit is not None:
            people = np.bincount(members, weights=fit, minlength=len(names))
            chosen = np.bincount(members, weights=chances * fit, minlength=len(names))
            there = np.flatnonzero(people > 0)
            rate = chosen[there] / people[there]
            yield made(
                "qualified-selection", rate, "probability", tuple(labels[a] for a in there), over
            )
        yield made("four-fifths-ratio", [_ratio(chances, members)], "ratio", (at,), "epsilon")
        yield made("expected-score", [chances @ scores], "score", (at,), "epsilon")

    def _region(
        self, subject: dpaudit.Subject, scores: FloatArray, names: tuple[str, ...], members: Any
    ) -> dpaudit.Measurement:
        which = names.index(self.moved) if self.moved is not None else len(names) - 1
        inside = members == which
        centre, spread = scores[inside].mean(), scores[inside].std()
        labels, ratios = [], []
        for epsilon in self.epsilon:
            for factor in self.spreads:
                for shift in self.shifts:
                    moved = scores.copy()
                    moved[inside] = centre + factor * (scores[inside] - centre) + shift * spread
                    chances = choice_probabilities(moved, epsilon, self.sensitivity)
                    ratios.append(_ratio(chances, members))
                    labels.append(
                        f"epsilon {epsilon:g}, mean {shift:+g} sd, spread {factor:g} times"
                    )
        return dpaudit.Measurement(
            task=subject.task, audit=self.name, quantity="four-fifths-ratio", unit="ratio",
            over=f"scores of {names[which]}", labels=tuple(labels),
            estimate=dpaudit.Estimate.exact(np.array(ratios)),
        )  # fmt: skip

    def _column(self, subject: dpaudit.Subject, name: str) -> FloatArray:
        column = subject.data.columns.get(name)
        if column is None or column.dtype.kind != "f" or not np.isfinite(column).all():
            raise dpaudit.DataError(
                f"selection-fairness: {subject.data.source} has no column {name!r} of numbers",
                hint=f"columns: {', '.join(subject.data.columns)}",
            )
        return np.asarray(column, dtype=np.float64)

    def _groups(self, subject: dpaudit.Subject) -> tuple[tuple[str, ...], Any]:
        if self.group not in subject.data.groups:
            raise dpaudit.DataError(
                f"selection-fairness: the data have no grouping {self.group!r}",
                hint=f"groupings: {', '.join(subject.data.groups) or 'none; add groups to [data]'}",
            )
        names = subject.group_labels(self.group)
        if self.moved is not None and self.moved not in names:
            raise dpaudit.DataError(
                f"selection-fairness: moved {self.moved!r} is no group of {self.group!r}",
                hint=f"groups: {', '.join(names)}",
            )
        place = {name: i for i, name in enumerate(names)}
        return names, np.array([place[label] for label in subject.data.groups[self.group]])


def _ratio(chances: FloatArray, members: Any) -> float:
    """Return the smallest chance of a member of a group over the largest among groups."""
    sizes = np.bincount(members)
    rates = np.bincount(members, weights=chances)[sizes > 0] / sizes[sizes > 0]
    return float(rates.min() / rates.max())


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (SelectionFairness,)


@dpaudit.hookimpl
def dpaudit_sections(results: Any) -> Mapping[str, Sequence[Block]]:
    """Say at which budgets and scores a private choice leaves four fifths."""
    found = [m for m in results.measurements if m.quantity == "four-fifths-ratio"]
    rows = tuple(
        (label, f"{value:.2f}", "yes" if value >= _FAIR else "no")
        for one in found[: _first_task(found)]
        for label, value in zip(one.labels, one.estimate.value, strict=True)
    )
    if not rows:
        return {}
    said = Paragraph(
        text="One candidate is chosen at random, the better the more likely. The ratio is the "
        "smallest chance of a member of any group over the largest; the rule of four fifths asks "
        "for at least 0.8. With a budget of 0 anybody is chosen alike; with an infinite one the "
        "best is. Rows that name mean and spread move the scores of one group, to show where the "
        "rule stops to hold."
    )
    table = Table(
        caption="Chances of groups under a private choice",
        columns=(
            Column(label="Budget and scores"),
            Column(label="Ratio", numeric=True),
            Column(label="At least four fifths"),
        ),
        rows=rows,
    )
    return {"Who is chosen": (said, table)}


def _first_task(found: Sequence[Any]) -> int:
    """Return how many measurements the first task has: scores are the same in all."""
    return sum(one.task == found[0].task for one in found) if found else 0
