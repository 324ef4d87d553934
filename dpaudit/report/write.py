"""Writes a report into a folder: one file for each format, each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from dpaudit.engine.cache import write_atomically
from dpaudit.errors import UnavailableError, UsageError
from dpaudit.model.report import Report
from dpaudit.model.results import Results
from dpaudit.registry import Registry
from dpaudit.report.assemble import build_report
from dpaudit.report.exports import findings_json, measurements_csv, measurements_parquet
from dpaudit.report.findings import answers
from dpaudit.report.html import moment, render_html
from dpaudit.report.pdf import Attached, render_pdf

FORMATS = ("html", "pdf", "json")

MOST_ATTACHED = {"measurements.csv": 6_000_000, "measurements.parquet": 600_000}
"""Bytes beyond which a file stands beside the PDF and not inside (text shrinks to a tenth)."""


@attrs.frozen(kw_only=True)
class WrittenReport:
    """What was written.

    Parameters
    ----------
    files
        By format (``html``, ``pdf``, ``json``, ``parquet``, ``csv``) the file.
    missing
        By format why it could not be written, with the next step.
    report
        What the files say.
    """

    files: Mapping[str, Path]
    missing: Mapping[str, str]
    report: Report


def write_report(
    results: Results,
    folder: Path | str,
    formats: Sequence[str] = FORMATS,
    *,
    registry: Any = None,
    public: bool = False,
) -> WrittenReport:
    """Write a report and its measurements into ``folder``, which is made if need be.

    Parameters
    ----------
    results
        The audit.
    folder
        Where to write ``report.html``, ``report.pdf``, ``findings.json``,
        ``measurements.parquet`` and ``measurements.csv``.
    formats
        Of ``html``, ``pdf``, ``json``; any other goes to the hook ``dpaudit_render``.
    registry
        Whose hooks are called; by default that of every installed plug-in and of the plug-in
        files of the audit that are still there.
    public
        Make a report that may leave the house.

    Returns
    -------
    WrittenReport
        ``missing`` names the PDF where WeasyPrint or Pango is not installed; everything else
        is written all the same.

    Raises
    ------
    UsageError
        If a format is unknown, a file cannot be written, or a public report is asked of
        confidential data.
    """
    internal = [m for m in results.measurements if m.discloses == "internal"]
    if public and internal:
        raise UsageError(
            f"{len(internal):,} statistics are computed from confidential records and protected by "
            f"nothing, {internal[0].quantity!r} of {internal[0].task!r} first",
            hint="leave --public out and keep the report in the house, or audit public data",
        )
    if public and results.data.status == "confidential" and not results.learners:
        raise UsageError(
            "the data are confidential (data.status) and public modes are not available yet",
            hint="leave --public out and keep the report in the house",
        )
    registry = registry or _registry_of(results)
    report = build_report(results, registry=registry)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    writer = _Writer(report=report, results=results, folder=target, registry=registry)
    for name in dict.fromkeys(formats):
        writer.write(name)
    writer.save("parquet", "measurements.parquet", writer.parquet)
    writer.save("csv", "measurements.csv", writer.csv)
    return WrittenReport(files=dict(writer.files), missing=dict(writer.missing), report=report)


def _registry_of(results: Results) -> Registry:
    beside = (results.spec.path.parent / name for name in results.spec.plugins)
    return Registry.discover(files=[file for file in beside if file.is_file()])


@attrs.define(kw_only=True)
class _Writer:
    """Makes each part once and writes each file."""

    report: Report
    results: Results
    folder: Path
    registry: Any
    files: dict[str, Path] = attrs.field(factory=dict)
    missing: dict[str, str] = attrs.field(factory=dict)
    _made: dict[str, bytes] = attrs.field(factory=dict)

    def write(self, name: str) -> None:
        """Write one format."""
        known: dict[str, tuple[str, Callable[[], bytes]]] = {
            "html": ("report.html", self.html),
            "pdf": ("report.pdf", self.pdf),
            "json": ("findings.json", self.json),
        }
        if name not in known:
            self.files[name] = self._foreign(name)
            return
        file, make = known[name]
        try:
            content = make()
        except UnavailableError as error:
            self.missing[name] = str(error)
            (self.folder / file).unlink(missing_ok=True)  # an older one tells of another run
        else:
            self.save(name, file, lambda: content)

    def save(self, name: str, file: str, make: Callable[[], bytes]) -> None:
        """Write a file whole or not at all."""
        content = make()
        try:
            write_atomically(self.folder / file, content)
        except OSError as error:
            raise UsageError(
                f"cannot write {str(self.folder / file)!r}: {error.strerror or error}",
                hint="free some space or choose another folder; what stood there is untouched",
            ) from error
        self.files[name] = self.folder / file

    def html(self) -> bytes:
        return self._once("html", lambda: render_html(self.report).encode())

    def json(self) -> bytes:
        return self._once("json", lambda: findings_json(self.report, self.results).encode())

    def parquet(self) -> bytes:
        return self._once("parquet", lambda: measurements_parquet(self.results))

    def csv(self) -> bytes:
        return self._once("csv", lambda: measurements_csv(self.results).encode())

    def pdf(self) -> bytes:
        files = {
            "audit.toml": Attached(content=self.results.spec.text.encode(),
                                   relationship="Source", description="The audit file"),
            "findings.json": Attached(content=self.json(), relationship="Data",
                                      description="All findings"),
        }  # fmt: skip
        tables = {"measurements.csv": self.csv(), "measurements.parquet": self.parquet()}
        files |= {
            name: Attached(content=content, relationship="Data", description="All measurements")
            for name, content in tables.items()
            if len(content) <= MOST_ATTACHED[name]
        }
        return render_pdf(self.html().decode(), when=moment(self.report), files=files)

    def _once(self, name: str, make: Callable[[], bytes]) -> bytes:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def _foreign(self, name: str) -> Path:
        """Ask the plug-ins for a format, and hold them to the folder."""
        given = {"report": self.report, "format": name, "folder": self.folder}
        made = next((m for m in answers(self.registry, "dpaudit_render", **given) if m), None)
        if made is None:
            raise UsageError(f"no report format {name!r}", hint=f"use {', '.join(FORMATS)}")
        file = Path(made)
        if not file.resolve().is_relative_to(self.folder.resolve()):
            raise UsageError(f"format {name!r} was written outside the folder: {file.name}")
        return file
