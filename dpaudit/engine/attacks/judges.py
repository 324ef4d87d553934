"""Judges what an attack has scored, overall and within groups of cells.

A judge is made from one release. :meth:`Judge.main` is the number that the verdict is about and
:meth:`Judge.base` what is reached in the same groups without the release; ``labels`` are the
group of each cell, p times over, so that permuted labels are judged in the same way.
"""

from __future__ import annotations

import abc

import attrs
import numpy as np

from dpaudit.engine.attacks.deals import Deal
from dpaudit.model.arrays import FloatArray
from dpaudit.stats.roc import Ranking, estimable


class Judge(abc.ABC):
    """What came out of one release."""

    @property
    @abc.abstractmethod
    def cells(self) -> int:
        """n, how many cells there are."""

    @abc.abstractmethod
    def main(self, labels: np.ndarray, count: int) -> FloatArray:
        """Return the main number within ``count`` groups, shape (p, count); NaN: nobody there."""

    @abc.abstractmethod
    def bases(self, labels: np.ndarray, count: int) -> dict[str, FloatArray]:
        """Return what is reached without the release, by name, shapes as of :meth:`main`."""

    def more(self) -> dict[str, FloatArray]:
        """Return further numbers of the whole, by name."""
        return {}


def summed(weights: FloatArray, labels: np.ndarray, count: int) -> FloatArray:
    """Return the sums of ``weights`` (n,) over groups, shape (p, count)."""
    rows = labels.shape[0]
    at = (labels + count * np.arange(rows)[:, None]).ravel()
    made = np.bincount(at, np.broadcast_to(weights, labels.shape).ravel(), count * rows)
    return np.asarray(made.reshape(rows, count), dtype=np.float64)


def share(top: FloatArray, bottom: FloatArray, labels: np.ndarray, count: int) -> FloatArray:
    """Return the sums of ``top`` over those of ``bottom`` by group; NaN over nothing."""
    below = summed(bottom, labels, count)
    above = summed(top, labels, count)
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)


GRID = np.concatenate([np.logspace(-4, 0, 81), [0.001, 0.01]])
GRID.sort()
"""Rates of false alarms at which a curve is kept."""


@attrs.frozen(kw_only=True, eq=False)
class MembershipJudge(Judge):
    """Ranks candidates: the area under the curve, against 1/2 or against a prior ranking.

    ``prior`` ranks by what is known beforehand, and ``counterfactual`` by a release without the
    person in question (members first, others after); both only where members differ from others
    anyhow.
    """

    ranking: Ranking
    prior: Ranking | None = None
    counterfactual: Ranking | None = None

    @property
    def cells(self) -> int:
        """The number of cells."""
        return self.ranking.block.size

    def main(self, labels: np.ndarray, count: int) -> FloatArray:
        """Return the areas within groups."""
        return self.ranking.aucs(labels, count)

    def bases(self, labels: np.ndarray, count: int) -> dict[str, FloatArray]:
        """Return 1/2, and the areas of the other rankings."""
        own = self.ranking.aucs(labels, count)
        made = {"guessing": np.where(np.isnan(own), np.nan, 0.5)}
        if self.prior is not None:
            made["prior"] = self.prior.aucs(labels, count)
        if self.counterfactual is not None:
            made["without-the-person"] = self.counterfactual.aucs(np.tile(labels, 2), count)
        return made

    def more(self) -> dict[str, FloatArray]:
        """Return the curve, and rates at few false alarms as far as others are enough."""
        others = float(self.ranking.others.sum())
        grid = np.maximum(GRID, 1.0 / max(others, 1.0))
        made = {"curve": self.ranking.tpr(grid)}
        for rate in estimable(others):
            made[f"tpr-{rate:g}"] = self.ranking.tpr(np.array(rate))
        return made


@attrs.frozen(kw_only=True, eq=False)
class PickJudge(Judge):
    """Counts members among the candidates whom an attack has picked from each cell.

    Candidates of a cell cannot be told apart, so that of t picked among m members and o others
    t m / (m + o) are members on average.
    """

    dealt: Deal
    picked: FloatArray
    guesses: dict[str, FloatArray]

    @property
    def cells(self) -> int:
        """The number of cells."""
        return self.picked.size

    def main(self, labels: np.ndarray, count: int) -> FloatArray:
        """Return the share of members who are picked."""
        return share(self._right(self.picked), self.dealt.members, labels, count)

    def bases(self, labels: np.ndarray, count: int) -> dict[str, FloatArray]:
        """Return the same share of each other list."""
        members = self.dealt.members
        return {
            name: share(self._right(picked), members, labels, count)
            for name, picked in self.guesses.items()
        }

    def more(self) -> dict[str, FloatArray]:
        """Return precision by person, and recall and precision by value."""
        picked, members = self.picked, self.dealt.members
        written = max(float(picked.sum()), 1.0)
        same = float(np.minimum(picked, members).sum())
        return {
            "precision-by-person": np.array(float(self._right(picked).sum()) / written),
            "recall-by-value": np.array(same / max(float(members.sum()), 1.0)),
            "precision-by-value": np.array(float(picked[members > 0].sum()) / written),
        }

    def _right(self, picked: FloatArray) -> FloatArray:
        all_of = self.dealt.members + self.dealt.others
        rate = np.divide(self.dealt.members, all_of, out=np.zeros_like(all_of), where=all_of > 0)
        return np.minimum(picked, all_of) * rate


