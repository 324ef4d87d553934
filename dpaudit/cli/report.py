"""``dpaudit report``: measure and write the report."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dpaudit.cli.execution import Options, ending, measure, measuring, tell, write_record
from dpaudit.cli.headlines import as_json, print_findings
from dpaudit.cli.output import document, echo, warn
from dpaudit.cli.pipelines import sarif, workflow_commands
from dpaudit.cli.settings import Settings, common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpaudit.model.finding import Finding
    from dpaudit.model.public import PublicMode
    from dpaudit.report.findings import Found
    from dpaudit.report.write import WrittenReport

PIPELINES = ("github", "sarif")
"""Formats for pipelines: annotations on standard output, and findings.sarif."""


@click.command("report")
@measuring
@click.option(
    "-f", "--format", "formats", multiple=True, metavar="NAME",
    help="Write html, pdf, json, what a plug-in writes, such as markdown, or for pipelines github "
    "or sarif (may be repeated); else what the audit file says.",
)  # fmt: skip
@click.option(
    "--public", type=click.Choice(("proxy", "release", "dp")),
    help="Write a report that may leave the house: from public stand-in data, from the published "
    "release alone, or through noise that spends a budget of its own.",
)  # fmt: skip
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
    public: PublicMode | None,
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
        public=public,
        formats=tuple(name for name in formats if name not in PIPELINES),
    )
    if public == "dp":
        _through_noise(options, settings, formats)
        return
    measured = measure(options, settings)

    from dpaudit.report.findings import findings
    from dpaudit.report.write import write_report

    written = write_report(
        measured.results,
        out,
        options.formats or measured.results.spec.report.formats,
        registry=measured.registry,
        public=public is not None,
    )
    write_record(out, measured.record)
    found = findings(measured.results, registry=measured.registry)
    faults = measured.faults()
    code = ending(found.every, found.thresholds, strict=strict, failed=bool(faults))
    tell(faults)
    if "sarif" in formats:
        _write_sarif(found.every, faults, options)
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


def _through_noise(options: Options, settings: Settings, formats: tuple[str, ...]) -> None:
    """Write the report of confidential counts through noise; nothing else is kept of them."""
    from dpaudit.cli.execution import specified
    from dpaudit.engine.disclosure import disclose
    from dpaudit.report.write import write_disclosed

    spec, registry = specified(options, settings)
    files = tuple(str(file.resolve()) for file in settings.plugin_files)
    disclosed = disclose(spec, registry=registry, files=files)
    wanted = options.formats or spec.report.formats
    written = write_disclosed(spec, disclosed, options.out, wanted, registry=registry)
    for name, reason in written.missing.items():
        warn(f"no {name}: {reason}")
    if "sarif" in formats:
        _write_sarif(written.report.findings, [], options)
    names = sorted(path.name for path in written.files.values())
    if settings.json:
        told = {"folder": str(options.out), "files": names, "epsilon": disclosed.budget}
        document({**told, "findings": as_json(written.report.findings)})
        return
    if "github" in formats:
        for line in workflow_commands(as_json(written.report.findings), [], options.audit):
            click.echo(line)
        return
    if not settings.quiet:
        echo(f"{written.report.title}\n")
        print_findings(as_json(written.report.findings), heading="Findings")
        echo(f"This report spends a privacy-loss budget of ε = {disclosed.budget:g} of its own.")
    echo(f"Report written to {options.out}: {', '.join(names)}")


def _write_sarif(
    findings: Sequence[Finding], faults: list[dict[str, str]], options: Options
) -> None:
    from dpaudit.engine.cache import write_atomically

    text = sarif(as_json(findings), faults, options.audit, version("dpaudit"))
    write_atomically(options.out / "findings.sarif", text.encode())


def _say(written: WrittenReport, found: Found, folder: Path, *, quiet: bool) -> None:
    """Print the headlines of page one, the thresholds, and where the report lies."""
    from dpaudit.report.findings import page_one

    if not quiet:
        echo(f"{written.report.title}\n")
        print_findings(as_json(page_one(found.told)), heading="Findings")
        print_findings(as_json(found.thresholds), heading="Thresholds")
    names = sorted([*(path.name for path in written.files.values()), "run.json"])
    echo(f"Report written to {folder}: {', '.join(names)}")
