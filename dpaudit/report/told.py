"""One section for each finding, in the auditors' order, then tables and the trade-off."""

from __future__ import annotations

import hashlib
import re

from dpaudit.model.finding import Finding
from dpaudit.model.measurement import Measurement
from dpaudit.model.report import Block, Heading, List, Paragraph, Section
from dpaudit.report.cases import Case
from dpaudit.report.comparison import bounds, by_level, by_release, totals
from dpaudit.report.confidence import sureness
from dpaudit.report.costs import COST
from dpaudit.report.figures import bias_plot, tradeoffs
from dpaudit.report.findings import Found
from dpaudit.report.lookup import lookup
from dpaudit.report.place import place_map
from dpaudit.report.reach import inside
from dpaudit.report.recommend import doing_nothing
from dpaudit.report.representation import by_share
from dpaudit.report.sizes import by_size
from dpaudit.report.tables import along_sweep, by_group, every_release, extremes, spread
from dpaudit.report.wording import Context

_EACH, _FEW = 8, 12

_MOST_OF_IT = 0.8
"""Where this share of a number is left without the steps, they are not its cause."""

_NOTHING_DUE = frozenset({"probability", "entities"})
"""Units in which nothing is due to anybody, so that a change is no part of it."""

_PART = 1e-3
"""Less than this part of a change is no yardstick for it."""

_SMALLEST = 5e-6
"""A smaller relative change prints as 0.000%."""


def finding_sections(context: Context, found: Found) -> tuple[Section, ...]:
    """Return one section for each finding that is told, then what to do."""
    made = tuple(_section(context, finding) for finding in found.told)
    return (*made, *_to_do(context, found))


def table_sections(context: Context, _found: Found) -> tuple[Section, ...]:
    """Return who gains and who loses, group by group, at the operating point."""
    return tuple(
        _tables(context, context.cases.leading(decision)) for decision in context.cases.decisions()
    )


def tradeoff_sections(context: Context, _found: Found) -> tuple[Section, ...]:
    """Return what more and less privacy would do, and the other releases."""
    made = []
    for decision in context.cases.decisions():
        case = context.cases.leading(decision)
        blocks: list[Block] = [*tradeoffs(context, case)]
        blocks += [t for t in (along_sweep(context, case),) if t is not None]
        blocks += [t for t in (every_release(context, decision), totals(context, decision))
                   if t is not None]  # fmt: skip
        if blocks:
            title = context.prose("More or less privacy: {decision}",
                                  decision=context.words.decision(case))  # fmt: skip
            made.append(Section(name=f"tradeoff-{slug(decision)}", title=title,
                                blocks=tuple(blocks)))  # fmt: skip
    return tuple(made)


