"""``dpaudit run``: measure, and write the measurements only."""

from __future__ import annotations

from pathlib import Path

import click

from dpaudit.cli.execution import (
    CONFIDENTIAL,
    Options,
    measure,
    measuring,
    tell,
    write_record,
)
from dpaudit.cli.output import document, echo
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import ExitCode


@click.command("run")
@measuring
@common
@click.pass_obj
def command(
    settings: Settings,
    audit: Path,
    out: Path,
    draws: int | None,
    seed: int | None,
    executor: str,
    workers: int,
    no_cache: bool,
) -> None:
    """Measure, and write the measurements only.

    Writes measurements.parquet and run.json into a folder: for those who make their own report.
    """
    options = Options(
        audit=audit,
        out=out,
        draws=draws,
        seed=seed,
        executor=executor,
        workers=workers,
        use_cache=not no_cache,
    )
    measured = measure(options, settings)

    from dpaudit.engine.cache import write_atomically
    from dpaudit.report.exports import measurements_parquet

    is_confidential = measured.results.data.status == "confidential"
    notice = CONFIDENTIAL if is_confidential else ""
    path = out / "measurements.parquet"
    write_atomically(path, measurements_parquet(measured.results, notice=notice))
    files = [path, write_record(out, measured.record)]
    faults = measured.faults()
    tell(faults)
    if settings.json:
        names = [file.name for file in files]
        document({"folder": str(out), "files": names, "failures": faults})
    else:
        echo(f"{len(measured.results.measurements)} measurements written to {files[0]}")
    click.get_current_context().exit(ExitCode.FAILED if faults else ExitCode.DONE)
