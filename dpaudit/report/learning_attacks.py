"""The part of a report on attacks on models: what was reached, by group, and the checks."""

from __future__ import annotations

from collections.abc import Iterator

from dpaudit.model.attack import AttackResult, ByGroup, Curve
from dpaudit.model.report import Block, Column, DefinitionList, Figure, Heading, Paragraph, Table
from dpaudit.report.amounts import percent
from dpaudit.report.attack_words import trial_columns
from dpaudit.report.learning_attack_words import ModelWords, attacked, strongest
from dpaudit.report.learning_cases import Learning, Trained
from dpaudit.report.prose import words as spelled
from dpaudit.report.roc import RocLine, roc_plot
from dpaudit.report.wording import first_upper

_LINES = 4
_COLUMNS = 4
_RATE = 0.01
_SURE = 0.05


def model_attack_blocks(view: Learning) -> tuple[Block, ...]:
    """Return all that is told of attacks on models; nothing where none was tried."""
    if not view.results.attacks:
        return ()
    blocks: list[Block] = [*_game(view)]
    for one, own in attacked(view):
        blocks += _of_learner(view, one, own)
    _ = view.prose
    blocks += [Heading(text=_("Do the attacks measure what they should?")), _checks(view)]
    return tuple(blocks)


def _game(view: Learning) -> Iterator[Block]:
    _ = view.prose
    yield Paragraph(
        text=_(
            "Each number is how often an attacker is right, of 100, and a lower bound of the risk. "
            "Each learner was trained many times, each time on another half of the people. Each "
            "model is attacked in turn; the others are the shadow models from which an attacker "
            "learns. The model is what was repeated: intervals are over models, since people "
            "share the one that they are looked for in. Those of attacks that use shadow models "
            "are widened twofold, because each model is a target and a shadow."
        )
    )
    yield DefinitionList(
        items=(
            (
                _("The game “a list of candidates”"),
                _("The attacker knows the data of everybody, sees the model, and knows that each "
                  "person was learnt from or not by the toss of a coin. Guessing is right 50 times "
                  "in 100."),
            ),
        )
    )  # fmt: skip


def _of_learner(view: Learning, one: Trained, own: tuple[AttackResult, ...]) -> Iterator[Block]:
    _, words, best = view.prose, ModelWords.of(view), strongest(own)
    yield Heading(text=_("Attacks on {learner}", learner=view.label(one)))
    yield _overall(view, one, own)
    figure = attacks_plot(view, own)
    if figure is not None:
        yield figure
    for grouping in dict.fromkeys(g.grouping for r in own for g in r.groups):
        for start in range(0, len(own), _COLUMNS):
            table = _by_group(view, one, own[start : start + _COLUMNS], grouping)
            if table is not None:
                yield table
    for group in best.groups:
        yield from _few_alarms(view, best, group)
        chart = _groups_plot(view, best, group)
        if chart is not None and words.shared.is_told(best):
            yield chart


def _overall(view: Learning, one: Trained, own: tuple[AttackResult, ...]) -> Table:
    _, words, first = view.prose, ModelWords.of(view), own[0]
    rows = tuple(
        (
            f"“{r.attack}”",
            *(
                (words.shared.hundred(r.estimate), words.shared.ends(r.estimate),
                 words.share(words.found(r, _RATE)))
                if words.shared.is_told(r)
                else ("", "", "")
            ),
            words.shared.ceiling(r),
            words.shared.verdict(r),
        )
        for r in own
    )  # fmt: skip
    note = [
        _("Guessing ranks rightly 50 times in 100, and at 1 false alarm in 100 finds 1."),
        _("{n} models, each a target in turn.", n=_.whole(first.replicates)),
        words.refused(first),
    ]
    return Table(
        caption=_("What attacks on {learner} reached", learner=view.label(one)),
        columns=(
            Column(label=_("Attack")),
            Column(label=_("Ranked rightly, of 100"), numeric=True),
            Column(label=_("{level} interval", level=percent(_, first.estimate.level))),
            Column(label=_("Found at 1 false alarm in 100"), numeric=True),
            Column(label=_("Most allowed"), numeric=True),
            Column(label=_("Verdict")),
        ),
        rows=rows,
        note=" ".join(text for text in note if text),
    )


