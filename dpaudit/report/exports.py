"""The data files of a report: findings as JSON, measurements as Parquet and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, get_args

from dpaudit.model.estimate import METHODS, Estimate
from dpaudit.model.finding import Confidence, Finding, Verdict
from dpaudit.model.measurement import Measurement
from dpaudit.model.report import Report
from dpaudit.model.results import Results
from dpaudit.model.text import spelt
from dpaudit.report.given import given

SCHEMA_VERSION = 1
COLUMNS = (
    "task", "quantity", "entity", "group", "value", "low", "high", "level", "method", "draws",
    "unit", "per", "audit",
)  # fmt: skip
_FORMULA = re.compile(r"(^(?=[\t\r\n])|(?:^|[;\t\r\n])(?=\s*[=+\-@＝＋－＠]))")
"""Where a spreadsheet would begin to read a formula, whatever its language separates cells by."""


class Measured(Protocol):
    """Whatever holds measurements: results, or what was released of confidential ones."""

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """The measurements, in the order of the files."""


def origin_of(results: Results) -> dict[str, Any]:
    """Return what the head of ``findings.json`` says of where the numbers come from."""
    made, public = results.provenance, results.spec.public
    return {
        "data": {"source": results.data.source, "status": results.data.status},
        **({"public": public.mode} if public is not None else {}),
        "seed": made.seed,
        "audit_digest": made.audit_digest,
        "data_digest": made.data_digest,
    }


def findings_json(report: Report, origin: Mapping[str, Any]) -> str:
    """Return the findings as JSON; an infinite number is the text ``inf`` or ``-inf``."""
    document = {
        "schema_version": SCHEMA_VERSION,
        **({"notice": report.banner} if report.banner else {}),
        "title": report.title,
        "language": report.language,
        "generator": report.generator,
        **origin,
        "findings": [_finding(finding) for finding in report.findings],
    }
    return spelt(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def findings_schema() -> dict[str, Any]:
    """Return the JSON schema (2020-12) of ``findings.json``, which the tests hold it to."""
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    number = {"anyOf": [{"type": "number"}, {"enum": ["inf", "-inf"]}]}
    numbers = {"anyOf": [number, {"type": "array", "items": number}]}
    estimate = {
        "value": numbers, "low": numbers, "high": numbers,
        "level": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "method": {"enum": list(METHODS)}, "draws": {"type": "integer", "minimum": 0},
    }  # fmt: skip
    finding = {
        "id": text, "verdict": {"enum": list(get_args(Verdict))}, "statement": text,
        "detail": text, "estimate": {"anyOf": [{"type": "null"}, _object(estimate)]},
        "unit": text, "threshold": {"type": ["number", "null"]},
        "confidence": {"enum": list(get_args(Confidence))}, "reason": text,
        "evidence": texts, "entities": texts, "recommendations": texts,
    }  # fmt: skip
    status = {"source": text, "status": {"enum": ["public", "confidential"]}}
    head = {
        "schema_version": {"const": SCHEMA_VERSION}, "title": text, "language": text,
        "generator": text, "data": _object(status, optional=("source",)), "audit_digest": text,
        "findings": {"type": "array", "items": _object(finding)},
    }  # fmt: skip
    more = {
        "notice": text, "public": {"enum": ["proxy", "release", "dp"]}, "seed": {"type": "integer"},
        "data_digest": text, "epsilon": {"type": "number", "exclusiveMinimum": 0},
        "neighbours": {"enum": ["add-remove", "replace"]},
    }  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "findings of a dpaudit report",
        **_object({**head, **more}, optional=tuple(more)),
    }


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def measurement_rows(results: Measured) -> Iterator[tuple[Any, ...]]:
    """Yield one row for each number, in the order of :data:`COLUMNS`.

    ``entity`` is the label over entities; ``group`` is ``grouping: label``, or the axis that a
    single number stands for (``entity`` for an alpha over entities). People, places and what the
    true counts give come last: see :mod:`dpaudit.report.given`.
    """
    beside = given(results) if isinstance(results, Results) else ()
    for m in (*results.measurements, *beside):
        e, tail = m.estimate, (m.unit, m.per, m.audit)
        how = (e.level, e.method, e.draws)
        if not m.labels:
            group = "" if m.over == "total" else m.over
            one = (float(e.value), float(e.low), float(e.high))
            yield (m.task, m.quantity, "", group, *one, *how, *tail)
            continue
        ends = zip(m.labels, e.value.tolist(), e.low.tolist(), e.high.tolist(), strict=True)
        for label, *numbers in ends:
            entity, group = (label, "") if m.over == "entity" else ("", f"{m.over}: {label}")
            yield (m.task, m.quantity, entity, group, *numbers, *how, *tail)


def measurements_csv(results: Measured, *, notice: str = "") -> str:
    """Return every measurement as CSV that no spreadsheet runs.

    Text that looks like a formula gets an apostrophe in front; numbers stay numbers. Where there
    is a ``notice`` every row ends in it, so that no row is passed on without it.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    mark = (harmless(notice),) if notice else ()
    writer.writerow((*COLUMNS, *(("notice",) if notice else ())))
    for row in measurement_rows(results):
        cells = (harmless(cell) if isinstance(cell, str) else cell for cell in row)
        writer.writerow((*cells, *mark))
    return target.getvalue()


def harmless(text: str) -> str:
    """Return a text cell that a spreadsheet shows and does not run."""
    return _FORMULA.sub(r"\1'", text)


def measurements_parquet(results: Measured, *, notice: str = "") -> bytes:
    """Return every measurement as Parquet, the same bytes for the same numbers.

    A ``notice`` stands in a column of its own and in the file's metadata.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"value": pa.float64(), "low": pa.float64(), "high": pa.float64(),
             "level": pa.float64(), "draws": pa.int64()}  # fmt: skip
    columns = list(zip(*measurement_rows(results), strict=True)) or [()] * len(COLUMNS)
    table = pa.table(
        {
            name: pa.array(values, type=kinds.get(name, pa.string()))
            for name, values in zip(COLUMNS, columns, strict=True)
        }
    )
    if notice:
        table = table.append_column("notice", pa.array([notice] * len(table), pa.string()))
        table = table.replace_schema_metadata({"dpaudit.notice": notice})
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd", version="2.6")
    return target.getvalue()


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "verdict": finding.verdict,
        "statement": finding.statement,
        "detail": finding.detail,
        "estimate": None if finding.estimate is None else _estimate(finding.estimate),
        "unit": finding.unit,
        "threshold": finding.threshold,
        "confidence": finding.confidence,
        "reason": finding.reason,
        "evidence": list(finding.evidence),
        "entities": list(finding.entities),
        "recommendations": list(finding.recommendations),
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": _plain(estimate.value.tolist()),
        "low": _plain(estimate.low.tolist()),
        "high": _plain(estimate.high.tolist()),
        "level": estimate.level,
        "method": estimate.method,
        "draws": estimate.draws,
    }


def _plain(value: Any) -> Any:
    """Return numbers that JSON has: infinity becomes text."""
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value if math.isfinite(value) else f"{value}"
