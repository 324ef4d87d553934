"""Who gains and who pays, by size: every place as a dot, and fifths of the places as a table."""

from __future__ import annotations

import numpy as np

from dpaudit.model.arrays import FloatArray
from dpaudit.model.report import Column, Figure, Table
from dpaudit.report.amounts import negligible
from dpaudit.report.cases import Case, summed
from dpaudit.report.figures import source
from dpaudit.report.scatter import scatter
from dpaudit.report.wording import Context, first_upper

_FEWEST, _PARTS = 30, 5


def by_size(context: Context, case: Case) -> Figure | None:
    """Return the average change of every entity over how many people it counts.

    Entities that count nobody have no place on the axis and are told in the table alone.
    """
    measured = case.find("bias", over="entity")
    counts = context.results.data.counts
    if measured is None or len(counts) < _FEWEST:
        return None
    value, counted = measured.estimate.value, counts > 0
    smallest = negligible(measured.unit)
    if np.sum(counted) < _FEWEST or np.all(np.abs(value) < smallest) or np.ptp(counts) == 0:
        return None
    _, words = context.prose, context.words
    fifths = _fifths(counts)
    amounts = words.amounts(summed(measured.unit))
    sums = [float(value[part].sum()) for part in (fifths[0], fifths[-1])]
    told = _(
        "The smallest fifth of {entities}: {first} in all; the largest fifth: {last}",
        entities=words.entities,
        first=amounts.signed(sums[0]),
        last=amounts.signed(sums[1]),
    )
    # A sum that was simulated has no interval here: it is read out, and no headline.
    title = told if measured.estimate.is_deterministic else _(
        "Average change by size of {entity}", entity=words.entity)  # fmt: skip
    hidden = int(np.sum(~counted))
    drawn = scatter(
        counts[counted],
        value[counted],
        names=(
            _("{people}, each step ten times as many", people=first_upper(words.people)),
            first_upper(words.unit(measured.unit)),
        ),
        amounts=words.amounts(measured.unit, bare=True),
        prose=_,
        title=f"{told}.",
        desc=_("One dot for each of {n} {entities}.", n=_.whole(int(np.sum(counted))),
               entities=words.entities),
    )  # fmt: skip
    subtitle = _("Average change of each {entity} by its number of {people}, {where}",
                 entity=words.entity, people=words.people, where=words.where(case))  # fmt: skip
    if hidden:
        subtitle = _("{subtitle}; {n} that count nobody are not drawn", subtitle=subtitle,
                     n=_.whole(hidden))  # fmt: skip
    return Figure(
        title=title,
        subtitle=subtitle,
        svg=drawn,
        alt=f"{told}.",
        source=source(context),
        table=_table(context, case, fifths, value),
    )


def _fifths(counts: FloatArray) -> list[np.ndarray]:
    """Return the rows of each fifth of the entities, smallest first; ties in the file's order."""
    return np.array_split(np.argsort(counts, kind="stable"), _PARTS)


def _table(context: Context, case: Case, fifths: list[np.ndarray], value: FloatArray) -> Table:
    _, words, counts = context.prose, context.words, context.results.data.counts
    measured = case.find("bias", over="entity")
    unit = "" if measured is None else measured.unit
    amounts = words.amounts(unit, bare=True)
    together = words.amounts(summed(unit), bare=True)
    names = (_("smallest"), _("second"), _("middle"), _("fourth"), _("largest"))
    rows = tuple(
        (
            _("{name} fifth ({low} to {high})", name=names[k],
              low=_.whole(float(counts[part].min())), high=_.whole(float(counts[part].max()))),
            _.whole(len(part)),
            _.whole(float(counts[part].sum())),
            together.signed(float(value[part].sum())),
            amounts.signed(float(value[part].min())),
            amounts.signed(float(value[part].max())),
        )
        for k, part in enumerate(fifths)
    )  # fmt: skip
    return Table(
        caption=words.headed(
            _("Average change by size of {entity}, {where}", entity=words.entity,
              where=words.where(case)), unit),
        columns=(
            Column(label=first_upper(words.entities)),
            Column(label=_("How many"), numeric=True),
            Column(label=first_upper(words.people), numeric=True),
            Column(label=words.headed(_("In all"), summed(unit), under=unit), numeric=True),
            Column(label=_("Lowest"), numeric=True),
            Column(label=_("Highest"), numeric=True),
        ),
        rows=rows,
    )  # fmt: skip
