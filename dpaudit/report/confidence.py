"""How sure a number is, and why: *high*, *medium* or *low*, as the report defines them."""

from __future__ import annotations

from dpaudit.model.estimate import Estimate
from dpaudit.model.finding import Confidence, Finding, Verdict
from dpaudit.report.cases import Case
from dpaudit.report.prose import Prose

FEW_DRAWS = 1000
TOO_WIDE = 10.0


def confidence(  # noqa: PLR0911 - one return for each reason
    _: Prose, estimate: Estimate, *cases: Case
) -> tuple[Confidence, str]:
    """Return the confidence of a number that was made from ``cases``, and its reason.

    A definition note (the quantity has no expectation, another was measured) and a failed check
    make it low; every case checked against a closed form makes it high.
    """
    notes = [note for case in cases for note in case.notes]
    checks = [dict(note.values) for note in notes if note.kind == "check"]
    if any(check.get("max_z", 0.0) > check.get("limit", float("inf")) for check in checks):
        return "low", _("the formula and the simulation disagree")
    if not estimate.is_deterministic and estimate.draws < FEW_DRAWS:
        return "low", _("only {draws} simulated releases", draws=_.whole(estimate.draws))
    if any(note.kind == "definition" for note in notes):
        return "medium", _("a stand-in was measured where no expectation exists: see the limits")
    checked = {n.task for n in notes if n.kind == "check"}
    if cases and all(case.task.id in checked for case in cases):
        draws = max((check.get("draws", 0.0) for check in checks), default=0.0)
        if not draws:
            return "high", _("the formula and the simulation agree")
        return "high", _("the formula and {draws} simulated releases agree", draws=_.whole(draws))
    if estimate.is_deterministic:
        return "medium", _("computed by formula, not checked by simulation")
    return "medium", _(
        "{draws} simulated releases, not checked against a formula",
        draws=_.whole(estimate.draws),
    )


def gap_verdict(estimate: Estimate) -> Verdict:
    """Return what a gap's interval says: *higher*, *no difference found* or *cannot tell*.

    A gap is a size, so its interval cannot lie below zero. *Cannot tell* is said where the
    interval reaches zero and its upper end is infinite or over ten times the value.
    """
    low, value, high = (float(x) for x in (estimate.low, estimate.value, estimate.high))
    if low > 0 and value > 0 and not _is_nothing(estimate):
        return "higher"
    return _undecided(value, high, estimate)


def signed_verdict(estimate: Estimate) -> Verdict:
    """Return what a signed difference's interval says, one of the four outcomes."""
    low, value, high = (float(x) for x in (estimate.low, estimate.value, estimate.high))
    if low > 0:
        return "higher"
    if high < 0:
        return "lower"
    return _undecided(value, max(abs(low), abs(high)), estimate)


def _is_nothing(estimate: Estimate) -> bool:
    """Say whether a deterministic number is zero up to its numerical error."""
    return estimate.is_deterministic and float(estimate.low) <= 0


def _undecided(value: float, reach: float, estimate: Estimate) -> Verdict:
    if reach == float("inf"):
        return "cannot tell"
    if estimate.is_deterministic or value == 0:
        return "no difference found"
    return "cannot tell" if reach > TOO_WIDE * abs(value) else "no difference found"


def worst(one: tuple[Confidence, str], other: tuple[Confidence, str]) -> tuple[Confidence, str]:
    """Return the lower of two confidences."""
    order: tuple[Confidence, ...] = ("low", "medium", "high")
    return min((one, other), key=lambda pair: order.index(pair[0]))


def sureness(_: Prose, finding: Finding) -> str:
    """Return the confidence of a finding and its reason, as one sentence."""
    words = {"high": _("High"), "medium": _("Medium"), "low": _("Low")}
    return _(
        "{level} confidence: {reason}.", level=words[finding.confidence], reason=finding.reason
    )
