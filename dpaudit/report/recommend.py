"""Recommendations: who does what, its measured effect, and the cost of doing nothing.

Only what the results hold is recommended: another release that was measured, another value of
the swept parameter that was measured. Plug-ins add theirs through ``dpaudit_recommendations``.
"""

from __future__ import annotations

from dpaudit.report.amounts import chances, odds
from dpaudit.report.cases import Case
from dpaudit.report.costs import COST, Priced, priced
from dpaudit.report.options import advice
from dpaudit.report.wording import Context

_NOBODY = 0.5
"""Fewer people than this are not told apart from none."""


def recommendations(context: Context, case: Case) -> tuple[str, ...]:
    """Return what to do about a case, most effective first, doing nothing last."""
    made = (
        *advice(context, case),
        *_better_release(context, case),
        *_promise(context, case),
        *_publish(context, case),
        *_more_budget(context, case),
    )
    return (*made, *doing_nothing(context, case))


def _better_release(context: Context, case: Case) -> tuple[str, ...]:
    """Name the measured release that is dependably cheapest at the same guarantee."""
    here = case.find(COST)
    if here is None:
        return ()
    better = [
        p
        for p in priced(context, case)
        if p.case.task != case.task
        and float(p.cost.estimate.high) < float(here.estimate.low)
        and not _inflates(p.case, case)
    ]
    processed = [p for p in better if p.case.steps][-1:]
    raw = [p for p in better if not p.case.steps and not _is_tried(context, case, p.case)][-1:]
    return tuple(
        _swap(context, case, p)
        for p in sorted(raw + processed, key=lambda p: float(p.cost.estimate.value))
    )


def _is_tried(context: Context, case: Case, other: Case) -> bool:
    """Whether a mitigation of the case is the other release: it is told with the mitigations."""
    made = (other.result.mechanism, other.steps, dict(other.result.parameters))
    return any(
        (each.result.mechanism, each.steps, dict(each.result.parameters)) == made
        for each in context.cases.mitigated(case)
    )


def _promise(context: Context, case: Case) -> tuple[str, ...]:
    """Name the measured release with a guarantee, in place of one that promises nothing.

    Of several it is the one that changes the sum of all counts least.
    """
    here, lost = case.find("bias"), case.find(COST)
    if case.is_private or case.result.is_given or case.result.unit != "persons":
        return ()
    cases, words, decision = context.cases, context.words, case.task.decision
    private = [
        (other, whole, cost)
        for name in cases.releases(decision)
        if (other := cases.operating(decision, name)).is_private
        and not other.result.guarantee.revealed
        and (whole := other.find("bias")) is not None
        and (cost := other.find(COST)) is not None
    ]
    if not private or here is None or lost is None:
        return ()
    other, whole, cost = min(private, key=lambda each: abs(float(each[1].estimate.value)))
    amounts = words.amounts("persons")
    return (
        context.prose(
            "The agency can release “{name}” ({point}) in place of “{current}”: that bounds what "
            "the release tells about anyone. Average losses are {after} instead of {before}, and "
            "the total changes by {whole} instead of {now}.",
            name=other.task.release,
            point=words.promise(other),
            current=case.task.release,
            after=amounts.value(cost.estimate),
            before=amounts.value(lost.estimate),
            whole=amounts.value(whole.estimate, signed=True),
            now=amounts.value(here.estimate, signed=True),
        ),
    )


def _inflates(option: Case, case: Case) -> bool:
    """Whether a release of counts would change the total more than the one that it replaces.

    Then its losses fall because it adds people everywhere, which is no remedy.
    """
    there, here = option.find("bias"), case.find("bias")
    if option.result.unit != "persons" or there is None or here is None:
        return False
    return abs(float(there.estimate.value)) > abs(float(here.estimate.value)) + _NOBODY


def _stands_in(case: Case) -> bool:
    return any(note.kind == "definition" for note in case.notes)


