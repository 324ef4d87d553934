"""Mitigations as tasks: the same data and noise, a changed pipeline, the first one's truth."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from dpaudit.engine.job import Job
from dpaudit.engine.steps import told
from dpaudit.errors import DpauditError, PluginError, SpecError
from dpaudit.inputs import ColumnName
from dpaudit.interfaces import Mitigation, Plugin
from dpaudit.subjects import Pipeline


def mitigated(
    base: Job, before: Pipeline, name: str, mitigation: Mitigation, *, digest: str, foreign: bool
) -> Job:
    """Return the task that a mitigation makes of another one.

    Parameters
    ----------
    base
        The task that is mitigated.
    before
        Its pipeline.
    name
        The mitigation's name in the audit file.
    mitigation
        A mitigation that applies to it.
    digest
        What the mitigation's code and parameters are, for the cache.
    foreign
        Whether the mitigation comes from a file or a third party.

    Raises
    ------
    PluginError
        If the mitigation fails, or returns anything but a pipeline for the same entities.
    """
    after = _called(mitigation, "apply", before, base.task.id)
    if not isinstance(after, Pipeline) or after.n != before.n:
        raise PluginError(
            f"mitigation {mitigation.name!r} returned {_told(after)} for task {base.task.id!r}, "
            f"not a pipeline of {before.n} entities",
            hint="return the pipeline with changed parts, for the same entities",
        )
    task = attrs.evolve(
        base.task,
        id=f"{base.task.id} + {name}",
        key=hashlib.sha256(f"{base.task.key} {digest}".encode()).hexdigest(),
        foreign=base.task.foreign or foreign,
        mitigation=name,
        baseline=base.task.id,
        cost=mitigation.cost(),
    )
    tree = base.chain.hierarchy
    steps = tuple(told(after.steps, after.mechanism, tree, f"mitigation {name!r}"))
    return Job.make(
        task,
        attrs.evolve(base.chain, mechanism=after.mechanism, steps=steps),
        after.decision,
        after.output,
        groupings=base.groupings,
        extras=base.asked,
        base=base,
        truth=base.truth,
    )


def applies(mitigation: Mitigation, subject: Pipeline, task: str) -> bool:
    """Return whether a mitigation makes sense for the pipeline of a task.

    Raises
    ------
    PluginError
        If the mitigation fails.
    """
    return bool(_called(mitigation, "applies", subject, task))


def _called(mitigation: Mitigation, what: str, subject: Pipeline, task: str) -> Any:
    try:
        return getattr(mitigation, what)(subject)
    except DpauditError:
        raise
    except Exception as error:
        raise PluginError(
            f"mitigation {mitigation.name!r} failed in {what}() on task {task!r}: "
            f"{type(error).__name__}: {error}",
            hint="say in applies() which pipelines it is made for",
        ) from error


def pipeline_of(job: Job, create: Callable[..., Plugin]) -> Pipeline:
    """Return what a mitigation may see of a task: nothing that is not public."""
    return Pipeline(
        mechanism=job.chain.mechanism,
        steps=job.chain.steps,
        decision=job.decision,
        output=job.output,
        n=job.n,
        create=create,
    )


def refuse_true_counts(mitigation: Plugin, counts: tuple[str, ...]) -> None:
    """Refuse a mitigation, not bound to data yet, that names a column of true counts.

    Raises
    ------
    SpecError
        If one does: what is published would depend on the counts past the mechanism.
    """
    for field in attrs.fields(type(mitigation)):
        for column in _columns(getattr(mitigation, field.name)):
            if column in counts:
                raise SpecError(
                    f"mitigation {mitigation.name!r}: {field.alias} is the column of true counts "
                    f"{str(column)!r}, which nothing but the mechanism may read",
                    hint="name a column that is public, such as an earlier release",
                )


def _told(after: object) -> str:
    if isinstance(after, Pipeline):
        return f"a pipeline of {after.n} entities"
    return type(after).__name__


def _columns(value: object) -> Iterator[ColumnName]:
    """Yield the names of columns in the value of a parameter."""
    if isinstance(value, ColumnName):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _columns(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _columns(each)