@attrs.frozen(kw_only=True, eq=False)
class TableJudge(Judge):
    """Compares a table that was made up with the truth, person by person and value by value.

    ``guesses`` are tables of the same size that were made without the release, and
    ``counterfactual`` one made from a release without one person of each cell.
    """

    truth: FloatArray
    table: FloatArray
    guesses: dict[str, FloatArray]
    ranked: FloatArray | None = None
    expected: FloatArray | None = None

    @property
    def cells(self) -> int:
        """The number of cells."""
        return self.truth.size

    def main(self, labels: np.ndarray, count: int) -> FloatArray:
        """Return the share of people who are recovered."""
        return share(np.minimum(self.truth, self.table), self.truth, labels, count)

    def bases(self, labels: np.ndarray, count: int) -> dict[str, FloatArray]:
        """Return the same share of each guess."""
        return {
            name: share(np.minimum(self.truth, table), self.truth, labels, count)
            for name, table in self.guesses.items()
        }

    def more(self) -> dict[str, FloatArray]:
        """Return precision by person, and recall and precision by value."""
        hit = float(np.minimum(self.truth, self.table).sum())
        written = float(self.table.sum())
        there, said = self.truth > 0, self.table > 0
        both = float((there & said).sum())
        return self._claims() | {
            "precision-by-person": np.array(hit / written if written else 1.0),
            "recall-by-value": np.array(both / there.sum() if there.any() else 1.0),
            "precision-by-value": np.array(both / said.sum() if said.any() else 1.0),
        }

    def _claims(self) -> dict[str, FloatArray]:
        """Return how many of the first claims are right, by confidence and by the prior."""
        made = {}
        for name, order in (("match-rate", self.ranked), ("prior-match-rate", self.expected)):
            if order is None or self.ranked is None:
                continue
            first = np.argsort(-order, kind="stable")
            claimed = first[(self.ranked > 0)[first]]
            for count in CLAIMS:
                if claimed.size >= count:
                    right = (self.truth[claimed[:count]] > 0).mean()
                    made[f"{name}-{count}"] = np.array(float(right))
        return made


CLAIMS = (50, 100, 200, 400)
"""How many of the surest claims are checked."""


@attrs.frozen(kw_only=True, eq=False)
class AttributeJudge(Judge):
    """Counts right guesses about people in the data, and about people who are not (control)."""

    right: FloatArray
    dealt: Deal

    @property
    def cells(self) -> int:
        """The number of cells."""
        return self.right.size

    def main(self, labels: np.ndarray, count: int) -> FloatArray:
        """Return the share of people in the data of whom the guess is right."""
        hit = np.nan_to_num(self.right, nan=0.0)
        return share(hit * self.dealt.members, self.dealt.members, labels, count)

    def bases(self, labels: np.ndarray, count: int) -> dict[str, FloatArray]:
        """Return the share among people who are not in the data."""
        hit = np.nan_to_num(self.right, nan=0.0)
        return {"control": share(hit * self.dealt.others, self.dealt.others, labels, count)}

    def more(self) -> dict[str, FloatArray]:
        """Return how often a guess is made, how often it is right, and the risk above control."""
        members = self.dealt.members
        claimed = ~np.isnan(self.right)
        total, put = float(members.sum()), float(members[claimed].sum())
        hit = float((np.nan_to_num(self.right) * members).sum())
        zero = np.zeros((1, members.size), dtype=np.intp)
        attack, control = (float(x[0, 0]) for x in (self.main(zero, 1),
                                                    self.bases(zero, 1)["control"]))  # fmt: skip
        risk = (attack - control) / (1.0 - control) if control < 1 else 0.0
        return {
            "putative": np.array(put / total if total else 0.0),
            "confirmed": np.array(hit / total if total else 0.0),
            "precision": np.array(hit / put if put else 1.0),
            "risk-above-control": np.array(risk),
        }


@attrs.frozen(kw_only=True, eq=False)
class CellsJudge(Judge):
    """Checks claims about hidden counts: of the people behind symbols, whose count is known."""

    truth: FloatArray
    hidden: np.ndarray
    claim: FloatArray

    @property
    def cells(self) -> int:
        """The number of cells."""
        return self.truth.size

    def main(self, labels: np.ndarray, count: int) -> FloatArray:
        """Return the share of people in hidden cells whose count is claimed and right."""
        people = self.truth * self.hidden
        return share(people * (self.claim == self.truth), people, labels, count)

    def bases(self, labels: np.ndarray, count: int) -> dict[str, FloatArray]:
        """Return the share of the one guess for all hidden cells that does best."""
        people = self.truth * self.hidden
        most = int(self.truth[self.hidden].max(initial=1.0))
        kept = np.bincount(self.truth[self.hidden].astype(np.int64), minlength=most + 1)
        weight = kept * np.arange(kept.size)
        best = float(np.argmax(weight))
        return {"one-guess": share(people * (self.truth == best), people, labels, count)}

    def more(self) -> dict[str, FloatArray]:
        """Return how many hidden cells are claimed, and how many claims are right."""
        cells = self.hidden & (self.truth > 0)
        claimed = cells & ~np.isnan(self.claim)
        right = claimed & (self.claim == self.truth)
        return {
            "claimed-cells": np.array(claimed.sum() / cells.sum() if cells.any() else 0.0),
            "precision": np.array(right.sum() / claimed.sum() if claimed.any() else 1.0),
            "hidden-people": np.array((self.truth * self.hidden).sum()),
        }
