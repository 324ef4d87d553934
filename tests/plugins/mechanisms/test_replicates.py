"""Replicates in every layout, and every way in which they can fail to fit the data."""

import math

import attrs
import numpy as np
import pandas as pd
import pytest

import dpaudit
from dpaudit import data
from dpaudit.engine.planner import make_jobs
from dpaudit_plugins.mechanisms import replicates
from dpaudit_plugins.mechanisms.replicates import Replicates

ENTITIES = ("01", "02", "10")
LIST = dpaudit.Domain(names=("id",), values=(ENTITIES,))
TABLE = dpaudit.Domain(names=("area", "sex"), values=(("A", "B"), ("f", "m")))
ROWS = np.array([[5.0, 0.0, 7.5], [4.0, 1.0, 9.0], [6.0, -2.0, 8.0]])
TURNED = [2, 0, 1]
rng = np.random.default_rng


def long_frame():
    return pd.concat(
        pd.DataFrame({"id": np.array(ENTITIES)[TURNED], "count": row[TURNED], "replicate": f"r{i}"})
        for i, row in enumerate(ROWS)
    ).sample(frac=1, random_state=1)


def wide_frame():
    columns = {f"rep{i}": row[TURNED] for i, row in enumerate(ROWS)}
    return pd.DataFrame({"id": np.array(ENTITIES)[TURNED], **columns, "other": 1})


def write(frame, path):
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)


def made(tmp_path, **parameters):
    return Replicates(base=tmp_path, **{"domain": LIST, **parameters})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("layout", ["long", "wide", "folder"])
def test_every_layout_gives_the_same_rows(layout, suffix, tmp_path):
    if layout == "folder":
        (tmp_path / "all").mkdir()
        (tmp_path / "all" / "README.txt").write_text("no replicate")
        for i, row in enumerate(ROWS):
            frame = pd.DataFrame({"id": np.array(ENTITIES)[TURNED], "count": row[TURNED]})
            write(frame, tmp_path / "all" / f"{i}{suffix}")
        mechanism = made(tmp_path, folder="all")
    else:
        frame = long_frame() if layout == "long" else wide_frame()
        write(frame, tmp_path / f"all{suffix}")
        columns = "rep" if layout == "wide" else None
        mechanism = made(tmp_path, file=f"all{suffix}", columns=columns)
    rows = mechanism.replicates()
    assert sorted(rows.tolist()) == sorted(ROWS.tolist())
    if layout != "long":
        assert rows.tolist() == ROWS.tolist()
    assert mechanism.replicates() is rows
    assert not rows.flags.writeable


def test_names_of_columns_can_be_given(tmp_path):
    names = {"id": "geo", "count": "value", "replicate": "draw"}
    write(long_frame().rename(columns=names), tmp_path / "all.csv")
    mechanism = made(tmp_path, file="all.csv", entity="geo", count="value", replicate="draw")
    assert sorted(mechanism.replicates().tolist()) == sorted(ROWS.tolist())


def test_cells_of_a_table_are_matched_by_their_attributes(tmp_path):
    frame = pd.DataFrame({"sex": ["m", "f", "f", "m"], "area": ["B", "A", "B", "A"],
                          "rep1": [4, 1, 3, 2], "rep2": [40, 10, 30, 20]})  # fmt: skip
    write(frame, tmp_path / "all.parquet")
    mechanism = made(tmp_path, file="all.parquet", columns="rep", domain=TABLE)
    assert mechanism.replicates().tolist() == [[1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0]]
    with pytest.raises(dpaudit.UsageError, match="over area, sex"):
        attrs.evolve(mechanism, entity="area").replicates()


def test_whole_numbers_in_parquet_are_identifiers_too(tmp_path):
    domain = dpaudit.Domain(names=("id",), values=(("7", "8"),))
    write(pd.DataFrame({"id": [8, 7], "rep1": [1, 2], "rep2": [3, 4]}), tmp_path / "all.parquet")
    mechanism = made(tmp_path, file="all.parquet", columns="rep", domain=domain)
    assert mechanism.replicates().tolist() == [[2.0, 1.0], [4.0, 3.0]]


def test_a_release_is_one_of_the_replicates(tmp_path):
    write(wide_frame(), tmp_path / "all.csv")
    mechanism = made(tmp_path, file="all.csv", columns="rep")
    drawn = [mechanism.release(np.zeros(3), rng(seed)) for seed in range(200)]
    seen = np.array([np.flatnonzero((row == ROWS).all(axis=1))[0] for row in drawn])
    # Each has a third of the chance: 200 draws miss one with probability 3 (2/3)^200 < 1e-34.
    assert set(seen) == {0, 1, 2}
    drawn[0][:] = 99.0
    assert mechanism.replicates().max() < 99.0
    with pytest.raises(dpaudit.UsageError, match="for 3 entities"):
        mechanism.release(np.zeros(2), rng())


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (wide_frame().iloc[:2], r"all\.csv: 1 entity stands in the data but not here: 02"),
        (
            pd.concat([wide_frame(), wide_frame().assign(id=[f"x{i}" for i in range(3)])]),
            r"3 entities stand here but not in the data: x0, x1, x2",
        ),
        (
            pd.concat(
                [wide_frame(), *(wide_frame().assign(id=f"y{i}").iloc[:1] for i in range(8))]
            ),
            r"8 entities stand here but not in the data: y0, y1, y2, y3, y4 and 3 more",
        ),
        (pd.concat([wide_frame(), wide_frame().iloc[:1]]), r"1 entity stands twice: 10"),
        (wide_frame().assign(rep1="many"), r"all\.csv, row 1: 'many' is not a number \(3 in"),
        (wide_frame().assign(rep1=""), r"row 1: '' is not a number"),
        (wide_frame()[["id", "rep1"]], r"all\.csv: 1 replicate"),
        (wide_frame()[["id", "other"]], r"no column begins with 'rep'"),
        (wide_frame()[["rep1", "other"]], r"there is no column 'id'"),
    ],
)
def test_files_that_do_not_fit_the_data(frame, message, tmp_path):
    write(frame, tmp_path / "all.csv")
    with pytest.raises(dpaudit.DataError, match=message) as caught:
        made(tmp_path, file="all.csv", columns="rep").replicates()
    assert caught.value.hint


