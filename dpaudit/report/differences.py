"""Findings about differences: who loses, who gains, and how wide the gap is."""

from __future__ import annotations

import attrs
import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.model.estimate import Estimate
from dpaudit.model.finding import Finding, Verdict
from dpaudit.model.measurement import Measurement
from dpaudit.report.amounts import negligible, percent
from dpaudit.report.cases import Case
from dpaudit.report.confidence import confidence, gap_verdict
from dpaudit.report.reach import beside
from dpaudit.report.wording import Context, evidence

_NOBODY = 0.5
"""Half a person: less than this is no headline."""

_WORTH_SAYING = 0.01
"""A smaller share of a count is not said beside the people lost."""


@attrs.frozen(eq=False)
class Extremes:
    """The dependable losers and gainers of one bias measurement, most extreme first.

    *Dependable* means that the simultaneous band excludes zero, so that naming any of them
    is right for all of them at once at the band's level, and the amount is one that prints.
    """

    measurement: Measurement
    losers: tuple[int, ...]
    gainers: tuple[int, ...]
    sizes: FloatArray | None = None

    @classmethod
    def of(cls, measurement: Measurement, sizes: FloatArray | None = None) -> Extremes:
        """Return the extremes of a bias measurement over entities or groups.

        ``sizes`` are what the groups are due, shape (g,): losers are then ordered by the share
        that they lose, for a large group loses most people where each loses least.
        """
        estimate = measurement.estimate
        order = np.argsort(estimate.value, kind="stable")
        nothing = negligible(measurement.unit)
        losers = [int(i) for i in order if estimate.high[i] < -nothing]
        if sizes is not None:
            losers.sort(key=lambda i: float(estimate.value[i]) / max(float(sizes[i]), 1e-300))
        return cls(
            measurement,
            losers=tuple(losers),
            gainers=tuple(int(i) for i in order[::-1] if estimate.low[i] > nothing),
            sizes=sizes,
        )

    def lost(self, index: int) -> float:
        """Return the share of what a group is due that it loses; 0 where that is not known."""
        if self.sizes is None or self.sizes[index] <= 0:
            return 0.0
        return -float(self.measurement.estimate.value[index]) / float(self.sizes[index])

    def rivals(self, index: int) -> int:
        """Return how many others may be as extreme as ``index``: their intervals overlap."""
        e = self.measurement.estimate
        overlap = e.low <= e.high[index] if e.value[index] < 0 else e.high >= e.low[index]
        return int(np.count_nonzero(overlap)) - 1


def group_sizes(case: Case, measured: Measurement) -> FloatArray | None:
    """Return the people that each group is due, shape (g,), for counts over a grouping."""
    members = case.results.data.groups.get(measured.over)
    if measured.unit != "persons" or members is None:
        return None
    labels = np.array(members)
    return np.array([float(case.result.truth[labels == one].sum()) for one in measured.labels])


def losses(context: Context, case: Case) -> tuple[Finding, ...]:
    """Return who loses and gains most, over entities and over every grouping."""
    axes = (*context.cases.groupings(), "entity")
    found = ((axis, case.find("bias", over=axis)) for axis in axes)
    return tuple(_loss(context, case, axis, m) for axis, m in found if m is not None and m.labels)


def gaps(context: Context, case: Case) -> tuple[Finding, ...]:
    """Return how far the best and the worst treated are apart, over every axis measured."""
    axes = (*context.cases.groupings(), "entity")
    found = ((axis, case.find("alpha-fairness", over=axis)) for axis in axes)
    return tuple(_gap(context, case, axis, m) for axis, m in found if m is not None)


def _loss(context: Context, case: Case, axis: str, measured: Measurement) -> Finding:
    extremes = Extremes.of(measured, group_sizes(case, measured))
    named = extremes.losers[:1] + extremes.gainers[:1]
    if not named or _is_nobody(measured):
        return _no_loss(context, case, axis, measured)
    first = named[0]
    estimate = measured.estimate[first]
    sure, reason = confidence(context.prose, estimate, case)
    verdict: Verdict = "lower" if extremes.losers else "higher"
    return Finding(
        id=f"loss/{case.task.decision}/{case.task.release}/{axis}",
        verdict=verdict,
        statement=_loss_statement(context, axis, extremes),
        detail=_loss_detail(context, case, axis, extremes),
        estimate=estimate,
        unit=measured.unit,
        confidence=sure,
        reason=reason,
        evidence=evidence(case, f"bias over {axis}"),
        entities=tuple(measured.labels[i] for i in named),
    )


