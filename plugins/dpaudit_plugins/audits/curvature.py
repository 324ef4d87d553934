"""Curvature: the bias that a rule's own bends make of noise that nobody clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import attrs
import numpy as np
from numpy.typing import NDArray

import dpaudit
from dpaudit.stats.spread import alpha
from dpaudit_plugins.audits._everywhere import measured


@attrs.frozen(kw_only=True)
class Curvature(dpaudit.Audit):
    """Measure the second-order bias 1/2 sum_j v_j d^2 P_i / dx_j^2, and what it leaves over.

    Four quantities, in the unit of the decision:

    ``curvature``
        The second-order bias, per entity, of the sum over each group, and in total. The method
        is ``exact`` (closed form or automatic differentiation) or ``asymptotic`` (differences,
        with their error).
    ``bias-beyond-curvature``
        The measured bias minus that, over the same entities and groups: what clipping and
        projecting make, jumps of the rule, and higher orders.
    ``curvature-spread``
        The largest second-order bias minus the smallest, over entities and over each grouping:
        the α that curvature alone would make.
    ``curvature-change``
        How much the second-order bias of an entity differs at most where every count is one
        standard deviation of its noise larger. Zero: it is the same for all counts near these.

    Entities at whose counts the rule bends or jumps have none, and are left out with their
    groups; a note says how many.

    References
    ----------
    Tran, Fioretto, Van Hentenryck and Yao, IJCAI 2021, Equation (5), which must be read as
    the trace 1/2 tr(H_i V); METHODS-decisions 3.1, 3.2 and 3.5.
    """

    name: ClassVar[str] = "curvature"
    needs = frozenset({"curvature", "curvature-change"})

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return second-order biases, their spread and change, and what is left of the bias."""
        found = subject.curvature()
        if found is None or not found.defined.any():
            return []
        made = [
            measured(subject, self.name, quantity, estimate, over=over, labels=labels)
            for over, labels, second, bias in _everywhere(subject, found)
            for quantity, estimate in (
                ("curvature", second),
                ("bias-beyond-curvature", _minus(bias, second)),
            )
        ]
        made += [
            measured(subject, self.name, "curvature-spread", alpha(each.estimate), over=each.over)
            for each in made
            if each.quantity == "curvature" and each.over != "total"
        ]
        if found.change is not None:
            made.append(
                measured(subject, self.name, "curvature-change", found.change, over="entity")
            )
        return made


def _everywhere(
    subject: dpaudit.Subject, found: dpaudit.Curvature
) -> Iterator[tuple[str, tuple[str, ...], dpaudit.Estimate, dpaudit.Estimate]]:
    """Yield axis, labels, second-order bias and bias, where all members have a derivative."""
    kept = np.flatnonzero(found.defined)
    names = tuple(subject.data.entities[i] for i in kept)
    yield "entity", names, found.estimate[kept], subject.entity("bias")[kept]
    if found.defined.all():
        everybody = np.zeros(found.defined.size, dtype=np.intp)
        yield "total", (), _summed(found.estimate, everybody, 1)[0], subject.total("bias")
    for grouping, members in subject.data.groups.items():
        labels = subject.group_labels(grouping)
        position = {label: i for i, label in enumerate(labels)}
        group = np.array([position[label] for label in members])
        without = np.bincount(group, weights=~found.defined, minlength=len(labels))
        whole = np.flatnonzero(without == 0)
        if whole.size:
            sums = _summed(found.estimate, group, len(labels))[whole]
            bias = subject.grouped("bias", grouping)[whole]
            yield grouping, tuple(labels[i] for i in whole), sums, bias


def _summed(estimate: dpaudit.Estimate, group: NDArray[np.intp], groups: int) -> dpaudit.Estimate:
    """Return the sums over groups; their errors add up at worst."""
    low, value, high = (
        np.bincount(group, weights=part, minlength=groups)
        for part in (estimate.low, estimate.value, estimate.high)
    )
    return attrs.evolve(
        estimate, value=value, low=np.minimum(low, value), high=np.maximum(high, value)
    )


def _minus(bias: dpaudit.Estimate, second: dpaudit.Estimate) -> dpaudit.Estimate:
    """Return what is left of a bias; the less certain of the two says how it was measured."""
    weakest = second if bias.is_deterministic and not second.is_deterministic else bias
    value = bias.value - second.value
    return attrs.evolve(
        bias,
        value=value,
        low=np.minimum(bias.low - second.high, value),
        high=np.maximum(bias.high - second.low, value),
        method=weakest.method,
    )


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (Curvature,)
