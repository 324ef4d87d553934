"""``dpaudit compare``: what changed between two reports, beyond the noise."""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from dpaudit.cli.output import document, echo
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import ExitCode


@click.command("compare")
@click.argument("before", type=click.Path(exists=True, path_type=Path))
@click.argument("after", type=click.Path(exists=True, path_type=Path))
@click.option("--fail", is_flag=True, help="End with 1 where something changed beyond the noise.")
@common
@click.pass_obj
def command(settings: Settings, before: Path, after: Path, fail: bool) -> None:
    """Say what changed between two reports, beyond the noise.

    BEFORE and AFTER are folders of reports, or files of measurements (Parquet).
    """
    from dpaudit.report.changes import compared, read_measurements

    found = compared(read_measurements(before), read_measurements(after))
    differs = bool(found.changed or found.only_before or found.only_after)
    if settings.json:
        content = attrs.asdict(found) | {"changes": [_plain(each) for each in found.changes]}
        document(content | {"changed": differs})
    else:
        for task in found.only_before:
            echo(f"only before: {task}")
        for task in found.only_after:
            echo(f"only after: {task}")
        for each in found.changed:
            echo(_line(each))
        still = sum(each.compared - each.higher - each.lower for each in found.changes)
        every = sum(each.compared for each in found.changes)
        if not settings.quiet:
            echo(f"{still:,} of {every:,} numbers did not change beyond the noise")
    click.get_current_context().exit(ExitCode.THRESHOLD if differs and fail else ExitCode.DONE)


def _line(change: object) -> str:
    from dpaudit.report.changes import Change

    assert isinstance(change, Change)  # noqa: S101
    counted = f"{change.higher:,} higher and {change.lower:,} lower of {change.compared:,}"
    where = f"; most at {change.where}" if change.where else ""
    moved = f"from {change.before:,.6g} to {change.after:,.6g} {change.unit}"
    return f"{change.task}, {change.quantity} ({change.over}): {counted}{where}, {moved}"


def _plain(change: object) -> dict[str, object]:
    found = attrs.asdict(change)  # type: ignore[arg-type]
    for name in ("before", "after"):
        value = found[name]
        found[name] = value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124
    return found
