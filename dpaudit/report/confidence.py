"""How sure a number is, and why: *high*, *medium* or *low*, as the report defines them."""

from __future__ import annotations

from dpaudit.model.estimate import Estimate
from dpaudit.model.finding import Confidence, Finding, Verdict
from dpaudit.report.cases import Case
from dpaudit.report.prose import Prose

FEW_DRAWS = 1000
TOO_WIDE = 0.1
"""An interval that reaches beyond this share of the typical outcome settles nothing."""


def confidence(  # noqa: PLR0911 - one return for each reason
    _: Prose, estimate: Estimate, *cases: Case
) -> tuple[Confidence, str]:
    """Return the confidence of a number that was made from ``cases``, and its reason.

    A failed check, few draws and an unchecked assumption make it low; a definition note (the
    quantity has no expectation, another was measured) makes it medium; every case checked
    against a closed form makes a number that is that closed form high.
    """
    notes = [note for case in cases for note in case.notes]
    checks = [dict(note.values) for note in notes if note.kind == "check"]
    if any(check.get("max_z", 0.0) > check.get("limit", float("inf")) for check in checks):
        return "low", _("the formula and the simulation disagree")
    if not estimate.is_deterministic and estimate.draws < FEW_DRAWS:
        return "low", _("only {draws} simulated releases", draws=_.whole(estimate.draws))
    if any(note.kind == "assumption" for note in notes):
        return "low", _("an assumption was not checked: see the limits")
    if any(note.kind == "definition" for note in notes):
        return "medium", _("a stand-in was measured where no expectation exists: see the limits")
    checked = {n.task for n in notes if n.kind == "check"}
    if estimate.is_deterministic and cases and all(case.task.id in checked for case in cases):
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


def gap_verdict(estimate: Estimate, typical: float, nothing: float = 0.0) -> Verdict:
    """Return what a gap's interval says: *higher*, *no difference found* or *cannot tell*.

    A gap is a size, so its interval cannot lie below zero. *Cannot tell* is said where the
    interval holds zero and allows a gap of more than a tenth of the typical outcome. An amount
    of at most ``nothing``, which prints as zero, is no gap.
    """
    low, value, high = (float(x) for x in (estimate.low, estimate.value, estimate.high))
    if low > nothing and value > nothing and not _is_nothing(estimate):
        return "higher"
    return _undecided(high, typical)


def signed_verdict(estimate: Estimate, typical: float) -> Verdict:
    """Return what a signed difference's interval says, one of the four outcomes."""
    low, high = float(estimate.low), float(estimate.high)
    if low > 0:
        return "higher"
    if high < 0:
        return "lower"
    return _undecided(max(abs(low), abs(high)), typical)


def _is_nothing(estimate: Estimate) -> bool:
    """Say whether a deterministic number is zero up to its numerical error."""
    return estimate.is_deterministic and float(estimate.low) <= 0


def _undecided(reach: float, typical: float) -> Verdict:
    return "cannot tell" if reach > TOO_WIDE * typical else "no difference found"


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