def _is_nobody(measured: Measurement) -> bool:
    """Whether a bias of counts is dependably less than half a person everywhere."""
    estimate = measured.estimate
    reach = max(float(np.abs(estimate.low).max()), float(np.abs(estimate.high).max()))
    return measured.unit == "persons" and reach < _NOBODY


def _loss_statement(context: Context, axis: str, extremes: Extremes) -> str:
    _, m = context.prose, extremes.measurement
    amounts = context.words.amounts(m.unit)

    def part(index: int) -> str:
        amount = amounts.value(m.estimate[index]).lstrip("\u2212")
        share = extremes.lost(index)
        if share < _WORTH_SAYING:
            return amount
        return _("{amount}, {share} of its count", amount=amount,
                 share=percent(_, round(share, 2)))  # fmt: skip

    if extremes.losers and extremes.gainers:
        loser, gainer = extremes.losers[0], extremes.gainers[0]
        values = {
            "loser": context.words.named(axis, m.labels[loser]),
            "loss": part(loser),
            "gainer": context.words.named(axis, m.labels[gainer]),
            "gain": part(gainer),
        }
        if m.unit == "persons":
            return _(
                "On average {loser} is undercounted by {loss} and {gainer} overcounted by {gain}",
                **values,
            )
        return _("On average {loser} loses {loss} and {gainer} gains {gain}", **values)
    index = (extremes.losers or extremes.gainers)[0]
    axis_word = context.words.one_of(axis)
    name = context.words.named(axis, m.labels[index])
    if extremes.losers:
        return _("On average {name} loses {amount}; no {axis} was found to gain",
                 name=name, amount=part(index), axis=axis_word)  # fmt: skip
    return _("On average {name} gains {amount}; no {axis} was found to lose",
             name=name, amount=part(index), axis=axis_word)  # fmt: skip


def _loss_detail(context: Context, case: Case, axis: str, extremes: Extremes) -> str:
    _, m, words = context.prose, extremes.measurement, context.words
    said = [
        _(
            "This is the average difference from the true counts under {where}, not bad luck.",
            where=words.where(case),
        )
    ]
    for index in extremes.losers[:1] + extremes.gainers[:1]:
        one = m.estimate[index]
        said.append(
            _changed(
                context,
                words.label(m.labels[index]),
                one,
                m.unit,
            )
        )
        if rivals := extremes.rivals(index):
            said.append(
                _.plural(
                    "One other may be as far off: its interval overlaps.",
                    "{count} others may be as far off: their intervals overlap.",
                    rivals,
                )
            )
    return " ".join((*said, _how_many(context, axis, extremes)))


def _how_many(context: Context, axis: str, extremes: Extremes) -> str:
    """Say how many lose and gain, with their places and people."""
    _, m = context.prose, extremes.measurement
    values = {
        "losers": _.whole(len(extremes.losers)),
        "gainers": _.whole(len(extremes.gainers)),
        "total": _.whole(len(m.labels)),
        "axes": context.words.overs(axis),
    }
    if not extremes.losers:
        return _("Dependable losses: {losers} of {total} {axes}; dependable gains: {gainers}.",
                 **values)  # fmt: skip
    return _(
        "Dependable losses: {losers} of {total} {axes}, with {people}; dependable gains: "
        "{gainers}.",
        people=beside(context, axis, [m.labels[i] for i in extremes.losers]),
        **values,
    )


def _changed(context: Context, name: str, estimate: Estimate, unit: str) -> str:
    """Say a loss or a gain by its size, so that no sign can be lost at a line's end."""
    _, amounts = context.prose, context.words.amounts(unit)
    values = {
        "name": name,
        "size": amounts.value(estimate).lstrip("\u2212"),
        "interval": amounts.interval(estimate, absolute=True),
    }
    if float(estimate.value) < 0:
        return _("{name} loses {size} ({interval}).", **values)
    return _("{name} gains {size} ({interval}).", **values)


