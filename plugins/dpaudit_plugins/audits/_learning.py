"""What audits of learners share: measurements by group and by split, and rows of tables."""

from __future__ import annotations

from typing import Any

import numpy as np

import dpaudit
from dpaudit import FloatArray
from dpaudit.training.data import Split
from dpaudit.training.group_estimates import of_runs
from dpaudit.training.records import IntArray
from dpaudit.training.runs import Runs

AT_ONCE = 25
"""Runs whose chances are in memory together."""

SYMBOLS = {"epsilon": "ε", "delta": "δ", "rate": "rate", "clip_norm": "clip bound"}


def made(
    subject: dpaudit.LearnerSubject,
    audit: str,
    quantity: str,
    estimate: dpaudit.Estimate,
    *,
    unit: str = "share",
    over: str | None = None,
    labels: tuple[str, ...] = (),
) -> dpaudit.Measurement:
    """Return a measurement of a task: over groups, or in total for a single number."""
    groups = estimate.value.ndim > 0
    return dpaudit.Measurement(
        task=subject.task,
        audit=audit,
        quantity=quantity,
        unit=unit,
        over=(over or subject.data.group) if groups else "total",
        labels=(labels or subject.data.names) if groups else (),
        estimate=estimate,
    )


def start_of(split: Split) -> str:
    """Return what the names of quantities on a split begin with."""
    return "" if split == "train" else f"{split}-"


def predictions(runs: Runs, split: Split) -> IntArray | None:
    """Return the predicted class of every record under every run, (R, n), a few runs at a time."""
    parts = []
    for first in range(0, len(runs), AT_ONCE):
        part = runs[first : first + AT_ONCE].predictions(split)
        if part is None:
            return None
        parts.append(part)
    return np.concatenate(parts)


def compared(rows: FloatArray, before: FloatArray, level: float) -> dpaudit.Estimate:
    """Return the mean of rows of runs (R, A) minus those of the reference, one run or R of them."""
    return of_runs(rows - before, level)


def in_words(task: Any) -> str:
    """Return a task as a table names it: learner and point."""
    said = [str(task.release)]
    for name, value in task.point.items():
        shown = f"{value:g}" if isinstance(value, int | float) else str(value)
        said.append(f"{SYMBOLS.get(name, name.replace('_', ' '))}\u00a0=\u00a0{shown}")
    return ", ".join(said)


def percent(value: float) -> str:
    """Return a share in percent with one decimal."""
    return f"{100.0 * value:.1f}"


def signed(value: float) -> str:
    """Return a difference of shares in percentage points with its sign."""
    shown = f"{100.0 * value:+.1f}"
    return "0.0" if float(shown) == 0 else shown.replace("-", "\u2212")
