"""The embedded data: ``file = "builtin:NAME"`` in an audit file. ``SOURCES.md`` says whence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dpaudit

FOLDER = Path(__file__).parent


@dpaudit.hookimpl
def dpaudit_datasets() -> Mapping[str, dpaudit.EmbeddedData]:
    """Offer districts of California, two apportionments, and counties: labour force, outlines."""
    apportionment = "U.S. Census Bureau, apportionment tables"
    return {
        "california-districts": dpaudit.EmbeddedData(
            path=FOLDER / "california_districts_1998.csv",
            source="California Department of Education; Stock and Watson",
            licence="facts published by a public agency",
        ),
        "apportionment-2000": dpaudit.EmbeddedData(
            path=FOLDER / "apportionment_2000.csv", source=apportionment, licence="public domain"
        ),
        "apportionment-2010": dpaudit.EmbeddedData(
            path=FOLDER / "apportionment_2010.csv", source=apportionment, licence="public domain"
        ),
        "county-labour-force": dpaudit.EmbeddedData(
            path=FOLDER / "county_labour_force_2009.csv",
            source="U.S. Bureau of Labor Statistics, Local Area Unemployment Statistics",
            licence="public domain",
        ),
        "us-counties": dpaudit.EmbeddedData(
            path=FOLDER / "us_counties_albers_simplified.topo.json",
            source="U.S. Census Bureau, by way of us-atlas 3.0.1",
            licence="ISC",
        ),
    }
