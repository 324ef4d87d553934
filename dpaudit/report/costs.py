"""Findings about cost: the long run beside one release, and what post-processing adds."""

from __future__ import annotations

import attrs

from dpaudit.model.finding import Finding
from dpaudit.model.measurement import Measurement
from dpaudit.report.amounts import difference, negligible, percent
from dpaudit.report.cases import Case
from dpaudit.report.confidence import confidence, gap_verdict, signed_verdict, worst
from dpaudit.report.wording import Context, evidence

COST = "cost-of-privacy"


def cost(context: Context, case: Case) -> Finding | None:
    """Return the cost of privacy beside the expected shortfall, never one without the other."""
    long_run, one_release = case.find(COST), case.shortfall
    if long_run is None or one_release is None:
        return None
    _, words = context.prose, context.words
    amounts = words.amounts(long_run.unit)
    verdict = gap_verdict(long_run.estimate, case.typical("total"), negligible(long_run.unit))
    sure, reason = confidence(_, long_run.estimate, case)
    shortfall = amounts.value(one_release.estimate)
    if verdict == "higher":
        statement = _(
            "Average losses add up to {cost}; in one release, shortfalls add up to {shortfall}",
            cost=amounts.value(long_run.estimate),
            shortfall=shortfall,
        )
    else:
        statement = _(
            "No lasting losses were found; in one release, shortfalls add up to {shortfall}",
            shortfall=shortfall,
        )
    return Finding(
        id=f"cost/{case.task.decision}/{case.task.release}",
        verdict=verdict,
        statement=statement,
        detail=_cost_detail(context, case, long_run, one_release),
        estimate=long_run.estimate,
        unit=long_run.unit,
        confidence=sure,
        reason=reason,
        evidence=evidence(case, COST, one_release.quantity),
    )


def _cost_detail(
    context: Context, case: Case, long_run: Measurement, one_release: Measurement
) -> str:
    _, words = context.prose, context.words
    amounts = words.amounts(long_run.unit)
    said = [
        _(
            "Under {where}, average losses add up to {cost} ({interval}).",
            where=words.where(case),
            cost=amounts.value(long_run.estimate),
            interval=amounts.interval(long_run.estimate),
        ),
        _(
            "In any one release, bad luck included, shortfalls add up to {shortfall} "
            "({interval}){share}.",
            shortfall=amounts.value(one_release.estimate),
            interval=amounts.interval(one_release.estimate),
            share=_of_total(context, case, float(one_release.estimate.value)),
        ),
    ]
    return " ".join(said)


def _of_total(context: Context, case: Case, value: float) -> str:
    _ = context.prose
    total = float(case.result.truth.sum())
    if total <= 0:
        return ""
    amounts = context.words.amounts(case.unit)
    share = value / total
    text = percent(_, round(share, 3)) if share >= 0.001 else _("under 0.1%")  # noqa: PLR2004
    return _(", {share} of {total}", share=text, total=amounts.size(total))


@attrs.frozen(eq=False)
class Priced:
    """A case with its cost of privacy."""

    case: Case
    cost: Measurement


def priced(context: Context, case: Case) -> tuple[Priced, ...]:
    """Return the siblings of a case whose cost was measured, dearest first."""
    found = ((c, c.find(COST)) for c in context.cases.siblings(case))
    made = [Priced(c, m) for c, m in found if m is not None and not c.is_assumed]
    return tuple(sorted(made, key=lambda p: -float(p.cost.estimate.value)))


def releases(context: Context, case: Case) -> Finding | None:
    """Return which post-processing costs most over leaving the counts unprocessed."""
    baseline = context.cases.baseline(case)
    ranked = priced(context, case)
    base = None if baseline is None else baseline.find(COST)
    others = [p for p in ranked if baseline is not None and p.case.task != baseline.task]
    if baseline is None or base is None or baseline.is_assumed or not others:
        return None
    _, words = context.prose, context.words
    dearest = others[0]
    extra = difference(dearest.cost.estimate, base.estimate)
    verdict = signed_verdict(extra, dearest.case.typical("total"))
    amounts = words.amounts(base.unit)
    name = dearest.case.task.release
    reference = baseline.task.release
    statement = {
        "higher": _(
            "“{name}” costs {extra} more than the unprocessed counts, the most of {n} releases",
            name=name, extra=amounts.value(extra), n=_.whole(len(ranked)),
        ),
        "lower": _(
            "Every post-processing tried costs less than the unprocessed counts",
        ),
    }.get(
        verdict,
        _("No dependable difference in cost was found between “{name}” and “{reference}”",
          name=name, reference=reference),
    )  # fmt: skip
    listed = tuple(
        _("“{name}” {cost} ({interval})", name=p.case.task.release,
          cost=amounts.value(p.cost.estimate), interval=amounts.interval(p.cost.estimate))
        for p in ranked
    )  # fmt: skip
    sure, reason = worst(
        confidence(_, dearest.cost.estimate, dearest.case),
        confidence(_, base.estimate, baseline),
    )
    return Finding(
        id=f"releases/{case.task.decision}/{case.task.release}",
        verdict=verdict,
        statement=statement,
        detail=_("Cost of privacy at {point}: {listed}. Difference: {extra} ({interval}).",
                 point=words.point(case), listed=_.listing(listed),
                 extra=amounts.value(extra), interval=amounts.interval(extra)),
        estimate=extra,
        unit=base.unit,
        confidence=sure,
        reason=reason,
        evidence=evidence(dearest.case, COST) + evidence(baseline, COST),
        entities=tuple(p.case.task.release for p in ranked),
    )  # fmt: skip
