"""All findings of an audit, computed from its measurements, in the order of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from dpaudit.model.finding import Finding
from dpaudit.model.results import Results
from dpaudit.report.attack_findings import attack_findings
from dpaudit.report.cases import Case
from dpaudit.report.catalogues import told_of
from dpaudit.report.comparison import inflation, shortfalls
from dpaudit.report.costs import cost, releases
from dpaudit.report.differences import gaps, losses
from dpaudit.report.learning_attack_findings import attack_findings_of_models
from dpaudit.report.learning_cases import Learning
from dpaudit.report.learning_findings import LEARNING, learning_findings, learning_page_one
from dpaudit.report.learning_thresholds import learning_thresholds
from dpaudit.report.localised import localised
from dpaudit.report.prose import Prose
from dpaudit.report.recommend import recommendations
from dpaudit.report.representation import representation
from dpaudit.report.thresholds import thresholds
from dpaudit.report.wording import Context, first_upper

PAGE_ONE = 3
UNDECIDED = frozenset({"no difference found", "cannot tell"})


@attrs.frozen(eq=False)
class Found:
    """Findings by the place they have in the report.

    ``leading`` are those of each decision's leading release, which have a section each;
    ``others`` those of its other releases; ``foreign`` those of plug-ins; ``attacks`` those of
    attacks, of which the first two are told apart.
    """

    thresholds: tuple[Finding, ...]
    leading: tuple[Finding, ...]
    others: tuple[Finding, ...]
    foreign: tuple[Finding, ...]
    attacks: tuple[Finding, ...] = ()

    @property
    def every(self) -> tuple[Finding, ...]:
        """All findings, in the order of the report, by unique identifier."""
        made = (*self.thresholds, *self.leading, *self.attacks, *self.others, *self.foreign)
        return tuple({finding.id: finding for finding in made}.values())

    @property
    def told(self) -> tuple[Finding, ...]:
        """The findings that have a section: thresholds that are not met, leading, foreign."""
        broken = tuple(f for f in self.thresholds if f.verdict != "met")
        return (*broken[:PAGE_ONE], *self.leading, *self.attacks[:2], *self.foreign)


def findings(results: Results, *, registry: Any = None) -> Found:
    """Return every finding of an audit.

    Parameters
    ----------
    results
        The audit.
    registry
        Where the hooks ``dpaudit_findings`` and ``dpaudit_recommendations`` are called, if
        given (an object with a pluggy ``hook`` or ``manager.hook``).

    Returns
    -------
    Found
        Findings by their place in the report.
    """
    results = localised(results)
    if results.learners:
        return _of_learners(results, registry)
    context = Context.of(results)
    cases = context.cases
    leading: list[Finding] = []
    others: list[Finding] = []
    for decision in cases.decisions():
        leading += _of_case(context, cases.leading(decision), compared=True)
        for release in cases.releases(decision)[1:]:
            others += _of_case(context, cases.operating(decision, release), compared=False)
    foreign = _foreign(registry, results)
    groups = (thresholds(results), leading, others, foreign, attack_findings(context))
    return Found(*(tuple(_extended(registry, results, f) for f in group) for group in groups))


def _of_learners(results: Results, registry: Any) -> Found:
    view = Learning.of(results)
    foreign = _foreign(registry, results)
    attacks = attack_findings_of_models(view)
    return Found(learning_thresholds(view), learning_findings(view), (), foreign, attacks)


def _foreign(registry: Any, results: Results) -> tuple[Finding, ...]:
    """Return the findings of plug-ins, in the language of the report where they have it."""
    said = told_of(results, Prose(results.spec.report.language), registry)
    return tuple(map(said.finding, _hooked(registry, "dpaudit_findings", results=results)))


def page_one(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the three findings of page one.

    A broken threshold comes first, then who loses (the coarsest grouping with a dependable
    loss), the cost, and which release costs most; what is not dependable comes last.
    """
    kinds = (
        "threshold",
        "loss",
        "attack",
        "inflation",
        "shortfalls",
        "cost",
        "releases",
        "vanished",
        "representation",
        "gap",
    )
    if any(f.id.split("/")[0] in LEARNING for f in found):
        return learning_page_one(tuple(found))
    chosen: list[Finding] = []
    for kind in kinds:
        of_kind = [f for f in found if f.id.split("/")[0] == kind]
        if kind == "threshold":
            of_kind = [f for f in of_kind if f.verdict == "not met"]
        chosen += sorted(of_kind, key=lambda f: f.verdict in UNDECIDED)[:1]
    chosen += [f for f in found if f.id.split("/")[0] not in kinds]
    return tuple(chosen[:PAGE_ONE])


def _of_case(context: Context, case: Case, *, compared: bool) -> list[Finding]:
    advice = recommendations(context, case)
    made = [*losses(context, case)]
    made += [f for f in (cost(context, case),) if f is not None]
    if compared:
        made += [f for f in (inflation(context, case),) if f is not None]
        made += [f for f in (shortfalls(context, case),) if f is not None]
        made += [f for f in (releases(context, case),) if f is not None]
    made += gaps(context, case)
    made += representation(context, case)
    advised = [
        attrs.evolve(f, recommendations=advice)
        if f.verdict not in UNDECIDED or f.id.startswith("cost/")
        else f
        for f in made
    ]
    return [_of_decision(context, case, finding) for finding in advised]


def _of_decision(context: Context, case: Case, finding: Finding) -> Finding:
    """Name the decision that a finding is about, where there are several."""
    decision = context.words.decision(case)
    if len(context.cases.decisions()) == 1 or decision in finding.statement:
        return finding
    statement = context.prose("{decision}: {statement}", decision=first_upper(decision),
                              statement=finding.statement)  # fmt: skip
    return attrs.evolve(finding, statement=statement)


def _extended(registry: Any, results: Results, finding: Finding) -> Finding:
    more = _hooked(registry, "dpaudit_recommendations", results=results, finding=finding)
    if not more:
        return finding
    return attrs.evolve(finding, recommendations=(*more, *finding.recommendations))


def _hooked(registry: Any, name: str, **values: Any) -> list[Any]:
    """Call a hook through a registry, if there is one, and flatten what comes back."""
    return [item for answer in answers(registry, name, **values) if answer for item in answer]


def answers(registry: Any, name: str, **values: Any) -> list[Any]:
    """Return what the plug-ins answer to a hook; a registry sets those aside that fail."""
    if hasattr(registry, "ask"):
        return list(registry.ask(name, **values))
    hook = hooks_of(registry)
    found = [] if hook is None else getattr(hook, name)(**values)
    return list(found) if isinstance(found, list) else [found]


def hooks_of(registry: Any) -> Any:
    """Return the pluggy hook relay of a registry, or ``None``."""
    manager = getattr(registry, "manager", registry)
    return getattr(manager, "hook", None)
