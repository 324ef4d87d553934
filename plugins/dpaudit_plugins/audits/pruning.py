"""Audit of pruning: what each group loses when weights are removed, and how well it is foreseen."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.blocks import Block, Column, Paragraph, Table
from dpaudit.training.clipping import boundary_closeness
from dpaudit.training.data import Split
from dpaudit.training.group_estimates import largest_difference, of_runs
from dpaudit.training.group_metrics import class_recall, shares
from dpaudit.training.models import (
    Model,
    group_gradients,
    group_largest_eigenvalues,
    group_losses,
)
from dpaudit.training.pruning import flipped, rank_correlation
from dpaudit.training.records import IntArray, Records
from dpaudit.training.runs import Arm, ModelRuns
from dpaudit_plugins.audits._learning import in_words, made, percent, predictions, signed, start_of

_TWO = 2


@attrs.frozen(kw_only=True)
class Pruning(dpaudit.Audit):
    """Measure what pruning takes from each group, beside its prediction and its causes.

    ``pruning-loss``: R(a), the loss of the group after pruning minus before, and the largest
    difference of two groups. ``pruning-prediction``: g_a . d + d' H_a d / 2 with d what pruning
    changed, by one product with the Hessian; it misses what lies beyond the second order. Causes:
    the norm of each group's mean gradient, the largest eigenvalue of its Hessian (by Lanczos) and
    how close its people are to the boundary. ``pruning-bound``: Theorem 1's bound, measured to be
    hundreds to thousands of times too large: a footnote.

    What it does to people: change of accuracy by group and of recall by class; records whose
    likeliest class over all runs is another after pruning (pruning identified exemplars); and the
    rank correlation of groups' accuracy before with its change: above 0 those that were served
    best lose least, so the rich get richer.

    Parameters
    ----------
    cause_runs
        In how many runs gradient norms, eigenvalues and the bound are measured, which cost the
        most; 0 for none.

    References
    ----------
    Tran, Fioretto, Kim and Naidu (2022), Pruning has a disparate impact on model accuracy, NeurIPS,
    Theorem 1; Hooker, Courville, Clark, Dauphin and Frome (2019), What do compressed deep neural
    networks forget?, arXiv:1911.05248 (identified exemplars); Paganini (2020), Prune responsibly,
    arXiv:2009.09936 (the pattern over classes).
    """

    name: ClassVar[str] = "pruning"
    of: ClassVar = "learners"
    arms: ClassVar[frozenset[Arm]] = frozenset({"made", "plain"})

    cause_runs: int = attrs.field(default=5, validator=attrs.validators.ge(0))

    def measure(
        self, subject: dpaudit.LearnerSubject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return losses, predictions, causes and changes; nothing of a learner without a rate."""
        if not hasattr(subject.learner, "rate") or "plain" not in subject.arms:
            return ()
        after, before = subject.runs(), subject.runs("plain")
        found: list[dpaudit.Measurement] = []
        if isinstance(after, ModelRuns) and isinstance(before, ModelRuns):
            for split in subject.data.splits:
                found += self._losses(subject, after, before, split)
            found += self._predicted(subject, after, before)
        for split in subject.data.splits:
            found += self._people(subject, split)
        return found

    def _losses(
        self, subject: dpaudit.LearnerSubject, after: ModelRuns, before: ModelRuns, split: Split
    ) -> Iterator[dpaudit.Measurement]:
        records, start = subject.data.records(split), start_of(split)
        losses = [
            np.stack([group_losses(runs.model, theta, records) for theta in runs.parameters])
            for runs in (after, before)
        ]
        rows, level = losses[0] - losses[1], subject.confidence
        unit = subject.unit
        yield made(subject, self.name, f"{start}pruning-loss", of_runs(rows, level), unit=unit)
        if rows.shape[1] > 1:
            gap = largest_difference(rows, level)
            yield made(subject, self.name, f"{start}pruning-loss-gap", gap, unit=unit)

    def _predicted(
        self, subject: dpaudit.LearnerSubject, after: ModelRuns, before: ModelRuns
    ) -> Iterator[dpaudit.Measurement]:
        model, records, level = before.model, subject.data.train, subject.confidence
        foreseen: list[FloatArray] = []
        norms: list[FloatArray] = []
        largest: list[FloatArray] = []
        bounds: list[FloatArray] = []
        close: list[FloatArray] = []
        for theta, pruned in zip(before.parameters, after.parameters, strict=True):
            moved = pruned - theta
            slopes = group_gradients(model, theta, records)
            foreseen.append(slopes @ moved + _curved(model, theta, records, moved))
            close.append(records.means(boundary_closeness(_chances(model, theta, records))))
            if len(norms) < self.cause_runs:
                length = float(np.linalg.norm(moved))
                norms.append(np.linalg.norm(slopes, axis=1))
                largest.append(_eigenvalues(model, records, theta.tobytes()))
                bounds.append(norms[-1] * length + 0.5 * largest[-1] * length**2)
        rows = {
            "pruning-prediction": (foreseen, subject.unit),
            "boundary-closeness": (close, "share"),
            "mean-gradient-norm": (norms, f"{subject.unit} per unit of the parameters"),
            "largest-eigenvalue": (largest, f"{subject.unit} per squared unit of the parameters"),
            "pruning-bound": (bounds, subject.unit),
        }
        for name, (values, unit) in rows.items():
            if values:
                estimate = of_runs(np.stack(values), level)
                yield made(subject, self.name, name, estimate, unit=unit)

    def _people(
        self, subject: dpaudit.LearnerSubject, split: Split
    ) -> Iterator[dpaudit.Measurement]:
        data, start, level = subject.data, start_of(split), subject.confidence
        records, classes = data.records(split), len(subject.data.classes)
        after = predictions(subject.runs(), split)
        before = predictions(subject.runs("plain"), split)
        if after is None or before is None:
            return
        own, other = (shares(said, records, classes)["accuracy"].runs for said in (after, before))
        yield made(
            subject, self.name, f"{start}pruning-accuracy-change", of_runs(own - other, level)
        )
        changed = records.means(flipped(before, after, classes).astype(np.float64))
        yield made(subject, self.name, f"{start}flipped-records", dpaudit.Estimate.exact(changed))
        yield from self._recall(subject, split, before, after)
        pattern = rank_correlation(other.mean(axis=0), (own - other).mean(axis=0))
        if pattern is not None:
            yield made(
                subject, self.name, f"{start}rich-get-richer", dpaudit.Estimate.exact(pattern),
                unit="rank correlation",
            )  # fmt: skip

    def _recall(
        self, subject: dpaudit.LearnerSubject, split: Split, before: IntArray, after: IntArray
    ) -> Iterator[dpaudit.Measurement]:
        data = subject.data
        labels = data.records(split).labels
        then, now = (class_recall(said, labels, len(data.classes)) for said in (before, after))
        known = np.flatnonzero(now.known)
        change = of_runs((now.runs - then.runs)[:, known], subject.confidence)
        yield made(
            subject, self.name, f"{start_of(split)}recall-change", change, over="class",
            labels=tuple(data.classes[k] for k in known),
        )  # fmt: skip


