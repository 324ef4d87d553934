"""Writes a report into a folder: one file for each format, each whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

from dpaudit.engine.cache import write_atomically
from dpaudit.engine.disclosure import Disclosed
from dpaudit.errors import UnavailableError, UsageError
from dpaudit.model.files import is_file
from dpaudit.model.report import Report
from dpaudit.model.results import Results
from dpaudit.model.spec import FORMATS, Spec
from dpaudit.registry import Registry
from dpaudit.report.assemble import build_report
from dpaudit.report.exports import (
    Measured,
    findings_json,
    measurements_csv,
    measurements_parquet,
    origin_of,
)
from dpaudit.report.findings import answers
from dpaudit.report.html import moment, render_html
from dpaudit.report.pdf import Attached, render_pdf
from dpaudit.report.public import check_public
from dpaudit.report.through_noise import noisy_report

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
        Refuse to write anything of confidential data: for a report that may leave the house.

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
    if public:
        check_public(results)
    registry = registry or _registry_of(results)
    report = build_report(results, registry=registry)
    return _Writer(
        report=report,
        measured=results,
        origin=origin_of(results),
        audit=results.spec.text,
        folder=Path(folder),
        registry=registry,
    ).everything(formats)


def write_disclosed(
    spec: Spec,
    disclosed: Disclosed,
    folder: Path | str,
    formats: Sequence[str] = FORMATS,
    *,
    registry: Any,
) -> WrittenReport:
    """Write the report of confidential counts that were told through noise.

    Parameters
    ----------
    spec
        The audit, loaded with ``public="dp"``.
    disclosed
        What :func:`dpaudit.engine.disclosure.disclose` released of it: all that is written.
    folder, formats, registry
        As for :func:`write_report`.
    """
    report = noisy_report(spec, disclosed, version=version("dpaudit"))
    origin = {
        "data": {"status": "confidential"},
        "public": "dp",
        "epsilon": disclosed.budget,
        "neighbours": disclosed.neighbours,
        "audit_digest": hashlib.sha256(spec.text.encode()).hexdigest(),
    }
    return _Writer(
        report=report,
        measured=disclosed,
        origin=origin,
        audit=spec.text,
        folder=Path(folder),
        registry=registry,
    ).everything(formats)


def check_formats(formats: Sequence[str], registry: Any) -> None:
    """Refuse a format that nobody can write, before anything is measured.

    Raises
    ------
    UsageError
        If a format is none of ours and no plug-in writes any other.
    """
    foreign = registry.formats()
    if foreign is None:
        return
    known = (*FORMATS, *sorted(foreign))
    unknown = [name for name in formats if name not in known]
    if unknown:
        raise UsageError(f"no report format {unknown[0]!r}", hint=f"use {', '.join(known)}")


def _registry_of(results: Results) -> Registry:
    beside = (results.spec.path.parent / name for name in results.spec.plugins)
    return Registry.discover(files=[file for file in beside if is_file(file)])


@attrs.define(kw_only=True)
class _Writer:
    """Makes each part once and writes each file."""

    report: Report
    measured: Measured
    origin: Mapping[str, Any]
    audit: str
    folder: Path
    registry: Any
    files: dict[str, Path] = attrs.field(factory=dict)
    missing: dict[str, str] = attrs.field(factory=dict)
    _made: dict[str, bytes] = attrs.field(factory=dict)

    def everything(self, formats: Sequence[str]) -> WrittenReport:
        """Write each format, and the measurements."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in dict.fromkeys(formats):
            self.write(name)
        self.save("parquet", "measurements.parquet", self.parquet)
        self.save("csv", "measurements.csv", self.csv)
        return WrittenReport(files=dict(self.files), missing=dict(self.missing), report=self.report)

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
        write_atomically(self.folder / file, make())
        self.files[name] = self.folder / file

    @property
    def notice(self) -> str:
        """What every row of a table of confidential numbers says."""
        return self.report.banner if self.report.confidential else ""

    def html(self) -> bytes:
        return self._once("html", lambda: render_html(self.report).encode())

    def json(self) -> bytes:
        return self._once("json", lambda: findings_json(self.report, self.origin).encode())

    def parquet(self) -> bytes:
        return self._once(
            "parquet", lambda: measurements_parquet(self.measured, notice=self.notice)
        )

    def csv(self) -> bytes:
        return self._once(
            "csv", lambda: measurements_csv(self.measured, notice=self.notice).encode()
        )

    def pdf(self) -> bytes:
        files = {
            "audit.toml": Attached(content=self.audit.encode(),
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
        page = render_html(self.report, is_interactive=False)
        return render_pdf(page, when=moment(self.report), files=files)

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
            raise UsageError(
                f"format {name!r} was written outside the folder: {file.name}",
                hint="write into the folder that dpaudit_render is given",
            )
        return file
