"""What is looked up by name: "find my district", for every entity and not the extremes alone."""

from __future__ import annotations

import math

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.model.report import Column, Lookup
from dpaudit.report.amounts import negligible
from dpaudit.report.cases import Case
from dpaudit.report.tables import change
from dpaudit.report.wording import Context, first_upper

MOST_NAMED = 20_000
"""Entities beyond which a page would outgrow three million bytes."""

_FEWEST = 20
_FIGURES = 5


def lookup(context: Context, case: Case) -> Lookup | None:
    """Return every entity of a case with its average change; none where a table has them all."""
    measured = case.find("bias", over="entity")
    if measured is None or not _FEWEST < len(measured.labels) <= MOST_NAMED:
        return None
    _, words, e = context.prose, context.words, measured.estimate
    factor = 100.0 if measured.unit in {"share", "probability"} else 1.0
    columns = [context.results.data.counts, *(factor * v for v in (case.result.truth, e.value))]
    ends = [] if e.is_deterministic else [factor * e.low, factor * e.high]
    smallest = factor * negligible(measured.unit)
    written = [_rounded(v, smallest) for v in (*columns, *ends)]
    labels = [first_upper(words.people), _("Due by true counts"), _("Average change")]
    labels += [_("At least"), _("At most")] if ends else []
    return Lookup(
        title=_("Find one {entity}", entity=words.entity),
        label=_("Name of the {entity}:", entity=words.entity),
        caption=_(
            "Average {change}, {where}, in {unit}",
            change=change(context, measured.unit),
            where=words.where(case),
            unit=words.unit(measured.unit),
        ),
        columns=(
            Column(label=first_upper(words.entity)),
            *(Column(label=label, numeric=True) for label in labels),
        ),
        rows=tuple(zip(measured.labels, *written, strict=True)),
    )


def _rounded(values: FloatArray, smallest: float) -> list[float | None]:
    """Return numbers with five figures: enough to read, and short to store."""
    flat = np.where(np.abs(values) < smallest, 0.0, values).tolist()
    return [float(f"{v:.{_FIGURES}g}") if math.isfinite(v) else None for v in flat]
