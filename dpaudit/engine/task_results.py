"""What a report says of a task: its mechanism, its parameters and its guarantee."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from dpaudit.engine.subject import MeasuredTask
from dpaudit.interfaces import Mechanism
from dpaudit.model.guarantee import Guarantee
from dpaudit.model.results import TaskResult
from dpaudit.model.spec import EarlierSpec, ReleaseSpec
from dpaudit.parameters import parameters
from dpaudit.privacy.composition import sequential


def task_result(subject: MeasuredTask, releases: Mapping[str, ReleaseSpec]) -> TaskResult:
    """Return what a report says of a task; ``releases`` by name."""
    release = releases[subject.controlled.job.task.release]
    job = subject.controlled.job
    mechanism = job.chain.mechanism
    guarantee = _guarantee(subject)
    return TaskResult(
        task=job.task,
        mechanism=mechanism.name,
        parameters=_parameters(mechanism),
        postprocess=tuple(step.name for step in job.chain.steps),
        output=tuple(step.name for step in job.output),
        guarantee=guarantee,
        unit=job.decision.unit,
        truth=job.truth,
        adds_noise=mechanism.noise() is not None,
        is_given=job.chain.replicates is not None,
        earlier=tuple(each.what for each in release.earlier),
        together=_together(guarantee, release.earlier),
    )


def _together(own: Guarantee, earlier: tuple[EarlierSpec, ...]) -> Guarantee | None:
    """Return what a release promises together with earlier ones about the same people."""
    if not earlier:
        return None
    before = (
        Guarantee(
            neighbours=own.neighbours,
            epsilon=math.inf if each.epsilon is None else each.epsilon,
            delta=each.delta,
            rho=each.rho,
            unit=own.unit,
        )
        for each in earlier
    )
    return attrs.evolve(sequential([own, *before]), revealed=own.revealed)


def _parameters(mechanism: Mechanism) -> dict[str, Any]:
    """Return what the audit file set, with a digest in place of each column."""
    names = parameters(type(mechanism))
    values = {name: getattr(mechanism, p.field.name) for name, p in names.items()}
    return {name: _plain(value) for name, value in values.items() if name != "neighbours"}


def _plain(value: Any) -> Any:
    if isinstance(value, Mechanism):
        return {"use": value.name, **_parameters(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return f"a column of {value.size} values, SHA-256 {digest[:16]}"


def _guarantee(subject: MeasuredTask) -> Guarantee:
    job = subject.controlled.job
    promised = job.chain.mechanism.privacy()
    uncovered = (what for step in job.chain.steps for what in step.uncovered())
    return attrs.evolve(
        promised,
        revealed=promised.revealed or job.chain.reveals(promised.neighbours),
        uncovered=tuple(dict.fromkeys((*promised.uncovered, *uncovered))),
    )
