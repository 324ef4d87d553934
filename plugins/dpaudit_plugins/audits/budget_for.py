"""The inverse question: the budget that keeps a harm under a limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import attrs
import numpy as np

import dpaudit
from dpaudit.blocks import Block, Column, Paragraph, Table
from dpaudit.stats.budget import smallest_budget
from dpaudit.stats.spread import alpha, cost_of_privacy

_LETTERS = {"epsilon": "ε", "rho": "ρ"}
_PREFIX = "budget-for "

Harm = Literal["alpha-fairness", "cost-of-privacy", "loss"]


@attrs.frozen(kw_only=True)
class BudgetFor(dpaudit.Audit):
    """Find the smallest budget (ε or ρ) that keeps a harm under a limit.

    The harm is measured again at one budget after another: exactly where its bias is known
    without simulation, and else on the same noise, scaled. The answer is then an interval: below
    its lower end the limit is known to be passed, from its upper end on it is known to be kept.
    Releases whose mechanism states no budget as one number are passed over.

    Parameters
    ----------
    keep
        The harm: ``alpha-fairness``, ``cost-of-privacy`` or ``loss``, the largest average loss.
    under
        The limit, in the unit of the decision.
    over
        Whom the harm is about: ``entity`` or a grouping. The cost of privacy is about entities.
    least, most
        The range of budgets that is searched.

    Raises
    ------
    ValueError
        If the range is empty, or the cost of privacy is asked for over groups.

    References
    ----------
    METHODS-decisions 2; Oliveira and Takahashi (2020), ACM Trans. Math. Software 47(1), for the
    search.
    """

    name: ClassVar[str] = "budget-for"
    once: ClassVar[bool] = True

    keep: Harm = "alpha-fairness"
    under: float = attrs.field(validator=attrs.validators.gt(0.0))
    over: str = "entity"
    least: float = attrs.field(default=1e-3, validator=attrs.validators.gt(0.0))
    most: float = attrs.field(default=10.0, validator=attrs.validators.gt(0.0))

    def __attrs_post_init__(self) -> None:
        if self.least >= self.most:
            raise ValueError(
                f"budgets from {self.least!r} to {self.most!r} are none: give least < most"
            )
        if self.keep == "cost-of-privacy" and self.over != "entity":
            raise ValueError(
                f"the cost of privacy is the sum over entities, not over {self.over!r}: leave "
                "over out"
            )

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return the smallest budget, with its interval; infinite where no budget is enough."""
        stated = subject.budget
        if stated is None:
            return []
        known = ("entity", *subject.data.groups)
        if self.over not in known:
            raise dpaudit.SpecError(
                f"audit {self.name!r}: there is no grouping {self.over!r}",
                hint=f"over is one of {', '.join(known)}",
            )
        found = smallest_budget(
            lambda budget, confidence: self._harm(subject, budget, confidence),
            self.under,
            least=self.least,
            most=self.most,
            confidence=subject.confidence,
        )
        estimate = dpaudit.Estimate(
            value=np.float64(found.value),
            low=np.float64(found.low),
            high=np.float64(found.high),
            level=found.level,
            method="quadrature" if found.level == 1.0 else "simulated",
        )
        return [
            dpaudit.Measurement(
                task=subject.task,
                audit=self.name,
                quantity=f"{_PREFIX}{self.keep} over {self.over} under {self.under:g}",
                unit=stated[0],
                estimate=estimate,
            )
        ]

    def _harm(self, subject: dpaudit.Subject, budget: float, confidence: float) -> dpaudit.Estimate:
        bias, halves = subject.bias_at(budget, self.over, confidence)
        if self.keep == "alpha-fairness":
            return alpha(bias, halves)
        if self.keep == "cost-of-privacy":
            return cost_of_privacy(bias, halves)
        return attrs.evolve(
            bias,
            value=np.maximum(-bias.value, 0.0),
            low=np.maximum(-bias.high, 0.0),
            high=np.maximum(-bias.low, 0.0),
        )


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (BudgetFor,)


@dpaudit.hookimpl
def dpaudit_sections(results: Any) -> Mapping[str, Sequence[Block]]:
    """Say for every release which budget is enough."""
    found = [
        (task, measured)
        for task in results.tasks
        for measured in results.select(task=task.task.id)
        if measured.quantity.startswith(_PREFIX)
    ]
    if not found:
        return {}
    said = Paragraph(
        text="The smallest budget that keeps a harm under the limit that the audit file names. "
        "Below the interval the limit is known to be passed; from its upper end on it is known "
        "to be kept, at every budget that was tried. More budget means less noise and a weaker "
        "promise."
    )
    rows = tuple(
        (
            f"{task.task.release}, {task.task.decision}",
            _harm_in_words(measured.quantity),
            _number(measured.estimate.value, measured.unit),
            _interval(measured.estimate),
        )
        for task, measured in found
    )
    table = Table(
        caption="How much budget keeps the harm under its limit",
        columns=(
            Column(label="Release and decision"),
            Column(label="What is kept"),
            Column(label="Smallest budget", numeric=True),
            Column(label="Interval", numeric=True),
        ),
        rows=rows,
    )
    return {"Which budget is enough": (said, table)}


def _harm_in_words(quantity: str) -> str:
    keep, _, rest = quantity.removeprefix(_PREFIX).partition(" over ")
    over, _, limit = rest.partition(" under ")
    what = {
        "alpha-fairness": f"gap between any two of {over}",
        "cost-of-privacy": "sum of average losses",
        "loss": f"largest average loss of {over}",
    }[keep]
    return f"{what}, at most {float(limit):,g}"


def _number(value: float, unit: str) -> str:
    letter = _LETTERS.get(unit, unit)
    return f"{letter} = {value:.3g}" if np.isfinite(value) else "none that was tried"


def _interval(estimate: dpaudit.Estimate) -> str:
    if not np.isfinite(estimate.value):
        return f"more than {float(estimate.low):.3g}"
    if float(estimate.low) == 0.0:
        return "kept at every budget that was tried"
    if estimate.level == 1.0:
        return "exact"
    high = f"{float(estimate.high):.3g}" if np.isfinite(estimate.high) else "no limit"
    return f"{float(estimate.low):.3g} to {high}"
