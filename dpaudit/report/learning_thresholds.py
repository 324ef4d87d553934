"""``fail_if`` of audits of learners: tested so that noise never breaks a build."""

from __future__ import annotations

import numpy as np

from dpaudit.errors import SpecError
from dpaudit.model.finding import Finding, Verdict
from dpaudit.model.measurement import Measurement
from dpaudit.report.learning_cases import Learning, Trained
from dpaudit.report.learning_sureness import sure
from dpaudit.report.prose import words
from dpaudit.report.thresholds import size


def learning_thresholds(view: Learning) -> tuple[Finding, ...]:
    """Return one finding for every ``fail_if`` and task.

    Raises
    ------
    SpecError
        If a threshold is for something that its audit did not measure.
    """
    found: list[Finding] = []
    for audit in view.results.spec.audits:
        limit = audit.fail_if
        if limit is None:
            continue
        names = {audit.name, audit.audit.use}
        made = []
        for one in view.every:
            wanted = "total" if limit.for_ == "total" else one.grouping
            every = [
                m for m in view.results.select(task=one.task.id, over=wanted) if m.audit in names
            ]
            own = [m for m in every if m.quantity in {*names, _MAIN.get(audit.audit.use, "")}]
            made += [_threshold(view, one, audit.name, limit.over, m) for m in own or every[:1]]
        if not made:
            raise SpecError(
                f"[[audit]] {audit.name!r}: fail_if is for {limit.for_!r}, which this audit did "
                "not measure",
                hint='say for = "total" or "any group", as the audit measures',
            )
        found += made
    return tuple(found)


_MAIN = {"excessive-risk": "excess-risk", "group-metrics": "accuracy"}


def _threshold(
    view: Learning, one: Trained, audit: str, over: float, measured: Measurement
) -> Finding:
    _, amounts, bare = (
        view.prose,
        view.amounts(measured.unit),
        view.amounts(measured.unit, bare=True),
    )
    sizes = size(measured.estimate)
    low, high = float(np.max(sizes.low)), float(np.max(sizes.high))
    verdict: Verdict = "not met" if low > over else "met" if high <= over else "cannot tell"
    at = int(np.argmax(sizes.low if verdict == "not met" else sizes.high))
    shown = measured.estimate[at] if measured.labels else measured.estimate
    name = measured.labels[at] if measured.labels else ""
    values = {
        "what": words(measured.quantity),
        "over": amounts.size(over),
        "learner": view.label(one),
    }
    statements = {
        "met": _("The {what} under {learner} is at most {over}", **values),
        "not met": _("The {what} under {learner} is over {over}", **values),
        "cannot tell": _("The audit cannot tell whether the {what} under {learner} is over {over}",
                         **values),
    }  # fmt: skip
    return Finding(
        id=f"threshold/{audit}/{one.task.id}",
        verdict=verdict,
        statement=statements[verdict],
        detail=_("The largest is {name}{value} ({interval}).",
                 name=f"{view.group(one, name)}: " if name else "",
                 value=amounts.value(shown), interval=bare.interval(shown)),
        estimate=shown,
        unit=measured.unit,
        threshold=over,
        **sure(view, shown),
        evidence=(f"{one.task.id}: {measured.quantity} over {measured.over}",),
        entities=(name,) if name else (),
    )  # fmt: skip