@pytest.mark.parametrize(
    ("header", "layout"),
    [
        ("id,rep1,rep1", {"columns": "rep"}),
        ("id,rep1,rep2,id", {"columns": "rep"}),
        ("id,count,replicate,count", {}),
        ("id,count,count", {"folder": "all"}),
    ],
)
def test_columns_of_one_name(header, layout, tmp_path):
    """Read as it comes, the second rep1 would be a replicate called rep1.1."""
    rows = "".join(f"\n{entity}{',1' * header.count(',')}" for entity in ENTITIES)
    (tmp_path / "all").mkdir()
    for name in ("all.csv", "all/1.csv", "all/2.csv"):
        (tmp_path / name).write_text(header + rows)
    where = layout if "folder" in layout else {"file": "all.csv", **layout}
    message = r"(all|1)\.csv: two columns are named '(rep1|id|count)'"
    with pytest.raises(dpaudit.DataError, match=message) as caught:
        made(tmp_path, **where).replicates()
    assert caught.value.hint


def test_columns_without_a_name_are_left_out(tmp_path):
    rows = "".join(f"\n{entity},1,2,," for entity in ENTITIES)
    (tmp_path / "all.csv").write_text("id,rep1,rep2,," + rows)
    assert made(tmp_path, file="all.csv", columns="rep").replicates().shape == (2, 3)


def test_an_incomplete_replicate_of_a_long_file_is_named(tmp_path):
    frame = long_frame().sort_values(["replicate", "id"]).iloc[:-1]
    write(frame, tmp_path / "all.csv")
    with pytest.raises(dpaudit.DataError, match=r"all\.csv, replicate 'r2': 1 entity .* here: 10"):
        made(tmp_path, file="all.csv").replicates()


@pytest.mark.parametrize(
    "where", [{"file": "none.csv"}, {"folder": "none"}, {"file": "all.json"}, {"folder": "empty"}]
)
def test_files_that_are_not_there(where, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "all.json").write_text("{}")
    with pytest.raises(dpaudit.DataError, match=next(iter(where.values()))):
        made(tmp_path, **where).sources()


def test_a_damaged_file(tmp_path):
    (tmp_path / "all.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(dpaudit.DataError, match=r"all\.parquet: the replicates cannot be read"):
        made(tmp_path, file="all.parquet").replicates()


def test_parameters():
    for bad in ({}, {"file": "a.csv", "folder": "b"}, {"folder": "b", "columns": "rep"}):
        with pytest.raises(ValueError, match=r"one of them|one replicate each"):
            Replicates(**bad)
    with pytest.raises(dpaudit.UsageError, match="which entities"):
        Replicates(file="a.csv").replicates()
    (offered,) = replicates.dpaudit_mechanisms()
    assert offered.name == "replicates"


@pytest.mark.parametrize("neighbours", ["add-remove", "replace"])
def test_nothing_is_claimed_but_what_is_stated(neighbours):
    silent = Replicates(file="a.csv", neighbours=neighbours)
    assert silent.privacy().epsilon == math.inf
    assert not silent.privacy().promises
    assert "nothing is promised" in silent.caveats()[-1]
    stated = Replicates(file="a.csv", rho=2.5, neighbours=neighbours)
    assert (stated.privacy().rho, stated.privacy().neighbours) == (2.5, neighbours)
    assert stated.privacy().uncovered == ()
    assert "only if that file plays the part of the truth" in silent.caveats()[0]
    assert "not checked" in stated.caveats()[-1]


AUDIT = """
[data]
file = "d.csv"
status = "public"
entity = "id"
count = "true"

[[release]]
mechanism = { use = "replicates", file = "all.csv", columns = "rep" }
neighbours = "add-remove"

[[decision]]
use = "counts"

[[audit]]
use = "bias"
"""


def jobs_of(folder):
    registry = dpaudit.Registry.discover()
    (folder / "audit.toml").write_text(AUDIT)
    spec = dpaudit.load(folder / "audit.toml", registry=registry)
    dataset = attrs.evolve(data.read(spec.data, folder, registry), domain=LIST)
    return make_jobs(spec, registry, dataset)[0]


def test_the_planner_finds_the_files_beside_the_audit_file_and_hashes_them(tmp_path, monkeypatch):
    write(wide_frame(), tmp_path / "all.csv")
    write(pd.DataFrame({"id": ENTITIES, "true": [5, 1, 8]}), tmp_path / "d.csv")
    (first,) = jobs_of(tmp_path)
    assert first.chain.replicates.tolist() == ROWS.tolist()
    assert first.chain.mechanism.file.as_posix() == "all.csv"
    monkeypatch.chdir(tmp_path.parent)
    (same,) = jobs_of(tmp_path)
    assert same.task.key == first.task.key
    write(wide_frame().assign(rep1=[3, 2, 1]), tmp_path / "all.csv")
    (other,) = jobs_of(tmp_path)
    assert other.task.key != first.task.key
    assert other.chain.replicates[1].tolist() == [2.0, 1.0, 3.0]
