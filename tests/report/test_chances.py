"""A report on chances of a yes: its units, its gaps, and options where nobody loses."""

import re

import pytest

from dpaudit.report.assemble import build_report
from dpaudit.report.comparison import totals
from dpaudit.report.figures import bias_plot, tradeoff
from dpaudit.report.options import ALPHA, Options
from dpaudit.report.tables import along_sweep, by_group, extremes

AUDIT = """
title = "Who is put on the list"
[data]
file = "data.csv"
status = "public"
entity = "id"
count = "persons"
noun = "town"
groups = ["state"]
[run]
draws = 512
[[release]]
name = "clipped"
mechanism = { use = "laplace", epsilon = [0.1, 0.2, 1.0] }
neighbours = "add-remove"
postprocess = [{ use = "non-negative" }]
[[decision]]
use = "threshold"
at = 10
[[decision]]
use = "counts"
[[audit]]
use = "bias"
[[audit]]
use = "alpha-fairness"
[[audit]]
use = "cost-of-privacy"
[[audit]]
use = "expected-shortfall"
[[mitigation]]
use = "unprocessed-counts"
"""
COUNTS = [0, 2, 9, 30, 200, 0, 7, 11]


@pytest.fixture(scope="module")
def results(audited):
    return audited(AUDIT, COUNTS)


@pytest.fixture(scope="module")
def listed(context):
    return context.cases.operating("threshold", "clipped")


def test_a_gap_of_chances_is_in_percentage_points(context, listed):
    assert listed.find("bias", over="entity").unit == "probability"
    gap = listed.find("alpha-fairness", over="entity")
    assert gap.unit == "share"
    assert "percentage points" in context.words.amounts(gap.unit).value(gap.estimate)


def test_tables_name_the_unit_once_and_print_bare_numbers(context, listed):
    sums, each = by_group(context, listed, "state"), extremes(context, listed, 4)
    swept, whole = along_sweep(context, listed), totals(context, "threshold")
    assert sums.caption.endswith(", in towns")
    assert [column.label for column in sums.columns][4] == "Per town, in chances in 100"
    assert each.caption.endswith(", in chances in 100")
    assert [column.label for column in swept.columns][4] == (
        "Gap between towns, in percentage points"
    )
    assert whole.caption.endswith(", in towns")
    said = " ".join(cell for table in (sums, each, swept, whole) for row in table.rows
                    for cell in row[2:])  # fmt: skip
    assert "towns" not in said
    assert "chances" not in said
    assert "points" not in said


def test_the_marks_of_a_chart_are_numbers_under_a_named_axis(context, listed):
    for drawn in (
        bias_plot(context, listed, "entity"),
        tradeoff(context, listed, "alpha-fairness", "entity"),
    ):
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawn.svg)
        named = [text for text in texts if re.search("percentage points|Chances in 100", text)]
        assert len(named) == 1
        assert sum(bool(re.fullmatch("\u2212?[\\d.,]+", text)) for text in texts) >= 3


def test_options_are_ordered_by_the_gap_where_doing_nothing_loses_nothing(context):
    options = Options.of(context, context.cases.operating("counts", "clipped"))
    assert options.quantity == ALPHA
    assert options.best.name == "unprocessed-counts"


def test_an_option_that_changes_nothing_is_not_better_than_doing_nothing(context, listed):
    options = Options.of(context, listed)
    assert [option.name for option in options.tried] == [None, "unprocessed-counts"]


def test_the_report_never_says_more_than_a_hundred_chances(results):
    said = str(build_report(results))
    chances = [float(n) for n in re.findall(r"(\d+(?:\.\d+)?) chances in 100", said)]
    assert chances
    assert max(chances) <= 100.0
    assert "\u22120 " not in said
    assert "+0 " not in said
