"""What an audit of learners found: who is hurt, how it moves with the budget, what helps, why."""

from __future__ import annotations

import math

import numpy as np

from dpaudit.model.estimate import Estimate
from dpaudit.model.finding import Finding, Verdict
from dpaudit.model.measurement import Measurement
from dpaudit.report.learning_cases import Learning, Trained, changed, worst
from dpaudit.report.learning_sureness import sure
from dpaudit.report.prose import words

_PAGE_ONE = 3
_ORDER = ("threshold", "epsilon", "risk", "mitigation", "causes")
LEARNING = frozenset(_ORDER[1:])
"""The kinds of findings that only audits of learners have."""

GROWS = 2.0
FLAT = 1.5
_TENTH = 0.1
_LISTED = 3
_LEAST = 0.1
_BY_CHANCE = 0.05
"""A largest correlation that is as large by chance more often than this is not told."""


def learning_findings(view: Learning) -> tuple[Finding, ...]:
    """Return every finding in the order of the report."""
    made: list[Finding] = []
    for name in view.told:
        one = view.operating(name)
        made += [f for f in (risk(view, one),) if f is not None]
        made += [f for strand in view.strands(name) if (f := over_epsilon(view, strand))]
        made += [f for other in view.mitigations(one) if (f := mitigation(view, other))]
        made += [f for f in (causes(view, one),) if f is not None]
    return tuple(made)


