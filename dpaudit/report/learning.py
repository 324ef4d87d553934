"""The report of an audit of learners."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from dpaudit.model.finding import Finding
from dpaudit.model.guarantee import rounded_up
from dpaudit.model.report import (
    Block,
    Column,
    DefinitionList,
    Findings,
    Heading,
    List,
    Paragraph,
    Report,
    Section,
    Table,
)
from dpaudit.model.results import Results
from dpaudit.model.training import REFERENCES
from dpaudit.report import learning_tables as tables
from dpaudit.report.amounts import chances, percent
from dpaudit.report.appendix import plugged_in, provenance_section
from dpaudit.report.catalogues import sentence, told_of
from dpaudit.report.confidence import sureness
from dpaudit.report.guarantees import ceiling
from dpaudit.report.highlights import brief
from dpaudit.report.html import date_of
from dpaudit.report.learning_attack_findings import attack_advice, attack_findings_of_models
from dpaudit.report.learning_attack_terms import attack_formulas, attack_terms
from dpaudit.report.learning_attack_words import attacked
from dpaudit.report.learning_attacks import attacks_plot, model_attack_blocks
from dpaudit.report.learning_cases import Learning
from dpaudit.report.learning_findings import advice, learning_findings, learning_page_one
from dpaudit.report.learning_served import served_formulas
from dpaudit.report.learning_terms import formulas, terms
from dpaudit.report.learning_thresholds import learning_thresholds
from dpaudit.report.prose import quantity_name, words
from dpaudit.report.public import banner
from dpaudit.report.sections import refuse_unknown
from dpaudit.report.told import slug

_WIDTH = 440.0

Found = tuple[Finding, ...]


def learning_report(
    results: Results, foreign: Found = (), extra: Mapping[str, Section] | None = None
) -> Report:
    """Return the report of an audit of learners.

    Parameters
    ----------
    results
        The audit.
    foreign, extra
        Findings and sections of plug-ins.

    Raises
    ------
    SpecError
        If ``[report] sections`` names a section that such a report has not.
    """
    view = Learning.of(results)
    _ = view.prose
    broken = tuple(f for f in learning_thresholds(view) if f.verdict != "met")
    attacks = attack_findings_of_models(view)
    told = (*broken, *learning_findings(view), *attacks, *foreign)
    wanted = results.spec.report.sections
    makers: dict[str, Callable[[Learning, Found], tuple[Section, ...]]] = {
        "highlights": _highlights, "findings": _told, "limits": _limits, "methods": _methods,
        "glossary": _glossary, "provenance": _provenance,
    }  # fmt: skip
    others = extra or {}
    named = refuse_unknown(wanted, (*makers, *others))
    sections = [part for name in named if name in makers for part in makers[name](view, told)]
    return Report(
        title=results.spec.title,
        summary=_summary(view),
        organisation=results.spec.report.organisation,
        language=_.tag,
        date=date_of(results.spec.report.date),
        banner=banner(results, _),
        sections=_with_others(sections, tuple(others.values())),
        findings=(*learning_thresholds(view), *learning_findings(view), *attacks, *foreign),
        confidential=results.data.status == "confidential",
        generator=f"dpaudit {results.provenance.versions.get('dpaudit', '')}".strip(),
    )


def _with_others(own: list[Section], others: tuple[Section, ...]) -> tuple[Section, ...]:
    """Return the sections of plug-ins after what was found, before what holds for all of it."""
    last = ("limits", "methods", "glossary", "provenance")
    at = next((i for i, section in enumerate(own) if section.name in last), len(own))
    return (*own[:at], *others, *own[at:])


def _summary(view: Learning) -> str:
    _ = view.prose
    count = sum(view.results.data.counts)
    if view.attacks_alone:
        return _(
            "Whether it can be found out whom {learners} learnt from, among {people} people, and "
            "in which of {n} groups ({axis}).",
            n=_.whole(len(view.results.data.entities)),
            axis=words(view.every[0].grouping),
            people=_.whole(float(count)),
            learners=_.listing(view.audited),
        )
    if not any(one.is_private for one in view.every):
        return _(
            "How {n} groups ({axis}) among {people} records fare, with {learners}.",
            n=_.whole(len(view.results.data.entities)),
            axis=words(view.every[0].grouping),
            people=_.whole(float(count)),
            learners=_.listing(view.audited),
        )
    return _(
        "What privacy in training costs {n} groups ({axis}) of {people} people, with {learners}.",
        n=_.whole(len(view.results.data.entities)),
        axis=words(view.every[0].grouping),
        people=_.whole(float(count)),
        learners=_.listing(view.told),
    )


def _why(view: Learning) -> str:
    """Return why anybody should look into it."""
    _ = view.prose
    if view.attacks_alone:
        return _(
            "A model can give away whom it has learnt from: it is surer of the people whose "
            "data it has seen. Where that alone is a secret, the model is a disclosure."
        )
    if not any(one.is_private for one in view.every):
        return _("A change that leaves a model about as accurate for all can take much from some: "
                 "an average does not show whom.")  # fmt: skip
    return _("A model that is trained with differential privacy protects the people it learns "
             "from. Clipping and noise make it less accurate, and not for everybody "
             "alike.")  # fmt: skip


def _highlights(view: Learning, told: Found) -> tuple[Section, ...]:
    _ = view.prose
    chosen = learning_page_one(told)
    blocks: list[Block] = [
        Heading(text=_("What the audit found")),
        Findings(findings=tuple(attrs.evolve(f, detail=_first(f.detail)) for f in chosen)),
    ]
    first = view.operating(view.audited[0])
    chart = tables.epsilon_plot(view, width=_WIDTH) or tables.risk_plot(view, first, width=_WIDTH)
    attacked_first = attacked(view)[:1]
    if chart is None and attacked_first:
        chart = attacks_plot(view, attacked_first[0][1])
    blocks += [chart] if chart is not None else []
    todo = () if view.attacks_alone else advice(view, first)
    if attacked_first:
        todo = (*attack_advice(view), *todo)
    aside: list[Block] = [
        Heading(text=_("Why it was done")),
        Paragraph(text=_why(view)),
        Heading(text=_("What to do")),
        List(items=todo, ordered=True),
        Heading(text=_("How sure we are")),
        Paragraph(text=_("Every number has an interval or is exact. High confidence means an exact "
                         "integral over the noise; medium, independent runs; low, few runs or "
                         "an attack that shows nothing.")
                  if attacked_first
                  else _("Every number has an interval or is exact. High confidence means an exact "
                         "integral over the noise; medium, independent runs; low, few runs.")),
    ]  # fmt: skip
    return (
        Section(name="highlights", title=_("Highlights"), blocks=tuple(blocks), aside=tuple(aside)),
    )


def _first(detail: str) -> str:
    """Return the first sentence: page one has a chart below, and sections tell the rest."""
    first, dot, _rest = detail.partition(". ")
    return brief(first + ("." if dot else ""))


def _told(view: Learning, told: Found) -> tuple[Section, ...]:
    """Return one section for each kind of finding, each with its tables and charts."""
    _ = view.prose
    operating = [view.operating(name) for name in view.told]
    parts: dict[str, tuple[str, list[Block]]] = {
        "threshold": (_("Thresholds"), []),
        "risk": (_("Who is hurt"), []),
        "epsilon": (_("More and less privacy"), []),
        "mitigation": (_("What mitigations do"), []),
        "causes": (_("Why these groups"), []),
    }
    figure = tables.epsilon_plot(view)
    parts["epsilon"][1].extend([figure] if figure is not None else [])
    for one in operating:
        for maker, kind in ((tables.risk_plot, "risk"), (tables.risks, "risk"),
                            (tables.mitigations, "mitigation"), (tables.effects, "causes"),
                            (tables.correlations, "causes")):  # fmt: skip
            block = maker(view, one)
            parts[kind][1].extend([block] if block is not None else [])
        for strand in view.strands(one.name):
            table = tables.along_epsilon(view, strand)
            parts["epsilon"][1].extend([table] if table is not None else [])
        parts["causes"][1].extend(tables.others(view, one))
    made = []
    for kind, (title, blocks) in parts.items():
        own = [f for f in told if f.id.split("/")[0] == kind]
        said = [block for finding in own for block in _finding(view, finding)]
        if said or blocks:
            made.append(Section(name=kind, title=title, blocks=(*said, *blocks)))
    made += _attacks(view, told)
    rest = [f for f in told if f.id.split("/")[0] not in {*parts, "attack"}]
    made += [Section(name=slug(f.id), title=f.statement, blocks=_finding(view, f)) for f in rest]
    return tuple(made)


def _attacks(view: Learning, told: Found) -> tuple[Section, ...]:
    """Return the section on attacks: the strongest on each learner as findings, all in tables."""
    blocks = model_attack_blocks(view)
    if not blocks:
        return ()
    own = [f for f in told if f.id.split("/")[0] == "attack"][: len(attacked(view))]
    said = [block for finding in own for block in _finding(view, finding)]
    title = view.prose("Whom the models have learnt from: attacks")
    return (Section(name="attacks", title=title, blocks=(*said, *blocks)),)


def _finding(view: Learning, finding: Finding) -> tuple[Block, ...]:
    blocks: list[Block] = [
        Heading(text=finding.statement),
        Paragraph(text=finding.detail),
        Paragraph(text=sureness(view.prose, finding), kind="note"),
    ]
    if finding.recommendations:
        blocks.append(List(items=finding.recommendations))
    return tuple(blocks)


def _limits(view: Learning, _told: Found) -> tuple[Section, ...]:
    _ = view.prose
    items = [
        _("The numbers hold for these people and this model; other data can do better or worse."),
        *_of_risk(view),
        _("The audit itself reads the training data. Its numbers are not protected, unless they "
          "are marked as released with a budget of their own."),
        _("Attacks: models of half of the people stand for a model of all of them, which learns "
          "less from each. Whoever sees how a model was trained, or several models, can do more.")
        if view.results.attacks
        else _("Attacks: no attempt was made to find a person in a model."),
    ]  # fmt: skip
    told = told_of(view.results, _)
    notes = (note.message for note in view.results.notes)
    said = tuple(dict.fromkeys(sentence(told(s)) for s in (*view.results.data.assumptions, *notes)))
    blocks: list[Block] = [Heading(text=_("Limitations")), List(items=tuple(items))]
    if said:
        blocks += [Heading(text=_("What must be known beside the numbers")), List(items=said)]
    return (Section(name="limits", title=_("Strengths and limitations"), blocks=tuple(blocks)),)


def _of_risk(view: Learning) -> tuple[str, ...]:
    """Return the limits of what is measured of losses, where anything is."""
    _ = view.prose
    if view.attacks_alone:
        return ()
    return (
        _("Excess risk is measured against {reference}.", reference=_reference(view)),
        _("Loss is not harm: what a wrong prediction costs a person is not in these numbers."),
    )


def _reference(view: Learning) -> str:
    _, spec = view.prose, view.results.spec.training
    if spec is not None and spec.reference not in REFERENCES:
        return _("“{learner}”, trained on the same people", learner=spec.reference)
    if spec is not None and spec.reference == "sgd":
        return _("training on the same random numbers without clipping and noise")
    return _("the exact minimiser without privacy, so that training too short counts as a cost")


def _methods(view: Learning, _told: Found) -> tuple[Section, ...]:
    _, made = view.prose, view.results.provenance
    known = {**served_formulas(_), **formulas(_), **attack_formulas(_)}
    measured = dict.fromkeys(
        m.quantity.removeprefix(tables.HELD_OUT) for m in view.results.measurements
    )
    other = _("Measured by a plug-in: its documentation is below.")
    blocks: tuple[Block, ...] = (
        Heading(text=_("How the numbers were made")),
        Paragraph(
            text=_("Each learner was trained {runs} times from seed {seed}, each time on a random "
                   "half of the people; all learners share the halves and their random numbers. "
                   "Intervals have level {level} and hold for all groups at once.",
                   runs=_.whole(made.draws), seed=str(made.seed),
                   level=percent(_, made.confidence))
            if view.attacks_alone
            else _("Each learner was trained up to {runs} times from seed {seed}. Runs of one "
                   "number share their random numbers over learners, budgets and ways to train, "
                   "so differences are sharp. Where the mean over the noise is a one-dimensional "
                   "integral, no run was needed. Intervals have level {level} and hold for all "
                   "groups at once.", runs=_.whole(made.draws), seed=str(made.seed),
                   level=percent(_, made.confidence))
        ),
        Heading(text=_("What each quantity is")),
        DefinitionList(
            items=tuple((quantity_name(q), known.get(q, other)) for q in measured)
        ),
        Heading(text=_("What the models promise")),
        _promises(view),
        *_counted(view),
        Heading(text=_("What was plugged in")),
        *plugged_in(told_of(view.results, _), view.results.provenance.plugins),
    )  # fmt: skip
    return (Section(name="methods", title=_("Methods"), blocks=blocks),)


def _promises(view: Learning) -> Table:
    """Return what every learner promises, with its neighbours and the odds."""
    _ = view.prose
    neighbours = {"add-remove": _("one person more or less"), "replace": _("one person's data")}
    rows = []
    for one in view.every:
        promise, right = one.result.guarantee, ceiling(one.result.guarantee)
        budget = (
            [rounded_up(promise.epsilon), f"{promise.delta:g}", neighbours[promise.neighbours]]
            if promise.promises
            else [_("nothing is promised"), "", ""]
        )
        odds = _("not bounded") if right is None else chances(_, right)
        rows.append((one.task.id, *budget, odds))
    return Table(
        caption=_("Privacy in odds: at most so often right, where guessing is right 50 in 100"),
        columns=(
            Column(label=_("Learner")), Column(label="ε"), Column(label="δ"),
            Column(label=_("Neighbouring data differ by")),
            Column(label=_("Right of 100"), numeric=True),
        ),
        rows=tuple(rows),
        note=_("Budgets for neighbours that differ by one person more or less and by one person's "
               "data are not on one scale."),
    )  # fmt: skip


def _counted(view: Learning) -> tuple[Block, ...]:
    _ = view.prose
    items = tuple(f"{one.task.id}: {said}." for one in view.every for said in one.result.counted)
    if not items:
        return ()
    return (Heading(text=_("What was counted"), level=4), List(items=items))


def _glossary(view: Learning, _told: Found) -> tuple[Section, ...]:
    items = attack_terms(view.prose) if view.results.attacks else ()
    if not view.attacks_alone:
        items = (*terms(view.prose), *items)
    blocks = (DefinitionList(items=tuple(sorted(items))),)
    return (Section(name="glossary", title=view.prose("Glossary"), blocks=blocks),)


def _provenance(view: Learning, _told: Found) -> tuple[Section, ...]:
    return (provenance_section(view.prose, view.results),)
