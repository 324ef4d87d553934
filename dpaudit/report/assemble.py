"""Puts a report together: the sections that the audit file picks, in its order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from dpaudit.data.geometry import Shapes, read_shapes
from dpaudit.data.locate import locate
from dpaudit.model.report import Report, Section
from dpaudit.model.results import Results
from dpaudit.registry import Registry
from dpaudit.report.appendix import glossary, limits, methods, provenance
from dpaudit.report.attacks import attack_sections
from dpaudit.report.catalogues import told_of
from dpaudit.report.equal_terms import equal_terms_sections
from dpaudit.report.findings import Found, answers, findings
from dpaudit.report.highlights import highlights, summary
from dpaudit.report.html import date_of
from dpaudit.report.learning import learning_report
from dpaudit.report.lines import drawn
from dpaudit.report.localised import localised
from dpaudit.report.mitigations import mitigation_sections
from dpaudit.report.prose import Prose
from dpaudit.report.public import banner
from dpaudit.report.sections import refuse_unknown
from dpaudit.report.told import finding_sections, slug, table_sections, tradeoff_sections
from dpaudit.report.wording import Context

SECTIONS: Mapping[str, Callable[[Context, Found], tuple[Section, ...]]] = {
    "highlights": highlights,
    "findings": finding_sections,
    "tables": table_sections,
    "tradeoff": tradeoff_sections,
    "options": mitigation_sections,
    "attacks": attack_sections,
    "equal-terms": equal_terms_sections,
    "limits": limits,
    "methods": methods,
    "glossary": glossary,
    "provenance": provenance,
}
_FOLLOW_FINDINGS = ("options", "equal-terms", "attacks", "tables", "tradeoff")
_APPENDIX = ("limits", "methods", "glossary", "provenance")


def build_report(results: Results, *, registry: Any = None) -> Report:
    """Return the report of an audit, from which HTML, PDF and JSON are written.

    Parameters
    ----------
    results
        The audit.
    registry
        Where the hooks for findings, recommendations and sections are called, if given.

    Returns
    -------
    Report
        Tables and the trade-off follow the findings unless the audit file places them.

    Raises
    ------
    SpecError
        If ``[report] sections`` names a section that neither dpaudit nor a plug-in has.
    """
    results = localised(results)
    extra = _extra(results, registry)
    found = findings(results, registry=registry)
    if results.learners:
        made = learning_report(results, found.foreign, extra)
        return attrs.evolve(
            made, sections=tuple(drawn(s, Prose(results.spec.report.language))
                                 for s in made.sections)
        )  # fmt: skip
    context = attrs.evolve(Context.of(results), shapes=_shapes(results, registry))
    _ = context.prose
    return Report(
        title=results.spec.title,
        summary=summary(context),
        organisation=results.spec.report.organisation,
        language=_.tag,
        date=date_of(results.spec.report.date),
        banner=banner(results, _),
        sections=_sections(context, found, extra),
        findings=found.every,
        confidential=results.data.status == "confidential",
        generator=f"dpaudit {results.provenance.versions.get('dpaudit', '')}".strip(),
    )


def _shapes(results: Results, registry: Any) -> Shapes | None:
    """Return the outlines that the audit file names for its map."""
    asked = results.spec.report.map
    if asked is None or asked.file is None:
        return None
    known = registry if isinstance(registry, Registry) else Registry.discover()
    path = locate(asked.file, results.spec.path.parent, known)
    return read_shapes(path, asked.file, key=asked.id)


def _sections(context: Context, found: Found, extra: Mapping[str, Section]) -> tuple[Section, ...]:
    wanted = list(context.results.spec.report.sections)
    at = next((wanted.index(name) for name in _APPENDIX if name in wanted), len(wanted))
    wanted[at:at] = [name for name in extra if name not in wanted]
    if "findings" in wanted:
        at = wanted.index("findings") + 1
        wanted[at:at] = [name for name in _FOLLOW_FINDINGS if name not in wanted]
    made: list[Section] = []
    for name in refuse_unknown(wanted, (*SECTIONS, *extra)):
        made += SECTIONS[name](context, found) if name in SECTIONS else (extra[name],)
    return tuple(drawn(section, context.prose) for section in made)


def _extra(results: Results, registry: Any) -> dict[str, Section]:
    """Return the sections of plug-ins by name: a ``Section``, or blocks under their name.

    What they say is in the language of the report where their catalogue has it.
    """
    said = told_of(results, Prose(results.spec.report.language))
    made: dict[str, Section] = {}
    for answer in answers(registry, "dpaudit_sections", results=results):
        for name, content in (answer or {}).items():
            section = content
            if not isinstance(content, Section):
                blocks = tuple(content) if isinstance(content, list | tuple) else (content,)
                section = Section(name=slug(name), title=name, blocks=blocks)
            made[name] = said.section(section)
    return made
