"""Makes districts.csv: school districts with what their state spends, and last year's grants.

    python examples/title_i_national/make.py

reads ``saipe_school_districts_2019.csv`` and ``state_per_pupil_spending_2002_2020.csv`` in the
folder $DPAUDIT_DATA. Grants of last year are not in these data: in their place stand the grants
that the four formulas give on the same counts.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from dpaudit_plugins.decisions.title_i_basic import TitleIBasic
from dpaudit_plugins.decisions.title_i_concentration import TitleIConcentration
from dpaudit_plugins.decisions.title_i_efig import TitleIEfig
from dpaudit_plugins.decisions.title_i_targeted import TitleITargeted

HERE = Path(__file__).parent
YEAR = "2019"
EQUITY = 0.1
FORMULAS = {
    "basic": (TitleIBasic, 6_478_000_000, {}),
    "concentration": (TitleIConcentration, 1_422_000_000, {}),
    "targeted": (TitleITargeted, 3_950_000_000, {}),
    "efig": (TitleIEfig, 3_950_000_000, {"equity": EQUITY}),
}
STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia",
    "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois",
    "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana",
    "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada",
    "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York",
    "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon",
    "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia",
    "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
}  # fmt: skip


def main(folder: Path = HERE) -> None:
    """Write ``districts.csv`` into ``folder``."""
    districts = _rows("saipe_school_districts_2019.csv")
    spent = {
        row["state"]: float(row["current_spending_per_pupil"])
        for row in _rows("state_per_pupil_spending_2002_2020.csv")
        if row["fiscal_year"] == YEAR
    }
    by_state = {code: spent[name] for code, name in STATES.items()}
    # Of Puerto Rico nothing is listed: any state that spends this little is raised to the bound.
    by_state["PR"] = min(by_state.values())
    expenditure = [by_state[row["usps"]] for row in districts]
    public = {
        "population": np.array([float(row["children_5_17"]) for row in districts]),
        "expenditure": np.array(expenditure),
        "average_expenditure": spent["United States"],
        "state": np.array([row["usps"] for row in districts]),
    }
    counts = np.array([float(row["children_5_17_poverty"]) for row in districts])
    previous = {
        f"previous_{name}": kind(appropriation=amount, **public, **more).decide(counts)
        for name, (kind, amount, more) in FORMULAS.items()
    }
    partly = folder / "districts.csv.partly"
    with partly.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*districts[0], "expenditure", *previous])
        for i, row in enumerate(districts):
            grants = [f"{amounts[i]:.2f}" for amounts in previous.values()]
            writer.writerow([*row.values(), expenditure[i], *grants])
    partly.replace(folder / "districts.csv")


def _rows(name: str) -> list[dict[str, str]]:
    file = Path(os.environ["DPAUDIT_DATA"]) / name
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


if __name__ == "__main__":
    main()
