"""One trial: a deal, a release, an attack, and what a judge says of it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from scipy import special

from dpaudit.engine.attacks.deals import Deal, deal, redealt
from dpaudit.engine.attacks.jobs import AttackJob
from dpaudit.engine.attacks.judges import (
    AttributeJudge,
    CellsJudge,
    Judge,
    MembershipJudge,
    PickJudge,
    TableJudge,
)
from dpaudit.engine.attacks.scored import ATTACK, DEAL, NULL, RELEASE, Scored
from dpaudit.errors import DpauditError, PluginError
from dpaudit.interfaces.attack import Attack, Public, Target
from dpaudit.model.arrays import FloatArray
from dpaudit.stats.roc import Ranking, top

Numbers = Mapping[str, FloatArray]
"""What one replicate gave, by name."""

_EXACT = 20
"""The stream of the attack on the table as it is."""


def play(job: AttackJob, replicate: int) -> dict[str, FloatArray]:
    """Return the numbers of one replicate.

    ``main`` and ``base NAME`` hold the whole and then every group, ``permuted GROUPING`` the main
    number under permuted labels (p, g), ``null`` and ``exact`` the main number, and that less its
    largest base, where the release says nothing and where it says all. What nobody is there for
    is NaN.
    """
    dealt = deal(job, job.stream(replicate, DEAL))
    trial = _Trial(
        job=job,
        attack=job.trained,
        public=job.public,
        dealt=dealt,
        printed=job.public.simulate(dealt.counts, job.stream(replicate, RELEASE)),
        rng=job.stream(replicate, ATTACK),
    )
    bare = attrs.evolve(
        trial,
        attack=job.trained_unprotected,
        public=job.unprotected,
        printed=dealt.counts,
        rng=job.stream(replicate, _EXACT),
    )
    scores = trial.scores()
    judge = trial.judge(scores)
    made = dict(by_group(job, judge))
    made |= {f"more {name}": value for name, value in judge.more().items()}
    made |= {f"more {name}": np.array(value) for name, value in trial.further().items()}
    made["null"] = whole(trial.null(scores, job.stream(replicate, NULL)))
    if job.attack.outcome != "cells":  # a table that hides nothing has no hidden counts to find
        made["exact"] = whole(bare.judge(bare.scores()))
    return made


def whole(judge: Judge) -> FloatArray:
    """Return the main number of the whole, and by how much it is above the largest base.

    NaN where nobody is on one side.
    """
    labels = np.zeros((1, judge.cells), dtype=np.intp)
    main = float(judge.main(labels, 1)[0, 0])
    base = float(np.max([value[0, 0] for value in judge.bases(labels, 1).values()]))
    return np.array([main, main - base])


def by_group(job: Scored, judge: Judge) -> Mapping[str, FloatArray]:
    """Return the main number and what is reached without, of the whole and of every group."""
    n = job.sizes.size
    one = np.zeros((1, n), dtype=np.intp)
    main = [judge.main(one, 1)[0]]
    bases = {name: [value[0]] for name, value in judge.bases(one, 1).items()}
    made: dict[str, FloatArray] = {}
    for name, grouping in job.groupings.items():
        codes, count = job.codes(name), len(grouping.labels)
        main.append(judge.main(codes[None, :], count)[0])
        for base, value in judge.bases(codes[None, :], count).items():
            bases[base].append(value[0])
        if count > 1:
            made[f"permuted {name}"] = judge.main(codes[job.permutations], count)
    made["main"] = np.concatenate(main)
    return made | {f"base {name}": np.concatenate(value) for name, value in bases.items()}


@attrs.frozen(kw_only=True, eq=False)
class _Trial:
    """A release of a deal, and the attack on it."""

    job: AttackJob
    attack: Attack
    public: Public
    dealt: Deal
    printed: FloatArray
    rng: np.random.Generator

    def scores(self) -> FloatArray:
        """Return the scores of the attack, held to their shape and to what they may be."""
        attack, job = self.attack, self.job
        where = f"attack {attack.name!r} in {job.task.id!r}"
        try:
            made = np.asarray(attack.score(self._target(), self.rng), dtype=np.float64)
        except DpauditError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(
                f"{where} failed: {type(error).__name__}: {error}",
                hint="see what the attack does with this release",
            ) from error
        silent = attack.outcome in {"attribute", "cells"}
        if made.shape != job.sizes.shape or (np.isnan(made).any() and not silent):
            raise PluginError(
                f"{where} gave scores of shape {made.shape} for {job.sizes.size} cells, or NaN",
                hint="return one number for each cell",
            )
        if attack.outcome in {"table", "pick"} and (made < 0).any():
            raise PluginError(
                f"{where} says that fewer than 0 people are in a cell",
                hint="return 0 or more for each cell",
            )
        return made

    def further(self) -> Mapping[str, float]:
        """Return what else the attacker knows of the release."""
        return self.attack.further(self._target(), self.rng)

    def judge(self, scores: FloatArray) -> Judge:
        """Return what is said of the scores."""
        outcome = self.attack.outcome
        if outcome == "membership":
            return self._membership(scores)
        if outcome == "pick":
            return self._picks(scores, self.dealt, without=True)
        if outcome == "table":
            guesses = _drawn(self.public, scores, self.rng)
            guesses["without-the-person"] = self._without().scores()
            return TableJudge(
                truth=self.dealt.counts,
                table=scores,
                guesses=guesses,
                ranked=self.attack.confidence(self._target(), self.rng),
                expected=self.public.expected,
            )
        if outcome == "attribute":
            return AttributeJudge(right=scores, dealt=self.dealt)
        hidden = np.isnan(self.printed)
        return CellsJudge(truth=self.dealt.counts, hidden=hidden, claim=scores)

    def null(self, scores: FloatArray, rng: np.random.Generator) -> Judge:
        """Return what is said where the release carries no information about who is in.

        A table is made up from a release of other people, drawn as these might have been, and
        hidden counts change places; elsewhere membership is dealt anew after the release.
        """
        outcome, counts = self.attack.outcome, self.dealt.counts
        if outcome == "table":
            return self._of_strangers(rng)
        if outcome == "cells":
            hidden = np.isnan(self.printed)
            truth, at = counts.copy(), np.flatnonzero(hidden)
            truth[at] = truth[rng.permutation(at)]
            return CellsJudge(truth=truth, hidden=hidden, claim=scores)
        other = redealt(self.job, self.dealt, rng)
        if outcome == "pick":
            return self._picks(scores, other, without=False)
        if outcome == "attribute":
            return AttributeJudge(right=scores, dealt=other)
        return MembershipJudge(ranking=Ranking.of(scores, other.members, other.others))

    def _membership(self, scores: FloatArray) -> MembershipJudge:
        dealt = self.dealt
        ranking = Ranking.of(scores, dealt.members, dealt.others)
        if self.job.spec.game != "elsewhere":
            return MembershipJudge(ranking=ranking)
        return MembershipJudge(
            ranking=ranking,
            prior=Ranking.of(self.public.expected, dealt.members, dealt.others),
            counterfactual=_two_sided(scores, self._without().scores(), dealt),
        )

    def _picks(self, scores: FloatArray, dealt: Deal, *, without: bool) -> PickJudge:
        """Judge a list of members beside a random one, one by the prior, and a counterfactual."""
        all_of = dealt.members + dealt.others
        share = float(scores.sum()) / max(float(all_of.sum()), 1.0)
        guesses = {"random": share * all_of}
        guesses["prior"] = top(self.public.expected, all_of, float(scores.sum()))
        if without:
            guesses["without-the-person"] = self._without().scores()
        return PickJudge(dealt=dealt, picked=scores, guesses=guesses)

    def _without(self) -> _Trial:
        """Return the same of data without one person of each cell, the one in question."""
        counts = np.maximum(self.dealt.counts - 1.0, 0.0)
        return attrs.evolve(
            self,
            dealt=attrs.evolve(self.dealt, counts=counts),
            printed=self.public.simulate(counts, self.rng),
        )

    def _of_strangers(self, rng: np.random.Generator) -> TableJudge:
        counts = self.dealt.counts
        weight = self.public.expected / max(float(self.public.expected.sum()), 1e-300)
        drawn = rng.multinomial(int(counts.sum()), weight / weight.sum()).astype(np.float64)
        stranger = attrs.evolve(
            self,
            rng=rng,
            dealt=attrs.evolve(self.dealt, counts=drawn),
            printed=self.public.simulate(drawn, rng),
        )
        table = stranger.scores()
        return TableJudge(truth=counts, table=table, guesses=_drawn(self.public, table, rng))

    def _target(self) -> Target:
        totals = {names: self._totals(names) for names in self.attack.totals()}
        dealt = self.dealt
        return Target(
            public=self.public,
            printed=self.printed,
            candidates=dealt.members + dealt.others,
            people=round(float(dealt.members.sum())),
            totals=totals,
        )

    def _totals(self, names: tuple[str, ...]) -> FloatArray:
        """Return the true sums over some attributes: the attack takes them for published."""
        domain = self.job.data.domain
        known = () if domain is None else domain.names
        if domain is None or not set(names) <= set(known):
            raise PluginError(
                f"attack {self.attack.name!r}: no totals over {', '.join(names)}",
                hint=f"the attributes of the table are {', '.join(known)}",
            )
        axes = tuple(i for i, name in enumerate(known) if name not in names)
        kept = [name for name in known if name in names]
        table = domain.table(self.dealt.counts).sum(axis=axes)
        return np.transpose(table, [kept.index(name) for name in names])


def _two_sided(scores: FloatArray, blind: FloatArray, dealt: Deal) -> Ranking:
    """Rank members by scores of a release without them, and others by those of the release."""
    nobody = np.zeros_like(dealt.members)
    return Ranking.of(
        np.concatenate([blind, scores]),
        np.concatenate([dealt.members, nobody]),
        np.concatenate([nobody, dealt.others]),
    )


def _drawn(public: Public, table: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Return tables of as many people, drawn from the candidates and picked by the prior."""
    total, expected = round(float(table.sum())), public.expected
    share = expected / max(float(expected.sum()), 1e-300)
    even = rng.multinomial(total, share / share.sum()).astype(np.float64)
    return {"random": even, "prior": _likeliest(expected, total)}


def _likeliest(expected: FloatArray, total: int) -> FloatArray:
    """Return the table of ``total`` records that agrees best with Poisson counts on average.

    The j-th record of a cell is right if the count is j or more: the ``total`` records with the
    largest chance of it are written down.
    """
    most = np.ceil(expected + 6.0 * np.sqrt(expected) + 3.0).astype(np.int64)
    cell = np.repeat(np.arange(expected.size), most)
    place = np.arange(cell.size) - np.repeat(np.cumsum(most) - most, most) + 1.0
    chance = special.gammainc(place, np.maximum(expected[cell], 1e-300))
    first = np.argsort(-chance, kind="stable")[:total]
    return np.bincount(cell[first], minlength=expected.size).astype(np.float64)
