"""The report on results of papers: families, verdicts, figures, and what is left out."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import attrs

import dpaudit
from dpaudit.blocks import (
    Block,
    Column,
    DefinitionList,
    Heading,
    List,
    Paragraph,
    Report,
    Section,
    Table,
)
from dpaudit_plugins.commands._claims import Family, Ledger
from dpaudit_plugins.commands._figures import chart_of
from dpaudit_plugins.commands._numbers import Number
from dpaudit_plugins.commands._verdicts import Judged, Verdict
from dpaudit_plugins.commands._words import (
    FAST,
    HOW_TO_READ,
    METHODS,
    NOT,
    PATTERN,
    WHY,
    paragraphs,
    sentence,
)

_METHODS = {
    "exact": "exact",
    "quadrature": "by integral",
    "controlled": "simulated",
    "simulated": "simulated",
    "asymptotic": "by formula",
    "bound": "proved bound",
}
_SMALL, _MOST = 1e-3, 5
_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@attrs.frozen(kw_only=True, eq=False)
class Answered:
    """A family with what was measured of it."""

    family: Family
    results: Mapping[str, Any]
    numbers: Mapping[str, Number]
    verdicts: tuple[Judged, ...]

    @property
    def counted(self) -> Counter[str]:
        """How often each verdict was given."""
        return Counter(each.verdict for each in self.verdicts)


def report_of(answered: Sequence[Answered], ledger: Ledger, *, fast: bool) -> Report:
    """Return the report on families that were measured."""
    sections = [_highlights(answered, fast=fast)]
    sections += [_family(one) for one in answered]
    sections += [_left_out(ledger), _methods(), _audits(answered), _sources(answered, ledger)]
    return Report(
        title=ledger.title,
        summary=ledger.summary,
        organisation=None,
        language="en",
        date=ledger.date,
        banner="",
        sections=tuple(sections),
        findings=(),
        generator=f"dpaudit {dpaudit.__version__}",
    )


def _highlights(answered: Sequence[Answered], *, fast: bool) -> Section:
    total: Counter[str] = Counter(v.verdict for one in answered for v in one.verdicts)
    same = f"{total['reproduced']} of {sum(total.values())} results are reproduced as printed."
    found = [same]
    for verdict, text in (("pattern reproduced", PATTERN), ("not reproduced", NOT)):
        if total[verdict]:
            found.append(sentence(text, count=total[verdict]))
    blocks: list[Block] = [
        Heading(text="Why this was done"),
        Paragraph(text=sentence(WHY)),
        Heading(text="What was found"),
        List(items=tuple(found)),
        Heading(text="How to read it"),
        Paragraph(text=sentence(HOW_TO_READ)),
    ]
    if fast:
        blocks.append(Paragraph(kind="note", text=sentence(FAST)))
    aside: list[Block] = [Heading(text="Verdicts")]
    aside += [
        Paragraph(text=f"{one.family.number}. {_short(one.family.title)}: {_tally(one.counted)}")
        for one in answered
    ]
    return Section(name="highlights", title="Highlights", blocks=tuple(blocks), aside=tuple(aside))


def _short(title: str) -> str:
    return title.split(":", maxsplit=1)[0]


def _tally(counted: Counter[str]) -> str:
    return ", ".join(
        f"{counted[name]} {'pattern' if name == 'pattern reproduced' else name}"
        for name in _VERDICTS
        if counted[name]
    )


def _family(one: Answered) -> Section:
    family = one.family
    blocks: list[Block] = [Paragraph(text=text) for text in family.about]
    blocks.append(
        Table(
            caption="What is stated, and what was found",
            columns=(
                Column(label="Result"),
                Column(label="Paper"),
                Column(label="Here"),
                Column(label="Verdict"),
            ),
            rows=tuple(_row(each, one.numbers) for each in one.verdicts),
        )
    )
    blocks += _explained(one.verdicts)
    blocks += [chart_of(figure, one.results) for figure in family.figures]  # type: ignore[misc]
    if family.notes:
        blocks += [Heading(text="To keep in mind"), List(items=family.notes)]
    title = f"{family.number}. {family.title}"
    return Section(name=f"family-{family.number}", title=title, blocks=tuple(blocks))


def _row(each: Judged, numbers: Mapping[str, Number]) -> tuple[str, str, str, str]:
    claim = each.claim
    here = "; ".join(shown(numbers[name]) for name in claim.ours)
    return f"{claim.what} ({claim.source})", claim.paper, here or claim.found, each.verdict


def _explained(verdicts: Sequence[Judged]) -> Iterator[Block]:
    """Yield what was found and why something is not as printed, claim by claim."""
    items = []
    for each in verdicts:
        claim = each.claim
        told = [claim.found] if claim.found else []
        if each.verdict == "not reproduced":
            told.append(f"Not reproduced, because {claim.because or '; '.join(each.failed)}.")
        elif claim.because:
            told.append(f"{claim.because[0].upper()}{claim.because[1:]}.")
        if told:
            items.append(f"{claim.what}: {' '.join(told)}")
    if items:
        yield Heading(text="What stands behind the verdicts")
        yield List(items=tuple(items))


def _left_out(ledger: Ledger) -> Section:
    blocks: list[Block] = []
    for caption, what, rows in (
        ("What is not reproduced, and why", "What", ledger.left_out),
        ("What stands in for data that cannot be had", "Stand-in", ledger.stand_ins),
    ):
        if rows:
            blocks.append(Table(caption=caption, rows=rows,
                                columns=(Column(label=what), Column(label="Why"))))  # fmt: skip
    return Section(
        name="limits", title="What is left out, and what stands in", blocks=tuple(blocks)
    )


def _methods() -> Section:
    blocks = tuple(Paragraph(text=text) for text in paragraphs(METHODS))
    return Section(name="methods", title="How verdicts come about", blocks=blocks)


def _audits(answered: Sequence[Answered]) -> Section:
    rows = []
    for one in answered:
        for name, results in one.results.items():
            made = results.provenance
            file = _file(one.family, name)
            draws = "none" if not made.draws else f"{made.draws:,}"
            rows.append((file, results.data.source, draws, str(made.seed), made.audit_digest[:12]))
    table = Table(
        caption="The audits behind the figures",
        columns=(
            Column(label="Audit file"),
            Column(label="Data"),
            Column(label="Draws", numeric=True),
            Column(label="Seed", numeric=True),
            Column(label="SHA-256 begins with"),
        ),
        rows=tuple(rows),
        note="Draws are the most of any number; those by formula or integral need none.",
    )
    return Section(name="audits", title="Audits", blocks=(table,))


def _file(family: Family, name: str) -> str:
    """Return the audit file of a result, from the folder of all results."""
    use = family.audits.get(name) or family.audits[name.rpartition(" ")[0]]
    path = os.path.normpath(f"{family.name}/{use.file}")
    return path.replace("../", "examples/") if path.startswith("../") else path


def _sources(answered: Sequence[Answered], ledger: Ledger) -> Section:
    used = {
        key
        for one in answered
        for each in one.verdicts
        for key in ledger.sources
        if each.claim.source.startswith(key)
    }
    items = tuple((key, text) for key, text in ledger.sources.items() if key in used)
    return Section(name="sources", title="Sources", blocks=(DefinitionList(items=items),))


def shown(number: Number) -> str:
    """Return a number with its interval and how it was made, as a cell of a table."""
    e, how = number.estimate, _METHODS[number.estimate.method]
    value, low, high = (float(x) for x in (e.value, e.low, e.high))
    digits = _MOST if e.is_deterministic else _digits(value, high - low)
    said, *ends = (figure(end, number.unit, digits) for end in (value, low, high))
    if e.is_deterministic or len({said, *ends}) == 1:
        return f"{said} ({how})"
    return f"{said} ({ends[0]} to {ends[1]}, {how})"


def _digits(value: float, width: float) -> int:
    """Return how many significant figures of a value its interval leaves, four at most."""
    if not (math.isfinite(width) and width > 0 and value):
        return 4
    return max(1, min(4, math.floor(math.log10(abs(value))) - math.floor(math.log10(width)) + 2))


def figure(value: float, unit: str = "", digits: int = 4) -> str:
    """Return a value with so many significant figures, as papers print them: ``3.0e-7``."""
    sign, size = "\u2212" if value < 0 else "", abs(value)
    if not math.isfinite(size):
        return sign + "no limit"
    if 0 < size < _SMALL:
        mantissa, _, power = f"{size:.{digits - 1}e}".partition("e")
        text = f"{mantissa}e\u2212{abs(int(power))}"
    else:
        text = f"{float(f'{size:.{digits}g}'):,.15g}"
    return f"{sign}${text}" if unit == "dollars" else sign + text
