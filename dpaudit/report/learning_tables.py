"""Tables and charts of an audit of learners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dpaudit.model.guarantee import rounded_up
from dpaudit.model.measurement import Measurement
from dpaudit.model.report import Column, Figure, Table
from dpaudit.report.charts import Dot, Line, curve, dot_plot
from dpaudit.report.drawing import WIDTH
from dpaudit.report.learning_cases import Learning, Trained, changed
from dpaudit.report.learning_served import SERVED
from dpaudit.report.prose import words
from dpaudit.report.wording import first_upper

MOST_LINES = 4
_SIDE = 6
"""Columns of a table beyond its first."""

EFFECTS = ("under-training", "clip-effect", "noise-effect", "interaction")
HELD_OUT = "held-out-"
TOLD = frozenset({
    "excess-risk", "signed-gap", "gap", "largest-difference", "excess-risk-of-people",
    "runs-needed", "excess-risk-change", "gap-change", "rank-correlation",
    "rank-correlation-by-chance", *EFFECTS,
})  # fmt: skip
"""Quantities that have a table of their own."""


def source(view: Learning) -> str:
    """Return where the numbers of every chart come from."""
    _, made = view.prose, view.results
    return _(
        "Source: {file}; {runs} runs of a learner at most, seed {seed}.",
        file=made.data.source,
        runs=_.whole(made.provenance.draws),
        seed=str(made.provenance.seed),
    )


def risks(view: Learning, one: Trained) -> Table | None:
    """Return the excess risk of every group: both errors, and held out."""
    found = one.find("excess-risk")
    if found is None:
        return None
    _, amounts = view.prose, view.amounts(found.unit, bare=True)
    people, gaps = one.find("excess-risk-of-people"), one.find("signed-gap")
    held_out = one.find(f"{HELD_OUT}excess-risk")
    sizes = dict(zip(view.results.data.entities, view.results.data.counts, strict=True))
    rows = tuple(
        (
            found.labels[i],
            _.whole(sizes[found.labels[i]]),
            amounts.value(found.estimate[i]),
            amounts.ends(found.estimate[i]),
            "" if people is None else amounts.ends(people.estimate[i]),
            "" if gaps is None else amounts.value(gaps.estimate[i], signed=True),
            "" if held_out is None else amounts.value(held_out.estimate[i]),
        )
        for i in np.argsort(-found.estimate.value, kind="stable")
    )
    columns = (
        Column(label=first_upper(words(one.grouping))),
        Column(label=_("People learnt from"), numeric=True),
        Column(label=_("Excess risk"), numeric=True),
        Column(label=_("Error of the runs"), numeric=True),
        Column(label=_("Error of the people"), numeric=True),
        Column(label=_("Above the average"), numeric=True),
        Column(label=_("Held out"), numeric=True),
    )
    return Table(
        caption=_("Excess risk by {axis}, {learner}, in {unit}", axis=words(one.grouping),
                  learner=view.label(one), unit=found.unit),
        columns=columns,
        rows=rows,
        note=_("More runs shrink the error of the runs, and not that of the people: another "
               "sample of people would give another number.") + _planned(view, one),
    )  # fmt: skip


def _planned(view: Learning, one: Trained) -> str:
    needed = one.find("runs-needed", over="total")
    if needed is None:
        return ""
    return " " + view.prose(
        "About {runs} runs would tell the largest of these gaps to a tenth of itself.",
        runs=view.prose.whole(float(needed.estimate.value)),
    )


def risk_plot(view: Learning, one: Trained, *, width: float = WIDTH) -> Figure | None:
    """Return the dot plot of signed gaps: who is hurt more than people are on average."""
    found = one.find("signed-gap")
    if found is None:
        return None
    _, amounts = view.prose, view.amounts(found.unit, bare=True)
    order = np.argsort(-found.estimate.value, kind="stable")
    rows = tuple(
        Dot(
            name=found.labels[i],
            value=float(found.estimate.value[i]),
            low=float(found.estimate.low[i]),
            high=float(found.estimate.high[i]),
            label=amounts.value(found.estimate[i], signed=True),
        )
        for i in order
    )
    title = _("{first} has the most excess risk, {last} the least",
              first=first_upper(view.group(one, rows[0].name)),
              last=view.group(one, rows[-1].name))  # fmt: skip
    alt = "; ".join(f"{row.name}: {row.label}" for row in rows)
    drawn = dot_plot(rows, title=title, desc=alt, axis=first_upper(found.unit),
                     amounts=amounts, width=width)  # fmt: skip
    return Figure(
        title=title,
        subtitle=_("Excess risk above that of all people, {learner}; hollow where the interval "
                   "holds zero", learner=view.label(one)),
        svg=drawn,
        alt=f"{title}. {alt}.",
        source=source(view),
    )  # fmt: skip


def epsilon_plot(view: Learning, *, width: float = WIDTH) -> Figure | None:
    """Return the largest difference over epsilon with its band, one line for each strand."""
    strands = [one for name in view.told for one in view.strands(name)]
    lines, unit = [], "nats"
    for one in strands:
        points = []
        for at, other in view.sweep(one):
            found = other.find("largest-difference", over="total")
            if found is not None:
                unit = found.unit
                e = found.estimate
                points.append((at, float(e.value), float(e.low), float(e.high)))
        if len(points) > 1:
            lines.append(Line(name=view.strand(one), points=tuple(points)))
    if not lines:
        return None
    _, amounts = view.prose, view.amounts(unit, bare=True)
    shown = lines[:MOST_LINES]
    readings = "; ".join(
        _("{name}: {first} at ε = {low}, {last} at ε = {high}", name=line.name,
          first=amounts.size(line.points[0][1]), low=_.plain(line.points[0][0]),
          last=amounts.size(line.points[-1][1]), high=_.plain(line.points[-1][0]))
        for line in shown
    )  # fmt: skip
    title = _epsilon_title(view, shown)
    drawn = curve(shown, title=title, desc=readings,
                  axes=(_("ε: less privacy to the right"), first_upper(unit)),
                  amounts=amounts, prose=_, width=width)  # fmt: skip
    return Figure(
        title=title,
        subtitle=_("Difference of excess risk between the two groups furthest apart, with its "
                   "interval"),
        svg=drawn,
        alt=f"{title}. {readings}.",
        source=source(view),
    )  # fmt: skip


def _epsilon_title(view: Learning, lines: Sequence[Line]) -> str:
    _ = view.prose
    moves = [line.points[0][1] / max(line.points[-1][1], 1e-300) for line in lines]
    grows = [line.name for line, move in zip(lines, moves, strict=True) if move >= 2.0]  # noqa: PLR2004
    flat = [line.name for line, move in zip(lines, moves, strict=True) if 2 / 3 <= move <= 1.5]  # noqa: PLR2004
    if grows and flat:
        return _("The gap grows as ε falls under {grows}, and hardly moves under {flat}",
                 grows=_.listing(tuple(grows)), flat=_.listing(tuple(flat)))  # fmt: skip
    if grows:
        return _("The gap between groups grows as ε falls")
    if flat:
        return _("The gap between groups hardly moves with ε")
    return _("The gap between groups over ε")


def along_epsilon(view: Learning, one: Trained) -> Table | None:
    """Return risks and the largest difference at every epsilon of a strand."""
    sweep = view.sweep(one)
    if len(sweep) < 2:  # noqa: PLR2004 (a sweep has two)
        return None
    _, rows, unit = view.prose, [], ""
    labels = view.results.data.entities[: _SIDE - 3]
    whole = len(labels) == len(view.results.data.entities)
    for at, other in sweep:
        overall, apart = (
            other.find(name, over="total") for name in ("excess-risk", "largest-difference")
        )
        of_groups, accuracy = other.find("excess-risk"), other.find("accuracy")
        if overall is None or apart is None or of_groups is None:
            continue
        unit = overall.unit
        amounts = view.amounts(unit, bare=True)
        own = [amounts.value(of_groups.estimate[i]) for i in range(len(labels))] if whole else []
        rows.append((
            _.plain(at), amounts.value(overall.estimate), *own, amounts.value(apart.estimate),
            amounts.ends(apart.estimate),
            "" if accuracy is None else _.decimal(100.0 * float(np.min(accuracy.estimate.value)),
                                                  places=1),
        ))  # fmt: skip
    if not rows:
        return None
    named = [Column(label=label, numeric=True) for label in (labels if whole else ())]
    return Table(
        caption=_("More and less privacy: {learner}, excess risk in {unit}",
                  learner=view.strand(one), unit=unit),
        columns=(
            Column(label="ε"), Column(label=_("All people"), numeric=True), *named,
            Column(label=_("Furthest apart"), numeric=True), Column(label=_("Interval"),
                                                                    numeric=True),
            Column(label=_("Lowest accuracy of a group, %"), numeric=True),
        ),
        rows=tuple(rows),
    )  # fmt: skip


def mitigations(view: Learning, one: Trained) -> Table | None:
    """Return every mitigation of a learner: who is better off, who worse, at what budget."""
    others = view.mitigations(one)
    if not others:
        return None
    _ = view.prose
    rows = []
    for other in (one, *others):
        overall, apart = (
            other.find(name, over="total") for name in ("excess-risk", "largest-difference")
        )
        change, gap = other.find("excess-risk-change"), other.find("gap-change", over="total")
        if overall is None or apart is None:
            continue
        amounts = view.amounts(overall.unit, bare=True)
        better, worse = changed(change) if change is not None else ((), ())
        rows.append((
            other.name,
            _budget(view, other),
            amounts.value(overall.estimate),
            amounts.value(apart.estimate),
            "" if gap is None else amounts.value(gap.estimate, signed=True),
            _who(view, better) if change is not None else "",
            _who(view, worse) if change is not None else "",
            _levels(view, other, better, worse),
        ))  # fmt: skip
    return Table(
        caption=_("What mitigations do, compared with {learner} on the same random numbers",
                  learner=view.label(one)),
        columns=(
            Column(label=_("Learner")), Column(label="ε"),
            Column(label=_("All people"), numeric=True),
            Column(label=_("Furthest apart"), numeric=True),
            Column(label=_("Change of that"), numeric=True),
            Column(label=_("Better off")), Column(label=_("Worse off")), Column(label=_("Note")),
        ),
        rows=tuple(rows),
        note=_("A group is better or worse off where the interval of its change excludes zero. "
               "Every statistic that a mitigation asks of the data is counted in its ε."),
    )  # fmt: skip


def _who(view: Learning, groups: tuple[str, ...]) -> str:
    _, every = view.prose, len(view.results.data.entities)
    if len(groups) == every:
        return _("everybody")
    if 2 * len(groups) > every:
        rest = tuple(g for g in view.results.data.entities if g not in groups)
        return _("all but {rest}", rest="; ".join(rest))
    return "; ".join(groups) or _("nobody")


def _budget(view: Learning, one: Trained) -> str:
    promise = one.result.guarantee
    return rounded_up(promise.epsilon) if promise.promises else view.prose("none")


def _levels(view: Learning, one: Trained, better: tuple[str, ...], worse: tuple[str, ...]) -> str:
    _, gap = view.prose, one.find("gap-change", over="total")
    said = []
    if gap is not None and float(gap.estimate.high) < 0 and worse:
        said.append(_("levels down") if not better else _("levels down in part"))
    if not one.is_private:
        said.append(_("not private as written"))
    return "; ".join(said)


def effects(view: Learning, one: Trained) -> Table | None:
    """Return how clipping and noise add up to the excess risk of every group."""
    parts = [m for name in EFFECTS if (m := one.find(name)) is not None]
    if len(parts) < 3:  # noqa: PLR2004 (clipping, noise and their interaction)
        return None
    _, amounts = view.prose, view.amounts(parts[0].unit, bare=True)
    total = sum(part.estimate.value for part in parts)
    rows = tuple(
        (
            label,
            *(amounts.value(part.estimate[i], signed=True) for part in parts),
            amounts.signed(float(np.asarray(total)[i])),
        )
        for i, label in enumerate(parts[0].labels)
    )
    return Table(
        caption=_("What makes the excess risk, {learner}, in {unit}", learner=view.label(one),
                  unit=parts[0].unit),
        columns=(
            Column(label=first_upper(words(one.grouping))),
            *(Column(label=first_upper(words(part.quantity)), numeric=True) for part in parts),
            Column(label=_("Sum"), numeric=True),
        ),
        rows=rows,
        note=_("Four trainings on the same random numbers, with clipping on or off and noise on or "
               "off: the parts add up to the excess risk."),
    )  # fmt: skip


def correlations(view: Learning, one: Trained) -> Table | None:
    """Return the rank correlation of each property with the excess risk."""
    found = one.find("rank-correlation", over="cause")
    if found is None:
        return None
    _ = view.prose
    order = np.argsort(-np.abs(found.estimate.value), kind="stable")
    rows = tuple(
        (
            first_upper(words(found.labels[i])),
            _.decimal(float(found.estimate.value[i]), places=2),
            _("{low} to {high}", low=_.decimal(float(found.estimate.low[i]), places=2),
              high=_.decimal(float(found.estimate.high[i]), places=2)),
        )
        for i in order
    )  # fmt: skip
    return Table(
        caption=_("Rank correlation with the excess risk over groups, {learner}",
                  learner=view.label(one)),
        columns=(Column(label=_("Property of the group")), Column(label=_("Correlation"),
                 numeric=True), Column(label=_("Interval"), numeric=True)),
        rows=rows,
        note=_("Intervals are of the runs alone. Properties go together with one another: this is "
               "no proof of a cause."),
    )  # fmt: skip


def others(view: Learning, one: Trained) -> Iterator[Table]:
    """Yield everything else that was measured of groups, side by side."""
    found = [
        m
        for m in view.results.select(task=one.task.id, over=one.grouping)
        if m.quantity.removeprefix(HELD_OUT) not in TOLD | SERVED and m.labels
    ]
    kinds: dict[tuple[str, ...], list[Measurement]] = {}
    for measured in found:
        kinds.setdefault((measured.audit, *measured.labels), []).append(measured)
    for (audit, *labels), own in kinds.items():
        for start in range(0, len(own), _SIDE):
            yield _side_by_side(view, one, audit, tuple(labels), own[start : start + _SIDE])


def _side_by_side(
    view: Learning, one: Trained, audit: str, labels: tuple[str, ...], own: list[Measurement]
) -> Table:
    _ = view.prose
    rows = tuple(
        (label, *(view.amounts(m.unit, bare=True).value(m.estimate[i]) for m in own))
        for i, label in enumerate(labels)
    )
    return Table(
        caption=_("{audit} by {axis}, {learner}", audit=first_upper(words(audit)),
                  axis=words(one.grouping), learner=view.label(one)),
        columns=(
            Column(label=first_upper(words(one.grouping))),
            *(Column(label=f"{first_upper(words(m.quantity))} ({m.unit})", numeric=True)
              for m in own),
        ),
        rows=rows,
    )  # fmt: skip
