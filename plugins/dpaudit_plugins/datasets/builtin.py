"""The embedded data: ``file = "builtin:NAME"`` in an audit file. ``SOURCES.md`` says whence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dpaudit

FOLDER = Path(__file__).parent


@dpaudit.hookimpl
def dpaudit_datasets() -> Mapping[str, Path]:
    """Offer California's school districts, two apportionments of the House, county outlines."""
    return {
        "california-districts": FOLDER / "california_districts_1998.csv",
        "apportionment-2000": FOLDER / "apportionment_2000.csv",
        "apportionment-2010": FOLDER / "apportionment_2010.csv",
        "us-counties": FOLDER / "us_counties_albers_simplified.topo.json",
    }
