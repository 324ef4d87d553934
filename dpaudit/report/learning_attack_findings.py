"""Findings about attacks on models: of whom it can be found out that a model learnt from them."""

from __future__ import annotations

from dpaudit.model.attack import AttackResult
from dpaudit.model.finding import Confidence, Finding
from dpaudit.report.learning_attack_words import ModelWords, attacked, strongest
from dpaudit.report.learning_cases import Learning
from dpaudit.report.prose import words as spelled

_SURE = 0.05


def attack_findings_of_models(view: Learning) -> tuple[Finding, ...]:
    """Return a finding for each learner about its strongest attack, and then all others."""
    every = attacked(view)
    first = [strongest(own) for _one, own in every]
    rest = [r for (_one, own), best in zip(every, first, strict=True) for r in own if r is not best]
    order = sorted(first, key=lambda r: (r.verdict != "exposed", -float(r.excess.value)))
    return tuple(_finding(view, result) for result in (*order, *rest))


def _finding(view: Learning, result: AttackResult) -> Finding:
    sure, reason = _sure(view, result)
    return Finding(
        id=f"attack/{result.task}",
        verdict=result.verdict,
        statement=_statement(view, result),
        detail=_detail(view, result),
        estimate=result.estimate,
        unit="share",
        threshold=float(result.baselines[0].estimate.value),
        confidence=sure,
        reason=reason,
        evidence=(f"{result.task}: {result.quantity}",),
        entities=(result.release,),
    )


def _statement(view: Learning, result: AttackResult) -> str:
    _, words = view.prose, ModelWords.of(view)
    named = {"attack": result.attack, "learner": words.learner(result)}
    if result.verdict == "uninformative":
        return _("The attack “{attack}” says nothing about {learner}", **named)
    if result.verdict == "exposed":
        return _("“{attack}” finds out whom {learner} has learnt from", **named)
    return _("The attack “{attack}” does not show whom {learner} has learnt from", **named)


def _detail(view: Learning, result: AttackResult) -> str:
    _, words = view.prose, ModelWords.of(view)
    if not words.shared.is_told(result):
        return _("There is no number: {reason}.", reason=words.reason(result))
    said = [
        _("The attack “{attack}” ranks a person learnt from above another {number} times in 100 "
          "({ends}), where guessing gives {base}.", attack=result.attack,
          number=words.shared.hundred(result.estimate), ends=words.shared.ends(result.estimate),
          base=words.shared.hundred(result.baselines[0].estimate)),
    ]  # fmt: skip
    found = words.found(result, 0.01)
    if found is not None:
        said.append(_("At 1 false alarm in 100 it finds {number} of 100 people learnt from "
                      "({ends}).", number=words.shared.hundred(found),
                      ends=words.shared.ends(found)))  # fmt: skip
    said.append(
        _("The guarantee implies no bound in this game.")
        if result.ceiling is None
        else _("The guarantee allows at most {ceiling}.", ceiling=words.shared.ceiling(result))
    )
    said += [_people(view, result), _("It is a lower bound: a stronger attack may exist.")]
    return " ".join(text for text in said if text)


def _people(view: Learning, result: AttackResult) -> str:
    """Return which group is most exposed, where groups dependably differ."""
    _, words = view.prose, ModelWords.of(view)
    for group in result.groups:
        if group.p_value is None or group.p_value > _SURE or len(group.labels) < 2:  # noqa: PLR2004
            continue
        order = sorted(range(len(group.labels)), key=lambda i: -float(group.estimate.value[i]))
        most, least = order[0], order[-1]
        return _(
            "By {axis} it ranges from {least} ({low}) to {most} ({high}).",
            axis=spelled(group.grouping),
            least=f"“{group.labels[least]}”",
            low=words.shared.hundred(group.estimate[least]),
            most=f"“{group.labels[most]}”",
            high=words.shared.hundred(group.estimate[most]),
        )
    return ""


def _sure(view: Learning, result: AttackResult) -> tuple[Confidence, str]:
    _ = view.prose
    if result.verdict == "uninformative":
        return "low", ModelWords.of(view).reason(result)
    return "medium", _("{n} models, each a target in turn, not checked against a formula",
                       n=_.whole(result.replicates))  # fmt: skip


def attack_advice(view: Learning) -> tuple[str, ...]:
    """Return what to do about models from which people can be found out."""
    _, words = view.prose, ModelWords.of(view)
    best = [strongest(own) for _one, own in attacked(view)]
    exposed = [r for r in best if r.verdict == "exposed"]
    if not exposed:
        return (
            _("Do not take a failed attack for safety: ask for a guarantee, and try stronger "
              "attacks before a model is given out."),
        )  # fmt: skip
    worst = max(exposed, key=lambda r: float(r.excess.value))
    said = [
        _("Do not give out {learner}, nor its predictions for single people, where it is a secret "
          "who was learnt from.", learner=words.learner(worst))
    ]  # fmt: skip
    safer = [
        r
        for r in best
        if r.ceiling is not None and float(r.estimate.high) < float(worst.estimate.low)
    ]
    if safer:
        other = min(safer, key=lambda r: float(r.estimate.value))
        said.append(
            _("{other} exposes people less: {number} in 100 against {worst}. Measure what its "
              "privacy costs each group before adopting it.", other=words.learner(other),
              number=words.shared.hundred(other.estimate),
              worst=words.shared.hundred(worst.estimate))
        )  # fmt: skip
    else:
        said.append(_("Train with a guarantee, for shorter or on more people, and attack the "
                      "model again."))  # fmt: skip
    return tuple(said)
