"""Fairness and privacy at equal terms: releases compared at equal attack risk and at equal error.

A release is tried at the points of its sweep. At equal risk each is told at the point where the
attack is right most nearly as often; at equal error where the
shortfalls of one release add up most nearly to the same amount. The terms are those that most
releases reach. Nothing is interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import attrs

from dpaudit.model.attack import AttackResult
from dpaudit.model.report import Block, Column, Paragraph, Section, Table
from dpaudit.report.amounts import rooted
from dpaudit.report.attack_words import AttackWords
from dpaudit.report.cases import Case
from dpaudit.report.costs import COST
from dpaudit.report.findings import Found
from dpaudit.report.told import slug
from dpaudit.report.wording import Context

_NEAR_RISK, _NEAR_ERROR = 0.02, 1.5
"""Within 2 of 100, and within a factor of 1.5, terms are taken for equal."""

_ATTACKS = 3


@attrs.frozen(eq=False)
class _Option:
    """A release at one point: what was decided from it, and an attack on it."""

    case: Case
    attack: AttackResult

    @property
    def risk(self) -> float:
        """How often the attack is right."""
        return float(self.attack.estimate.value)

    @property
    def error(self) -> float | None:
        """What one release falls short, in all."""
        found = self.case.shortfall
        return None if found is None else float(found.estimate.value)


def equal_terms_sections(context: Context, _found: Found) -> tuple[Section, ...]:
    """Return a section for each decision, where attacks were tried on two releases or more."""
    made = []
    for decision in context.cases.decisions():
        attacks = _attacks(context)
        releases = context.cases.releases(decision)
        if not attacks or len(releases) < 2:  # noqa: PLR2004
            continue
        blocks = tuple(_blocks(context, decision, attacks))
        title = context.prose(
            "Fairness and privacy side by side: {decision}",
            decision=context.words.decision(context.cases.leading(decision)),
        )
        made.append(Section(name=f"equal-terms-{slug(decision)}", title=title, blocks=blocks))
    return tuple(made)


def _attacks(context: Context) -> tuple[str, ...]:
    """Return the attacks on membership by name, at most three."""
    found = (r.attack for r in context.results.attacks if r.outcome == "membership")
    return tuple(dict.fromkeys(found))[:_ATTACKS]


def _blocks(context: Context, decision: str, attacks: tuple[str, ...]) -> Iterator[Block]:
    _ = context.prose
    yield Paragraph(
        text=_(
            "A release that hides people well may take most from them, and one that is exact may "
            "give them away. Below, every release is first told as the audit file has it, then "
            "each at the point of its sweep where the attack, or the error, is nearest to terms "
            "that most of them reach. Points between those tried were not measured."
        )
    )
    yield _side_by_side(context, decision, attacks)
    for attack in attacks:
        options = _options(context, decision, attack)
        for table in (_at_equal_risk(context, options), _at_equal_error(context, options)):
            if table is not None:
                yield table


def _options(context: Context, decision: str, attack: str) -> list[_Option]:
    """Return every release and point that was both measured and attacked, the leading one first."""
    made = []
    for case in context.cases.cases:
        if case.task.decision != decision:
            continue
        for result in context.results.attacks:
            same = result.attack == attack and result.release == case.task.release
            if same and dict(result.point) == dict(case.task.point):
                made.append(_Option(case, result))
    leading = context.cases.leading(decision).task.id
    return sorted(made, key=lambda option: option.case.task.id != leading)


def _side_by_side(context: Context, decision: str, attacks: tuple[str, ...]) -> Table:
    _, words = context.prose, AttackWords.of(context)
    rows = []
    for release in context.cases.releases(decision):
        case = context.cases.operating(decision, release)
        found = [
            next((o for o in _options(context, decision, attack) if o.case.task == case.task), None)
            for attack in attacks
        ]
        shown = [_("not tried") if one is None else _exposed(context, one) for one in found]
        rows.append((_name(context, case), _losses(context, case), _gap(context, case), *shown))
    games = {r.attack: r.game for r in context.results.attacks}
    return Table(
        caption=_("Every release: what it takes, how unequally, and who can be found"),
        columns=(
            Column(label=_("Release")),
            Column(label=_("Average losses"), numeric=True),
            Column(label=_("Gap"), numeric=True),
            *(
                Column(label=_("Found of 100, {game}", game=words.game(games[a])), numeric=True)
                for a in attacks
            ),
        ),
        rows=tuple(rows),
        note=_(
            "Found of 100: how often the attack is right; in brackets the group that is most "
            "exposed. Gap: between the groups that gain and lose most."
        ),
    )


def _at_equal_risk(context: Context, options: list[_Option]) -> Table | None:
    if not options:
        return None
    chosen = _shared(options, lambda one, other: abs(one.risk - other.risk), _NEAR_RISK)
    target = chosen.risk
    _, words = context.prose, AttackWords.of(context)
    return _compared(
        context,
        options,
        lambda option: abs(option.risk - target),
        _NEAR_RISK,
        _("At equal attack risk: game {game}, about {number} of 100",
          game=words.game(chosen.attack.game), number=words.hundred(chosen.attack.estimate)),
    )  # fmt: skip


def _at_equal_error(context: Context, options: list[_Option]) -> Table | None:
    known = [option for option in options if option.error]
    if not known:
        return None
    chosen = _shared(known, _apart, math.log(_NEAR_ERROR))
    found = chosen.case.shortfall
    _, words = context.prose, AttackWords.of(context)
    amount = "" if found is None else context.words.amounts(found.unit).value(found.estimate)
    return _compared(
        context,
        known,
        lambda option: _apart(option, chosen),
        math.log(_NEAR_ERROR),
        _("At equal error: shortfalls of about {amount}; attack in game {game}", amount=amount,
          game=words.game(chosen.attack.game)),
    )  # fmt: skip


def _apart(one: _Option, other: _Option) -> float:
    """Return how far two errors are apart, as the logarithm of a factor."""
    return abs(math.log((one.error or 1.0) / (other.error or 1.0)))


def _shared(
    options: list[_Option], distance: Callable[[_Option, _Option], float], near: float
) -> _Option:
    """Return the option whose terms most releases reach, the first of several."""

    def reached(target: _Option) -> int:
        return len({o.case.task.release for o in options if distance(o, target) <= near})

    return max(options, key=reached)


def _compared(
    context: Context,
    options: list[_Option],
    distance: Callable[[_Option], float],
    near: float,
    caption: str,
) -> Table | None:
    """Return each release at its nearest point; the farther ones are said not to reach it."""
    _ = context.prose
    rows, missed = [], []
    for release in dict.fromkeys(option.case.task.release for option in options):
        own = [option for option in options if option.case.task.release == release]
        best = min(own, key=distance)
        name = _name(context, best.case)
        if distance(best) > near:
            missed.append(_("{release} ({number} of 100, {error})", release=name,
                            number=AttackWords.of(context).hundred(best.attack.estimate),
                            error=_short(context, best.case)))  # fmt: skip
            continue
        rows.append(
            (
                name,
                _exposed(context, best),
                _losses(context, best.case),
                _random(context, best.case),
                _short(context, best.case),
                _gap(context, best.case),
            )
        )
    if len(rows) < 2:  # noqa: PLR2004 - nothing to compare
        return None
    note = (
        _("Not reached at any point tried; nearest: {releases}.", releases=_.listing(tuple(missed)))
        if missed
        else ""
    )
    return Table(
        caption=caption,
        columns=(
            Column(label=_("Release")),
            Column(label=_("Found of 100"), numeric=True),
            Column(label=_("Average losses"), numeric=True),
            Column(label=_("Random error"), numeric=True),
            Column(label=_("Shortfalls"), numeric=True),
            Column(label=_("Gap"), numeric=True),
        ),
        rows=tuple(rows),
        note=note,
    )


def _name(context: Context, case: Case) -> str:
    _ = context.prose
    point = ", ".join(_.point(key, value) for key, value in case.task.point.items())
    return f"{case.task.release}, {point}" if point else case.task.release


def _exposed(context: Context, option: _Option) -> str:
    """Return how often the attack is right, and of whom most often."""
    _, words = context.prose, AttackWords.of(context)
    number = words.hundred(option.attack.estimate)
    order = context.cases.groupings()
    groups = sorted(option.attack.groups, key=lambda group: -order.index(group.grouping))
    for group in groups:
        if len(group.labels) > 1:
            most = int(group.estimate.value.argmax())
            if words.hundred(group.estimate[most]) == number:
                continue
            return _("{number} ({group} {most})", number=number, group=group.labels[most],
                     most=words.hundred(group.estimate[most]))  # fmt: skip
    return number


def _losses(context: Context, case: Case) -> str:
    found = case.find(COST)
    if found is None:
        return context.prose("not measured")
    return context.words.amounts(found.unit).value(found.estimate)


def _short(context: Context, case: Case) -> str:
    found = case.shortfall
    if found is None:
        return context.prose("not measured")
    return context.words.amounts(found.unit).value(found.estimate)


def _random(context: Context, case: Case) -> str:
    """Return the standard deviation of the total, where the variance was measured."""
    found = case.find("variance")
    if found is None:
        return context.prose("not measured")
    return context.words.amounts(case.unit).value(rooted(found.estimate))


def _gap(context: Context, case: Case) -> str:
    """Return the gap between the groups of the grouping with most groups, else of entities."""
    for grouping in reversed(context.cases.groupings()):
        found = case.find("alpha-fairness", over=grouping)
        if found is not None:
            return context.words.amounts(found.unit).value(found.estimate)
    found = case.find("alpha-fairness", over="entity")
    if found is None:
        return context.prose("not measured")
    return context.words.amounts(found.unit).value(found.estimate)