def _swap(context: Context, case: Case, option: Priced) -> str:
    _, words = context.prose, context.words
    here = case.find(COST)
    if here is None:
        return ""
    amounts = words.amounts(here.unit)
    values = {
        "name": option.case.task.release,
        "current": case.task.release,
        "before": amounts.value(here.estimate),
        "after": amounts.value(option.cost.estimate),
        "interval": amounts.interval(option.cost.estimate),
    }
    said = [
        _(
            "Whoever decides can use “{name}” in place of “{current}”. The cost of privacy falls "
            "from {before} to {after} ({interval}).",
            **values,
        )
        if option.case.steps
        else _(
            "Whoever decides can use the noisy counts without post-processing (“{name}”). The "
            "cost of privacy falls from {before} to {after} ({interval}).",
            **values,
        )
    ]
    once, then = case.shortfall, option.case.shortfall
    if once is not None and then is not None:
        said.append(
            _(
                "What one release takes changes from {before} to {after}.",
                before=amounts.value(once.estimate),
                after=amounts.value(then.estimate),
            )
        )
    if not option.case.steps:
        said.append(_("Noisy counts can be negative, and their sums need not agree."))
    said.append(_privacy_of(context, case, option.case))
    if _stands_in(option.case):
        said.append(
            _(
                "Guard the rule against a total near zero first: as it stands, its average "
                "does not exist."
            )
        )
    return " ".join(said)


def _privacy_of(context: Context, case: Case, other: Case) -> str:
    """Say what the other release costs in privacy: what it publishes outside the guarantee."""
    _ = context.prose
    more = [
        context.said(what)
        for what in other.result.guarantee.uncovered
        if what not in case.result.guarantee.uncovered
    ]
    if not more:
        return _("It costs no privacy.")
    return _("It publishes more than the guarantee covers: {what}.", what=_.listing(tuple(more)))


def _publish(context: Context, case: Case) -> tuple[str, ...]:
    if not case.steps or not (case.is_private and case.result.adds_noise):
        return ()
    return (
        context.prose(
            "The agency that publishes the counts can publish the unprocessed noisy counts "
            "beside the release. It costs no privacy and lets others correct the bias."
        ),
    )


def _more_budget(context: Context, case: Case) -> tuple[str, ...]:
    """Say what the next larger value of a swept ε was measured to do."""
    _, words = context.prose, context.words
    here = case.find(COST)
    if here is None or context.cases.swept(case) != "epsilon":
        return ()
    now = float(case.task.point["epsilon"])
    higher = [(x, m) for x, c in context.cases.sweep(case) if x > now and (m := c.find(COST))]
    if not higher or float(higher[0][1].estimate.high) >= float(here.estimate.low):
        return ()
    x, there = higher[0]
    delta = case.result.guarantee.delta
    amounts = words.amounts(here.unit)
    return (
        _(
            "The agency can raise ε from {now} to {then}. The cost of privacy falls from "
            "{before} to {after}; the best guess about one person can then be right "
            "{right} times in 100, up from {wrong}.",
            now=_.plain(now),
            then=_.plain(x),
            before=amounts.value(here.estimate),
            after=amounts.value(there.estimate),
            right=chances(_, odds(x, delta) or 100.0),
            wrong=chances(_, odds(now, delta) or 100.0),
        ),
    )


def doing_nothing(context: Context, case: Case) -> tuple[str, ...]:
    """Return what doing nothing keeps, where losses and shortfalls were measured."""
    here, once = case.find(COST), case.shortfall
    if here is None or once is None:
        return ()
    _, amounts = context.prose, context.words.amounts(here.unit)
    values = {"cost": amounts.value(here.estimate), "shortfall": amounts.value(once.estimate)}
    if len(context.cases.decisions()) == 1:
        return (
            _(
                "Doing nothing keeps average losses of {cost} and shortfalls of {shortfall} in "
                "every release.",
                **values,
            ),
        )
    return (
        _(
            "For {decision}, doing nothing keeps average losses of {cost} and shortfalls of "
            "{shortfall} in every release.",
            decision=context.words.decision(case),
            **values,
        ),
    )