def _curved(model: Model, theta: FloatArray, records: Records, moved: FloatArray) -> FloatArray:
    """Return d' H_a d / 2 of every group, shape (A,)."""
    groups = range(len(records.names))
    return np.array(
        [0.5 * moved @ model.product(theta, *records.members(a), moved) for a in groups]
    )


def _chances(model: Model, theta: FloatArray, records: Records) -> FloatArray:
    chances = model.chances(theta, records.inputs)
    if chances is None:
        raise dpaudit.UsageError("the pruned model has no classes", hint="predict a class")
    return chances


@functools.lru_cache(maxsize=512)
def _eigenvalues(model: Model, records: Records, theta: bytes) -> FloatArray:
    """Return the largest eigenvalues once for all rates that one net is pruned at."""
    return group_largest_eigenvalues(model, np.frombuffer(theta), records)


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (Pruning,)


@dpaudit.hookimpl
def dpaudit_sections(results: Any) -> Mapping[str, Sequence[Block]]:
    """Say what each group loses, how well it was foreseen, and which pattern it follows."""
    rows: list[tuple[str, ...]] = []
    said: list[Block] = []
    for one in results.learners:
        rows += _rows(results, one.task)
        said += _patterns(results, one.task)
    if not rows:
        return {}
    lead = Paragraph(
        text="What the removal of weights does to each group: how much its loss rises, what the "
        "second-order prediction said, the change of the share that is classed rightly, and how "
        "many records are classed otherwise than before."
    )
    table = Table(
        caption="What pruning takes from each group",
        columns=(
            Column(label="Learner"),
            Column(label="Group"),
            Column(label="Rise of the loss", numeric=True),
            Column(label="Predicted", numeric=True),
            Column(label="Accuracy, points", numeric=True),
            Column(label="Classed otherwise, in 100", numeric=True),
        ),
        rows=tuple(rows),
        note=_footnote(results),
    )
    return {"What pruning takes from each group": (lead, table, *said)}


def _rows(results: Any, task: Any) -> Iterator[tuple[str, ...]]:
    loss = results.select(task=task.id, quantity="pruning-loss")
    foreseen = results.select(task=task.id, quantity="pruning-prediction")
    start = "held-out-" if results.select(task=task.id, quantity="held-out-flipped-records") else ""
    change = results.select(task=task.id, quantity=f"{start}pruning-accuracy-change")
    turned = results.select(task=task.id, quantity=f"{start}flipped-records")
    if not (loss and foreseen and change and turned):
        return
    for a, label in enumerate(loss[0].labels):
        yield (
            in_words(task),
            label,
            _loss(loss[0].estimate.value[a]),
            _loss(foreseen[0].estimate.value[a]),
            signed(change[0].estimate.value[a]),
            percent(turned[0].estimate.value[a]),
        )


def _patterns(results: Any, task: Any) -> Iterator[Paragraph]:
    found = results.select(task=task.id, quantity="held-out-rich-get-richer") or results.select(
        task=task.id, quantity="rich-get-richer"
    )
    if not found:
        return
    value = float(found[0].estimate.value)
    if value > 0.5:  # noqa: PLR2004 (a strong order)
        text = (
            f"{in_words(task)}: groups that were served best lose least (rank correlation "
            f"{value:.2f} of accuracy before and its change): the rich get richer."
        )
        yield Paragraph(text=text, kind="note")


def _footnote(results: Any) -> str:
    ratios = []
    for one in results.learners:
        loss = results.select(task=one.task.id, quantity="pruning-loss")
        bound = results.select(task=one.task.id, quantity="pruning-bound")
        if loss and bound:
            value = loss[0].estimate.value
            ratios += list(bound[0].estimate.value[value > 0] / value[value > 0])
    if not ratios:
        return ""
    return (
        "The bound of Theorem 1 (Tran and others, 2022) holds and is no prediction: here it is "
        f"{min(ratios):,.0f} to {max(ratios):,.0f} times the rise of the loss."
    )


def _loss(value: float) -> str:
    return f"{value:.4f}".replace("-", "\u2212")
