"""Findings about attacks: who can be found, and whether the game decides which release is safer."""

from __future__ import annotations

import itertools

import attrs

from dpaudit.model.attack import AttackResult
from dpaudit.model.estimate import Estimate
from dpaudit.model.finding import Confidence, Finding
from dpaudit.report.attack_words import AttackWords, operating
from dpaudit.report.wording import Context, first_upper

_CLOSE = 0.005
"""Numbers nearer than this, or with intervals that overlap, are not put in an order."""


def attack_findings(context: Context) -> tuple[Finding, ...]:
    """Return the finding that leads, the flip of the order if there is one, and all others."""
    told = operating(context, context.results.attacks)
    if not told:
        return ()
    flip = ranking_flip(context)
    each = tuple(_finding(context, one) for one in sorted(told, key=_importance))
    return each[:1] + ((flip,) if flip is not None else ()) + each[1:]


def _importance(result: AttackResult) -> tuple[bool, float]:
    """Sort what is exposed first, by how far it is above its baseline; keep the file's order."""
    return result.verdict != "exposed", -float(result.excess.value)


def _finding(context: Context, result: AttackResult) -> Finding:
    sure, reason = _sure(context, result)
    base = result.baselines[0].estimate
    return Finding(
        id=f"attack/{result.attack}/{result.release}",
        verdict=result.verdict,
        statement=_statement(context, result),
        detail=_detail(context, result),
        estimate=result.estimate,
        unit="share",
        threshold=float(base.value),
        confidence=sure,
        reason=reason,
        evidence=(f"{result.task}: {result.quantity}",),
        entities=(result.release,),
    )


def _statement(context: Context, result: AttackResult) -> str:
    _, words = context.prose, AttackWords.of(context)
    if result.verdict == "uninformative":
        return _("The attack “{attack}” says nothing about {release}", attack=result.attack,
                 release=words.release(result))  # fmt: skip
    return _(
        "{attacker} {does}",
        attacker=first_upper(words.attacker(result)),
        does=words.does(
            result, words.hundred(result.estimate), words.hundred(result.baselines[0].estimate)
        ),
    )


def _detail(context: Context, result: AttackResult) -> str:
    _, words = context.prose, AttackWords.of(context)
    if not words.is_told(result):
        return _("There is no number: {reason}.", reason=reason_of(context, result))
    said = [
        _("Attack “{attack}” on {release}, game {game}: {number} of 100 ({ends}).",
          attack=result.attack, release=words.release(result), game=words.game(result.game),
          number=words.hundred(result.estimate), ends=words.ends(result.estimate)),
        _("{without} gives {base}.", without=first_upper(words.baseline(result)),
          base=words.hundred(result.baselines[0].estimate)),
        words.reach(result, context.words.people),
    ]  # fmt: skip
    if result.outcome == "membership":
        said.append(
            _("The guarantee implies no bound in this game.")
            if result.ceiling is None
            else _("The guarantee allows at most {ceiling}.", ceiling=words.ceiling(result))
        )
    said += [_people(context, result), _("It is a lower bound: a stronger attack may exist.")]
    return " ".join(text for text in said if text)


def _people(context: Context, result: AttackResult) -> str:
    """Return which group is most exposed, where groups dependably differ."""
    _, words = context.prose, AttackWords.of(context)
    for group in result.groups:
        if group.p_value is None or group.p_value > 0.05 or len(group.labels) < 2:  # noqa: PLR2004
            continue
        order = sorted(range(len(group.labels)), key=lambda i: -float(group.estimate.value[i]))
        most, least = order[0], order[-1]
        return _(
            "By {axis} it ranges from {least} ({low}) to {most} ({high}).",
            axis=context.words.over(group.grouping),
            least=context.words.label(group.labels[least]),
            low=words.hundred(group.estimate[least]),
            most=context.words.label(group.labels[most]),
            high=words.hundred(group.estimate[most]),
        )
    return ""


