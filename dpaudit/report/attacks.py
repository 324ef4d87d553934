"""The part of a report on attacks: the games, what was reached, by group, and the checks."""

from __future__ import annotations

from collections.abc import Iterator

from dpaudit.model.attack import AttackResult, ByGroup
from dpaudit.model.report import (
    Block,
    Column,
    DefinitionList,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
)
from dpaudit.report.amounts import percent
from dpaudit.report.attack_findings import reason_of
from dpaudit.report.attack_words import AttackWords, operating, trial_columns
from dpaudit.report.findings import Found
from dpaudit.report.roc import RocLine, roc_plot
from dpaudit.report.wording import Context, first_upper

_LINES = 4
_GROUP_COLUMNS = 4
_SURE = 0.05


def attack_sections(context: Context, found: Found) -> tuple[Section, ...]:
    """Return the section on attacks, where the audit tried any."""
    results = context.results.attacks
    if not results:
        return ()
    _ = context.prose
    blocks: list[Block] = [*_games(context)]
    flip = [f for f in found.attacks if f.id == "attack/the-order-of-releases"]
    blocks += [Paragraph(text=f"{one.statement}. {one.detail}", kind="lead") for one in flip]
    for attack in dict.fromkeys(result.attack for result in results):
        own = tuple(result for result in results if result.attack == attack)
        blocks += _of_attack(context, own)
    blocks += [Heading(text=_("Do the attacks measure what they should?")), _checks(context)]
    title = _("Who can be found: attacks on the releases")
    return (Section(name="attacks", title=title, blocks=tuple(blocks)),)


def _games(context: Context) -> Iterator[Block]:
    _, words = context.prose, AttackWords.of(context)
    yield Paragraph(
        text=_(
            "Each number is how often an attacker is right, of 100. It says nothing without the "
            "game that was played, and nothing without what is reached by guessing. The "
            "release is what was repeated: intervals are over independent releases, since people "
            "in one release share its noise. All are lower bounds of the risk."
        )
    )
    played = dict.fromkeys(result.game for result in context.results.attacks)
    yield DefinitionList(
        items=tuple((first_upper(words.game(game)), words.rules(game)) for game in played)
    )


def _of_attack(context: Context, results: tuple[AttackResult, ...]) -> Iterator[Block]:
    _, words, first = context.prose, AttackWords.of(context), results[0]
    yield Heading(
        text=_("Attack “{attack}”, game {game}", attack=first.attack, game=words.game(first.game))
    )
    yield _overall(context, results)
    told = operating(context, results)
    chart = _roc(context, told)
    if chart is not None:
        yield chart
    for grouping in context.cases.groupings():
        for first_of in range(0, len(told), _GROUP_COLUMNS):
            table = _by_group(context, told[first_of : first_of + _GROUP_COLUMNS], grouping)
            if table is not None:
                yield table


def _overall(context: Context, results: tuple[AttackResult, ...]) -> Table:
    _, words, first = context.prose, AttackWords.of(context), results[0]
    membership = first.outcome == "membership"
    columns = [
        Column(label=_("Release")),
        Column(label=words.what(first), numeric=True),
        Column(
            label=_("{level} interval", level=percent(_, first.estimate.level))
            if first.estimate.level != 1
            else _("Interval")
        ),
        Column(label=_("Without it"), numeric=True),
        Column(label=_("Most allowed"), numeric=True),
        Column(label=_("Verdict")),
    ]
    rows: list[tuple[str, ...]] = [
        (
            words.release(one),
            *(
                (
                    words.hundred(one.estimate),
                    words.ends(one.estimate),
                    words.hundred(one.baselines[0].estimate),
                )
                if words.is_told(one)
                else ("", "", "")
            ),
            words.ceiling(one),
            words.verdict(one),
        )
        for one in results
    ]
    if not membership:
        columns = columns[:4] + columns[5:]
        rows = [(*row[:4], row[5]) for row in rows]
    told = [
        _("“Without it”: {baselines}.",
          baselines=_.listing(tuple(dict.fromkeys(words.baseline(r) for r in results)))),
        _("Candidates: {where}.", where=words.candidates(first)),
        _("{n} independent releases each.", n=_.whole(first.replicates))
        if first.replicates
        else _("Exact: computed by formula, as a mean over people."),
    ]  # fmt: skip
    return Table(
        caption=_("What “{attack}” reached on every release", attack=first.attack),
        columns=tuple(columns),
        rows=tuple(rows),
        note=" ".join(told),
    )


