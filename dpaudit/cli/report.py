"""``dpaudit report``: measure and write the report."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpaudit.cli.execution import Options, ending, measure, measuring, tell, write_record
from dpaudit.cli.headlines import as_json, print_findings
from dpaudit.cli.output import document, warn
from dpaudit.cli.pipelines import sarif, workflow_commands
from dpaudit.cli.settings import Settings, common

if TYPE_CHECKING:
    from dpaudit.report.findings import Found
    from dpaudit.report.write import WrittenReport

FORMATS = ("html", "pdf", "json")
PIPELINES = ("github", "sarif")
"""Formats for pipelines: annotations on standard output, and findings.sarif."""


@click.command("report")
@measuring
@click.option(
    "-f", "--format", "formats", multiple=True, type=click.Choice((*FORMATS, *PIPELINES)),
    help="Write this format (may be repeated); else what the audit file says.",
)  # fmt: skip
@click.option("--public", is_flag=True, help="Write a report that may leave the house.")
@click.option("--strict", is_flag=True, help="End with 4 where the audit cannot tell.")
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
    formats: tuple[str, ...],
    public: bool,
    strict: bool,
) -> None:
    """Measure and write the report: everything in one go."""
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
    from dpaudit.report.findings import findings
    from dpaudit.report.write import write_report

    written = write_report(
        measured.results,
        out,
        [name for name in formats if name in FORMATS] or measured.results.spec.report.formats,
        registry=measured.registry,
        public=public,
    )
    write_record(out, measured.record)
    found = findings(measured.results, registry=measured.registry)
    faults = measured.faults()
    code = ending(found.every, found.thresholds, strict=strict, failed=bool(faults))
    tell(faults)
    if "sarif" in formats:
        text = sarif(as_json(found.every), faults, audit, version("dpaudit"))
        write_atomically(out / "findings.sarif", text.encode())
    for name, reason in written.missing.items():
        warn(f"no {name}: {reason}")
    if settings.json:
        document(
            {
                "folder": str(out),
                "files": sorted([*(path.name for path in written.files.values()), "run.json"]),
                "missing": dict(written.missing),
                "findings": as_json(found.every),
                "thresholds": as_json(found.thresholds),
                "failures": faults,
                "exit_code": int(code),
            }
        )
    elif "github" in formats:
        for line in workflow_commands(as_json(found.every), faults, audit):
            click.echo(line)
    else:
        _say(written, found, out, quiet=settings.quiet)
    click.get_current_context().exit(code)


def _say(written: WrittenReport, found: Found, folder: Path, *, quiet: bool) -> None:
    """Print the headlines of page one, the thresholds, and where the report lies."""
    from dpaudit.report.findings import page_one

    if not quiet:
        click.echo(f"{written.report.title}\n")
        print_findings(as_json(page_one(found.told)), heading="Findings")
        print_findings(as_json(found.thresholds), heading="Thresholds")
    names = sorted([*(path.name for path in written.files.values()), "run.json"])
    click.echo(f"Report written to {folder}: {', '.join(names)}")
