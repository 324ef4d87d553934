"""How wide the intervals of a run are by now, for those who wait for it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dpaudit.engine.prepare import Prepared
from dpaudit.engine.runner import Trees, Width
from dpaudit.engine.subject import MeasuredTask
from dpaudit.estimators.known import Known


def widest(
    prepared: Prepared, exact: Mapping[str, Known], trees: Mapping[str, Trees]
) -> Width | None:
    """Return the band of biases that is widest beside the outcomes of its task.

    Tasks are compared by the width over the mean size of the true outcomes, for they need not
    have one unit. What is known exactly has no width.

    Parameters
    ----------
    prepared
        The spec.
    exact
        What is known of its tasks; those that are not among them yet are not looked at.
    trees
        What is measured of them so far.

    Returns
    -------
    Width or None
        ``None`` where every bias is known, or too little is measured.
    """
    found: tuple[float, Width] | None = None
    for task, (even, odd) in trees.items():
        known = exact.get(task)
        if known is None or known.bias is not None or not (even.nodes() and odd.nodes()):
            continue
        controlled = prepared.controlled[task]
        subject = MeasuredTask(
            controlled=controlled,
            known=known,
            even=even.total(),
            odd=odd.total(),
            data=prepared.data,
            confidence=prepared.spec.run.confidence,
            draws=0,
        )
        bias = subject.entity("bias")
        width = float(np.max(bias.high - bias.low))
        size = float(np.abs(controlled.job.truth).mean()) or 1.0
        if found is None or width / size > found[0]:
            unit = controlled.job.decision.unit
            found = width / size, Width(task=task, width=width, unit=unit)
    return None if found is None else found[1]
