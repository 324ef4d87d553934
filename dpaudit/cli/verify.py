"""``dpaudit verify``: whether a report is what it was, and whether it can be made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import click

from dpaudit.cli.output import coloured, document, echo
from dpaudit.cli.settings import Settings, common
from dpaudit.errors import ExitCode, UsageError

_BESIDE = ("findings.json", "measurements.csv", "measurements.parquet")


@attrs.frozen
class Checked:
    """One thing that was looked at; ``state`` is ``ok``, ``wrong`` or ``warning`` (not there)."""

    state: str
    what: str


@click.command("verify")
@click.argument("report", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--audit",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The audit file; by default audit.toml here.",
)
@click.option("--rerun", is_flag=True, help="Measure again and compare the numbers.")
@common
@click.pass_obj
def command(settings: Settings, report: Path, audit: Path | None, rerun: bool) -> None:  # fmt: skip
    """Check a report against its digests, or measure it again.

    REPORT is a report.pdf or the folder of a report. Ends with 1 where something differs, and with
    0 where nothing does.
    """
    from dpaudit.report.attached import carried

    folder = report if report.is_dir() else report.parent
    file = report / "report.pdf" if report.is_dir() else report
    inside = carried(file) if file.exists() else {}
    parts = {name: each.content for name, each in inside.items()} or _beside(folder)
    findings = _findings(parts, folder)
    found = [
        Checked("ok" if each.is_whole else "wrong", f"{name} inside {file.name} is undamaged")
        for name, each in inside.items()
    ]
    found += _digests(parts, findings, folder)
    audit = audit or (Path("audit.toml") if Path("audit.toml").is_file() else None)
    if audit is None:
        hint = "name the audit file with --audit"
        if rerun:
            raise UsageError("nothing to measure again: there is no audit.toml here", hint=hint)
        found.append(Checked("warning", f"audit file and data were not looked at ({hint})"))
    else:
        found += _sources(settings, audit, findings)
        if rerun:
            found += _again(settings, audit, findings, folder, parts)
    _told(settings, found)


def _beside(folder: Path) -> dict[str, bytes]:
    return {n: (folder / n).read_bytes() for n in _BESIDE if (folder / n).is_file()}


def _findings(parts: Mapping[str, bytes], folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(parts["findings.json"])
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"no findings of dpaudit in {str(folder)!r}",
            hint="name a report.pdf, or the folder that 'dpaudit report' wrote",
        ) from error
    return found


def _digests(
    parts: Mapping[str, bytes], findings: Mapping[str, Any], folder: Path
) -> Iterator[Checked]:
    """Compare the files inside with one another, and with those that lie beside the report."""
    text = parts.get("audit.toml")
    if text is not None and "audit_digest" in findings:
        same = hashlib.sha256(text).hexdigest() == findings["audit_digest"]
        yield Checked("ok" if same else "wrong", "the audit file inside has the stated digest")
    for name in _BESIDE:
        path = folder / name
        if name in parts and path.is_file():
            same = path.read_bytes() == parts[name]
            yield Checked("ok" if same else "wrong", f"{name} beside it is the same")


def _sources(settings: Settings, audit: Path, findings: Mapping[str, Any]) -> Iterator[Checked]:
    """Compare the digests of the audit file and the data with those that the report states."""
    from dpaudit.config import load
    from dpaudit.data import read

    registry = settings.registry()
    spec = load(audit, registry=registry)
    dataset = read(spec.data, spec.path.parent, registry)
    audit_digest = hashlib.sha256(spec.text.encode()).hexdigest()
    for what, digest, stated in (
        (f"{audit} has the digest in the report", audit_digest, findings.get("audit_digest")),
        (f"{spec.data.file} has the digest in the report", dataset.digest,
         findings.get("data_digest")),
    ):  # fmt: skip
        if stated is None:
            yield Checked("warning", f"the report states no digest: {what} was not checked")
        else:
            yield Checked("ok" if digest == stated else "wrong", what)


def _again(
    settings: Settings,
    audit: Path,
    findings: Mapping[str, Any],
    folder: Path,
    parts: Mapping[str, bytes],
) -> Iterator[Checked]:
    """Measure again with the seed and the draws of the report, and compare every number."""
    from dpaudit.cli.progress import progress_for
    from dpaudit.config import load
    from dpaudit.engine.run import run
    from dpaudit.report.changes import compared, read_measurements, rows_of
    from dpaudit.report.exports import measurements_parquet

    registry = settings.registry()
    spec = load(audit, registry=registry)
    record = _record(folder)
    seed = findings.get("seed", spec.run.seed)
    chosen = attrs.evolve(spec.run, seed=seed, draws=record.get("draws", spec.run.draws))
    results = run(
        attrs.evolve(spec, run=chosen),
        registry=registry,
        progress=progress_for(quiet=settings.quiet),
        files=tuple(str(file.resolve()) for file in settings.plugin_files),
    )
    made = measurements_parquet(results)
    stored = parts.get("measurements.parquet")
    before = read_measurements(folder) if stored is None else rows_of(stored)
    after = rows_of(made)
    if before == after:
        yield Checked("ok", f"measured again: all {len(after):,} numbers are the same, bit by bit")
        return
    found = compared(before, after)
    differs = bool(found.changed or found.only_before or found.only_after)
    moved = sum(each.higher + each.lower for each in found.changes)
    what = f"measured again: {moved:,} of {len(after):,} numbers differ beyond the noise"
    yield Checked("wrong" if differs else "ok", what)


def _record(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _told(settings: Settings, found: list[Checked]) -> None:
    wrong = any(each.state == "wrong" for each in found)
    if settings.json:
        document({"verified": not wrong, "checks": [attrs.asdict(each) for each in found]})
    else:
        for each in found:
            if not (settings.quiet and each.state == "ok"):
                said = each.what if each.state != "wrong" else f"not so: {each.what}"
                echo(f"{coloured(each.state)}: {said}")
    click.get_current_context().exit(ExitCode.THRESHOLD if wrong else ExitCode.DONE)
