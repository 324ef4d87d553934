"""Audit of noisy votes: how often noise turns a label, in each group, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.blocks import Block, Column, Paragraph, Table
from dpaudit.training.records import as_classes
from dpaudit.training.teachers import Votes, Voting
from dpaudit_plugins.audits._learning import in_words, made, percent

_ERROR = 1e-9
_QUANTITIES = ("flip-probability", "vote-margin", "ensemble-accuracy", "label-accuracy")


@attrs.frozen(kw_only=True)
class PateVotes(dpaudit.Audit):
    """Measure what noise does to the votes of teachers, in each group of the student's inputs.

    ``flip-probability``: how likely the noisy winner is not the true one, by an integral over the
    noise and without any draw. ``vote-margin``: the lead of the winner over the runner-up, as a
    share of the teachers. ``ensemble-accuracy``: how often the winner without noise is the right
    class. ``label-accuracy``: how often the noisy winner is, on average over the noise. Where
    margins of a group are small, noise hits that group.

    Parameters
    ----------
    teachers
        Further numbers of teachers to measure at the same noise.

    References
    ----------
    Papernot, Song, Mironov, Raghunathan, Talwar and Erlingsson (2018), Scalable private learning
    with PATE, ICLR; Tran, Dinh, Beiter and Fioretto (2021), A fairness analysis on private
    aggregation of teacher ensembles, arXiv:2109.08630.
    """

    name: ClassVar[str] = "pate-votes"
    of: ClassVar = "learners"

    teachers: tuple[int, ...] = ()

    def measure(
        self, subject: dpaudit.LearnerSubject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return exact chances of a learner that learns from winners; nothing of another."""
        learner = subject.learner
        if not isinstance(learner, Voting) or not learner.names_winner:
            return ()
        found = list(self._one(subject, learner, learner.votes(subject.data), ""))
        for count in self.teachers:
            votes = learner.votes(subject.data, count)
            found += self._one(subject, learner, votes, f"{count} teachers")
        return found

    def _one(
        self, subject: dpaudit.LearnerSubject, learner: Voting, votes: Votes, said: str
    ) -> Iterator[dpaudit.Measurement]:
        groups = votes.records.names
        labels = tuple(f"{group}, {said}" for group in groups) if said else groups
        over = f"{subject.data.group} × teachers" if said else subject.data.group
        for name, values in of_records(learner, votes).items():
            exact = name in {"vote-margin", "ensemble-accuracy"}
            estimate = dpaudit.Estimate.exact(
                votes.records.means(values),
                error=0.0 if exact else _ERROR,
                method="exact" if exact else "quadrature",
            )
            yield made(subject, self.name, name, estimate, over=over, labels=labels)
            if name == "flip-probability" and not said and len(groups) > 1:
                gap = dpaudit.Estimate.exact(
                    np.ptp(estimate.value), error=2 * _ERROR, method="quadrature"
                )
                yield made(subject, self.name, "flip-probability-gap", gap)


def of_records(learner: Voting, votes: Votes) -> Mapping[str, FloatArray]:
    """Return every quantity of each of the student's inputs, shape (m,)."""
    counts, truth = votes.counts, as_classes(votes.records.labels, votes.counts.shape[1])
    rows, winner = np.arange(len(counts)), counts.argmax(axis=1)
    first, second = np.sort(counts, axis=1)[:, :-3:-1].T
    chances = learner.vote_noise.win_probabilities(counts)
    values = (
        1.0 - chances[rows, winner],
        (first - second) / votes.teachers,
        (winner == truth).astype(np.float64),
        chances[rows, truth],
    )
    return dict(zip(_QUANTITIES, values, strict=True))


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (PateVotes,)


@dpaudit.hookimpl
def dpaudit_sections(results: Any) -> Mapping[str, Sequence[Block]]:
    """Say whose labels noise turns, and how close the teachers were."""
    rows = tuple(row for one in results.learners for row in _rows(results, one.task))
    if not rows:
        return {}
    said = Paragraph(
        text="A label is the class that most teachers vote for after noise was added to the votes. "
        "The table says in how many of 100 cases noise turns it, which is exact, and by which "
        "share of the teachers the winner leads. Where teachers disagree about a group, the same "
        "noise turns more of its labels."
    )
    table = Table(
        caption="Labels that noise turns",
        columns=(
            Column(label="Learner"),
            Column(label="Group"),
            Column(label="Turned, in 100", numeric=True),
            Column(label="Lead, % of teachers", numeric=True),
            Column(label="Right without noise, in 100", numeric=True),
            Column(label="Right with noise, in 100", numeric=True),
        ),
        rows=rows,
    )
    return {"Labels from votes": (said, table)}


def _rows(results: Any, task: Any) -> Iterator[tuple[str, ...]]:
    found = {name: results.select(task=task.id, quantity=name) for name in _QUANTITIES}
    for parts in zip(*(found[name] for name in _QUANTITIES), strict=True):
        for a, label in enumerate(parts[0].labels):
            yield (in_words(task), label, *(percent(part.estimate.value[a]) for part in parts))
