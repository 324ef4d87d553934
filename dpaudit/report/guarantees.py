"""What every release promises, in ε, δ and ρ and in odds."""

from __future__ import annotations

import math

import attrs

from dpaudit.model.guarantee import Guarantee, rounded_up
from dpaudit.model.report import Block, Column, List, Paragraph, Table
from dpaudit.privacy.zcdp import STATED_DELTA, epsilon_of
from dpaudit.report.amounts import chances, odds
from dpaudit.report.prose import Prose
from dpaudit.report.wording import Context


def told(promise: Guarantee) -> Guarantee:
    """Return a guarantee as it is printed: ρ alone with its ε at δ = 1e-10.

    Where δ holds at every ε, the best that an attacker can do is that of (0, δ).
    """
    if promise.every_epsilon:
        return attrs.evolve(promise, epsilon=0.0, rho=None)
    if promise.rho is None or math.isfinite(promise.epsilon) or math.isinf(promise.rho):
        return promise
    return attrs.evolve(promise, epsilon=epsilon_of(STATED_DELTA, promise.rho), delta=STATED_DELTA)


def ceiling(promise: Guarantee) -> float | None:
    """Return how often, of 100, an attacker is right at most; ``None``: nothing is promised."""
    if promise.revealed or not promise.promises:
        return None
    known = told(promise)
    right = odds(known.epsilon, known.delta)
    if promise.rho is None or promise.every_epsilon or math.isinf(promise.rho):
        return right
    return min(100.0 if right is None else right, 50.0 * (1.0 + _variation(promise.rho)))


def _variation(rho: float) -> float:
    """Return the largest total variation between neighbours that a budget in rho allows.

    The Kullback-Leibler divergence is at most rho, and the variation at most sqrt(rho / 2)
    (Pinsker) and sqrt(1 - exp(-rho)) (Bretagnolle and Huber).
    """
    return min(math.sqrt(rho / 2.0), math.sqrt(-math.expm1(-rho)))


def guarantees(context: Context) -> tuple[Block, ...]:
    """Return what the releases promise, one row for each different promise."""
    _ = context.prose
    promises = [result.guarantee for result in context.results.tasks]
    with_rho = any(promise.rho is not None and promise.promises for promise in promises)
    order: dict[tuple[str, ...], tuple[float, float]] = {}
    releases: dict[tuple[str, ...], dict[str, None]] = {}
    for result in sorted(context.results.tasks, key=lambda r: r.task.mitigation is not None):
        row, task = _row(context, result.guarantee, with_rho=with_rho), result.task
        order[row] = _order(result.guarantee)
        listed = releases.setdefault(row, {})
        if task.mitigation is None:
            listed[task.release] = None
        elif task.release not in listed:  # a mitigation that spends another budget
            named = _("{release} with {mitigation}", release=task.release,
                      mitigation=task.mitigation)  # fmt: skip
            listed[named] = None
    columns = [Column(label="ε"), Column(label="δ")]
    if with_rho:
        columns.append(Column(label="ρ"))
    table = Table(
        caption=_("Privacy in odds: at most so often right, where guessing is right 50 in 100"),
        columns=(
            *columns,
            Column(label=_("Releases")),
            Column(label=_("Neighbouring data differ by")),
            Column(label=_("Right of 100"), numeric=True),
        ),
        rows=tuple(
            (*row[:-2], ", ".join(releases[row]), *row[-2:])
            for row in sorted(order, key=lambda row: order[row])
        ),
    )
    said = Paragraph(text=" ".join(_said(_, promises, with_rho=with_rho)))
    together = _composed(context)
    return (said, table, List(items=together)) if together else (said, table)


def _composed(context: Context) -> tuple[str, ...]:
    """Return what each release promises together with the earlier ones that are stated."""
    _ = context.prose
    made = []
    for result in context.results.tasks:
        if result.together is None:
            continue
        known, right = told(result.together), ceiling(result.together)
        values = {"release": result.task.release, "earlier": _.listing(result.earlier)}
        made.append(
            _("“{release}” together with {earlier} promises nothing.", **values)
            if right is None
            else _(
                "“{release}” together with {earlier}: ε = {epsilon}, δ = {delta}; right at most "
                "{right} times in 100.",
                epsilon=rounded_up(known.epsilon),
                delta=f"{known.delta:g}",
                right=chances(_, right),
                **values,
            )
        )
    return tuple(dict.fromkeys(made))


def _said(_: Prose, promises: list[Guarantee], *, with_rho: bool) -> list[str]:
    said = [
        _(
            "A release is differentially private when no one can tell well whether a person was "
            "counted. The odds below are a ceiling e^ε / (1 + e^ε) on any attack, with everything "
            "else known; real attacks do worse. Whoever runs the release sees the true counts."
        )
    ]
    if with_rho:
        said.append(
            _(
                "ρ is the budget in zero-concentrated differential privacy; where a release is "
                "stated in ρ, ε is what ρ implies at the δ beside it."
            )
        )
    if any(promise.revealed for promise in promises):
        said.append(
            _(
                "Where a number that one person changes is published exactly, whoever knows all "
                "the others can tell: no bound holds, and the odds are not stated."
            )
        )
    if any(promise.every_epsilon for promise in promises):
        said.append(
            _(
                "Where no ε is stated, something is published exactly with probability δ, and no "
                "ε makes that smaller."
            )
        )
    return said


def _row(context: Context, promise: Guarantee, *, with_rho: bool) -> tuple[str, ...]:
    _, unit = context.prose, context.said(promise.unit)
    neighbours = {
        "add-remove": _("{unit} more or less", unit=unit),
        "replace": _("the data of {unit}", unit=unit),
    }
    known, right = told(promise), ceiling(promise)
    if promise.every_epsilon:
        budget = [_("not stated"), f"{promise.delta:g}", ""]
    elif not promise.promises:
        budget = [_("nothing is promised"), "", ""]
    else:
        budget = [
            rounded_up(known.epsilon),
            f"{known.delta:g}",
            "" if known.rho is None else rounded_up(known.rho),
        ]
    return (
        *(budget if with_rho else budget[:2]),
        neighbours[promise.neighbours],
        _("not bounded") if right is None else chances(_, right),
    )


def _order(promise: Guarantee) -> tuple[float, float]:
    right = ceiling(promise)
    return (math.inf if right is None else told(promise).epsilon, promise.delta)
