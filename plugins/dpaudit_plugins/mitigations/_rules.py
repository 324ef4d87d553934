"""Which decisions say yes or no."""

from __future__ import annotations

import numpy as np

import dpaudit

_PROBES = (0.0, 1.0, 1e2, 1e4, 1e6)
"""Made-up counts that a rule is tried on."""


def says_yes_or_no(subject: dpaudit.Pipeline, width: int) -> bool:
    """Return whether the outcomes of a decision are 0 or 1, tried on made-up counts.

    Parameters
    ----------
    subject
        The pipeline.
    width
        How many counts each entity has.
    """
    decision = subject.decision
    if not decision.bounded or decision.takes != "counts" or subject.output:
        return False
    shape = (subject.n, width) if decision.rows else (subject.n,)
    try:
        outcomes = [decision.decide(np.full(shape, each)) for each in _PROBES]
    except dpaudit.DpauditError:
        return False
    return bool(np.isin(outcomes, (0.0, 1.0)).all())
