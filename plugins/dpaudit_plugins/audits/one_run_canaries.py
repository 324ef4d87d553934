"""One-run canaries: whether private training keeps its promise, from a single run of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import BoolArray, FloatArray
from dpaudit.blocks import Block, Column, Paragraph, Table
from dpaudit.privacy.black_box import Claim, sentence
from dpaudit.privacy.gdp import gaussian_epsilon, one_run_mu
from dpaudit.stats.one_run import Guesses, epsilon_lower_bound
from dpaudit.training.records import Records
from dpaudit_plugins.audits._learning import made

BOUND, LARGEST, ASSUMED, CLAIMED, DELTA, RIGHT, REFUTED = (
    "one-run-epsilon-lower-bound",
    "one-run-largest-certifiable-epsilon",
    "one-run-gaussian-epsilon",
    "one-run-claimed-epsilon",
    "one-run-claimed-delta",
    "one-run-right-guesses",
    "one-run-claim-refuted",
)
_BARE = 8
"""Models without canaries."""

UNITS = {DELTA: "δ", RIGHT: "share", REFUTED: "yes or no"}
"""Of what is no epsilon."""


@attrs.frozen(kw_only=True)
class OneRunCanaries(dpaudit.Audit):
    """Train once with made-up people, each put in by a coin, and guess who is in.

    The canaries are as long as inputs may be, in the directions that the people use least, and at
    right angles to one another as far as there are columns; their labels are random. If one record
    may be replaced, a coin decides between two canaries for one place. Those whose losses are
    furthest below what models without canaries give are taken for in, those furthest above for
    out, and the others are left open. The bound holds whatever the canaries have to do with one
    another, but looks at the final model alone: training with noise on every step keeps more than
    it can show. A learner that promises nothing is left out.

    Parameters
    ----------
    canaries
        Made-up people.
    guesses
        How many of them are guessed, an even number: half are taken for in, half for out.

    References
    ----------
    Steinke, Nasr and Jagielski (2023), Privacy auditing with one (1) training run, NeurIPS,
    Algorithm 1 and Theorem 5.2. Mahloujifar, Melis and Chaudhuri (2024), Auditing f-differential
    privacy in one run, arXiv 2410.22235.
    """

    name: ClassVar[str] = "one-run-canaries"
    of: ClassVar = "learners"

    canaries: int = attrs.field(default=60, validator=attrs.validators.ge(20))
    guesses: int = attrs.field(default=40, validator=attrs.validators.ge(10))

    def __attrs_post_init__(self) -> None:
        if self.guesses % 2 or self.guesses > self.canaries:
            raise ValueError(
                f"{self.guesses} guesses of {self.canaries} canaries: give an even number of no "
                "more than the canaries"
            )

    def measure(
        self, subject: dpaudit.LearnerSubject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return the bound, what could have been certified, the claim and the verdict; or nothing.

        The verdict is 1 where the claim is refuted and else 0, at the stated confidence.
        """
        promised = subject.learner.privacy(subject.data)
        if not promised.promises or not math.isfinite(promised.epsilon):
            return ()
        claim = Claim(epsilon=promised.epsilon, delta=promised.delta)
        found = self._guessed(subject, rng, replace=promised.neighbours == "replace")
        every = attrs.evolve(found, right=found.guessed)
        risk = 1.0 - subject.confidence
        bound = epsilon_lower_bound(found, risk, claim.delta)
        told = {
            BOUND: self._bound(bound, subject),
            LARGEST: dpaudit.Estimate.exact(epsilon_lower_bound(every, risk, claim.delta)),
            CLAIMED: dpaudit.Estimate.exact(claim.epsilon),
            DELTA: dpaudit.Estimate.exact(claim.delta),
            RIGHT: dpaudit.Estimate.exact(found.right / found.guessed),
            # What was seen may be chance, so that no verdict is certain.
            REFUTED: dpaudit.Estimate(
                value=float(bound > claim.epsilon), low=0.0, high=1.0,
                level=subject.confidence, method="simulated", draws=1,
            ),
        }  # fmt: skip
        if claim.delta:
            assumed = gaussian_epsilon(one_run_mu(found, risk), claim.delta)
            told[ASSUMED] = self._bound(assumed, subject)
        return [
            made(subject, self.name, quantity, estimate, unit=UNITS.get(quantity, "ε"))
            for quantity, estimate in told.items()
        ]

    def _bound(self, value: float, subject: dpaudit.LearnerSubject) -> dpaudit.Estimate:
        return dpaudit.Estimate(
            value=value, low=value, high=math.inf,
            level=subject.confidence, method="bound", draws=self.guesses,
        )  # fmt: skip

    def _guessed(
        self, subject: dpaudit.LearnerSubject, rng: np.random.Generator, *, replace: bool
    ) -> Guesses:
        """Return how many guesses about one run were right."""
        data = subject.data
        first, second = self._people(data, rng)
        inside = rng.random(self.canaries) < 0.5  # noqa: PLR2004 - a coin
        put = _chosen(first, second, inside) if replace else first.of(inside)
        looked_at = _joined(first, second) if replace else first
        trained = attrs.evolve(
            data,
            train=_joined(data.train, put),
            held_out=looked_at,
            rows=np.arange(len(data.train) + len(put)),
            held_out_rows=np.arange(len(looked_at)),
        )
        seeds = rng.integers(2**62, size=2)
        losses = subject.learner.train(trained, range(1), int(seeds[0])).losses("held-out")[0]
        # What the others make of the canaries, known to an attacker who knows the others; other
        # random numbers, for those of the run are its secret.
        bare = attrs.evolve(trained, train=data.train, rows=np.arange(len(data.train)))
        known = subject.learner.train(bare, range(_BARE), int(seeds[1])).losses("held-out")
        gain = known.mean(axis=0) - losses
        scores = gain[: self.canaries] - gain[self.canaries :] if replace else gain
        return Guesses(
            canaries=self.canaries, guessed=self.guesses, right=self._right(scores, inside)
        )

    def _right(self, scores: FloatArray, inside: BoolArray) -> int:
        order = np.argsort(-scores, kind="stable")
        half = self.guesses // 2
        return int(inside[order[:half]].sum() + (~inside[order[-half:]]).sum())

    def _people(
        self, data: dpaudit.TrainingData, rng: np.random.Generator
    ) -> tuple[Records, Records]:
        """Return two lots of made-up people, of the same groups place by place."""
        groups = rng.integers(len(data.names), size=self.canaries)
        inputs = data.norm_bound * _directions(data.train.inputs, 2 * self.canaries, rng)
        made = []
        for lot in (inputs[: self.canaries], inputs[self.canaries :]):
            if data.classes:
                labels = rng.integers(len(data.classes), size=self.canaries).astype(np.float64)
            else:
                labels = rng.choice([-data.label_bound, data.label_bound], self.canaries)
            names = tuple(data.names[g] for g in np.unique(groups))
            own = np.searchsorted(np.unique(groups), groups)
            made.append(Records(inputs=lot, labels=labels, groups=own, names=names))
        return made[0], made[1]


