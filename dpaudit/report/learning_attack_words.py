"""The words of attacks on models."""

from __future__ import annotations

import attrs

from dpaudit.model.attack import AttackResult
from dpaudit.model.estimate import Estimate
from dpaudit.report.attack_words import AttackWords
from dpaudit.report.learning_cases import Learning, Trained


@attrs.frozen
class ModelWords:
    """How the attacks on models are told; what is shared with releases is in ``shared``."""

    view: Learning
    shared: AttackWords

    @classmethod
    def of(cls, view: Learning) -> ModelWords:
        """Return the words in the language of a report."""
        return cls(view, AttackWords(view.prose))

    def learner(self, result: AttackResult) -> str:
        """Return the learner at its point, as a name."""
        return self.view.label(trained(self.view, result))

    def rate(self, rate: float) -> str:
        """Return ``1 false alarm in 100``."""
        return self.view.prose("1 false alarm in {count}", count=self.view.prose.whole(1.0 / rate))

    def found(self, result: AttackResult, rate: float) -> Estimate | None:
        """Return the share of people learnt from who are found at so few false alarms."""
        for one in result.more:
            if one.quantity == f"tpr-{rate:g}" and one.over == "total":
                return one.estimate
        return None

    def share(self, estimate: Estimate | None) -> str:
        """Return a share of 100 with its interval, or that nothing is said."""
        _ = self.view.prose
        if estimate is None:
            return _("not told")
        return _("{number} ({ends})", number=self.shared.hundred(estimate),
                 ends=self.shared.ends(estimate))  # fmt: skip

    def reason(self, result: AttackResult) -> str:
        """Return why the verdict on an attack is what it is."""
        _ = self.view.prose
        least = self.shared.least()
        return {
            "empty": _("there is nobody to tell apart"),
            "few": _("too few models had people of both kinds to tell apart"),
            "null": _("it succeeds as well on a model that has learnt from other people"),
            "weak": _("it does no better on a model without any protection"),
            "above": _("it is right more often than by guessing by more than {least} in 100, "
                       "whatever chance did", least=least),
            "below": _("it is right more often than by guessing by no more than {least} in 100, "
                       "if at all, or chance may have done it", least=least),
        }.get(result.reason, result.reason)  # fmt: skip

    def refused(self, result: AttackResult) -> str:
        """Return which rates are not told, and what they would need; empty if all are."""
        from dpaudit.stats.roc import FEWEST

        _ = self.view.prose
        said = [
            _("{rate} needs at least {least} people whom a model has not learnt from, and there "
              "are {others}: what is found there is not told.", rate=self.rate(rate),
              least=_.whole(FEWEST[rate]), others=_.whole(result.others or 0.0))
            for rate in sorted(result.refused)
        ]  # fmt: skip
        return " ".join(said)


def trained(view: Learning, result: AttackResult) -> Trained:
    """Return the learner that was attacked."""
    return next(
        one
        for one in view.every
        if one.name == result.release and dict(one.task.point) == dict(result.point)
    )


def attacked(view: Learning) -> tuple[tuple[Trained, tuple[AttackResult, ...]], ...]:
    """Return each learner that was attacked, at every point, with the attacks on it."""
    made = []
    for one in view.every:
        own = tuple(r for r in view.results.attacks if trained(view, r).task.id == one.task.id)
        if own:
            made.append((one, own))
    return tuple(made)


def strongest(results: tuple[AttackResult, ...]) -> AttackResult:
    """Return the attack that exposes people most; of those that do not, the largest number."""
    return max(results, key=lambda r: (r.verdict == "exposed", float(r.excess.value)))
