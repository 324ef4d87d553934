"""Limits, methods, glossary and provenance: what the numbers rest on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dpaudit.model.report import (
    Block,
    Column,
    DefinitionList,
    Heading,
    List,
    Paragraph,
    Section,
    Table,
)
from dpaudit.model.results import PluginSource, Results
from dpaudit.report.amounts import percent
from dpaudit.report.catalogues import Told, first_paragraph, sentence
from dpaudit.report.findings import Found
from dpaudit.report.glossary import formula, terms
from dpaudit.report.guarantees import guarantees
from dpaudit.report.prose import Prose, quantity_name
from dpaudit.report.public import made_from
from dpaudit.report.wording import Context


def limits(context: Context, _found: Found) -> tuple[Section, ...]:
    """Return strengths, limitations, and what the audit did not look at."""
    _, results = context.prose, context.results
    public = made_from(context)
    blocks: list[Block] = [
        *((Heading(text=_("What the numbers are made of")), List(items=public)) if public else ()),
        Heading(text=_("Strengths")),
        List(items=_strengths(context)),
        Heading(text=_("Limitations")),
        List(items=_limitations(context)),
        Heading(text=_("What this audit did not look at")),
        List(items=_not_covered(context)),
    ]
    law = _law(context)
    if law:
        blocks += [Heading(text=_("Not legal advice")), Paragraph(text=law)]
    told = (n.message for n in results.notes if n.kind not in {"check", "bound"})
    said = tuple(
        dict.fromkeys(sentence(context.said(s)) for s in (*results.data.assumptions, *told))
    )
    if said:
        blocks += [Heading(text=_("What must be known beside the numbers")), List(items=said)]
    return (Section(name="limits", title=_("Strengths and limitations"), blocks=tuple(blocks)),)


_PLACE = r"\d[\d\w.]*(?:\(\w+\))*|\(\w+\)"
_LAW = re.compile(rf"\b\d+ (?:U\.S\.C\.|CFR)\s+(?:{_PLACE})(?:,? (?:to|and|or) (?:{_PLACE}))*")


def _law(context: Context) -> str:
    """Return whom to ask where a decision applies a statute, and nothing where none does."""
    _, sources = context.prose, context.results.provenance.plugins
    applied = (p for p in sources if p.kind == "decision")
    cited = dict.fromkeys(c.rstrip(".(") for p in applied for c in _LAW.findall(p.summary))
    if not cited:
        return ""
    return _(
        "This report applies a simplified reading of {law}. It is not legal advice. Ask counsel of "
        "the agency that administers the statute before you act on it, and that agency for the "
        "official figures.",
        law=_.listing(tuple(cited)),
    )


def methods(context: Context, _found: Found) -> tuple[Section, ...]:
    """Return how every quantity was measured and what the release promises."""
    _ = context.prose
    blocks: list[Block] = [
        Heading(text=_("How the numbers were made")),
        Paragraph(text=_procedure(context)),
        Heading(text=_("What each quantity is")),
        DefinitionList(items=_quantities(context)),
        _methods_table(context),
        Heading(text=_("What the release promises")),
        *guarantees(context),
        Heading(text=_("Words for confidence")),
        DefinitionList(
            items=(
                (_("High"), _("A formula and a simulation agree within the limit for chance.")),
                (_("Medium"), _("A formula alone, a simulation alone, or a stand-in quantity.")),
                (_("Low"), _("Few draws, an unchecked assumption, or formula and simulation "
                             "disagree.")),
            )
        ),
        Heading(text=_("What was plugged in")),
        *plugged_in(context.said, context.results.provenance.plugins),
    ]  # fmt: skip
    return (Section(name="methods", title=_("Methods"), blocks=tuple(blocks)),)


def glossary(context: Context, _found: Found) -> tuple[Section, ...]:
    """Return the terms of the report."""
    blocks = (DefinitionList(items=terms(context.prose)),)
    return (Section(name="glossary", title=context.prose("Glossary"), blocks=blocks),)


def provenance(context: Context, _found: Found) -> tuple[Section, ...]:
    """Return digests, versions and seed: what it takes to make the same report again."""
    return (provenance_section(context.prose, context.results),)


def provenance_section(_: Prose, results: Results) -> Section:
    """Return the provenance of an audit of decisions or of learners."""
    made = results.provenance
    items = (
        (_("Audit file"), _("SHA-256 {digest}", digest=made.audit_digest)),
        (_("Data"), _("{source}, SHA-256 {digest}", source=results.data.source,
                      digest=made.data_digest)),
        (_("Data status"), results.data.status),
        (_("Seed"), str(made.seed)),
        (_("Runs of a learner") if results.learners else _("Simulated releases"),
          _.whole(made.draws)),
        (_("Prepared by"), results.spec.report.organisation or ""),
        (_("Reviewed by"), ""),
    )  # fmt: skip
    shown = tuple((term, text or _("not stated")) for term, text in items)
    blocks: tuple[Block, ...] = (
        Paragraph(
            text=_("The same audit file, data, seed, draws and versions give the same report, byte "
                   "for byte. The audit file and all findings are attached to the PDF; the files "
                   "of all measurements stand beside it, and inside where they are small enough.")
        ),
        DefinitionList(items=shown),
        Table(
            caption=_("Bill of materials: what the numbers and this report were made with"),
            columns=(Column(label=_("Distribution")), Column(label=_("Version"))),
            rows=tuple(sorted(made.versions.items())),
        ),
    )  # fmt: skip
    return Section(name="provenance", title=_("Provenance"), blocks=blocks)


def _strengths(context: Context) -> tuple[str, ...]:
    _, results = context.prose, context.results
    checks = [dict(n.values) for n in results.notes if n.kind == "check"]
    agree = sum(c.get("max_z", 0.0) <= c.get("limit", float("inf")) for c in checks)
    made = [
        _("The intervals of one quantity hold for all {entities} at once, so naming the extremes "
          "is fair. Different quantities, groupings and releases have levels of their own.",
          entities=context.words.entities),
    ]  # fmt: skip
    if len({r.task.release for r in results.tasks if not r.is_given}) > 1 and _is_simulated(
        context
    ):
        made.append(
            _("All releases are compared under the same simulated noise, so differences are sharp.")
        )
    if checks:
        made.append(
            _(
                "{agree} of {n} comparisons of a formula with simulation agree.",
                agree=_.whole(agree),
                n=_.whole(len(checks)),
            )
        )
    return tuple(made)


def _limitations(context: Context) -> tuple[str, ...]:
    _, cases = context.prose, context.cases
    made = [
        _("The numbers hold for these true counts; other data can do better or worse."),
        _("Losses are measured against the decision as written in the audit file. Later "
          "corrections, appeals or other money are not in it."),
    ]  # fmt: skip
    leading = [cases.leading(d) for d in cases.decisions()]
    points = {context.words.point(case) for case in leading if cases.swept(case) is not None}
    if not points:
        return tuple(made)
    made.append(
        _("The findings are told at {points}, the middle of the values tried; the section on "
          "more or less privacy gives the others.", points=_.listing(tuple(sorted(points))))
    )  # fmt: skip
    return tuple(made)


def _not_covered(context: Context) -> tuple[str, ...]:
    _, results = context.prose, context.results
    made = [_("Earlier and other releases about the same people, which add to the privacy loss.")]
    if not results.spec.attacks:
        made.append(_("Attacks: no attempt was made to find a person in the release."))
    uncovered = dict.fromkeys(u for r in results.tasks for u in r.guarantee.uncovered)
    made += [_("Published exactly, outside the guarantee: {what}.", what=context.said(what))
             for what in uncovered]  # fmt: skip
    made.append(_("Errors in the true counts themselves, such as people who were not counted."))
    return tuple(made)


def _procedure(context: Context) -> str:
    _, made = context.prose, context.results.provenance
    said = [_("Each number compares what the noisy counts give with what the true counts give. "
              "Where a formula or an integral exists, it is used.")]  # fmt: skip
    if any(result.is_given for result in context.results.tasks):
        said.append(_("Releases that were made elsewhere are taken as they are."))
    if _is_simulated(context):
        said.append(_("Elsewhere up to {draws} releases were simulated from seed {seed}.",
                      draws=_.whole(made.draws), seed=str(made.seed)))  # fmt: skip
    if any(not m.estimate.is_deterministic for m in context.results.measurements):
        said.append(_("Intervals have level {level}.", level=percent(_, made.confidence)))
    return " ".join(said)


def _is_simulated(context: Context) -> bool:
    """Whether a number of a release that was not made elsewhere comes from simulation."""
    given = {result.task.id for result in context.results.tasks if result.is_given}
    return any(m.estimate.draws and m.task not in given for m in context.results.measurements)


def _quantities(context: Context) -> tuple[tuple[str, str], ...]:
    measured = dict.fromkeys(m.quantity for m in context.results.measurements)
    other = context.prose("Measured by a plug-in: its documentation is below.")
    return tuple(
        (context.said(quantity_name(q)), formula(context.prose, q) or other) for q in measured
    )


def _methods_table(context: Context) -> Table:
    _, results = context.prose, context.results
    names = {
        "exact": _("formula"), "quadrature": _("numerical integral"), "bound": _("bound"),
        "controlled": _("simulation with a control of known mean"),
        "simulated": _("simulation"), "asymptotic": _("approximation for small noise"),
    }  # fmt: skip
    rows = []
    for quantity in dict.fromkeys(m.quantity for m in results.measurements):
        own = [m for m in results.measurements if m.quantity == quantity]
        used = dict.fromkeys(names[m.estimate.method] for m in own)
        draws = max(m.estimate.draws for m in own)
        axes = dict.fromkeys(context.words.over(m.over) for m in own)
        rows.append((context.said(quantity_name(quantity)), ", ".join(used), ", ".join(axes),
                     _.whole(draws) if draws else _("none")))  # fmt: skip
    return Table(
        caption=_("Method used for each quantity"),
        columns=(
            Column(label=_("Quantity")),
            Column(label=_("Method")),
            Column(label=_("Measured over")),
            Column(label=_("Simulated releases"), numeric=True),
        ),
        rows=tuple(rows),
    )


def plugged_in(said: Told, plugins: Sequence[PluginSource]) -> tuple[Block, ...]:
    """Return every plug-in that took part, with what it is and where it came from."""
    _ = said.prose
    items = tuple(
        (
            f"{p.name} ({p.kind})",
            _(
                "{summary} From {module}, {distribution} {version}; SHA-256 {digest}.",
                summary=said(first_paragraph(p.summary)),
                module=p.module,
                distribution=p.distribution or _("a file beside the audit"),
                version=p.version,
                digest=p.digest,
            ),
        )
        for p in plugins
    )
    return (DefinitionList(items=items),) if items else (Paragraph(text=_("Nothing.")),)