def _sure(context: Context, result: AttackResult) -> tuple[Confidence, str]:
    _ = context.prose
    if result.verdict == "uninformative":
        return "low", reason_of(context, result)
    if result.estimate.is_deterministic:
        return "medium", _("computed by formula, not checked by simulation")
    return "medium", _("{n} independent releases, not checked against a formula",
                       n=_.whole(result.replicates))  # fmt: skip


def reason_of(context: Context, result: AttackResult) -> str:
    """Return why the verdict on an attack is what it is."""
    _, words = context.prose, AttackWords.of(context)
    least = words.least()
    if result.outcome == "cells" and result.reason == "below":
        return _("it computes no more hidden counts than the best single guess for all, "
                 "or chance may have done it")  # fmt: skip
    return {
        "empty": _("there is nothing to attack in this release"),
        "few": _("too few releases had people of both kinds to tell apart"),
        "null": _("it succeeds as well where the release says nothing about anyone"),
        "weak": _("it does no better on the table as it is, without any protection"),
        "above": _("it does better than without the release by more than {least} in 100, "
                   "whatever chance did", least=least),
        "below": _("it does better than without the release by no more than {least} in 100, "
                   "if at all, or chance may have done it", least=least),
    }.get(result.reason, result.reason)  # fmt: skip


def ranking_flip(context: Context) -> Finding | None:
    """Return a finding if two releases change places between two games of membership."""
    _, words = context.prose, AttackWords.of(context)
    every = operating(context, context.results.attacks)
    told = [
        attrs.evolve(result, estimate=_together(result.estimate, len(every)))
        for result in every
        if result.outcome == "membership" and result.verdict != "uninformative"
    ]
    by_game: dict[str, dict[str, AttackResult]] = {}
    for result in told:
        by_game.setdefault(result.attack, {})[result.release] = result
    best: tuple[float, list[AttackResult]] | None = None
    for one, other in itertools.combinations(by_game, 2):
        shared = [name for name in by_game[one] if name in by_game[other]]
        for a, b in itertools.permutations(shared, 2):
            found = [by_game[one][a], by_game[one][b], by_game[other][a], by_game[other][b]]
            if found[0].game == found[2].game:
                continue
            least = min(_apart(found[0], found[1]), _apart(found[3], found[2]))
            if least > _CLOSE and (best is None or least > best[0]):
                best = (least, found)
    if best is None:
        return None
    more, less, then_less, then_more = best[1]
    return Finding(
        id="attack/the-order-of-releases",
        verdict=more.verdict,
        statement=_("Which release protects better depends on what the attacker knows"),
        detail=_(
            "In the game {one}, {more} exposes people more than {less}: {a} against {b} of 100. "
            "In the game {other} it is the other way round: {c} against {d}. No single number "
            "says which release is safer.",
            one=words.game(more.game), more=words.release(more), less=words.release(less),
            a=words.hundred(more.estimate), b=words.hundred(less.estimate),
            other=words.game(then_less.game), c=words.hundred(then_less.estimate),
            d=words.hundred(then_more.estimate),
        ),
        estimate=more.estimate,
        unit="share",
        threshold=float(less.estimate.value),
        confidence="medium",
        reason=_("the intervals of both games lie apart, for all attacks at once"),
        evidence=tuple(f"{each.task}: {each.quantity}" for each in best[1]),
        entities=(more.release, less.release),
    )  # fmt: skip


def _together(estimate: Estimate, count: int) -> Estimate:
    """Return an interval of releases widened so that ``count`` of them hold together.

    Student's quantile at a ``count``-th of the risk, over the one that the interval was made with
    (Bonferroni): the order of releases is looked for among all attacks.
    """
    if estimate.is_deterministic or count == 1:
        return estimate
    from scipy import special

    tail, free = 0.5 * (1.0 - estimate.level), estimate.draws - 1
    wider = special.stdtrit(free, tail / count) / special.stdtrit(free, tail)
    return attrs.evolve(
        estimate,
        low=estimate.value - wider * (estimate.value - estimate.low),
        high=estimate.value + wider * (estimate.high - estimate.value),
    )


def _apart(higher: AttackResult, lower: AttackResult) -> float:
    """Return how far the interval of one lies above that of the other."""
    return float(higher.estimate.low) - float(lower.estimate.high)