def _roc(context: Context, told: tuple[AttackResult, ...]) -> Figure | None:
    _, words = context.prose, AttackWords.of(context)
    drawn = [
        (result, RocLine(name=result.release, fpr=result.curve.fpr, tpr=result.curve.tpr))
        for result in told
        if result.curve is not None
    ][:_LINES]
    if not drawn:
        return None
    bounded = [r for r, _line in drawn if r.ceiling_curve is not None and r.curve is not None]
    ceiling = None
    if bounded and bounded[0].curve is not None and bounded[0].ceiling_curve is not None:
        ceiling = RocLine(
            name=_(
                "the most that the guarantee of {release} allows", release=words.release(bounded[0])
            ),
            fpr=bounded[0].curve.fpr,
            tpr=bounded[0].ceiling_curve,
        )
    readings = _.listing(tuple(_at_one(context, result, line) for result, line in drawn))
    title = _("At 1 false alarm in 100, {readings}", readings=readings)
    svg = roc_plot([line for _r, line in drawn], ceiling=ceiling, title=title, desc=title, prose=_)
    return Figure(
        title=title,
        subtitle=_("Counted people who are found, by the share of false alarms; both axes "
                   "logarithmic, mean over releases"),
        svg=svg,
        alt=title,
        source=" ".join(_lines_told(context, drawn[0][0], ceiling)),
    )  # fmt: skip


def _lines_told(context: Context, result: AttackResult, ceiling: RocLine | None) -> tuple[str, ...]:
    """Return which attack is drawn, and what the thin lines are."""
    _, words = context.prose, AttackWords.of(context)
    said = (
        _("Attack “{attack}”, game {game}. Thin line: guessing.", attack=result.attack,
          game=words.game(result.game)),
    )  # fmt: skip
    return said if ceiling is None else (*said, _("Dotted: {what}.", what=ceiling.name))


def _at_one(context: Context, result: AttackResult, line: RocLine) -> str:
    import numpy as np

    _ = context.prose
    found = 100.0 * float(np.interp(0.01, line.fpr, line.tpr))
    places = 1 if found >= 1 else 2
    return _("{number} in 100 are found in “{release}”", number=_.decimal(found, places=places),
             release=result.release)  # fmt: skip


def _by_group(context: Context, told: tuple[AttackResult, ...], grouping: str) -> Table | None:
    """Return a row for each group and a column for each release, with the people of the group."""
    _, words = context.prose, AttackWords.of(context)
    own = [(r, g) for r in told for g in r.groups if g.grouping == grouping]
    if not own:
        return None
    labels = tuple(dict.fromkeys(label for _r, group in own for label in group.labels))
    people = {
        label: n for _r, g in own for label, n in zip(g.labels, g.people.tolist(), strict=True)
    }
    rows = tuple(
        (label, _.whole(people[label]), *(_cell(context, group, label) for _r, group in own))
        for label in labels
    )
    return Table(
        caption=_("{what} by {axis}, attack “{attack}”, game {game}", what=words.what(own[0][0]),
                  axis=context.words.over(grouping), attack=own[0][0].attack,
                  game=words.game(own[0][0].game)),
        columns=(
            Column(label=first_upper(context.words.over(grouping))),
            Column(label=first_upper(context.words.people), numeric=True),
            *(Column(label=words.release(result), numeric=True) for result, _g in own),
        ),
        rows=rows,
        note=_differences(context, own),
    )  # fmt: skip


def _cell(context: Context, group: ByGroup, label: str) -> str:
    _, words = context.prose, AttackWords.of(context)
    if label not in group.labels:
        return _("too few")
    one = group.estimate[group.labels.index(label)]
    if one.is_deterministic:
        return words.hundred(one)
    return _("{number} ({ends})", number=words.hundred(one), ends=words.ends(one))


def _differences(context: Context, own: list[tuple[AttackResult, ByGroup]]) -> str:
    """Say where groups differ by more than chance, and who is left out."""
    _, words = context.prose, AttackWords.of(context)
    sure = tuple(words.release(r) for r, g in own if g.p_value is not None and g.p_value < _SURE)
    said = [
        _("Groups differ by more than labels that are shuffled over cells would: {releases}.",
          releases=_.listing(sure))
        if sure
        else _("No dependable difference between groups was found when labels were shuffled.")
    ]  # fmt: skip
    few = tuple(dict.fromkeys(label for _r, group in own for label in group.left_out))
    if few:
        said.append(_("Too few people to say anything: {groups}.", groups=_.listing(few)))
    said.append(_("Intervals hold for all groups of a release at once."))
    return " ".join(said)


def _checks(context: Context) -> Table:
    _, words = context.prose, AttackWords.of(context)
    level = context.results.spec.run.confidence
    rows = tuple(
        (
            _("“{attack}” on {release}", attack=r.attack, release=words.release(r)),
            words.hundred(r.null) if r.null is not None else "",
            words.ends(r.null) if r.null is not None else "",
            words.hundred(r.exact) if r.exact is not None else "",
            first_upper(reason_of(context, r)),
        )
        for r in operating(context, context.results.attacks)
    )
    return Table(
        caption=_("Each attack where nothing can be known, and where everything can"),
        columns=trial_columns(_),
        rows=rows,
        note=_(
            "“Nothing to know”: the same attack where the release carries no information about who "
            "was counted. It has to come out no better than without it. “No protection”: the same "
            "attack on the table as it is. One that fails there proves nothing. Somebody is called "
            "exposed where an attack is above all that is reached without the release by more than "
            "{least} in 100, at the lower end of the interval. {missing} of {level} intervals "
            "miss.",
            least=words.least(),
            missing=percent(_, 1.0 - level),
            level=percent(_, level),
        ),
    )
