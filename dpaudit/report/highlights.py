"""Page one: at most three findings, one chart, what to do, how sure. It stands alone."""

from __future__ import annotations

import re

import attrs

from dpaudit.model.finding import Finding
from dpaudit.model.report import Block, Figure, Findings, Heading, List, Paragraph, Section
from dpaudit.report.cases import Case
from dpaudit.report.figures import bias_plot
from dpaudit.report.findings import Found, page_one
from dpaudit.report.guarantees import ceiling
from dpaudit.report.public import aside as public_aside
from dpaudit.report.wording import Context

_WIDTH, _DOTS, _ACTIONS = 440.0, 8, 3
_DETAIL = 380
"""Characters of a finding's detail on page one: its own section tells the rest."""

_SENTENCE = re.compile(r".+?[.](?=\s+[^a-z\s]|\s*$)\s*", re.DOTALL)


def highlights(context: Context, found: Found) -> tuple[Section, ...]:
    """Return page one."""
    _ = context.prose
    case = context.cases.leading(context.cases.decisions()[0])
    chosen = page_one(found.told)
    blocks: list[Block] = [
        Heading(text=_("What the audit found")),
        Findings(findings=tuple(attrs.evolve(f, detail=brief(f.detail)) for f in chosen)),
    ]
    chart = _chart(context, case)
    if chart is not None:
        blocks.append(chart)
    aside: list[Block] = [
        Heading(text=_("Why it was done")),
        Paragraph(text=why(context, case)),
        *public_aside(context),
        *_actions(context, chosen),
        Heading(text=_("How sure we are")),
        Paragraph(text=_sure(context)),
    ]
    section = Section(
        name="highlights",
        title=_("Highlights"),
        blocks=tuple(blocks),
        aside=tuple(aside),
    )
    return (section,)


def brief(text: str) -> str:
    """Return the first sentences of a text, as many as page one has room for."""
    kept = ""
    for sentence in _SENTENCE.findall(text):
        if kept and len(kept) + len(sentence) > _DETAIL:
            break
        kept += sentence
    return kept.strip() or text


def summary(context: Context) -> str:
    """Return the sentence below the title: what was audited."""
    _, results = context.prose, context.results
    decisions = tuple(decision.name for decision in results.spec.decisions)
    return _(
        "What noisy counts of {people} do to {decisions} across {n} {entities}.",
        people=context.words.people,
        decisions=_.listing(decisions),
        n=_.whole(len(results.data)),
        entities=context.words.entities,
    )


def why(context: Context, case: Case) -> str:
    """Return why there is an audit, with the guarantee in odds."""
    _, words = context.prose, context.words
    promise = case.result.guarantee
    right = ceiling(promise)
    said = (
        _(
            "The counts of {people} are released with noise that protects {unit}. Decisions are "
            "made from the noisy counts, so noise and post-processing can shift who gets what.",
            people=words.people,
            unit=context.said(promise.unit),
        )
        if case.is_private and not promise.every_epsilon
        else _(
            "The counts of {people} are changed before they are released ({mechanism}), without "
            "a bound on what the release tells about anyone. Decisions are made from what is "
            "released, so the changes can shift who gets what.",
            people=words.people,
            mechanism=case.result.mechanism,
        )
    )
    if right is None:
        return said
    return " ".join(
        (
            said,
            _(
                "At {point}, anyone guessing whether a person was counted is right at most "
                "{right} times in 100, where guessing is right 50.",
                point=words.point(case),
                right=_.decimal(right, places=1),
            )
            if promise.neighbours == "add-remove"
            else _(
                "At {point}, anyone guessing which of two records a person has is right at most "
                "{right} times in 100, where guessing is right 50.",
                point=words.point(case),
                right=_.decimal(right, places=1),
            ),
        )
    )


def _actions(context: Context, chosen: tuple[Finding, ...]) -> tuple[Block, ...]:
    every = dict.fromkeys(text for finding in chosen for text in finding.recommendations)
    advice = list(every)
    nothing = advice[-1:] if len(advice) > _ACTIONS else []
    items = tuple(advice[: _ACTIONS if not nothing else _ACTIONS - 1] + nothing)
    if not items:
        return ()
    return (Heading(text=context.prose("What to do")), List(items=items, ordered=True))


def _chart(context: Context, case: Case) -> Figure | None:
    """Return the chart of the coarsest grouping with at least three groups, else of entities."""
    for grouping in context.cases.groupings():
        measured = case.find("bias", over=grouping)
        if measured is not None and len(measured.labels) > 2:  # noqa: PLR2004 - two need no chart
            return bias_plot(context, case, grouping, most=_DOTS, width=_WIDTH)
    return bias_plot(context, case, "entity", most=_DOTS, width=_WIDTH)


def _sure(context: Context) -> str:
    _ = context.prose
    return _(
        "Every number has an interval or is exact. High confidence means that a formula and a "
        "simulation agree; medium, one of them alone; low, few draws or an unchecked assumption."
    )
