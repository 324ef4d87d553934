"""One trial: a target, an attack on it, what is said of the scores, and two controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from dpaudit.engine.attacks.judges import GRID, MembershipJudge
from dpaudit.engine.attacks.scored import ATTACK, NULL
from dpaudit.engine.attacks.trials import by_group, whole
from dpaudit.engine.targets.jobs import TargetJob
from dpaudit.engine.targets.shown import Shown
from dpaudit.errors import DpauditError, PluginError
from dpaudit.interfaces.model_attack import ModelTarget
from dpaudit.model.arrays import BoolArray, FloatArray
from dpaudit.stats.roc import Ranking, estimable

_EXACT = 20
"""The stream of the attack on models without protection."""


@attrs.frozen(kw_only=True, eq=False)
class Arena:
    """An attack on the models of a learner.

    Parameters
    ----------
    job
        The attack.
    made
        The models as they are released.
    plain
        The same trained without protection; ``made`` itself where nothing is promised, and
        ``None`` where they cannot be trained so.
    """

    job: TargetJob
    made: Shown
    plain: Shown | None

    def play(self, model: int) -> dict[str, FloatArray]:
        """Return the numbers of one target, named as those of an attack on a release.

        Beside them of each grouping ``curve``, and of each rate of false alarms that can be told
        ``shared`` and ``alarms`` (members and others of a group above one threshold for all) and
        ``own`` (members above the threshold of the group).
        """
        job, members = self.job, self.made.members[model]
        scores = self.scores(self.made.target(model), job.stream(model, ATTACK))
        judge = self._judge(scores, members)
        made = dict(by_group(job, judge))
        made |= {f"more {name}": value for name, value in judge.more().items()}
        made |= dict(_of_groups(job, scores, members))
        made["null"] = whole(self._judge(self._blind(model), members))
        if self.plain is self.made:
            made["exact"] = whole(judge)
        elif self.plain is not None:
            bare = self.scores(self.plain.target(model), job.stream(model, _EXACT))
            made["exact"] = whole(self._judge(bare, members))
        return made

    def scores(self, target: ModelTarget, rng: np.random.Generator) -> FloatArray:
        """Return the scores of the attack, held to their shape.

        Raises
        ------
        PluginError
            If it fails, or gives anything but a number for each candidate.
        """
        attack = self.job.attack
        where = f"attack {attack.name!r} in {self.job.task.id!r}"
        try:
            made = np.asarray(attack.score(target, rng), dtype=np.float64)
        except DpauditError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{where} failed: {type(error).__name__}: {error}",
                hint="see what the attack does with this model",
            ) from error
        if made.shape != target.losses.shape or np.isnan(made).any():
            raise PluginError(
                f"{where} gave scores of shape {made.shape} for {target.losses.size} candidates, "
                "or NaN",
                hint="return one number for each candidate",
            )
        return made

    def _blind(self, model: int) -> FloatArray:
        """Return scores from a model that knows nothing of the people of ``model``.

        Another model, of other people, stands in the target's place; neither of the two, nor its
        kin, is among the shadows.
        """
        stranger = self.made.stranger(model)
        return self.scores(self.made.target(stranger, model), self.job.stream(model, NULL))

    def _judge(self, scores: FloatArray, members: BoolArray) -> MembershipJudge:
        return MembershipJudge(ranking=_ranking(scores, members))


def _ranking(scores: FloatArray, members: BoolArray) -> Ranking:
    inside = members.astype(np.float64)
    return Ranking.of(scores, inside, 1.0 - inside)


def _of_groups(
    job: TargetJob, scores: FloatArray, members: BoolArray
) -> Iterator[tuple[str, FloatArray]]:
    """Yield curves of groups, and what thresholds for all and for each group find in them."""
    for name, grouping in job.groupings.items():
        codes, count = job.codes(name), len(grouping.labels)
        own = [_ranking(scores[codes == g], members[codes == g]) for g in range(count)]
        yield f"curve {name}", np.stack([_curve(one) for one in own])
        for rate in estimable(float((~members).sum())):
            above = _above(scores, ~members, rate)
            shares = _shares(above, codes, count, members)
            yield f"shared-{rate:g} {name}", shares["members"]
            yield f"alarms-{rate:g} {name}", shares["others"]
            told = [rate in estimable(float(one.others.sum())) for one in own]
            yield (
                f"own-{rate:g} {name}",
                np.array(
                    [
                        float(one.tpr(np.array(rate))) if tell else np.nan
                        for one, tell in zip(own, told, strict=True)
                    ]
                ),
            )


def _curve(ranking: Ranking) -> FloatArray:
    least = 1.0 / max(float(ranking.others.sum()), 1.0)
    return np.asarray(ranking.tpr(np.maximum(GRID, least)))


def _above(scores: FloatArray, others: BoolArray, rate: float) -> FloatArray:
    """Return the chance of each person to be above a threshold that ``rate`` others pass, (n,).

    Of two neighbouring thresholds one is taken at random, as :meth:`Ranking.tpr` has it.
    """
    values, count = np.unique(-scores[others], return_counts=True)
    passed = np.concatenate([[0.0], np.cumsum(count) / count.sum()])
    at = min(int(np.searchsorted(passed, rate, side="right")) - 1, values.size - 1)
    share = (rate - passed[at]) / (passed[at + 1] - passed[at])
    below = np.append(-values, -np.inf)
    return (1.0 - share) * (scores > below[at]) + share * (scores > below[at + 1])


def _shares(
    above: FloatArray, codes: np.ndarray, count: int, members: BoolArray
) -> Mapping[str, FloatArray]:
    made = {}
    for name, side in (("members", members), ("others", ~members)):
        people = np.bincount(codes[side], minlength=count).astype(np.float64)
        found = np.bincount(codes[side], above[side], count)
        made[name] = np.divide(found, people, out=np.full(count, np.nan), where=people > 0)
    return made
