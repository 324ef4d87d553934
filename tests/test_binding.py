from __future__ import annotations

import numpy as np
import pytest

import dpaudit
from dpaudit.binding import bind
from dpaudit.parameters import build


@dpaudit.decision()
def share(
    counts,
    *,
    weight: dpaudit.Column | float = 1.0,
    total: dpaudit.Total | None = None,
    by: str = "",
    where: dict[str, dpaudit.Column | float] | None = None,
):
    return counts


@pytest.fixture
def data():
    return dpaudit.Dataset(
        source="d.csv",
        digest="",
        entities=("01", "02"),
        names=("01", "02"),
        counts=np.array([1.0, 2.0]),
        columns={
            "spending": np.array([1.5, 2.5]),
            "holes": np.array([1.0, np.nan]),
            "county": np.array(["A", "B"]),
        },
        status="public",
    )


def made(**values):
    return build(share.__dpaudit__, values)


def test_a_column_name_becomes_its_column(data):
    assert bind(made(weight="spending"), data).weight.tolist() == [1.5, 2.5]
    assert bind(made(weight="county"), data).weight.tolist() == ["A", "B"]


def test_text_that_is_no_column_and_numbers_stay(data):
    plugin = made(weight=2, by="spending", total=5)
    assert bind(plugin, data, total=9.0) is plugin


def test_a_total_that_was_left_out_is_the_true_one(data):
    assert bind(made(), data, total=3).total == 3.0
    assert bind(made(), data).total is None


def test_a_missing_column_is_named(data):
    with pytest.raises(dpaudit.DataError, match="decision 'share', parameter 'weight'") as caught:
        bind(made(weight="spendings"), data)
    assert caught.match("did you mean 'spending'")


def test_a_column_with_holes_is_refused(data):
    with pytest.raises(dpaudit.DataError, match=r"'holes' of d.csv has no finite value for 02"):
        bind(made(weight="holes"), data)


def test_columns_inside_a_table_are_bound(data):
    bound = bind(made(where={"a": "spending", "b": 2}), data).where
    assert bound["a"].tolist() == [1.5, 2.5]
    assert bound["b"] == 2.0
    with pytest.raises(dpaudit.DataError, match=r"parameter 'where\.a'"):
        bind(made(where={"a": "spendings"}), data)
