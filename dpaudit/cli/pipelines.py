"""Findings for pipelines: workflow annotations of GitHub, and SARIF."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dpaudit.model.text import spelt, visible

LEVELS = {"not met": "error", "violates": "error", "exposed": "error",
          "higher": "warning", "lower": "warning"}  # fmt: skip
"""What a verdict means to a pipeline; any other is a note."""

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def workflow_commands(
    findings: Iterable[Mapping[str, Any]], faults: Iterable[Mapping[str, str]], audit: Path
) -> Iterator[str]:
    """Yield one line for each finding, as the workflow commands of GitHub want them."""
    for finding in findings:
        level = LEVELS.get(str(finding["verdict"]), "notice")
        text = " ".join(filter(None, (finding["statement"], finding.get("detail"))))
        yield _command(level, str(finding["id"]), text, audit)
    for fault in faults:
        yield _command("error", "plug-in", fault["message"], audit)


def sarif(
    findings: Iterable[Mapping[str, Any]],
    faults: Iterable[Mapping[str, str]],
    audit: Path,
    version: str,
) -> str:
    """Return the findings as SARIF 2.1.0: one result each, by the kind of finding."""
    results = [
        _result(
            str(finding["id"]).partition("/")[0],
            LEVELS.get(str(finding["verdict"]), "note"),
            " ".join(filter(None, (finding["statement"], finding.get("detail")))),
            audit,
            fingerprint=str(finding["id"]),
        )
        for finding in findings
    ]
    results += [
        _result("plug-in", "error", each["message"], audit, fingerprint=each["task"])
        for each in faults
    ]
    rules = [{"id": name} for name in dict.fromkeys(result["ruleId"] for result in results)]
    driver = {"name": "dpaudit", "version": version, "rules": rules}
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return spelt(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def _result(rule: str, level: str, text: str, audit: Path, *, fingerprint: str) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": quote(audit.as_posix())}}}
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [place],
        "partialFingerprints": {"finding/v1": fingerprint},
    }


def _command(level: str, title: str, text: str, audit: Path) -> str:
    """Return a workflow command; what would end it is escaped as GitHub's documentation says."""
    place = f"file={_property(audit.as_posix())},title={_property(title)}"
    return f"::{level} {place}::{_data(text)}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
