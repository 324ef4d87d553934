"""The embedded data: ``file = "builtin:NAME"`` in an audit file. ``SOURCES.md`` says whence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dpaudit

FOLDER = Path(__file__).parent


@dpaudit.hookimpl
def dpaudit_datasets() -> Mapping[str, Path]:
    """Offer districts of California 1998-99, two apportionments, and counties' labour force."""
    return {
        "california-districts": FOLDER / "california_districts_1998.csv",
        "apportionment-2000": FOLDER / "apportionment_2000.csv",
        "apportionment-2010": FOLDER / "apportionment_2010.csv",
        "county-labour-force": FOLDER / "county_labour_force_2009.csv",
    }