def _no_loss(context: Context, case: Case, axis: str, measured: Measurement) -> Finding:
    _, words = context.prose, context.words
    widest = int(np.argmax(np.maximum(np.abs(measured.estimate.low), measured.estimate.high)))
    estimate = measured.estimate[widest]
    reach = max(abs(float(estimate.low)), abs(float(estimate.high)))
    amounts = words.amounts(measured.unit)
    axes = words.overs(axis)
    verdict: Verdict = "no difference found" if np.isfinite(reach) else "cannot tell"
    if verdict == "cannot tell":
        statement = _("The audit cannot tell which {axes} lose or gain", axes=axes)
    elif Extremes.of(measured).losers or Extremes.of(measured).gainers:
        statement = _("No {axis} is off by more than {reach} on average", axis=words.over(axis),
                      reach=amounts.size(reach))  # fmt: skip
    else:
        statement = _("No {axis} was found to lose or gain on average", axis=words.over(axis))
    sure, reason = confidence(_, estimate, case)
    return Finding(
        id=f"loss/{case.task.decision}/{case.task.release}/{axis}",
        verdict=verdict,
        statement=statement,
        detail=_("Under {where}, no interval reaches beyond {reach}.",
                 where=words.where(case), reach=amounts.size(reach)),
        estimate=estimate,
        unit=measured.unit,
        confidence=sure,
        reason=reason,
        evidence=evidence(case, f"bias over {axis}"),
    )  # fmt: skip


def _gap(context: Context, case: Case, axis: str, measured: Measurement) -> Finding:
    _, words = context.prose, context.words
    verdict = gap_verdict(measured.estimate, case.typical(axis), negligible(measured.unit))
    amounts = words.amounts(measured.unit)
    axis_word = words.one_of(axis)
    sure, reason = confidence(_, measured.estimate, case)
    statement = {
        "higher": _(
            "The best and the worst treated {axis} are {value} apart",
            axis=axis_word,
            value=amounts.value(measured.estimate),
        ),
        "no difference found": _(
            "No difference was found between the best and the worst treated {axis}",
            axis=axis_word,
        ),
        "cannot tell": _(
            "The audit cannot tell how far the best and worst treated {axis} are apart",
            axis=axis_word,
        ),
    }[verdict]
    detail = _(
        "Under {where}: {interval}. {change}",
        where=words.where(case),
        interval=_interval(context, measured),
        change=_change(context, case, axis),
    )
    return Finding(
        id=f"gap/{case.task.decision}/{case.task.release}/{axis}",
        verdict=verdict,
        statement=statement,
        detail=detail.strip(),
        estimate=measured.estimate,
        unit=measured.unit,
        confidence=sure,
        reason=reason,
        evidence=evidence(case, f"alpha-fairness over {axis}"),
    )


def _interval(context: Context, measured: Measurement) -> str:
    amounts = context.words.amounts(measured.unit)
    return context.prose(
        "{value}, {interval}",
        value=amounts.value(measured.estimate),
        interval=amounts.interval(measured.estimate),
    )


def _change(context: Context, case: Case, axis: str) -> str:
    """Say how the gap changes along the sweep, if the two ends are dependably apart."""
    _ = context.prose
    sweep = [
        (x, m) for x, c in context.cases.sweep(case)
        if (m := c.find("alpha-fairness", over=axis)) is not None
    ]  # fmt: skip
    parameter = context.cases.swept(case)
    if parameter is None or len(sweep) < 2:  # noqa: PLR2004 - two ends
        return ""
    (x0, first), (x1, last) = sweep[0], sweep[-1]
    amounts = context.words.amounts(first.unit)
    apart = _apart(first.estimate, last.estimate)
    if not apart:
        return _(
            "Between {one} and {other} no change was found.",
            one=_.point(parameter, x0),
            other=_.point(parameter, x1),
        )
    values = {
        "a": amounts.value(first.estimate),
        "one": _.point(parameter, x0),
        "b": amounts.value(last.estimate),
        "other": _.point(parameter, x1),
    }
    if apart < 0:
        return _("It falls from {a} at {one} to {b} at {other}.", **values)
    return _("It grows from {a} at {one} to {b} at {other}.", **values)


def _apart(one: Estimate, other: Estimate) -> int:
    if float(other.high) < float(one.low):
        return -1
    return 1 if float(other.low) > float(one.high) else 0
