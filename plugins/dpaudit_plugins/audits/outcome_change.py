"""How often an outcome is not the one that the true counts give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.blocks import Block, Column, Paragraph, Table
from dpaudit_plugins.audits._everywhere import everywhere

_QUANTITY = "changed"
_MOST = 3
"""Entities that are named."""

_SEEN = 1e-5
"""A smaller chance prints as less than 0.001 in 100, and its entity is not named."""

_SYMBOLS = {"epsilon": "ε", "delta": "δ", "rho": "ρ"}


@attrs.frozen(kw_only=True)
class OutcomeChange(dpaudit.Audit):
    """Measure the probability that an outcome changes, of each entity and of any in a group.

    A seat that moves, a place that is put on a list or taken off it: a probability between 0 and
    1, exact where the decision knows its probabilities and else with Clopper and Pearson's
    bounds, which hold for events that no draw showed. Outcomes of dollars nearly always change:
    ask this of decisions with few possible outcomes.

    References
    ----------
    METHODS-decisions 4 and 8.3; Clopper and Pearson (1934), Biometrika 26(4).
    """

    name: ClassVar[str] = "outcome-change"
    needs = frozenset({"changed"})

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return the probability of a change, of each entity and of any in a group and at all."""
        return everywhere(subject, audit=self.name, quantity=_QUANTITY, unit="probability")


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (OutcomeChange,)


@dpaudit.hookimpl
def dpaudit_sections(results: Any) -> Mapping[str, Sequence[Block]]:
    """Say how often any outcome changes, and whose."""
    rows = tuple(row for task in results.tasks for row in _rows(results, task))
    if not rows:
        return {}
    said = Paragraph(
        text="Each release of noisy counts is one draw of a lot. The table says in how many of "
        "100 such draws any outcome is not the one that the true counts give, and whose outcome "
        "changes most often."
    )
    table = Table(
        caption="How often outcomes change",
        columns=(
            Column(label="Decision"),
            Column(label="Release"),
            Column(label="Any of them, in 100", numeric=True),
            Column(label="Interval", numeric=True),
            Column(label="Most often, in 100"),
        ),
        rows=rows,
    )
    return {"How often outcomes change": (said, table)}


def _rows(results: Any, task: Any) -> list[tuple[str, ...]]:
    found = results.select(task=task.task.id, quantity=_QUANTITY)
    whole = next((m.estimate for m in found if m.over == "total"), None)
    each = next((m.estimate for m in found if m.over == "entity"), None)
    if whole is None or each is None:
        return []
    order = np.argsort(-each.value, kind="stable")[:_MOST]
    named = [
        f"{results.data.names[i]} {_of_hundred(each.value[i])}"
        for i in order
        if each.value[i] >= _SEEN
    ]
    release = [task.task.release] if task.task.mitigation is None else [
        f"{task.task.release} with {task.task.mitigation}"
    ]  # fmt: skip
    for key, value in task.task.point.items():
        shown = f"{value:g}" if isinstance(value, int | float) else value
        release.append(f"{_SYMBOLS.get(key, key)}\u00a0=\u00a0{shown}")
    ends = f"{_of_hundred(whole.low)} to {_of_hundred(whole.high)}"
    return [
        (
            task.task.decision.replace("-", " "),
            ", ".join(release),
            _of_hundred(whole.value),
            "exact" if whole.is_deterministic else ends,
            "; ".join(named) or "nobody",
        )
    ]


def _of_hundred(chance: float) -> str:
    percent = 100.0 * float(chance)
    if 0.0 < chance < _SEEN:
        return "under 0.001"
    if 0.0 < percent < 0.05 or 99.95 < percent < 100.0:  # noqa: PLR2004 - would print as 0 or 100
        return f"{percent:.3g}" if percent < 1.0 else f"{percent:.6g}"
    return f"{percent:.1f}"
