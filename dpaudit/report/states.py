"""The states as tiles of one size: on a map of areas the large and empty ones would count most."""

from __future__ import annotations

STATES = (
    "AK 02 0 0 Alaska", "ME 23 10 0 Maine", "VT 50 9 1 Vermont", "NH 33 10 1 New Hampshire",
    "WA 53 0 2 Washington", "ID 16 1 2 Idaho", "MT 30 2 2 Montana", "ND 38 3 2 North Dakota",
    "MN 27 4 2 Minnesota", "IL 17 5 2 Illinois", "WI 55 6 2 Wisconsin", "MI 26 7 2 Michigan",
    "NY 36 8 2 New York", "RI 44 9 2 Rhode Island", "MA 25 10 2 Massachusetts",
    "OR 41 0 3 Oregon", "NV 32 1 3 Nevada", "WY 56 2 3 Wyoming", "SD 46 3 3 South Dakota",
    "IA 19 4 3 Iowa", "IN 18 5 3 Indiana", "OH 39 6 3 Ohio", "PA 42 7 3 Pennsylvania",
    "NJ 34 8 3 New Jersey", "CT 09 9 3 Connecticut", "CA 06 0 4 California", "UT 49 1 4 Utah",
    "CO 08 2 4 Colorado", "NE 31 3 4 Nebraska", "MO 29 4 4 Missouri", "KY 21 5 4 Kentucky",
    "WV 54 6 4 West Virginia", "VA 51 7 4 Virginia", "MD 24 8 4 Maryland", "DE 10 9 4 Delaware",
    "AZ 04 1 5 Arizona", "NM 35 2 5 New Mexico", "KS 20 3 5 Kansas", "AR 05 4 5 Arkansas",
    "TN 47 5 5 Tennessee", "NC 37 6 5 North Carolina", "SC 45 7 5 South Carolina",
    "DC 11 8 5 District of Columbia", "OK 40 3 6 Oklahoma", "LA 22 4 6 Louisiana",
    "MS 28 5 6 Mississippi", "AL 01 6 6 Alabama", "GA 13 7 6 Georgia", "HI 15 0 7 Hawaii",
    "TX 48 3 7 Texas", "FL 12 8 7 Florida",
)  # fmt: skip
"""Postal code, FIPS code, column, row and name of each of the 50 states and the District."""


def tile_of() -> dict[str, tuple[str, int, int]]:
    """Return postal code, column and row of a state by its postal code, FIPS code or name."""
    made: dict[str, tuple[str, int, int]] = {}
    for line in STATES:
        postal, code, column, row, name = line.split(maxsplit=4)
        tile = (postal, int(column), int(row))
        made |= dict.fromkeys((postal, code, name.lower(), str(int(code))), tile)
    return made
