"""``dpaudit plan``: what an audit would measure, and what that would cost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from dpaudit.cli.execution import trained_at_most
from dpaudit.cli.memory import Amount
from dpaudit.cli.output import document, echo, table, warn
from dpaudit.cli.settings import Settings, common
from dpaudit.estimators.room import available, in_use, told

if TYPE_CHECKING:
    from dpaudit.engine.forecast import Forecast
    from dpaudit.model.plan import Plan
    from dpaudit.model.spec import Spec

_MINUTE, _HOUR = 60.0, 3600.0


@click.command("plan")
@click.argument("audit", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--draws", type=click.IntRange(min=2), metavar="N", help="With so many draws.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
    help="With so many workers.",
)  # fmt: skip
@click.option(
    "--memory-limit", type=Amount(), metavar="SIZE",
    help="Warn above it: 4GB. Else what this machine has.",
)  # fmt: skip
@common
@click.pass_obj
def command(
    settings: Settings, audit: Path, draws: int | None, workers: int, memory_limit: float | None
) -> None:
    """List what an audit would measure, and what that would cost, without measuring it.

    The cost comes from a small part of the work of each task, on this machine.
    """
    limit = available() if memory_limit is None else memory_limit
    spec, plan, cost = _foreseen(audit, settings, draws, workers, limit)
    exceeds = limit is not None and cost.memory > limit
    if settings.json:
        document(_document(spec, plan, cost, workers, limit=limit, exceeds=exceeds))
    else:
        _say(spec, plan, cost, workers)
    for refused in cost.refused:
        warn(refused, "without it, the rest of the audit is measured")
    if limit is not None and exceeds:
        largest = max(cost.tasks, key=lambda task: task.memory)
        warn(
            f"measuring needs about {told(cost.memory)} of memory, and the limit is {told(limit)}; "
            f"most of it for {largest.task!r} ({told(largest.memory)})",
            "take fewer workers, or audit some releases at a time",
        )


def _foreseen(
    audit: Path, settings: Settings, draws: int | None, workers: int, limit: float | None
) -> tuple[Spec, Plan, Forecast]:
    from dpaudit.config import load
    from dpaudit.engine.failures import Failures
    from dpaudit.engine.forecast import forecast
    from dpaudit.engine.learning_forecast import learning_forecast
    from dpaudit.engine.learning_plan import learner_plan
    from dpaudit.engine.planner import plan_of
    from dpaudit.engine.prepare import prepare, prepare_learning

    registry = settings.registry()
    spec = load(audit, registry=registry)
    if draws is not None:
        spec = attrs.evolve(spec, run=attrs.evolve(spec.run, draws=draws))
        spec = trained_at_most(spec, draws)
    begun = time.perf_counter()
    if spec.training is not None:
        learning = prepare_learning(spec, registry=registry)
        preparation = time.perf_counter() - begun
        cost = learning_forecast(learning, preparation=preparation, base=in_use(), workers=workers)
        return spec, learner_plan(learning), cost
    prepared = prepare(spec, registry=registry, failures=Failures(raises=True))
    plan = plan_of(spec, tuple(each.job for each in prepared.controlled.values()))
    preparation = time.perf_counter() - begun
    return (
        spec,
        plan,
        forecast(prepared, preparation=preparation, base=in_use(), workers=workers, limit=limit),
    )


def _document(
    spec: Spec, plan: Plan, cost: Forecast, workers: int, *, limit: float | None, exceeds: bool
) -> dict[str, object]:
    tasks = [
        {
            "id": task.id,
            "release": task.release,
            "decision": task.decision,
            "point": dict(task.point),
            "foreign": task.foreign,
            "seconds": round(each.seconds, 4),
            "memory_bytes": round(each.memory),
            "basis": each.basis,
        }
        for task, each in zip(plan.tasks, cost.tasks, strict=True)
    ]
    attacks = [
        {
            "id": each.task,
            "seconds": round(each.seconds, 4),
            "memory_bytes": round(each.memory),
            "basis": each.basis,
        }
        for each in cost.attacks
    ]
    return {
        "title": spec.title,
        "draws": plan.draws,
        "blocks": plan.blocks,
        "workers": workers,
        "seconds": round(cost.seconds, 4),
        "memory_bytes": round(cost.memory),
        "memory_limit_bytes": None if limit is None else round(limit),
        "exceeds_memory_limit": exceeds,
        "tasks": tasks,
        "attacks": attacks,
    }


def _say(spec: Spec, plan: Plan, cost: Forecast, workers: int) -> None:
    learning = spec.training is not None
    noun = "runs at most" if learning else "draws each"
    attacks = f"; {len(cost.attacks)} attacks" if cost.attacks else ""
    echo(f"{spec.title}: {len(plan.tasks)} tasks, {plan.draws} {noun}{attacks}\n")
    heads = ("learner", "at", "against") if learning else ("release", "at", "decision")
    rows = [(*heads, "time", "memory", "predicted from")]
    for task, each in zip(plan.tasks, cost.tasks, strict=True):
        point = " ".join(f"{key}={value}" for key, value in task.point.items())
        name = task.decision if task.mitigation is None else f"{task.decision} + {task.mitigation}"
        name = (task.baseline or "") if learning else name
        row = (task.release, point, name, _duration(each.seconds), told(each.memory), each.basis)
        rows.append(row)
    rows += [
        (each.task, "", "attack", _duration(each.seconds), told(each.memory), each.basis)
        for each in cost.attacks
    ]
    table(rows)
    counted = "1 worker" if workers == 1 else f"{workers} workers"
    echo(
        f"\nTogether about {_duration(cost.seconds)} with {counted}, and {told(cost.memory)} of "
        "memory, until the measurements are there (a report comes on top).\nPredicted on this "
        "machine as it is busy now; right within a factor of 2, mostly."
    )


def _duration(seconds: float) -> str:
    if seconds >= _HOUR:
        return f"{seconds / _HOUR:.1f} h"
    if seconds >= _MINUTE:
        return f"{seconds / _MINUTE:.1f} min"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004
