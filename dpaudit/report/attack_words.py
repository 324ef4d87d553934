"""The words of attacks: games, numbers out of 100, baselines, verdicts."""

from __future__ import annotations

import attrs

from dpaudit.model.attack import LEAST_EXCESS, AttackResult
from dpaudit.model.estimate import Estimate
from dpaudit.model.report import Column
from dpaudit.model.spec import Game
from dpaudit.report.amounts import chances
from dpaudit.report.prose import Prose
from dpaudit.report.wording import Context


@attrs.frozen
class AttackWords:
    """How the attacks of one audit are told."""

    prose: Prose

    @classmethod
    def of(cls, context: Context) -> AttackWords:
        """Return the words in the language of a report."""
        return cls(context.prose)

    def game(self, game: Game) -> str:
        """Return the name of a game, marked as a name."""
        _ = self.prose
        return {
            "known-rest": _("“everybody else is known”"),
            "pool": _("“a list of candidates”"),
            "elsewhere": _("“people from elsewhere”"),
        }[game]

    def rules(self, game: Game) -> str:
        """Return what is known and what is told apart in a game."""
        _ = self.prose
        return {
            "known-rest": _(
                "The attacker knows the true counts of everybody but one person and asks whether "
                "that person was counted. This is the game that differential privacy is about."
            ),
            "pool": _(
                "The attacker has a list of candidates, knows the cell of each, and knows that "
                "each was counted or not by the toss of a coin."
            ),
            "elsewhere": _(
                "The attacker tells people who were counted from people who come from somewhere "
                "else. They differ before anything is released, so guessing is not right 50 "
                "times in 100 here, and a person who is not in the data can seem to be."
            ),
        }[game]

    def attacker(self, result: AttackResult) -> str:
        """Return the attacker as the subject of a sentence."""
        _ = self.prose
        if result.outcome == "cells":
            return _("An attacker who subtracts what is shown from published totals")
        if result.outcome == "table":
            return _("An attacker who takes the release for a list of records")
        return {
            "known-rest": _("An attacker who knows everybody else"),
            "pool": _("An attacker with a list of candidates"),
            "elsewhere": _("An attacker who has people from elsewhere among the candidates"),
        }[result.game]

    def does(self, result: AttackResult, number: str, base: str) -> str:
        """Return what an attack achieves, as a predicate with its baseline."""
        _ = self.prose
        values = {"number": number, "base": base, "without": self.baseline(result)}
        return {
            "membership": _(
                "ranks a counted person above another {number} times in 100, where {without} "
                "gives {base}", **values
            ),
            "pick": _(
                "finds {number} in 100 counted people on a list of as many, where {without} "
                "finds {base}", **values
            ),
            "table": _(
                "recovers the records of {number} in 100 people, where {without} gives {base}",
                **values,
            ),
            "attribute": _(
                "names the right attribute of {number} in 100 counted people, where {without} "
                "gives {base}", **values
            ),
            "cells": _(
                "computes the hidden count of {number} in 100 people behind symbols, where "
                "{without} gives {base}", **values
            ),
        }[result.outcome]  # fmt: skip

    def baseline(self, result: AttackResult) -> str:
        """Return the largest baseline of an attack, as a noun phrase."""
        return self.named(result.baselines[0].name)

    def named(self, baseline: str) -> str:
        """Return a baseline as a noun phrase."""
        _ = self.prose
        return {
            "guessing": _("guessing"),
            "prior": _("ranking by what is known beforehand"),
            "random": _("a random pick of candidates"),
            "without-the-person": _("the same attack without the person in the data"),
            "control": _("the same guess about people who were not counted"),
            "one-guess": _("the best single guess for all"),
        }.get(baseline, baseline)

    def hundred(self, estimate: Estimate) -> str:
        """Return a share as so many in 100."""
        return chances(self.prose, 100.0 * float(estimate.value))

    def reach(self, result: AttackResult, counted: str) -> str:
        """Return how many people the main number is about."""
        _, people = self.prose, self.prose.whole(result.people)
        if result.people <= 0:
            return ""
        if result.outcome == "cells":
            return _("{people} people are behind symbols.", people=people)
        if result.game == "pool" and result.outcome in {"membership", "pick"}:
            return _("It is about {people} candidates.", people=people)
        return _("It is about {people} {counted}.", people=people, counted=counted)

    def least(self) -> str:
        """Return by how much of 100 an attack has to be above its baseline to expose anybody."""
        return self.prose.decimal(100.0 * LEAST_EXCESS, places=1)

    def is_told(self, result: AttackResult) -> bool:
        """Return whether there is a number: anything to attack in enough releases."""
        return result.reason not in {"empty", "few"}

    def ends(self, estimate: Estimate) -> str:
        """Return the ends of an interval in so many of 100, or that it is exact."""
        _ = self.prose
        if estimate.is_deterministic:
            return _("exact")
        ends = (estimate.low, estimate.high)
        low, high = (_.decimal(100.0 * float(end), places=1) for end in ends)
        return _("{low} to {high}", low=low, high=high)

    def candidates(self, result: AttackResult) -> str:
        """Return where the candidates of an attack come from; a file as the audit file names it."""
        _ = self.prose
        known = {
            "the people in the data": _("the people in the data"),
            "people drawn evenly over all cells": _("people drawn evenly over all cells"),
            "people whose attributes are drawn one by one, each as common as it is": _(
                "people whose attributes are drawn one by one, each as common as it is"
            ),
        }
        return known.get(result.candidates, result.candidates)

    def ceiling(self, result: AttackResult) -> str:
        """Return the most that the guarantee allows, of 100, or that it says nothing."""
        _ = self.prose
        if result.outcome != "membership" or result.ceiling is None:
            return _("no bound")
        return chances(_, 100.0 * result.ceiling)

    def verdict(self, result: AttackResult) -> str:
        """Return the verdict in words."""
        _ = self.prose
        return {
            "exposed": _("exposed"),
            "not shown": _("not shown"),
            "uninformative": _("attack uninformative"),
        }[result.verdict]

    def release(self, result: AttackResult) -> str:
        """Return a release with its point, marked as a name."""
        _ = self.prose
        point = ", ".join(_.point(key, value) for key, value in result.point.items())
        if not point:
            return _("“{release}”", release=result.release)
        return _("“{release}”, {point}", release=result.release, point=point)

    def what(self, result: AttackResult) -> str:
        """Return what the main number of an attack is, as the head of a column."""
        _ = self.prose
        return {
            "membership": _("Ranked rightly, of 100"),
            "pick": _("Counted people found, of 100"),
            "table": _("Records recovered, of 100"),
            "attribute": _("Guessed rightly, of 100"),
            "cells": _("Hidden counts computed, of 100 people"),
        }[result.outcome]


def trial_columns(_: Prose) -> tuple[Column, ...]:
    """Return the columns of a table that tries attacks without a secret, and without protection."""
    return (
        Column(label=_("Attack")),
        Column(label=_("Nothing to know"), numeric=True),
        Column(label=_("Interval")),
        Column(label=_("No protection"), numeric=True),
        Column(label=_("So")),
    )


def operating(context: Context, results: tuple[AttackResult, ...]) -> tuple[AttackResult, ...]:
    """Return the results at the operating point of each release, the one that findings tell."""
    chosen = []
    for decision in context.cases.decisions():
        chosen += [
            (release, dict(context.cases.operating(decision, release).task.point))
            for release in context.cases.releases(decision)
        ]
    return tuple(each for each in results if (each.release, dict(each.point)) in chosen)