def attacks_plot(view: Learning, own: tuple[AttackResult, ...]) -> Figure | None:
    """Return the curves of the strongest attacks on one learner, with the guarantee's ceiling."""
    _, words = view.prose, ModelWords.of(view)
    order = sorted(own, key=lambda r: -float(r.excess.value))
    lines = [_line(r.attack, r.curve, r.others or 0.0) for r in order if r.curve is not None][
        :_LINES
    ]
    if not lines:
        return None
    told = _RATE not in order[0].refused
    bounded = next((r for r in order if r.ceiling_curve is not None and r.curve is not None), None)
    ceiling = None
    if bounded is not None and bounded.curve is not None and bounded.ceiling_curve is not None:
        ceiling = RocLine(name="", fpr=bounded.curve.fpr, tpr=bounded.ceiling_curve)
    best = max(lines, key=_at_rate)
    learner = words.learner(own[0])
    title = (
        _("“{attack}” finds {number} of 100 people whom {learner} has learnt from, at 1 false "
          "alarm in 100", attack=best.name, learner=learner, number=_reading(view, best))
        if told
        else _("“{attack}” ranks people whom {learner} has learnt from rightly {number} times in "
               "100", attack=order[0].attack, learner=learner,
               number=words.shared.hundred(order[0].estimate))
    )  # fmt: skip
    alt = _alt(view, lines) if told else title
    said = [_("Thin line: guessing.")]
    if ceiling is not None:
        said.append(_("Dotted: the most that the guarantee allows."))
    return Figure(
        title=title,
        subtitle=_("People learnt from who are found, by the share of false alarms; both axes "
                   "logarithmic, mean over models"),
        svg=roc_plot(lines, ceiling=ceiling, title=title, desc=alt, prose=_, axes=_axes(view)),
        alt=alt,
        source=" ".join(said),
    )  # fmt: skip


def _groups_plot(view: Learning, result: AttackResult, group: ByGroup) -> Figure | None:
    """Return the curves of the groups most and least exposed to an attack."""
    _ = view.prose
    told = next((rate.own_labels for rate in group.rates if rate.fpr == _RATE), ())
    lines = [
        _line(label, curve, 0.5 * people)
        for label, curve, people in zip(
            group.labels, group.curves, group.people.tolist(), strict=True
        )
        if label in told
    ]
    lines = sorted(lines, key=_at_rate)
    if len(lines) < 2:  # noqa: PLR2004 - one has nobody to be compared with
        return None
    if len(lines) > _LINES:
        lines = [*lines[:2], *lines[-2:]]
    axis = spelled(group.grouping)
    title = _("“{attack}” by {axis}: {most} are found most at 1 false alarm in 100, {least} least",
              attack=result.attack, axis=axis, most=f"“{lines[-1].name}”",
              least=f"“{lines[0].name}”")  # fmt: skip
    return Figure(
        title=title,
        subtitle=_("People of each group learnt from who are found, by the share of false alarms "
                   "in the group; both axes logarithmic, mean over models"),
        svg=roc_plot(lines, ceiling=None, title=title, desc=_alt(view, lines), prose=_,
                     axes=_axes(view)),
        alt=_alt(view, lines),
        source=_("Thin line: guessing."),
    )  # fmt: skip


def _line(name: str, curve: Curve, others: float) -> RocLine:
    """Return a curve from the first false alarm on that so many others allow."""
    kept = curve.fpr * max(others, 1.0) >= 1.0 - 1e-9
    return RocLine(name=name, fpr=curve.fpr[kept], tpr=curve.tpr[kept])


def _axes(view: Learning) -> tuple[str, str]:
    _ = view.prose
    return (
        _("False alarms: share of people not learnt from who are taken for learnt from"),
        _("Share of people learnt from who are found"),
    )


def _at_rate(line: RocLine) -> float:
    import numpy as np

    return float(np.interp(_RATE, line.fpr, line.tpr))


def _reading(view: Learning, line: RocLine) -> str:
    found = 100.0 * _at_rate(line)
    return view.prose.decimal(found, places=1 if found >= 1 else 2)


def _alt(view: Learning, lines: list[RocLine]) -> str:
    _ = view.prose
    return _("At 1 false alarm in 100, {readings}", readings=_.listing(
        tuple(_("{number} in 100 are found by “{name}”", number=_reading(view, line),
                name=line.name) for line in lines)
    ))  # fmt: skip


