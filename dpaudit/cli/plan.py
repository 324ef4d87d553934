"""``dpaudit plan``: what an audit would measure."""

from __future__ import annotations

from pathlib import Path

import click

from dpaudit.cli.check import planned
from dpaudit.cli.output import document, table
from dpaudit.cli.settings import Settings, common


@click.command("plan")
@click.argument("audit", type=click.Path(dir_okay=False, path_type=Path))
@common
@click.pass_obj
def command(settings: Settings, audit: Path) -> None:
    """List what an audit would measure, without measuring it."""
    spec, plan = planned(audit, settings)
    if settings.json:
        tasks = [
            {
                "id": task.id,
                "release": task.release,
                "decision": task.decision,
                "point": dict(task.point),
                "foreign": task.foreign,
            }
            for task in plan.tasks
        ]
        document({"title": spec.title, "draws": plan.draws, "blocks": plan.blocks, "tasks": tasks})
        return
    click.echo(f"{spec.title}: {len(plan.tasks)} tasks, {plan.draws} draws each\n")
    rows = [("release", "at", "decision")]
    for task in plan.tasks:
        point = " ".join(f"{key}={value}" for key, value in task.point.items())
        rows.append((task.release, point, task.decision))
    table(rows)
