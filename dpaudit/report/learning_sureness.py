"""How sure a number of an audit of learners is, and why."""

from __future__ import annotations

from typing import TypedDict

from dpaudit.model.estimate import Estimate
from dpaudit.model.finding import Confidence
from dpaudit.report.learning_cases import Learning

_ENOUGH = 30


class Sureness(TypedDict):
    """Two fields of a finding."""

    confidence: Confidence
    reason: str


def sure(view: Learning, estimate: Estimate) -> Sureness:
    """Return how sure a number is, and why."""
    _ = view.prose
    level: Confidence = "medium"
    if estimate.is_deterministic:
        level, reason = "high", _("an exact integral over the noise, with no simulation")
    elif estimate.draws < _ENOUGH:
        level, reason = "low", _("only {runs} runs", runs=_.whole(estimate.draws))
    else:
        reason = _("{runs} independent runs, each compared with its own reference",
                   runs=_.whole(estimate.draws))  # fmt: skip
    return {"confidence": level, "reason": reason}