def _directions(inputs: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Return unit vectors, the least used first, shape (count, d): first at right angles."""
    _, _, used = np.linalg.svd(inputs, full_matrices=True)
    parts = [used[::-1][:count]]
    while sum(map(len, parts)) < count:
        turned, _ = np.linalg.qr(rng.standard_normal((inputs.shape[1], inputs.shape[1])))
        parts.append(turned)
    return np.concatenate(parts)[:count]


def _chosen(first: Records, second: Records, inside: BoolArray) -> Records:
    """Return the first canary of each place where the coin says so, and else the second."""
    return Records(
        inputs=np.where(inside[:, None], first.inputs, second.inputs),
        labels=np.where(inside, first.labels, second.labels),
        groups=first.groups,
        names=first.names,
    )


def _joined(one: Records, other: Records) -> Records:
    """Return the people of both; groups are matched by their names."""
    place = np.array([one.names.index(name) for name in other.names], dtype=np.int64)
    return Records(
        inputs=np.concatenate([one.inputs, other.inputs]),
        labels=np.concatenate([one.labels, other.labels]),
        groups=np.concatenate([one.groups, place[other.groups]]),
        names=one.names,
    )


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (OneRunCanaries,)


@dpaudit.hookimpl
def dpaudit_sections(results: Any) -> Mapping[str, Sequence[Block]]:
    """Tell the verdict on the promise of each learner."""
    rows = []
    for one in results.learners:
        found = {m.quantity: m.estimate for m in results.select(task=one.task.id)}
        if BOUND in found:
            rows.append(_row(one.task.id, found))
    if not rows:
        return {}
    said = Paragraph(
        text="Each learner was trained once more with made-up people among the others, of whom "
        "each was put in by the toss of a coin. From the final model it was guessed who is in. "
        "Many right guesses refute the promise of a learner; few do not show that it holds."
    )
    table = Table(
        caption="What one run with made-up people shows about each promise",
        columns=(
            Column(label="Learner"),
            Column(label="Claimed ε", numeric=True),
            Column(label="Right, of 100 guesses", numeric=True),
            Column(label="ε is at least", numeric=True),
            Column(label="… if the noise acts as Gaussian", numeric=True),
            Column(label="Verdict"),
        ),
        rows=tuple(rows),
        note="The last bound but one assumes that the trade-off curve of the training is that of "
        "Gaussian noise, which no run can confirm. Each bound and each verdict holds at the "
        "stated confidence by itself.",
    )
    return {"Does private training keep its promise?": (said, table)}


def _row(name: str, found: Mapping[str, dpaudit.Estimate]) -> tuple[str, ...]:
    bound = found[BOUND]
    claim = Claim(epsilon=float(found[CLAIMED].value), delta=float(found[DELTA].value))
    refuted = float(found[REFUTED].value) == 1.0
    told = sentence(
        "violates" if refuted else "not refuted", claim, bound.level,
        runs=1, largest=float(found[LARGEST].value),
    ).replace("1 runs", f"1 run and {bound.draws} guesses")  # fmt: skip
    assumed = f"{float(found[ASSUMED].value):.3g}" if ASSUMED in found else ""
    right = f"{100.0 * float(found[RIGHT].value):.1f}"
    return (name, f"{claim.epsilon:g}", right, f"{float(bound.value):.3g}", assumed, told)