def learning_page_one(told: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the three findings of page one: decided ones first, one of each kind."""
    undecided = {"no difference found", "cannot tell"}
    chosen = []
    for kind in _ORDER:
        own = [f for f in told if f.id.split("/")[0] == kind]
        if kind == "threshold":
            own = [f for f in own if f.verdict == "not met"]
        chosen += sorted(own, key=lambda f: f.verdict in undecided)[:1]
    chosen += [f for f in told if f.id.split("/")[0] not in _ORDER]
    return tuple(chosen[:_PAGE_ONE])


def risk(view: Learning, one: Trained) -> Finding | None:
    """Return who is hurt most by one learner."""
    risks, gaps = one.find("excess-risk"), one.find("signed-gap")
    overall, apart = (
        one.find("excess-risk", over="total"),
        one.find("largest-difference", over="total"),
    )
    if risks is None or gaps is None or overall is None or apart is None:
        return None
    _, amounts, bare = view.prose, view.amounts(risks.unit), view.amounts(risks.unit, bare=True)
    at = worst(risks)
    gap = gaps.estimate[at]
    verdict = _verdict(gap, abs(float(overall.estimate.value)))
    values = {"who": view.group(one, risks.labels[at]), "learner": view.label(one)}
    statements = {
        "higher": _("{learner} hurts {who} more than others", **values),
        "no difference found": _("{learner} hurts no group dependably more than others", **values),
    }
    statement = statements.get(
        verdict, _("The audit cannot tell whom {learner} hurts most", **values)
    )
    detail = _(
        "The average loss of {who} is {risk} ({interval}) above that of the reference; of all "
        "people it is {overall} above. The two groups furthest apart differ by {apart} "
        "({interval_apart}).",
        who=values["who"],
        risk=amounts.value(risks.estimate[at]),
        interval=bare.interval(risks.estimate[at]),
        overall=amounts.value(overall.estimate),
        apart=amounts.value(apart.estimate),
        interval_apart=bare.interval(apart.estimate),
    )
    return Finding(
        id=f"risk/{one.name}",
        verdict=verdict,
        statement=statement,
        detail=f"{detail} {_people(view, (risks.labels[at],))}" + _smaller(view, one, risks, at),
        estimate=gap,
        unit=risks.unit,
        **sure(view, gap),
        evidence=(f"{one.task.id}: excess-risk over {one.grouping}",),
        entities=(risks.labels[at],),
        recommendations=advice(view, one),
    )


def _people(view: Learning, groups: tuple[str, ...]) -> str:
    """Say how many of the people learnt from are in some groups."""
    return view.prose("They are {some} of {every} people learnt from.", **_share(view, groups))


def _share(view: Learning, groups: tuple[str, ...]) -> dict[str, str]:
    """Return how many people some groups have, and all."""
    _, data = view.prose, view.results.data
    sizes = dict(zip(data.entities, data.counts.tolist(), strict=True))
    some = sum(sizes.get(group, 0.0) for group in groups)
    return {"some": _.whole(some), "every": _.whole(float(data.counts.sum()))}


def _smaller(view: Learning, one: Trained, risks: Measurement, at: int) -> str:
    """Say it where the group with the larger gap |R_a - R| is not the one that is hurt more."""
    gaps = one.find("gap")
    if gaps is None or worst(gaps) == at:
        return ""
    return " " + view.prose(
        "The gap |R_a − R| is largest for {other}, which is nearer to the reference: that size "
        "grows as a group gets smaller, whoever is hurt.",
        other=view.group(one, risks.labels[worst(gaps)]),
    )


def over_epsilon(view: Learning, one: Trained) -> Finding | None:
    """Return how the largest difference moves as the budget falls."""
    sweep = view.sweep(one)
    ends = [other.find("largest-difference", over="total") for _at, other in sweep]
    if len(sweep) < 2 or ends[0] is None or ends[-1] is None:  # noqa: PLR2004 (two ends)
        return None
    _, tight, loose = view.prose, ends[0], ends[-1]
    ratio = _ratio(tight.estimate, loose.estimate)
    verdict, told = _movement(ratio)
    amounts, bare = view.amounts(tight.unit), view.amounts(tight.unit, bare=True)
    values = {
        "learner": view.strand(one),
        "low": _.plain(sweep[0][0]),
        "high": _.plain(sweep[-1][0]),
        "times": _times(view, float(ratio.value)),
    }
    statements = {
        "grows": _("The gap of “{learner}” grows {times}-fold as ε falls from {high} to {low}",
                   **values),
        "flat": _("The gap of “{learner}” stays as it is between ε = {high} and ε = {low}",
                  **values),
        "narrows": _("The gap of “{learner}” narrows as ε falls from {high} to {low}", **values),
        "some": _("The gap of “{learner}” changes {times}-fold between ε = {high} and ε = {low}",
                  **values),
        "unknown": _("The audit cannot tell how the gap of “{learner}” moves with ε", **values),
    }  # fmt: skip
    detail = _(
        "The two groups furthest apart differ by {tight} ({interval_tight}) at ε = {low} and by "
        "{loose} ({interval_loose}) at ε = {high}.",
        tight=amounts.value(tight.estimate),
        interval_tight=bare.interval(tight.estimate),
        loose=amounts.value(loose.estimate),
        interval_loose=bare.interval(loose.estimate),
        **values,
    )
    return Finding(
        id=f"epsilon/{view.strand(one)}",
        verdict=verdict,
        statement=statements[told],
        detail=f"{detail} {_why(view, one, told)}".strip(),
        estimate=ratio,
        unit="ratio",
        **sure(view, tight.estimate),
        evidence=tuple(f"{other.task.id}: largest-difference" for _at, other in sweep),
    )


def _why(view: Learning, one: Trained, told: str) -> str:
    """Return which of clipping and noise dominates, where the effects were measured."""
    _ = view.prose
    clip, noise = one.find("clip-effect"), one.find("noise-effect")
    if clip is None or noise is None:
        return ""
    spread = [float(np.ptp(part.estimate.value)) for part in (clip, noise)]
    if spread[0] > spread[1]:
        return _("Clipping sets the groups further apart than noise does, and clipping does not "
                 "depend on ε.")  # fmt: skip
    if told == "flat":
        return ""
    return _("Noise sets the groups further apart than clipping does, and it grows as ε falls.")


def mitigation(view: Learning, one: Trained) -> Finding | None:
    """Return whether a mitigation narrows the gap, and at whose expense."""
    change, gap = one.find("excess-risk-change"), one.find("gap-change", over="total")
    if change is None or gap is None:
        return None
    _, amounts, bare = view.prose, view.amounts(change.unit), view.amounts(change.unit, bare=True)
    better, worse = changed(change)
    low, high = float(gap.estimate.low), float(gap.estimate.high)
    narrower, wider = high < 0, low > 0
    verdict: Verdict = "lower" if narrower else "higher" if wider else "cannot tell"
    name = one.name
    if narrower and worse and not better:
        statement = _("“{name}” narrows the gap only by making people worse off: it levels down",
                      name=name)  # fmt: skip
    elif narrower and worse:
        statement = _("“{name}” narrows the gap, partly by making some people worse off",
                      name=name)  # fmt: skip
    elif narrower:
        statement = _("“{name}” narrows the gap and makes nobody dependably worse off", name=name)
    elif wider:
        statement = _("“{name}” widens the gap", name=name)
    else:
        statement = _("The audit cannot tell whether “{name}” narrows the gap", name=name)
    detail = _(
        "Against {base}, the largest difference between two groups changes by {change} "
        "({interval}). Better off: {better}. Worse off: {worse}.",
        base=_base(view, one),
        change=amounts.value(gap.estimate, signed=True),
        interval=bare.interval(gap.estimate),
        better=_who(view, better),
        worse=_who(view, worse),
    )
    if worse:
        detail += " " + _("Those worse off are {some} of {every} people learnt from.",
                          **_share(view, worse))  # fmt: skip
    if not one.is_private:
        detail += " " + _("It promises no privacy as it is written.")
    return Finding(
        id=f"mitigation/{name}",
        verdict=verdict,
        statement=statement,
        detail=detail,
        estimate=gap.estimate,
        unit=gap.unit,
        **sure(view, gap.estimate),
        evidence=(f"{one.task.id}: gap-change", f"{one.task.id}: excess-risk-change"),
        entities=worse,
    )


def _base(view: Learning, one: Trained) -> str:
    """Return what a mitigation is held against, with its point."""
    found = [other for other in view.every if other.task.id == one.task.baseline]
    return view.label(found[0]) if found else one.task.baseline or ""


def _who(view: Learning, groups: tuple[str, ...]) -> str:
    """Return groups by name, or how many of them there are."""
    _ = view.prose
    if not groups:
        return _("nobody, dependably")
    if len(groups) <= _LISTED:
        return _.listing(groups)
    every = len(view.results.data.entities)
    return _("{count} of {every} groups", count=_.whole(len(groups)), every=_.whole(every))


def causes(view: Learning, one: Trained) -> Finding | None:
    """Return what goes with the excess risk over groups."""
    found = one.find("rank-correlation", over="cause")
    if found is None:
        return None
    _ = view.prose
    sizes = np.abs(found.estimate.value)
    order = np.argsort(-sizes, kind="stable")
    first = int(order[0])
    top = found.estimate[first]
    chance = one.find("rank-correlation-by-chance", over="total")
    certain = float(top.low) > 0 or float(top.high) < 0
    certain &= chance is not None and float(chance.estimate.high) <= _BY_CHANCE
    named = words(found.labels[first])
    groups = _.whole(len(view.results.data.entities))
    if certain and float(top.value) > 0:
        statement = _("Across {n} groups, those with more {cause} are hurt more",
                      n=groups, cause=named)  # fmt: skip
    elif certain:
        statement = _("Across {n} groups, those with less {cause} are hurt more",
                      n=groups, cause=named)  # fmt: skip
    else:
        statement = _("No measured property of the {n} groups goes dependably with who is hurt",
                      n=groups)  # fmt: skip
    verdict: Verdict = "cannot tell"
    if certain:
        verdict = "higher" if float(top.value) > 0 else "lower"
    listed = ", ".join(
        f"{words(found.labels[i])} {view.prose.decimal(float(found.estimate.value[i]), places=2)}"
        for i in order[:_LISTED]
    )
    return Finding(
        id=f"causes/{one.name}",
        verdict=verdict,
        statement=statement,
        detail=_(
            "Rank correlations with the excess risk under {learner}: {listed}. These properties go "
            "together with one another, so a correlation is no proof of a cause.",
            learner=view.label(one),
            listed=listed,
        )
        + _by_chance(view, chance),
        estimate=top,
        unit="correlation",
        **sure(view, top),
        evidence=(f"{one.task.id}: rank-correlation over cause",),
    )


def _by_chance(view: Learning, chance: Measurement | None) -> str:
    """Return how often the largest correlation is as large where nothing goes together."""
    if chance is None:
        return ""
    _, share = view.prose, 100.0 * float(chance.estimate.value)
    number = _("fewer than 0.1") if share < _LEAST else _.decimal(share, places=1)
    return " " + _(
        "If nothing went with anything, the largest of them would be as large in {number} of 100 "
        "orders of the groups.",
        number=number,
    )


def advice(view: Learning, one: Trained) -> tuple[str, ...]:
    """Return what to do, from what was measured: never what was not tried."""
    _ = view.prose
    made = []
    for other in view.mitigations(one):
        gap, change = other.find("gap-change", over="total"), other.find("excess-risk-change")
        if gap is None or change is None:
            continue
        worse = changed(change)[1]
        if float(gap.estimate.high) < 0 and not worse and other.is_private:
            made.append(_("Train with “{name}”: the gap narrows and no group is dependably worse "
                          "off.", name=other.name))  # fmt: skip
    made += _looser(view, one)
    if not made and "clip_norm" not in one.result.parameters:
        made.append(_("Measure another budget or another learner before adopting this one: no "
                      "option that was tried narrows the gap without making a group worse "
                      "off."))  # fmt: skip
    elif not made:
        made.append(_("Try another clip bound first: it is cheap, and it moved gaps most in "
                      "published measurements. Measure every group before adopting "
                      "it."))  # fmt: skip
    return tuple(made)


def _looser(view: Learning, one: Trained) -> list[str]:
    """Return how a larger budget would help, where it was tried and does."""
    _ = view.prose
    sweep = view.sweep(one)
    here = one.find("largest-difference", over="total")
    if not sweep or here is None or one.budget is None:
        return []
    top, other = sweep[-1]
    there = other.find("largest-difference", over="total")
    if there is None or top <= one.budget or not there.estimate.high < here.estimate.low:
        return []
    amounts = view.amounts(here.unit)
    return [
        _(
            "Where privacy allows it, a larger budget narrows the gap: from {here} to {there} at "
            "ε = {top}.",
            here=amounts.value(here.estimate),
            there=amounts.value(there.estimate),
            top=_.plain(top),
        )
    ]


def _verdict(gap: Estimate, typical: float) -> Verdict:
    low, high = float(gap.low), float(gap.high)
    if low > 0:
        return "higher"
    return "cannot tell" if max(abs(low), abs(high)) > _TENTH * typical else "no difference found"


def _ratio(top: Estimate, bottom: Estimate) -> Estimate:
    """Return a ratio whose interval holds wherever both are within theirs."""
    tiny = np.finfo(np.float64).tiny
    value = float(top.value) / max(float(bottom.value), tiny)
    low = float(top.low) / max(float(bottom.high), tiny)
    high = float(top.high) / float(bottom.low) if float(bottom.low) > 0 else math.inf
    noisy = top if not top.is_deterministic else bottom
    return Estimate(
        value=np.asarray(value), low=np.asarray(min(low, value)), high=np.asarray(max(high, value)),
        level=max(top.level + bottom.level - 1.0, tiny), method=noisy.method, draws=noisy.draws,
    )  # fmt: skip


def _movement(ratio: Estimate) -> tuple[Verdict, str]:
    low, high = float(ratio.low), float(ratio.high)
    if low >= GROWS:
        return "higher", "grows"
    if high <= 1.0 / GROWS:
        return "lower", "narrows"
    if low >= 1.0 / FLAT and high <= FLAT:
        return "no difference found", "flat"
    if low > 1.0 or high < 1.0:
        return ("higher" if low > 1.0 else "lower"), "some"
    return "cannot tell", "unknown"


def _times(view: Learning, value: float) -> str:
    return view.prose.decimal(value, places=0 if value >= 10 else 1)  # noqa: PLR2004 (two figures)
