"""The report of confidential counts through noise: few numbers, and what they cost."""

from __future__ import annotations

import hashlib
import math

from dpaudit.engine.disclosure import GRID, Disclosed
from dpaudit.model.finding import Finding
from dpaudit.model.measurement import Measurement
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
from dpaudit.model.spec import Spec
from dpaudit.report.amounts import Amounts, percent
from dpaudit.report.html import date_of
from dpaudit.report.prose import Prose, words


def noisy_report(spec: Spec, disclosed: Disclosed, *, version: str) -> Report:
    """Return the report of what :func:`dpaudit.engine.disclosure.disclose` released.

    It is made of nothing else: neither the data nor anything measured of them is at hand here.
    """
    _ = Prose(spec.report.language)
    found = tuple(_finding(_, spec, m) for m in disclosed.measurements if not m.labels)
    return Report(
        title=spec.title,
        summary=_(
            "What noisy counts of {people} do across {n} places, told through noise of its own.",
            people=spec.data.counted or words(spec.data.count),
            n=_.whole(disclosed.entities),
        ),
        organisation=spec.report.organisation,
        language=_.tag,
        date=date_of(spec.report.date),
        banner=_("Told through noise: spends a privacy-loss budget of its own"),
        sections=(
            _page_one(_, spec, disclosed, found),
            _tables(_, disclosed),
            _account(_, disclosed),
            _method(_, disclosed),
            _origin(_, spec, version),
        ),
        findings=found,
        generator=f"dpaudit {version}".strip(),
    )


def _finding(_: Prose, spec: Spec, m: Measurement) -> Finding:
    amounts, estimate = Amounts(_, "persons", spec.data.counted), m.estimate
    certain = float(estimate.low) > 0
    statement = (
        _("Places are treated unequally: average over- and undercounts differ by about {gap}",
          gap=amounts.value(estimate))
        if certain
        else _("Whether places are treated unequally cannot be told through this noise")
    )  # fmt: skip
    return Finding(
        id=f"gap/{m.task}",
        verdict="higher" if certain else "cannot tell",
        statement=statement,
        detail=_(
            "Under {task}, the gap between the place that is overcounted most on average and the "
            "one that is overcounted least is {gap} ({interval}).",
            task=_("“{name}”", name=m.task),
            gap=amounts.value(estimate),
            interval=amounts.interval(estimate),
        ),
        estimate=estimate,
        unit=m.unit,
        confidence="high",
        reason=_("the interval is that of noise whose distribution is known"),
        evidence=(f"{m.task}: {m.quantity}",),
    )


def _page_one(_: Prose, spec: Spec, d: Disclosed, found: tuple[Finding, ...]) -> Section:
    blocks: tuple[Block, ...] = (
        Heading(text=_("What the audit found")),
        Findings(findings=found[:3]),
    )
    aside: tuple[Block, ...] = (
        Heading(text=_("Why it was done")),
        Paragraph(text=_("Counts are published with noise, and negative ones are set to zero. That "
                         "raises small counts on average: this report says by how much, without "
                         "telling the counts.")),
        Heading(text=_("What it costs")),
        Paragraph(text=_spent(_, d)),
        Heading(text=_("How sure we are")),
        Paragraph(text=_("Each interval holds the true number with confidence {level}, whatever "
                         "the counts are.", level=percent(_, spec.run.confidence))),
    )  # fmt: skip
    return Section(name="highlights", title=_("Highlights"), blocks=blocks, aside=aside)


def _spent(_: Prose, d: Disclosed) -> str:
    return _(
        "All numbers of this report together spend {budget} for {neighbours}. Each time the "
        "report is made anew, it spends as much again.",
        budget=_.point("epsilon", d.budget),
        neighbours=_("one person more or less")
        if d.neighbours == "add-remove"
        else _("one person changed"),
    )


def _tables(_: Prose, d: Disclosed) -> Section:
    amounts = Amounts(_, "persons", bare=True)
    grouped = [m for m in d.measurements if m.labels]
    tables = tuple(
        Table(
            caption=_("Average overcount by {grouping}, “{task}”, in people",
                      grouping=words(m.over), task=m.task),
            columns=(
                Column(label=words(m.over).capitalize()),
                Column(label=_("In all"), numeric=True),
                Column(label=_("{level} interval", level=percent(_, m.estimate.level)),
                       numeric=True),
            ),
            rows=tuple(
                (label, amounts.value(m.estimate[i]), amounts.ends(m.estimate[i]))
                for i, label in enumerate(m.labels[:200])
            ),
        )
        for m in grouped
    )  # fmt: skip
    said = _("No grouping is told.")
    if tables:
        said = _("Each number carries noise. Groups are in the order of the audit's lists, not of "
                 "their numbers.")  # fmt: skip
    blocks: tuple[Block, ...] = (Paragraph(text=said), *tables)
    return Section(name="tables", title=_("Who is overcounted on average"), blocks=blocks)


def _account(_: Prose, d: Disclosed) -> Section:
    rows = tuple(
        (
            task,
            _.plain(spent) if math.isfinite(spent) else _("no limit"),
            _.plain(d.budget),
            _.plain(float(f"{spent + d.budget:.12g}")) if math.isfinite(spent) else _("no limit"),
        )
        for task, spent in d.releases.items()
    )
    table = Table(
        caption=_("Privacy-loss budget ε of a release and of this report"),
        columns=(
            Column(label=_("Release")),
            Column(label=_("The release"), numeric=True),
            Column(label=_("This report"), numeric=True),
            Column(label=_("Together"), numeric=True),
        ),
        rows=rows,
    )
    blocks: tuple[Block, ...] = (
        Paragraph(text=_spent(_, d)),
        table,
        Paragraph(text=_("The budget is shared evenly by {n} numbers and lists. What was released "
                         "about the same people before adds to it.",
                         n=_.whole(len(d.measurements)))),
    )  # fmt: skip
    return Section(name="account", title=_("What this report spends"), blocks=blocks)


def _method(_: Prose, d: Disclosed) -> Section:
    sensitivities = sorted(set(d.sensitivity.values()))
    said = [
        _("One person moves the average overcount of one place by at most {most} people: the "
          "overcount falls with the count, and ever less.",
          most=_.decimal(max(sensitivities), places=4)),
        _("Whole-number Laplace noise from the operating system is added on a grid of one "
          "{steps}th of that. The seed of the audit has no part in it.", steps=str(GRID)),
        _("The names of places and groups are taken to be public."),
    ]  # fmt: skip
    if d.left_out:
        said.append(
            _(
                "Left out, because no bound on what one person changes is known, or because the "
                "groups are made of the counts: {names}.",
                names=_.listing(d.left_out),
            )
        )
    blocks: tuple[Block, ...] = (List(items=tuple(said)),)
    return Section(name="methods", title=_("Methods"), blocks=blocks)


def _origin(_: Prose, spec: Spec, version: str) -> Section:
    digest = hashlib.sha256(spec.text.encode()).hexdigest()
    items = (
        (_("Audit file"), _("SHA-256 {digest}", digest=digest)),
        (_("Data status"), _("confidential: no digest of the data is told")),
        (_("Versions"), f"dpaudit {version}"),
        (_("Prepared by"), spec.report.organisation or _("not stated")),
        (_("Reviewed by"), _("not stated")),
    )
    return Section(name="provenance", title=_("Provenance"), blocks=(DefinitionList(items=items),))
