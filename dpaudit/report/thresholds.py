"""``fail_if``: thresholds that a number must keep, tested so that noise never breaks a build."""

from __future__ import annotations

import numpy as np

from dpaudit.errors import SpecError
from dpaudit.model.estimate import Estimate
from dpaudit.model.finding import Finding, Verdict
from dpaudit.model.measurement import Measurement
from dpaudit.model.results import Results
from dpaudit.model.spec import AuditSpec, FailIf
from dpaudit.report.cases import Case, called
from dpaudit.report.confidence import confidence
from dpaudit.report.wording import Context, evidence


def thresholds(results: Results) -> tuple[Finding, ...]:
    """Return one finding for every ``fail_if`` and task.

    Parameters
    ----------
    results
        The audit.

    Returns
    -------
    tuple of Finding
        *not met* only if the bound of the interval that favours the release is over the
        threshold; *met* if the other bound is not; else *cannot tell*. Signed quantities
        (a bias) are tested by their size.

    Raises
    ------
    SpecError
        If a threshold is for something that its audit did not measure: a threshold that
        nothing can break is no threshold.
    """
    context = Context.of(results)
    found: list[Finding] = []
    for audit in results.spec.audits:
        if audit.fail_if is None:
            continue
        own = [_threshold(context, case, audit, audit.fail_if) for case in context.cases.cases]
        made = [finding for finding in own if finding is not None]
        if not made:
            raise SpecError(
                f"[[audit]] {audit.name!r}: fail_if is for {audit.fail_if.for_!r}, which this "
                "audit did not measure",
                hint='say for = "total", "any group" or "any entity", as the audit measures',
            )
        found += made
    return tuple(found)


def size(estimate: Estimate) -> Estimate:
    """Return the estimate of the absolute value, entry by entry."""
    low, high = np.abs(estimate.low), np.abs(estimate.high)
    crosses = (estimate.low <= 0) & (estimate.high >= 0)
    return Estimate(
        value=np.abs(estimate.value),
        low=np.where(crosses, 0.0, np.minimum(low, high)),
        high=np.maximum(low, high),
        level=estimate.level,
        method=estimate.method,
        draws=estimate.draws,
    )


def _measured(case: Case, audit: AuditSpec, limit: FailIf) -> tuple[Measurement, ...]:
    """Return what an audit measured of a case on the axis that the threshold names.

    Of an audit that measures several things, the one that is called like the audit.
    """
    names = {audit.name, audit.audit.use}
    every = [m for m in case.results.measurements if m.task == case.task.id and m.per == "total"]
    named = [m for m in every if m.quantity in names]
    own = named or [m for m in every if m.audit in names]
    if limit.for_ == "total":
        return tuple(m for m in own if not m.labels and m.over == "total")
    if limit.for_ == "any entity":
        return tuple(m for m in own if m.over == "entity")
    return tuple(m for m in own if m.over not in {"entity", "total"})


def _threshold(context: Context, case: Case, audit: AuditSpec, limit: FailIf) -> Finding | None:
    measured = _measured(case, audit, limit)
    if not measured:
        return None
    sizes = [(m, size(m.estimate)) for m in measured]
    broken = max(sizes, key=lambda pair: float(np.max(pair[1].low)))
    open_ = max(sizes, key=lambda pair: float(np.max(pair[1].high)))
    verdict: Verdict = "cannot tell"
    shown, ends = open_, open_[1].high
    if float(np.max(broken[1].low)) > limit.over:
        verdict, (shown, ends) = "not met", (broken, broken[1].low)
    elif float(np.max(open_[1].high)) <= limit.over:
        verdict = "met"
    measurement, estimate = shown
    name = ""
    if measurement.labels:
        worst = int(np.argmax(ends))
        shown_names = called(case.results.data)
        entity = measurement.labels == case.results.data.entities
        names = shown_names if entity else measurement.labels
        estimate, name = estimate[worst], names[worst]
    sure, reason = confidence(context.prose, estimate, case)
    return Finding(
        id=f"threshold/{audit.name}/{case.task.id}/{limit.for_}",
        verdict=verdict,
        statement=_statement(context, case, audit, limit, verdict, measurement.unit),
        detail=_detail(context, case, measurement.unit, name, estimate),
        estimate=estimate,
        unit=measurement.unit,
        threshold=limit.over,
        confidence=sure,
        reason=reason,
        evidence=evidence(case, f"{measurement.quantity} over {measurement.over}"),
        entities=(name,) if name else (),
    )


def _statement(  # noqa: PLR0917
    context: Context, case: Case, audit: AuditSpec, limit: FailIf, verdict: Verdict, unit: str
) -> str:
    _ = context.prose
    over = context.words.amounts(unit).size(limit.over)
    some = {
        "any entity": _("some {entity}", entity=context.words.entity),
        "any group": _("some group"),
        "total": _("the total"),
    }
    every = {
        "any entity": _("every {entity}", entity=context.words.entity),
        "any group": _("every group"),
        "total": _("the total"),
    }
    axis = (every if verdict == "met" else some)[limit.for_]
    where = context.words.where(case)
    values = {"over": over, "audit": audit.name, "axis": axis, "where": where}
    if verdict == "met":
        return _("The {audit} for {axis} is at most {over} under {where}", **values)
    if verdict == "not met":
        return _("The {audit} for {axis} is over {over} under {where}", **values)
    return _("The audit cannot tell whether the {audit} for {axis} is over {over} under {where}",
             **values)  # fmt: skip


def _detail(context: Context, case: Case, unit: str, name: str, estimate: Estimate) -> str:
    _, amounts = context.prose, context.words.amounts(unit)
    return _(
        "Under {where}, the largest is {name}{value} ({interval}).",
        where=context.words.where(case),
        name=_("“{name}” with ", name=name) if name else "",
        value=amounts.value(estimate),
        interval=amounts.interval(estimate),
    )
