"""All findings of an audit, computed from its measurements, in the order of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from dpaudit.model.finding import Finding
from dpaudit.model.results import Results
from dpaudit.report.cases import Case
from dpaudit.report.costs import cost, releases
from dpaudit.report.differences import gaps, losses
from dpaudit.report.recommend import recommendations
from dpaudit.report.thresholds import thresholds
from dpaudit.report.wording import Context

PAGE_ONE = 3


def findings(results: Results, *, registry: Any = None) -> tuple[Finding, ...]:
    """Return every finding: thresholds, then per decision the leading release, then the rest.

    Parameters
    ----------
    results
        The audit.
    registry
        Where the hooks ``dpaudit_findings`` and ``dpaudit_recommendations`` are called, if
        given (an object with a pluggy ``hook`` or ``manager.hook``).

    Returns
    -------
    tuple of Finding
        Identifiers are unique.
    """
    context = Context.of(results)
    made: list[Finding] = list(thresholds(results))
    for decision in context.cases.decisions():
        leading = context.cases.leading(decision)
        made += _of_case(context, leading, compared=True)
        for release in context.cases.releases(decision)[1:]:
            made += _of_case(context, context.cases.operating(decision, release), compared=False)
    made += _hooked(registry, "dpaudit_findings", results=results)
    return tuple(_extended(registry, results, finding) for finding in _unique(made))


def leading_findings(context: Context, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings that have a section: those of each decision's leading release."""
    wanted = {
        (decision, context.cases.leading(decision).task.release)
        for decision in context.cases.decisions()
    }
    own = [f for f in found if tuple(f.id.split("/")[1:3]) in wanted]
    foreign = [f for f in found if f.id.split("/")[0] not in {"loss", "gap", "cost", "releases",
                                                              "threshold"}]  # fmt: skip
    broken = [f for f in found if f.id.startswith("threshold/") and f.verdict != "met"]
    return tuple([*broken[:PAGE_ONE], *own, *foreign])


def page_one(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the three findings of page one.

    A broken threshold comes first, then who loses (the coarsest grouping with a dependable
    loss), the cost, and which release costs most; what is not dependable comes last.
    """
    kinds = ("threshold", "loss", "cost", "releases", "gap")
    chosen: list[Finding] = []
    for kind in kinds:
        of_kind = [f for f in found if f.id.split("/")[0] == kind]
        if kind == "threshold":
            of_kind = [f for f in of_kind if f.verdict == "not met"]
        chosen += sorted(of_kind, key=lambda f: f.verdict in {"no difference found", "cannot tell"})[:1]
    chosen += [f for f in found if f.id.split("/")[0] not in kinds]
    return tuple(chosen[:PAGE_ONE])


def _of_case(context: Context, case: Case, *, compared: bool) -> list[Finding]:
    advice = recommendations(context, case)
    made = [*losses(context, case)]
    made += [f for f in (cost(context, case),) if f is not None]
    if compared:
        made += [f for f in (releases(context, case),) if f is not None]
    made += gaps(context, case)
    return [
        attrs.evolve(f, recommendations=advice)
        if f.verdict not in {"no difference found", "cannot tell"} or f.id.startswith("cost/")
        else f
        for f in made
    ]


def _unique(found: Sequence[Finding]) -> list[Finding]:
    return list({finding.id: finding for finding in found}.values())


def _extended(registry: Any, results: Results, finding: Finding) -> Finding:
    more = _hooked(registry, "dpaudit_recommendations", results=results, finding=finding)
    if not more:
        return finding
    return attrs.evolve(finding, recommendations=(*more, *finding.recommendations))


def _hooked(registry: Any, name: str, **values: Any) -> list[Any]:
    """Call a hook through a registry, if there is one, and flatten what comes back."""
    hook = hooks_of(registry)
    if hook is None:
        return []
    return [item for answer in getattr(hook, name)(**values) if answer for item in answer]


def hooks_of(registry: Any) -> Any:
    """Return the pluggy hook relay of a registry, or ``None``."""
    manager = getattr(registry, "manager", registry)
    return getattr(manager, "hook", None)