def slug(text: str) -> str:
    """Return an anchor made of letters, digits and hyphens, unique to ``text``."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if plain == text:
        return plain
    return f"{plain or 'x'}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _tables(context: Context, case: Case) -> Section:
    _ = context.prose
    blocks: list[Block] = [
        Paragraph(
            text=_(
                "Each number is the average, over the noise, of what the noisy counts give minus "
                "what the true counts would give. Rows are ordered from loss to gain. What is not "
                "printed is in measurements.csv, beside this report."
            )
        )
    ]
    for grouping in context.cases.groupings():
        few = len(set(context.results.data.groups[grouping])) <= _FEW
        for block in (
            bias_plot(context, case, grouping),
            by_group(context, case, grouping),
            by_share(context, case, grouping),
            *by_release(context, case.task.decision, grouping),
            spread(context, case, grouping) if few else None,
        ):
            blocks += [block] if block is not None else []
    level = by_level(context, case)
    blocks += [level] if level is not None else []
    for block in (
        place_map(context, case),
        by_size(context, case),
        bias_plot(context, case, "entity", most=2 * _EACH),
        extremes(context, case, _EACH),
    ):
        blocks += [block] if block is not None else []
    named = lookup(context, case)
    blocks += [named] if named is not None else []
    title = _("Who gains and who loses: {decision}", decision=context.words.decision(case))
    return Section(name=f"tables-{slug(case.task.decision)}", title=title, blocks=tuple(blocks))


def _section(context: Context, finding: Finding) -> Section:
    _ = context.prose
    kind, case = finding.id.split("/")[0], _case(context, finding)
    blocks: list[Block] = [
        Heading(text=_("Condition: what was found"), level=3),
        Paragraph(text=finding.detail),
        Paragraph(text=sureness(context.prose, finding), kind="note"),
        Heading(text=_("Criterion: what it was held against"), level=3),
        Paragraph(text=_criterion(context, kind)),
    ]
    if case is not None:
        cause = _cause(context, case, finding) if kind != "shortfalls" else ""
        effect = _effect(context, case, kind, finding)
        if cause:
            blocks += [Heading(text=_("Cause: why it happens")), Paragraph(text=cause)]
        if effect:
            blocks += [Heading(text=_("Effect: what it means")), Paragraph(text=effect)]
        over = finding.id.rsplit("/", 1)[-1]
        table = bounds(context, case, over) if kind == "gap" else None
        blocks += [table] if table is not None else []
    if finding.recommendations:
        blocks += [
            Heading(text=_("Recommendation: what to do")),
            Paragraph(text=finding.recommendations[0]),
        ]
    return Section(
        name=f"finding-{slug(finding.id)}", title=finding.statement, blocks=tuple(blocks)
    )


def _case(context: Context, finding: Finding) -> Case | None:
    """Return the case of the first task that a finding cites."""
    cited = finding.evidence[0] if finding.evidence else ""
    matching = [c for c in context.cases.cases if cited.startswith(f"{c.task.id}: ")]
    return max(matching, key=lambda c: len(c.task.id), default=None)


def _criterion(context: Context, kind: str) -> str:
    _ = context.prose
    return {
        "loss": _("Protection should leave everyone's average outcome as it is with the true "
                  "counts: the expected difference is zero."),
        "gap": _("A fair release treats everyone alike: the largest and the smallest average "
                 "difference are the same, so their gap (α) is zero."),
        "cost": _("Without privacy nobody falls short. Average losses measure what lasts; the "
                  "expected shortfall also counts the bad luck of a single release."),
        "releases": _("Post-processing should not cost more than leaving the noisy counts as "
                      "they are, at the same privacy."),
        "shortfalls": _("Without error nobody falls short. What a release takes is held against "
                        "what the others take, private or not."),
        "representation": _("Everyone's share of the release should be their share of the "
                            "people: the expected difference is zero."),
        "inflation": _("The counts of a release should add up to the people there are."),
        "vanished": _("A place or group with people should have people in the release, and one "
                      "without should have none."),
        "attack": _("A release that protects people leaves an attacker no better off than without "
                    "it; a guarantee says by how much better off at most."),
        "threshold": _("The audit file sets the threshold. It counts as broken only when even "
                       "the end of the interval that favours the release is over it."),
    }.get(kind, _("The plug-in that made this finding says what it was held against."))  # fmt: skip


def _cause(context: Context, case: Case, finding: Finding) -> str:
    """Separate noise from post-processing, and curvature from kinks, where both were measured."""
    said = (_origin(context, case, finding), _curved(context, case, finding))
    return " ".join(text for text in said if text)


def _origin(context: Context, case: Case, finding: Finding) -> str:
    """Compare with the same number of the unprocessed release."""
    _, words = context.prose, context.words
    if case.result.is_given:
        return _("The releases were made elsewhere: what caused this was not measured.")
    if not case.steps and not case.result.adds_noise:
        return _("The release is made by “{mechanism}”, which does not add noise of mean zero: it "
                 "moves counts on average by itself.", mechanism=case.result.mechanism)  # fmt: skip
    if not case.steps:
        return _("The release has no post-processing: what is found comes from noise that passes "
                 "through a decision rule that is not linear.")  # fmt: skip
    steps = _.listing(case.steps)
    baseline = context.cases.baseline(case)
    own, other = _same(case, finding), _same(baseline, finding)
    if own is None or other is None or baseline is None:
        return _("The release is post-processed ({steps}). No release without post-processing "
                 "was measured, so the audit cannot say how much of it that explains.",
                 steps=steps)  # fmt: skip
    amounts = words.amounts(own.unit)
    index = _named(own, finding)
    before = own.estimate if index is None else own.estimate[index]
    after = other.estimate if index is None else other.estimate[index]
    if amounts.value(after) == amounts.value(before):
        return _("The release is post-processed ({steps}). With the unprocessed counts the number "
                 "is the same, {before}.", steps=steps, before=amounts.value(before))  # fmt: skip
    text = _(
        "The release is post-processed ({steps}). With the unprocessed counts the same number is "
        "{after} ({interval}) instead of {before}.",
        steps=steps,
        after=amounts.value(after),
        interval=amounts.interval(after),
        before=amounts.value(before),
    )
    if float(after.value * before.value) > _MOST_OF_IT * float(before.value) ** 2:
        text += " " + _("So it comes from the rule, which is not linear, more than from the steps.")
    return text


def _curved(context: Context, case: Case, finding: Finding) -> str:
    """Say how much of a bias the curvature of the rule explains, where that was asked for."""
    own = _same(case, finding)
    if own is None or own.quantity != "bias":
        return ""
    second = case.find("curvature", over=own.over)
    index = _named(own, finding)
    if second is None or index is None or own.labels[index] not in second.labels:
        return ""
    amounts = context.words.amounts(own.unit)
    curved = second.estimate[second.labels.index(own.labels[index])]
    return context.prose(
        "The curvature of the rule alone would make it {curved}. The rest comes from counts cut "
        "off at zero, from thresholds and other kinks, and from higher orders.",
        curved=amounts.value(curved, signed=True),
    )


def _same(case: Case | None, finding: Finding) -> Measurement | None:
    """Return the measurement of a case that has the finding's quantity and axis."""
    if case is None or not finding.evidence:
        return None
    quantity, _sep, over = finding.evidence[0].rsplit(": ", 1)[-1].partition(" over ")
    return case.find(quantity, over=over or "total")


