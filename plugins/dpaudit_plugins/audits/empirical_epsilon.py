"""Empirical epsilon: whether the mechanism of a release keeps its promise, from its outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs
import numpy as np

import dpaudit
from dpaudit.blocks import Block, Column, Paragraph, Table
from dpaudit.privacy.black_box import Claim, ClaimAudit, generated, on_grid, one_by_one, sentence

BOUND, LARGEST, CLAIMED, DELTA, REFUTED = (
    "empirical-epsilon-lower-bound",
    "largest-certifiable-epsilon",
    "claimed-epsilon",
    "claimed-delta",
    "claim-refuted",
)
UNITS = {DELTA: "δ", REFUTED: "yes or no"}
"""Of what is no epsilon."""

_SIZE = 4


@attrs.frozen(kw_only=True)
class EmpiricalEpsilon(dpaudit.Audit):
    """Run the mechanism on neighbouring counts and bet against what it promises.

    The counts are made up, never those of the data, so that the numbers may be published. The
    mechanism is audited as it is before any post-processing. A mechanism that promises no
    (epsilon, delta), takes people one by one, is tied to the entities of the data or publishes
    something exactly beside its guarantee is left out.

    Parameters
    ----------
    runs
        Pairs of runs at most, over all pairs of counts, at least 512.
    grid
        Releases are rounded to multiples of it first; 0 looks at the last bits as well, which
        noise in floating-point arithmetic does not survive.

    References
    ----------
    METHODS-attacks 4; :mod:`dpaudit.stats.betting`.
    """

    name: ClassVar[str] = "empirical-epsilon"

    runs: int = attrs.field(default=4_096, validator=attrs.validators.ge(512))
    grid: float = attrs.field(
        default=2.0**-20,
        validator=[attrs.validators.ge(0.0), attrs.validators.lt(math.inf)],
    )

    def measure(
        self, subject: dpaudit.Subject, rng: np.random.Generator
    ) -> Sequence[dpaudit.Measurement]:
        """Return the bound, what could have been certified, the claim and the verdict; or nothing.

        The verdict is 1 where the claim is refuted and else 0, at the stated confidence.
        """
        mechanism = subject.mechanism
        claim = _claim(mechanism)
        if claim is None:
            return ()
        runner = one_by_one(mechanism.release)
        if self.grid:
            runner = on_grid(runner, self.grid)
        size = max(_SIZE, 2 * mechanism.cells_per_person)
        pairs = generated(size, mechanism.neighbours, cells=mechanism.cells_per_person)
        found = ClaimAudit(
            runner, pairs, claim, risk=1.0 - subject.confidence, seed=int(rng.integers(2**32))
        ).run(self.runs)
        bound = dpaudit.Estimate(
            value=found.epsilon, low=found.epsilon, high=math.inf,
            level=subject.confidence, method="bound", draws=found.runs,
        )  # fmt: skip
        refuted = float(found.verdict == "violates")
        told = {
            BOUND: bound,
            LARGEST: dpaudit.Estimate.exact(found.largest),
            CLAIMED: dpaudit.Estimate.exact(claim.epsilon),
            DELTA: dpaudit.Estimate.exact(claim.delta),
            # What was seen may be chance, so that no verdict is certain.
            REFUTED: dpaudit.Estimate(
                value=refuted, low=0.0, high=1.0,
                level=subject.confidence, method="simulated", draws=found.runs,
            ),
        }  # fmt: skip
        return [
            dpaudit.Measurement(
                task=subject.task,
                audit=self.name,
                quantity=quantity,
                unit=UNITS.get(quantity, "ε"),
                estimate=estimate,
            )
            for quantity, estimate in told.items()
        ]


def _claim(mechanism: dpaudit.Mechanism) -> Claim | None:
    """Return what can be put to the test on counts of any entities, or ``None``."""
    promised = mechanism.privacy()
    values = (getattr(mechanism, field.name) for field in attrs.fields(type(mechanism)))
    tied = any(isinstance(value, np.ndarray) for value in values)
    other = mechanism.takes != "counts" or mechanism.measures != "entities" or mechanism.foreign
    if tied or other or mechanism.replicates() is not None:
        return None
    if promised.uncovered or promised.revealed or not promised.promises:
        return None
    epsilon = 0.0 if promised.every_epsilon else promised.epsilon
    return Claim(epsilon=epsilon, delta=promised.delta) if math.isfinite(epsilon) else None


@dpaudit.hookimpl
def dpaudit_audits() -> Sequence[type[dpaudit.Audit]]:
    """Offer the audit."""
    return (EmpiricalEpsilon,)


@dpaudit.hookimpl
def dpaudit_sections(results: Any) -> Mapping[str, Sequence[Block]]:
    """Tell the verdict on the mechanism of each release, once for all its decisions."""
    rows: dict[tuple[str, str], tuple[str, ...]] = {}
    for task in results.tasks:
        found = {m.quantity: m.estimate for m in results.select(task=task.task.id)}
        if BOUND not in found:
            continue
        point = ", ".join(f"{key} = {value:g}" for key, value in task.task.point.items())
        rows.setdefault((task.task.release, point), _row(task.task.release, point, found))
    if not rows:
        return {}
    table = Table(
        caption="What runs of each mechanism show about its promise",
        columns=(
            Column(label="Release"),
            Column(label="Claimed ε", numeric=True),
            Column(label="ε is at least", numeric=True),
            Column(label="Verdict"),
        ),
        rows=tuple(rows.values()),
        note="Each bound and each verdict holds at the stated confidence by itself.",
    )
    said = Paragraph(
        text="Each mechanism was run again and again on made-up counts that differ by one person. "
        "A claim is refuted by such runs or it is not: none of them can show that it holds."
    )
    return {"Do the mechanisms keep their promise?": (said, table)}


def _row(release: str, point: str, found: Mapping[str, dpaudit.Estimate]) -> tuple[str, ...]:
    bound = found[BOUND]
    claim = Claim(epsilon=float(found[CLAIMED].value), delta=float(found[DELTA].value))
    refuted = float(found[REFUTED].value) == 1.0
    told = sentence(
        "violates" if refuted else "not refuted", claim, bound.level,
        runs=bound.draws, largest=float(found[LARGEST].value),
    )  # fmt: skip
    name = f"{release}, {point}" if point else release
    return (name, f"{claim.epsilon:g}", f"{float(bound.value):.3g}", told)
