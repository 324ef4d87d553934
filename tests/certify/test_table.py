"""The table of certificates holds, and the page says what was counted."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import attrs
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "certificates.md"


@pytest.fixture(scope="module")
def table():
    """The program that writes the page, with the modules beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        yield importlib.import_module("table")


@pytest.fixture(scope="module")
def said():
    """The rows of the page by name."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines
             if line.startswith("| ")]  # fmt: skip
    return {row[0]: row for row in cells if row[0] not in {"what", "---"}}


def test_the_page_has_every_row_and_every_row_holds(table, said):
    rows = table.rows()
    assert [row.name for row in rows] == list(said)
    assert len({row.seed for row in rows}) == len(rows)
    for row in rows:
        _, null, seed, errors, allowed, control, beyond, planted, power = said[row.name]
        assert (null, seed, control, planted) == (row.null, str(row.seed), row.control, row.planted)
        most = row.allowed(table.NULLS)
        assert allowed == f"{row.nominal * table.NULLS:.0f} ({most})"
        assert int(errors.split()[0]) <= most < int(beyond.split()[0])
        assert int(power.rstrip("%")) >= 50
    assert f"{table.NULLS:,} seeded audits" in PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_the_page_says_is_what_is_counted(table):
    """All 26 kinds over 1,000 nulls; each row fails by chance once in a million."""
    counted = [(row, row.count(row.seed, table.NULLS)) for row in table.rows()]
    told = [line for row, found in counted for line in table.faults(row, found, table.NULLS)]
    assert told == []
    made = table.page(counted, table.NULLS)
    assert made == PAGE.read_text(encoding="utf-8"), "run: make certify"


def test_a_row_that_errs_too_often_a_control_that_holds_and_no_power_are_told(table):
    row = table.rows()[0]
    most = row.allowed(1000)
    fine = table.Counted(wrong=50, control=600, found=900, tried=1000)
    assert table.faults(row, fine, 1000) == []
    for changed, named in (
        ({"wrong": most + 1}, f"{most + 1} errors, {most} allowed"),
        ({"control": most}, "does not fail"),
        ({"found": 499}, "499 of 1000 planted"),
    ):
        (told,) = table.faults(row, attrs.evolve(fine, **changed), 1000)
        assert re.search(named, told)