def _by_group(
    view: Learning, one: Trained, told: tuple[AttackResult, ...], grouping: str
) -> Table | None:
    _ = view.prose
    own = [(r, g) for r in told for g in r.groups if g.grouping == grouping]
    if not own:
        return None
    labels = tuple(dict.fromkeys(label for _r, g in own for label in g.labels))
    people = {
        label: n for _r, g in own for label, n in zip(g.labels, g.people.tolist(), strict=True)
    }
    return Table(
        caption=_("Ranked rightly, of 100, by {axis}: attacks on {learner}",
                  axis=spelled(grouping), learner=view.label(one)),
        columns=(
            Column(label=first_upper(spelled(grouping))),
            Column(label=_("People"), numeric=True),
            *(Column(label=f"“{r.attack}”", numeric=True) for r, _g in own),
        ),
        rows=tuple(
            (label, _.whole(people[label]), *(_cell(view, g, label) for _r, g in own))
            for label in labels
        ),
        note=_differences(view, own),
    )  # fmt: skip


def _cell(view: Learning, group: ByGroup, label: str) -> str:
    if label not in group.labels:
        return view.prose("too few")
    return ModelWords.of(view).share(group.estimate[group.labels.index(label)])


def _differences(view: Learning, own: list[tuple[AttackResult, ByGroup]]) -> str:
    """Say where groups differ by more than chance, and who is left out."""
    _ = view.prose
    sure = tuple(f"“{r.attack}”" for r, g in own if g.p_value is not None and g.p_value < _SURE)
    said = [
        _("Groups differ by more than labels that are shuffled over people would: {attacks}.",
          attacks=_.listing(sure))
        if sure
        else _("No dependable difference between groups was found when labels were shuffled.")
    ]  # fmt: skip
    few = tuple(dict.fromkeys(label for _r, g in own for label in g.left_out))
    if few:
        said.append(_("Too few people to say anything: {groups}.", groups=_.listing(few)))
    said.append(_("Intervals hold for all groups of an attack at once."))
    return " ".join(said)


def _few_alarms(view: Learning, result: AttackResult, group: ByGroup) -> Iterator[Table]:
    """Yield what is found at few false alarms, with thresholds of groups and with one for all."""
    _, words = view.prose, ModelWords.of(view)
    for rate in group.rates:
        own = dict(zip(rate.own_labels, range(len(rate.own_labels)), strict=True))
        rows = tuple(
            (
                label,
                words.share(rate.own[own[label]])
                if rate.own is not None and label in own
                else _("too few"),
                words.share(rate.shared[i]),
                words.share(rate.alarms[i]),
            )
            for i, label in enumerate(rate.labels)
        )
        yield Table(
            caption=_("Found by “{attack}” of 100 people learnt from, at {rate}, by {axis}",
                      attack=result.attack, rate=words.rate(rate.fpr),
                      axis=spelled(group.grouping)),
            columns=(
                Column(label=first_upper(spelled(group.grouping))),
                Column(label=_("With a threshold for the group"), numeric=True),
                Column(label=_("With one threshold for all"), numeric=True),
                Column(label=_("False alarms with one for all, of 100"), numeric=True),
            ),
            rows=rows,
            note=_("A group with more false alarms bears more of the suspicion. A threshold for a "
                   "group needs as many people of it as one for all needs of all."),
        )  # fmt: skip


def _checks(view: Learning) -> Table:
    _, words = view.prose, ModelWords.of(view)
    rows = tuple(
        (
            _("“{attack}” on {learner}", attack=r.attack, learner=words.learner(r)),
            words.shared.hundred(r.null) if r.null is not None else "",
            words.shared.ends(r.null) if r.null is not None else "",
            words.shared.hundred(r.exact) if r.exact is not None else _("not tried"),
            first_upper(words.reason(r)),
        )
        for r in view.results.attacks
    )
    return Table(
        caption=_("Each attack where nothing can be known, and without protection"),
        columns=trial_columns(_),
        rows=rows,
        note=_(
            "“Nothing to know”: the same attack on a model that has learnt from other people, "
            "drawn apart. It has to come out no better than guessing. “No protection”: the same "
            "attack on the same training without clipping and noise. One that fails there proves "
            "nothing. Somebody is called exposed where an attack is above guessing by more than "
            "{least} in 100, at the lower end of the interval.",
            least=words.shared.least(),
        ),
    )
