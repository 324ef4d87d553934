"""Where losses and gains lie: a map of relative changes, and the numbers of its classes."""

from __future__ import annotations

import numpy as np

from dpaudit.data.geometry import Shapes
from dpaudit.model.arrays import FloatArray
from dpaudit.model.report import Column, Figure, Table
from dpaudit.report.amounts import percent
from dpaudit.report.cases import Case
from dpaudit.report.figures import source
from dpaudit.report.maps import UNCERTAIN, Classes, choropleth, tiles
from dpaudit.report.states import tile_of
from dpaudit.report.wording import Context, first_upper


def place_map(context: Context, case: Case) -> Figure | None:
    """Return the map that the audit file asks for, of the average change in percent of what is due.

    A place without anything due, or without a number, is hatched; one whose interval holds zero
    is grey.
    """
    asked, measured = context.results.spec.report.map, None
    if asked is not None:
        measured = case.find("bias", over=asked.over)
    if asked is None or measured is None:
        return None
    _, words = context.prose, context.words
    labels, due, people, ids = _places(context, case, asked.over)
    value = np.array([measured.estimate.value[i] for i in range(len(labels))])
    has = due > 0
    relative = np.divide(value, due, out=np.zeros_like(value), where=has)
    certain = (measured.estimate.low > 0) | (measured.estimate.high < 0) | (value == 0)
    classes = Classes.of(relative[has])
    kinds = classes.of_each(relative, np.asarray(certain))
    meant = _meanings(context, classes)
    lose, gain = (int(np.sum(has & (kinds == kind))) for kind in (0, 4))
    title = _title(context, asked.over, (lose, gain, len(labels)), classes.outer)
    alt = f"{title}. " + "; ".join(
        f"{meant[k]}: {_.whole(int(np.sum(has & (kinds == k))))}" for k in range(UNCERTAIN + 1)
    )
    by_id = {ids[i]: int(kinds[i]) for i in range(len(labels)) if has[i]}
    drawn = _drawn(context.shapes, by_id, meant, alt)
    return Figure(
        title=first_upper(title),
        subtitle=_(
            "Average change in percent of what is due by true counts, by {place}, {where}",
            place=words.over(asked.over),
            where=words.where(case),
        ),
        svg=drawn,
        alt=alt,
        source=source(context),
        table=_table(context, meant, kinds, has, people, asked.over),
    )


def _title(context: Context, over: str, counts: tuple[int, int, int], outer: float) -> str:
    _, (lose, gain, n) = context.prose, counts
    known = {
        "lose": _.whole(lose),
        "gain": _.whole(gain),
        "n": _.whole(n),
        "places": context.words.overs(over),
        "share": percent(_, outer),
    }
    if not lose and not gain:
        return _("No {places} are {share} or more from what they are due on average", **known)
    if not lose:
        return _("{gain} of {n} {places} gain at least {share} of what they are due on average, "
                 "and none loses as much", **known)  # fmt: skip
    if not gain:
        return _("{lose} of {n} {places} lose at least {share} of what they are due on average, "
                 "and none gains as much", **known)  # fmt: skip
    return _("{lose} of {n} {places} lose at least {share} of what they are due on average, and "
             "{gain} gain as much", **known)  # fmt: skip


def _places(
    context: Context, case: Case, over: str
) -> tuple[tuple[str, ...], FloatArray, FloatArray, tuple[str, ...]]:
    """Return labels, amounts due, people and identifiers on the map of the places of an axis."""
    data, truth = context.results.data, case.result.truth
    if over == "entity":
        return data.entities, truth, data.counts, data.entities
    found = case.find("bias", over=over)
    labels = () if found is None else found.labels
    index = {label: i for i, label in enumerate(labels)}
    members = np.array([index[label] for label in data.groups[over]])
    due, people = (
        np.bincount(members, v, len(labels)).astype(np.float64) for v in (truth, data.counts)
    )
    return labels, due, people, labels


def _drawn(shapes: Shapes | None, kinds: dict[str, int], meant: list[str], alt: str) -> str:
    if shapes is not None:
        return choropleth(shapes, kinds, meant, title=alt, desc=alt)
    known = tile_of()
    named = {known[key.lower()][0] if key.lower() in known else known[key][0]: kind
             for key, kind in kinds.items() if key in known or key.lower() in known}  # fmt: skip
    grid = {postal: (column, row) for postal, column, row in known.values()}
    return tiles(grid, named, meant, title=alt, desc=alt)


def _meanings(context: Context, classes: Classes) -> list[str]:
    _ = context.prose
    inner, outer = percent(_, classes.inner), percent(_, classes.outer)
    return [
        _("\u2212{outer} or less", outer=outer),
        _("\u2212{outer} to \u2212{inner}", outer=outer, inner=inner),
        _("within {inner}", inner=inner),
        _("+{inner} to +{outer}", outer=outer, inner=inner),
        _("+{outer} or more", outer=outer),
        _("not certain"),
        _("no data"),
    ]


def _table(  # noqa: PLR0917 - what stands behind one map
    context: Context,
    meant: list[str],
    kinds: np.ndarray,
    has: np.ndarray,
    people: FloatArray,
    over: str,
) -> Table:
    _, words = context.prose, context.words
    which = [has & (kinds == k) for k in range(UNCERTAIN + 1)] + [~has]
    return Table(
        caption=_("How many {places} and how many {people} each class of the map holds",
                  places=words.overs(over), people=words.people),
        columns=(
            Column(label=_("Average change")),
            Column(label=first_upper(words.overs(over)), numeric=True),
            Column(label=first_upper(words.people), numeric=True),
        ),
        rows=tuple(
            (meant[k], _.whole(int(np.sum(one))), _.whole(float(people[one].sum())))
            for k, one in enumerate(which)
        ),
    )  # fmt: skip
