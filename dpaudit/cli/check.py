"""``dpaudit check``: the faults of an audit file and its data, all in one pass."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpaudit.cli.output import document, echo
from dpaudit.cli.settings import Settings, common

if TYPE_CHECKING:
    from dpaudit.model.plan import Plan
    from dpaudit.model.spec import Spec


@click.command("check")
@click.argument("audit", type=click.Path(dir_okay=False, path_type=Path))
@common
@click.pass_obj
def command(settings: Settings, audit: Path) -> None:
    """Find the faults of an audit file and its data; measure nothing."""
    spec, plan = planned(audit, settings)
    kinds = {"releases": len(spec.releases), "decisions": len(spec.decisions)}
    if spec.training is not None:
        kinds = {"learners": len(spec.learners)}
    sizes = {**kinds, "audits": len(spec.audits), "tasks": len(plan.tasks)}
    if settings.json:
        document({"audit": str(audit), "faults": [], **sizes})
        return
    counted = ", ".join(f"{count} {noun}" for noun, count in sizes.items())
    echo(f"{audit}: no fault found ({counted})")


def planned(audit: Path, settings: Settings) -> tuple[Spec, Plan]:
    """Read the audit file and its data and make every plug-in that it names."""
    from dpaudit.config import load
    from dpaudit.data import read
    from dpaudit.engine.learning_plan import learner_plan
    from dpaudit.engine.planner import make_plan
    from dpaudit.engine.prepare import prepare_learning

    registry = settings.registry()
    spec = load(audit, registry=registry)
    if spec.training is not None:
        return spec, learner_plan(prepare_learning(spec, registry=registry))
    dataset = read(spec.data, spec.path.parent, registry)
    return spec, make_plan(spec, registry, dataset)
