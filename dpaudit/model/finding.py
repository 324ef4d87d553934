"""Findings: sentences that were computed from measurements."""

from __future__ import annotations

from typing import Literal

import attrs

from dpaudit.model.estimate import Estimate

Verdict = Literal[
    "higher", "lower", "no difference found", "cannot tell",
    "met", "not met",
    "exposed", "not shown", "uninformative",
    "violates", "not refuted",
    "reproduced", "pattern reproduced", "not reproduced",
]  # fmt: skip
Confidence = Literal["high", "medium", "low"]


@attrs.frozen(kw_only=True, eq=False)
class Finding:
    """One thing the audit found.

    Parameters
    ----------
    id
        Stable identifier (``loss-by-group``), unique within a report.
    verdict
        One word of a closed set: differences *higher, lower, no difference found, cannot
        tell*; thresholds *met, not met, cannot tell*.
    statement
        The headline sentence, with a verb and without jargon.
    detail
        The sentence with number, interval and what it means.
    estimate
        The number behind the statement.
    unit
        Its unit.
    threshold
        What it was compared with, if anything.
    confidence
        *high*: closed form and simulation agree; *medium*: one of them only; *low*: few
        draws or an unchecked assumption.
    reason
        Why the confidence is what it is.
    evidence
        Tasks and quantities in ``measurements.parquet`` that the sentence was computed from.
    entities
        Who it concerns.
    recommendations
        What to do, most effective first.
    """

    id: str
    verdict: Verdict
    statement: str
    detail: str = ""
    estimate: Estimate | None = None
    unit: str = ""
    threshold: float | None = None
    confidence: Confidence = "medium"
    reason: str = ""
    evidence: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    recommendations: tuple[str, ...] = ()