def _named(measured: Measurement, finding: Finding) -> int | None:
    """Return where the first entity that a finding names stands in a measurement."""
    if not measured.labels or not finding.entities:
        return 0 if measured.labels else None
    name = finding.entities[0]
    return measured.labels.index(name) if name in measured.labels else 0


def _effect(context: Context, case: Case, kind: str, finding: Finding) -> str:
    _, words = context.prose, context.words
    amounts = words.amounts(case.unit)
    if kind == "loss" and finding.entities:
        return " ".join(_what_is_due(context, case, finding, name) for name in finding.entities)
    cost = case.find(COST)
    if kind == "shortfalls":
        return _("Shortfalls are the bad luck of a single release and what lasts, together: an "
                 "unbiased release has them too.")  # fmt: skip
    if kind == "gap" and cost is not None:
        return _("The average losses behind the gap add up to {cost} ({interval}).",
                 cost=amounts.value(cost.estimate),
                 interval=amounts.interval(cost.estimate))  # fmt: skip
    if kind in {"cost", "releases"}:
        return _("Average losses recur with every release and do not even out over the years; "
                 "the bad luck of one release does.")  # fmt: skip
    return ""


def _what_is_due(context: Context, case: Case, finding: Finding, name: str) -> str:
    """Say what one name is due, which part of it the change is, and how many people it is about."""
    _, words = context.prose, context.words
    axis = finding.id.rsplit("/", 1)[-1]
    due, change = _due(context, case, finding, name)
    values = {
        "name": words.label(name),
        "due": words.amounts(case.unit).size(due),
        "inside": inside(context, axis, name),
    }
    if case.unit in _NOTHING_DUE or due <= _PART * abs(change):
        return _("{name} has {inside}.", **values)
    values["share"] = relative(context, change / due)
    if case.unit == "persons":
        return _("{name} has {inside} by the true counts: the change is {share} of that.", **values)
    return _(
        "{name} is due {due} by the true counts: the change is {share} of that. It has {inside}.",
        **values,
    )


def relative(context: Context, share: float) -> str:
    """Return a relative change in percent, two figures, with its sign."""
    size = abs(share)
    sign = "+" if share > 0 else "\u2212" if share < 0 else ""
    places = 0 if size >= 0.1 else 1 if size >= 0.01 else 2 if size >= 0.001 else 3  # noqa: PLR2004
    if 0 < size < _SMALLEST:
        return context.prose("less than 0.001%")
    return sign + context.prose(
        "{number}%", number=context.prose.decimal(100 * size, places=places)
    )


def _due(context: Context, case: Case, finding: Finding, name: str) -> tuple[float, float]:
    """Return what an entity or group is due by the true counts, and its average change."""
    measured = _same(case, finding)
    if measured is None or name not in measured.labels:
        return 0.0, 0.0
    index = measured.labels.index(name)
    change = float(measured.estimate.value[index])
    if measured.over == "entity":
        return float(case.result.truth[index]), change
    members = context.results.data.groups.get(measured.over, ())
    inside = [i for i, group in enumerate(members) if group == name]
    return float(case.result.truth[inside].sum()), change


def _to_do(context: Context, found: Found) -> tuple[Section, ...]:
    advice = tuple(dict.fromkeys(text for f in found.leading for text in f.recommendations))
    if not advice:
        return ()
    _ = context.prose
    nothing = any(doing_nothing(context, context.cases.leading(decision))
                  for decision in context.cases.decisions())  # fmt: skip
    order = _("Most effective first; the last line says what doing nothing keeps.")
    blocks: tuple[Block, ...] = (
        Paragraph(text=order if nothing else _("Most effective first.")),
        List(items=advice, ordered=True),
    )
    return (Section(name="recommendations", title=_("What to do"), blocks=blocks),)
