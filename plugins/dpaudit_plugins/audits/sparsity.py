"""Sparsity: from which share of empty cells on noise biases a table more than suppression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.blocks import Block, Column, Curves, Mark, Paragraph, Series, Table
from dpaudit.solvers.sparsity import clipped_bias, crossing_share, suppression_bias

_FULLEST, _EMPTIEST, _POINTS = 0.0, 0.97, 98
_LINES = 3
"""Releases that are drawn beside suppression."""

FILLED, EMPTY, LOST, CROSSING = (
    "noise-bias-of-filled-cells",
    "noise-bias-of-an-empty-cell",
    "suppressed-people",
    "crossing-share-of-empty-cells",
)


@attrs.frozen(kw_only=True)
class Sparsity(dpaudit.Audit):
    """Compare clipped noise with suppression over the share of cells that are empty.

    Clipped noise adds people to every cell, most to empty ones; suppression takes the people of
    small cells away and leaves empty ones alone. With few empty cells noise is less biased (in
    the sum of the sizes of all biases), with many suppression is. All numbers are closed forms:
    the sum of sizes of simulated biases would be too large.

    Measured of releases whose counts are exactly the noisy counts with negative ones set to
    zero: the bias of the cells with people, the bias of an empty cell, what suppression takes,
    and the share of empty cells at which both are equal (1 where noise is always less biased,
    0 where suppression always is).

    Parameters
    ----------
    threshold
        k, the smallest count that suppression shows, at least 1.

    References
    ----------
    METHODS-attacks 1 (derived for this project).
    """

    name: ClassVar[str] = "sparsity"

    threshold: int = attrs.field(default=10, validator=attrs.validators.ge(1))

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return the four numbers, or nothing for other releases."""
        noise, counts = subject.clipped_noise(), subject.data.counts
        if noise is None:
            return ()
        lost = -suppression_bias(counts, self.threshold)
        crossing = crossing_share(counts, noise, lost)
        found = {
            (FILLED, "persons"): clipped_bias(counts, noise, 0.0),
            (EMPTY, "persons"): float(np.max(noise.excess(np.zeros(1)))),
            (LOST, "persons"): lost,
            (CROSSING, "share"): 0.0 if crossing is None else crossing,
        }
        return [
            dpaudit.Measurement(
                task=subject.task,
                audit=self.name,
                quantity=quantity,
                unit=unit,
                estimate=dpaudit.Estimate.exact(value),
            )
            for (quantity, unit), value in found.items()
        ]


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (Sparsity,)


@dpaudit.hookimpl
def dpaudit_sections(results: Any) -> Mapping[str, Sequence[Block]]:
    """Draw the lines of noise and of suppression, and mark where they cross."""
    found = [case for task in results.tasks if (case := _Crossing.of(results, task)) is not None]
    if not found:
        return {}
    filled = int(np.count_nonzero(results.data.counts > 0))
    empty = 1.0 - filled / results.data.counts.size
    return {"Noise or suppression: empty cells decide": _section(found, filled, empty)}


@attrs.frozen(kw_only=True)
class _Crossing:
    """The four numbers of one task."""

    release: str
    filled: float
    each: float
    lost: float
    share: float

    @classmethod
    def of(cls, results: Any, task: Any) -> _Crossing | None:
        value = {
            m.quantity: float(m.estimate.value) for m in results.select(task=task.task.id)
            if m.quantity in {FILLED, EMPTY, LOST, CROSSING}
        }  # fmt: skip
        if not value:
            return None
        point = ", ".join(f"{_letter(key)} = {at:g}" for key, at in task.task.point.items())
        return cls(
            release=f"{task.task.release}, {point}" if point else task.task.release,
            filled=value[FILLED],
            each=value[EMPTY],
            lost=value[LOST],
            share=value[CROSSING],
        )

    def at(self, share: float, cells: int) -> float:
        """Return the bias of clipped noise if this share of the cells were empty."""
        return self.filled + share / (1.0 - share) * cells * self.each


def _letter(parameter: str) -> str:
    return {"epsilon": "ε", "rho": "ρ"}.get(parameter, parameter)


def _section(found: Sequence[_Crossing], filled: int, empty: float) -> tuple[Block, ...]:
    shown = _spread_out(found)
    first = shown[0]
    suppressed = Series(name="suppression", points=_points(lambda _share: first.lost))
    curves = Curves(
        title=_title(shown, empty),
        subtitle="Sum of the sizes of all biases, people, by the share of cells that are empty",
        across="Share of cells that are empty",
        along="People added or taken away in all",
        unit="persons",
        series=(*(_line(case, filled) for case in shown), suppressed),
        marks=tuple(
            Mark(x=case.share, y=case.lost, text=f"{case.share:.1%}")
            for case in shown
            if _FULLEST < case.share < _EMPTIEST
        ),
        source=f"In these data {empty:.1%} of the cells are empty."
        + (
            "" if len(shown) == len(found) else f" {len(shown)} of {len(found)} releases are drawn."
        ),
        table=_table(found, filled, empty),
    )
    said = Paragraph(
        text="Clipped noise adds people, most of them to empty cells; suppression takes away the "
        "people of small cells. Where a line of noise lies below that of suppression, noise "
        "biases the table less. The lines are exact for the cells with people in these data; "
        "the share of empty cells is what one might choose otherwise, by finer or coarser tables."
    )
    return (said, curves)


def _spread_out(found: Sequence[_Crossing]) -> list[_Crossing]:
    """Return at most three cases, from one end of the crossings to the other."""
    ordered = sorted(found, key=lambda case: case.share)
    if len(ordered) <= _LINES:
        return ordered
    return [ordered[0], ordered[len(ordered) // 2], ordered[-1]]


def _line(case: _Crossing, filled: int) -> Series:
    """Return the line of a release, as far as it stays within four times suppression."""
    top = 4.0 * case.lost if case.lost > 0 else np.inf
    points = [(share, y) for share, y in _points(lambda s: case.at(s, filled)) if y <= top]
    if len(points) > 1:
        return Series(name=case.release, points=tuple(points))
    return Series(name=case.release, points=_points(lambda s: case.at(s, filled))[:2])


def _points(height: Any) -> tuple[tuple[float, float], ...]:
    shares = np.linspace(_FULLEST, _EMPTIEST, _POINTS)
    return tuple((float(share), float(height(float(share)))) for share in shares)


def _title(shown: Sequence[_Crossing], empty: float) -> str:
    better = [case for case in shown if case.share > empty]
    if len(better) == len(shown):
        return "With these data every noise drawn here biases the table less than suppression"
    if not better:
        return "With these data suppression biases the table less than every noise drawn here"
    names = " and ".join(f"“{case.release}”" for case in better)
    bias = "biases" if len(better) == 1 else "bias"
    return f"With these data {names} {bias} the table less than suppression, the others drawn more"


def _table(found: Sequence[_Crossing], filled: int, empty: float) -> Table:
    return Table(
        caption="Share of empty cells at which noise and suppression bias the table alike",
        columns=(
            Column(label="Release"),
            Column(label="Crossing", numeric=True),
            Column(label="Added by noise here", numeric=True),
            Column(label="Taken by suppression", numeric=True),
            Column(label="Less biased here"),
        ),
        rows=tuple(
            (
                case.release,
                f"{case.share:.3%}",
                f"{case.at(min(empty, 1.0 - 1e-12), filled):,.1f}",
                f"{case.lost:,.0f}",
                "noise" if case.share > empty else "suppression",
            )
            for case in found
        ),
        note="People, exact. Noise adds, suppression takes: the sums have opposite signs.",
    )
