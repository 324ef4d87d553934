"""The embedded data: ``file = "builtin:NAME"`` in an audit file. ``SOURCES.md`` says whence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dpaudit

FOLDER = Path(__file__).parent


@dpaudit.hookimpl
def dpaudit_datasets() -> Mapping[str, Path]:
    """Offer 420 California school districts, 1998-99."""
    return {"california-districts": FOLDER / "california_districts_1998.csv"}
